//! `wasi_snapshot_preview1`: what a program finds without a file system. Its calls answer with an errno, not a status.

use super::cases;
use crate::check::{Outcome, check, check_eq, check_status};
use crate::guest::end_of_memory;

cases![
    wasi_arguments_and_environment,
    wasi_clocks,
    wasi_random,
    wasi_standard_streams,
    wasi_closed_descriptors,
    wasi_descriptors_are_no_files,
    wasi_descriptors_are_no_directories,
    wasi_descriptors_are_no_sockets,
    wasi_no_directory_is_open,
    wasi_poll,
    wasi_yield_and_signals,
];

type Errno = u32;

const SUCCESS: Errno = 0;
const BADF: Errno = 8;
const FAULT: Errno = 21;
const INVAL: Errno = 28;
const NOTDIR: Errno = 54;
const NOTSOCK: Errno = 57;
const NOTSUP: Errno = 58;
const SPIPE: Errno = 70;

const STDIN: u32 = 0;
const STDOUT: u32 = 1;
const STDERR: u32 = 2;

/// A descriptor that is not open.
const OTHER: u32 = 77;

const MONOTONIC: u32 = 1;
const NO_CLOCK: u32 = 99;

/// Bytes to read into or to write from.
#[repr(C)]
struct Buffer {
    bytes: *mut u8,
    len: usize,
}

/// One thing to wait for: here always a clock, relative to now.
#[repr(C)]
struct Subscription {
    userdata: u64,
    tag: u64,
    clock: u64,
    timeout_ns: u64,
    precision_ns: u64,
    flags: u64,
}

#[repr(C)]
#[derive(Default)]
struct Event {
    userdata: u64,
    error: u16,
    kind: u8,
    rest: [u64; 2],
}

#[rustfmt::skip]
mod wasi_snapshot_preview1 {
    use super::{Buffer, Errno, Event, Subscription};

    #[link(wasm_import_module = "wasi_snapshot_preview1")]
    unsafe extern "C" {
        pub fn args_get(pointers: *mut *mut u8, text: *mut u8) -> Errno;
        pub fn args_sizes_get(count: *mut usize, size: *mut usize) -> Errno;
        pub fn environ_get(pointers: *mut *mut u8, text: *mut u8) -> Errno;
        pub fn environ_sizes_get(count: *mut usize, size: *mut usize) -> Errno;
        pub fn clock_res_get(clock: u32, resolution: *mut u64) -> Errno;
        pub fn clock_time_get(clock: u32, precision: u64, time: *mut u64) -> Errno;
        pub fn fd_advise(fd: u32, offset: u64, len: u64, advice: u32) -> Errno;
        pub fn fd_allocate(fd: u32, offset: u64, len: u64) -> Errno;
        pub fn fd_close(fd: u32) -> Errno;
        pub fn fd_datasync(fd: u32) -> Errno;
        pub fn fd_fdstat_get(fd: u32, fdstat: *mut u64) -> Errno;
        pub fn fd_fdstat_set_flags(fd: u32, flags: u32) -> Errno;
        pub fn fd_fdstat_set_rights(fd: u32, base: u64, inheriting: u64) -> Errno;
        pub fn fd_filestat_get(fd: u32, filestat: *mut u64) -> Errno;
        pub fn fd_filestat_set_size(fd: u32, size: u64) -> Errno;
        pub fn fd_filestat_set_times(fd: u32, accessed: u64, modified: u64, flags: u32) -> Errno;
        pub fn fd_pread(fd: u32, buffers: *const Buffer, count: usize, offset: u64, read: *mut usize) -> Errno;
        pub fn fd_prestat_get(fd: u32, prestat: *mut u32) -> Errno;
        pub fn fd_prestat_dir_name(fd: u32, path: *mut u8, path_len: usize) -> Errno;
        pub fn fd_pwrite(fd: u32, buffers: *const Buffer, count: usize, offset: u64, written: *mut usize) -> Errno;
        pub fn fd_read(fd: u32, buffers: *const Buffer, count: usize, read: *mut usize) -> Errno;
        pub fn fd_readdir(fd: u32, buffer: *mut u8, len: usize, cookie: u64, used: *mut usize) -> Errno;
        pub fn fd_renumber(fd: u32, to: u32) -> Errno;
        pub fn fd_seek(fd: u32, offset: i64, whence: u32, position: *mut u64) -> Errno;
        pub fn fd_sync(fd: u32) -> Errno;
        pub fn fd_tell(fd: u32, position: *mut u64) -> Errno;
        pub fn fd_write(fd: u32, buffers: *const Buffer, count: usize, written: *mut usize) -> Errno;
        pub fn path_create_directory(fd: u32, path: *const u8, len: usize) -> Errno;
        pub fn path_filestat_get(fd: u32, flags: u32, path: *const u8, len: usize, filestat: *mut u64) -> Errno;
        pub fn path_filestat_set_times(
            fd: u32, flags: u32, path: *const u8, len: usize, accessed: u64, modified: u64, fst_flags: u32
        ) -> Errno;
        pub fn path_link(
            fd: u32, flags: u32, path: *const u8, len: usize, to_fd: u32, to: *const u8, to_len: usize
        ) -> Errno;
        pub fn path_open(
            fd: u32, flags: u32, path: *const u8, len: usize, how: u32, base: u64, inheriting: u64, fd_flags: u32,
            opened: *mut u32
        ) -> Errno;
        pub fn path_readlink(
            fd: u32, path: *const u8, len: usize, buffer: *mut u8, buffer_len: usize, used: *mut usize
        ) -> Errno;
        pub fn path_remove_directory(fd: u32, path: *const u8, len: usize) -> Errno;
        pub fn path_rename(
            fd: u32, path: *const u8, len: usize, to_fd: u32, to: *const u8, to_len: usize
        ) -> Errno;
        pub fn path_symlink(target: *const u8, target_len: usize, fd: u32, path: *const u8, len: usize) -> Errno;
        pub fn path_unlink_file(fd: u32, path: *const u8, len: usize) -> Errno;
        pub fn poll_oneoff(
            subscriptions: *const Subscription, events: *mut Event, count: usize, happened: *mut usize
        ) -> Errno;
        pub fn proc_raise(signal: u32) -> Errno;
        pub fn random_get(buffer: *mut u8, len: usize) -> Errno;
        pub fn sched_yield() -> Errno;
        pub fn sock_accept(fd: u32, flags: u32, accepted: *mut u32) -> Errno;
        pub fn sock_recv(
            fd: u32, buffers: *const Buffer, count: usize, flags: u32, read: *mut usize, flags_out: *mut u32
        ) -> Errno;
        pub fn sock_send(fd: u32, buffers: *const Buffer, count: usize, flags: u32, written: *mut usize) -> Errno;
        pub fn sock_shutdown(fd: u32, how: u32) -> Errno;
    }
}

/// The texts that a pair of calls gives: one for how many there are and how long, one for the texts themselves.
fn texts(
    sizes: impl FnOnce(*mut usize, *mut usize) -> Errno,
    get: impl FnOnce(*mut *mut u8, *mut u8) -> Errno,
) -> Result<Vec<String>, String> {
    let (mut count, mut size) = (0, 0);
    check_eq!(SUCCESS, sizes(&mut count, &mut size));
    let mut pointers = vec![std::ptr::null_mut(); count];
    let mut text = vec![0; size];
    check_eq!(SUCCESS, get(pointers.as_mut_ptr(), text.as_mut_ptr()));
    let start = text.as_ptr() as usize;
    let ends_with_nul = |pointer: &*mut u8| {
        let rest = &text[*pointer as usize - start..];
        let end = rest.iter().position(|byte| *byte == 0)?;
        String::from_utf8(rest[..end].to_vec()).ok()
    };
    let texts: Option<Vec<_>> = pointers.iter().map(ends_with_nul).collect();
    texts.ok_or_else(|| "a text without an end".to_owned())
}

fn wasi_arguments_and_environment() -> Outcome {
    use wasi_snapshot_preview1::{args_get, args_sizes_get, environ_get, environ_sizes_get};

    let arguments = texts(
        |count, size| unsafe { args_sizes_get(count, size) },
        |pointers, text| unsafe { args_get(pointers, text) },
    )?;
    check_eq!(1, arguments.len());
    let variables = texts(
        |count, size| unsafe { environ_sizes_get(count, size) },
        |pointers, text| unsafe { environ_get(pointers, text) },
    )?;
    check!(
        variables
            .iter()
            .any(|variable| variable.starts_with("FASTLY_TRACE_ID="))
    );
    let mut size = 0;
    check_status!(
        FAULT,
        wasi_snapshot_preview1::args_sizes_get(end_of_memory(), &mut size)
    );
    check_status!(
        FAULT,
        wasi_snapshot_preview1::args_sizes_get(&mut size, end_of_memory())
    );
    check_status!(
        FAULT,
        wasi_snapshot_preview1::environ_sizes_get(end_of_memory(), &mut size)
    );
    let mut byte = 0;
    check_status!(
        FAULT,
        wasi_snapshot_preview1::args_get(end_of_memory(), &mut byte)
    );
    check_status!(
        FAULT,
        wasi_snapshot_preview1::environ_get(end_of_memory(), &mut byte)
    );
    Ok(())
}

fn wasi_clocks() -> Outcome {
    let (mut resolution, mut first, mut second) = (0, 0, 0);
    check_status!(
        SUCCESS,
        wasi_snapshot_preview1::clock_res_get(MONOTONIC, &mut resolution)
    );
    check!(resolution > 0);
    check_status!(
        SUCCESS,
        wasi_snapshot_preview1::clock_time_get(MONOTONIC, 0, &mut first)
    );
    check_status!(
        SUCCESS,
        wasi_snapshot_preview1::clock_time_get(MONOTONIC, 0, &mut second)
    );
    check!(second >= first);
    check_status!(
        INVAL,
        wasi_snapshot_preview1::clock_res_get(NO_CLOCK, &mut resolution)
    );
    check_status!(
        INVAL,
        wasi_snapshot_preview1::clock_time_get(NO_CLOCK, 0, &mut first)
    );
    check_status!(
        FAULT,
        wasi_snapshot_preview1::clock_res_get(MONOTONIC, end_of_memory())
    );
    check_status!(
        FAULT,
        wasi_snapshot_preview1::clock_time_get(MONOTONIC, 0, end_of_memory())
    );
    Ok(())
}

fn wasi_random() -> Outcome {
    let mut bytes = [0; 32];
    check_status!(
        SUCCESS,
        wasi_snapshot_preview1::random_get(bytes.as_mut_ptr(), bytes.len())
    );
    check!(bytes != [0; 32]);
    check_status!(
        FAULT,
        wasi_snapshot_preview1::random_get(end_of_memory(), 1)
    );
    Ok(())
}

fn wasi_standard_streams() -> Outcome {
    let mut bytes = *b"a line of the guest\n";
    let buffer = Buffer {
        bytes: bytes.as_mut_ptr(),
        len: bytes.len(),
    };
    let mut done = 0;
    for stream in [STDOUT, STDERR] {
        check_status!(
            SUCCESS,
            wasi_snapshot_preview1::fd_write(stream, &buffer, 1, &mut done)
        );
        check_eq!(bytes.len(), done);
        check_status!(
            BADF,
            wasi_snapshot_preview1::fd_read(stream, &buffer, 1, &mut done)
        );
    }
    // There is nothing to read, which is not an error.
    check_status!(
        SUCCESS,
        wasi_snapshot_preview1::fd_read(STDIN, &buffer, 1, &mut done)
    );
    check_eq!(0, done);
    check_status!(
        BADF,
        wasi_snapshot_preview1::fd_write(STDIN, &buffer, 1, &mut done)
    );
    check_status!(
        BADF,
        wasi_snapshot_preview1::fd_write(OTHER, &buffer, 1, &mut done)
    );
    check_status!(
        FAULT,
        wasi_snapshot_preview1::fd_write(STDOUT, end_of_memory(), 1, &mut done)
    );
    check_status!(
        FAULT,
        wasi_snapshot_preview1::fd_write(STDOUT, &buffer, 1, end_of_memory())
    );

    let mut fdstat = [u64::MAX; 3];
    check_status!(
        SUCCESS,
        wasi_snapshot_preview1::fd_fdstat_get(STDOUT, fdstat.as_mut_ptr())
    );
    check!(fdstat[1] & 1 << 6 != 0);
    check_status!(
        BADF,
        wasi_snapshot_preview1::fd_fdstat_get(OTHER, fdstat.as_mut_ptr())
    );
    check_status!(
        FAULT,
        wasi_snapshot_preview1::fd_fdstat_get(STDOUT, end_of_memory())
    );
    check_status!(
        SUCCESS,
        wasi_snapshot_preview1::fd_fdstat_set_flags(STDOUT, 0)
    );
    check_status!(BADF, wasi_snapshot_preview1::fd_fdstat_set_flags(OTHER, 0));
    let mut filestat = [u64::MAX; 8];
    check_status!(
        SUCCESS,
        wasi_snapshot_preview1::fd_filestat_get(STDOUT, filestat.as_mut_ptr())
    );
    check_status!(
        BADF,
        wasi_snapshot_preview1::fd_filestat_get(OTHER, filestat.as_mut_ptr())
    );
    check_status!(
        FAULT,
        wasi_snapshot_preview1::fd_filestat_get(STDOUT, end_of_memory())
    );
    Ok(())
}

fn wasi_closed_descriptors() -> Outcome {
    check_status!(BADF, wasi_snapshot_preview1::fd_close(OTHER));
    check_status!(SUCCESS, wasi_snapshot_preview1::fd_close(STDIN));
    check_status!(BADF, wasi_snapshot_preview1::fd_close(STDIN));
    Ok(())
}

fn wasi_descriptors_are_no_files() -> Outcome {
    let mut byte = 0;
    let buffer = Buffer {
        bytes: &mut byte,
        len: 1,
    };
    let (mut done, mut position) = (0, 0);
    for (fd, no_file, nothing_durable, fixed) in
        [(STDOUT, SPIPE, INVAL, NOTSUP), (OTHER, BADF, BADF, BADF)]
    {
        check_status!(no_file, wasi_snapshot_preview1::fd_advise(fd, 0, 0, 0));
        check_status!(no_file, wasi_snapshot_preview1::fd_allocate(fd, 0, 1));
        check_status!(
            no_file,
            wasi_snapshot_preview1::fd_pread(fd, &buffer, 1, 0, &mut done)
        );
        check_status!(
            no_file,
            wasi_snapshot_preview1::fd_pwrite(fd, &buffer, 1, 0, &mut done)
        );
        check_status!(
            no_file,
            wasi_snapshot_preview1::fd_seek(fd, 0, 0, &mut position)
        );
        check_status!(no_file, wasi_snapshot_preview1::fd_tell(fd, &mut position));
        check_status!(nothing_durable, wasi_snapshot_preview1::fd_datasync(fd));
        check_status!(nothing_durable, wasi_snapshot_preview1::fd_sync(fd));
        check_status!(
            nothing_durable,
            wasi_snapshot_preview1::fd_filestat_set_size(fd, 0)
        );
        check_status!(
            fixed,
            wasi_snapshot_preview1::fd_filestat_set_times(fd, 0, 0, 0)
        );
        check_status!(
            fixed,
            wasi_snapshot_preview1::fd_fdstat_set_rights(fd, 0, 0)
        );
        check_status!(fixed, wasi_snapshot_preview1::fd_renumber(fd, STDERR));
    }
    Ok(())
}

fn wasi_descriptors_are_no_directories() -> Outcome {
    let path = b"file";
    let (path, len) = (path.as_ptr(), path.len());
    let mut buffer = [0; 8];
    let mut filestat = [0; 8];
    let (mut used, mut opened) = (0, 0);
    for (fd, errno) in [(STDOUT, NOTDIR), (OTHER, BADF)] {
        check_status!(
            errno,
            wasi_snapshot_preview1::fd_readdir(fd, buffer.as_mut_ptr(), 8, 0, &mut used)
        );
        check_status!(
            errno,
            wasi_snapshot_preview1::path_create_directory(fd, path, len)
        );
        check_status!(
            errno,
            wasi_snapshot_preview1::path_filestat_get(fd, 0, path, len, filestat.as_mut_ptr())
        );
        check_status!(
            errno,
            wasi_snapshot_preview1::path_filestat_set_times(fd, 0, path, len, 0, 0, 0)
        );
        check_status!(
            errno,
            wasi_snapshot_preview1::path_link(fd, 0, path, len, fd, path, len)
        );
        check_status!(
            errno,
            wasi_snapshot_preview1::path_open(fd, 0, path, len, 0, 0, 0, 0, &mut opened)
        );
        check_status!(
            errno,
            wasi_snapshot_preview1::path_readlink(fd, path, len, buffer.as_mut_ptr(), 8, &mut used)
        );
        check_status!(
            errno,
            wasi_snapshot_preview1::path_remove_directory(fd, path, len)
        );
        check_status!(
            errno,
            wasi_snapshot_preview1::path_rename(fd, path, len, fd, path, len)
        );
        check_status!(
            errno,
            wasi_snapshot_preview1::path_symlink(path, len, fd, path, len)
        );
        check_status!(
            errno,
            wasi_snapshot_preview1::path_unlink_file(fd, path, len)
        );
    }
    Ok(())
}

fn wasi_descriptors_are_no_sockets() -> Outcome {
    let mut byte = 0;
    let buffer = Buffer {
        bytes: &mut byte,
        len: 1,
    };
    let (mut done, mut out) = (0, 0);
    for (fd, errno) in [(STDOUT, NOTSOCK), (OTHER, BADF)] {
        check_status!(errno, wasi_snapshot_preview1::sock_accept(fd, 0, &mut out));
        check_status!(
            errno,
            wasi_snapshot_preview1::sock_recv(fd, &buffer, 1, 0, &mut done, &mut out)
        );
        check_status!(
            errno,
            wasi_snapshot_preview1::sock_send(fd, &buffer, 1, 0, &mut done)
        );
        check_status!(errno, wasi_snapshot_preview1::sock_shutdown(fd, 0));
    }
    Ok(())
}

fn wasi_no_directory_is_open() -> Outcome {
    let mut prestat = [0; 2];
    let mut name = 0;
    for fd in [STDERR, 3, OTHER] {
        check_status!(
            BADF,
            wasi_snapshot_preview1::fd_prestat_get(fd, prestat.as_mut_ptr())
        );
        check_status!(
            BADF,
            wasi_snapshot_preview1::fd_prestat_dir_name(fd, &mut name, 1)
        );
    }
    Ok(())
}

fn wasi_poll() -> Outcome {
    let soon = Subscription {
        userdata: 7,
        tag: 0,
        clock: u64::from(MONOTONIC),
        timeout_ns: 1_000_000,
        precision_ns: 0,
        flags: 0,
    };
    let mut event = Event::default();
    let mut happened = 0;
    check_status!(
        SUCCESS,
        wasi_snapshot_preview1::poll_oneoff(&soon, &mut event, 1, &mut happened)
    );
    check_eq!(1, happened);
    check_eq!((7, 0, 0), (event.userdata, event.error, event.kind));
    check_eq!([0; 2], event.rest);
    check_status!(
        INVAL,
        wasi_snapshot_preview1::poll_oneoff(&soon, &mut event, 0, &mut happened)
    );
    check_status!(
        FAULT,
        wasi_snapshot_preview1::poll_oneoff(end_of_memory(), &mut event, 1, &mut happened)
    );
    check_status!(
        FAULT,
        wasi_snapshot_preview1::poll_oneoff(&soon, end_of_memory(), 1, &mut happened)
    );
    check_status!(
        FAULT,
        wasi_snapshot_preview1::poll_oneoff(&soon, &mut event, 1, end_of_memory())
    );
    Ok(())
}

fn wasi_yield_and_signals() -> Outcome {
    check_status!(SUCCESS, wasi_snapshot_preview1::sched_yield());
    check_status!(NOTSUP, wasi_snapshot_preview1::proc_raise(9));
    Ok(())
}
