//! `wasi_snapshot_preview1`: what the standard libraries under the SDKs need of WASI.
//!
//! A guest has three descriptors (an empty standard input, standard output and standard error as log lines), clocks,
//! randomness, arguments and environment variables. There is no file system and no socket: every call about them
//! answers with the errno that POSIX has for such a descriptor.

use std::convert::Infallible;
use std::time::Duration;

use crate::error::Stop;
use crate::memory::{GuestPtr, Memory};
use crate::session::Session;
use crate::status::Errno;
use crate::stdio::Descriptor;
use crate::table::{Call, WasiResult};
use crate::turn::give_turn;

use super::wasi_subscriptions::Subscription;

/// The most subscriptions in one `poll_oneoff`, and buffers in one read or write.
const LIST_MAX: u32 = 16_384;

/// The most bytes of one write. A guest gets no turn in the middle of it, and each byte may be a line.
const WRITE_BYTES_MAX: u32 = 64 * 1024;

fn open_descriptor(call: &Call<'_>, fd: u32) -> WasiResult<Descriptor> {
    Ok(call.session.stdio.descriptor(fd).ok_or(Errno::Badf)?)
}

/// Answers for a call that the three descriptors do not support: `errno` for them, BADF for any other.
fn refuse(call: &Call<'_>, fd: u32, errno: Errno) -> WasiResult {
    open_descriptor(call, fd)?;
    Err(errno.into())
}

fn write_strings(
    memory: &mut Memory<'_>,
    strings: &[String],
    pointers: GuestPtr<u32>,
    buffer: GuestPtr<u8>,
) -> WasiResult {
    // A memory of 4 GiB ends where 32 bits do.
    let place = |address: u64| u32::try_from(address).map_err(|_| Errno::Fault);
    let (mut pointer, mut offset) = (pointers.offset().into(), buffer.offset().into());
    for string in strings {
        let (at, bytes) = (place(offset)?, string.as_bytes());
        memory.write(GuestPtr::new(place(pointer)?), at)?;
        let room = memory.bytes_mut(GuestPtr::new(at), place(bytes.len() as u64 + 1)?)?;
        room[..bytes.len()].copy_from_slice(bytes);
        room[bytes.len()] = 0;
        offset += bytes.len() as u64 + 1;
        pointer += 4;
    }
    Ok(())
}

fn write_sizes(
    memory: &mut Memory<'_>,
    strings: &[String],
    count_out: GuestPtr<u32>,
    size_out: GuestPtr<u32>,
) -> WasiResult {
    let size: usize = strings.iter().map(|string| string.len() + 1).sum();
    let size = u32::try_from(size).map_err(|_| Errno::Inval)?;
    memory.write(count_out, strings.len() as u32)?;
    memory.write(size_out, size)?;
    Ok(())
}

fn environment(session: &Session) -> Vec<String> {
    let variables = session.environment.variables.iter();
    let mut strings: Vec<_> = variables
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    strings.push(format!("FASTLY_TRACE_ID={:032x}", session.id()));
    strings
}

/// Writes the arguments, NUL-terminated, and a pointer to each.
///
/// # Errors
///
/// [`Errno::Fault`].
pub fn args_get(call: &mut Call<'_>, argv: GuestPtr<u32>, argv_buf: GuestPtr<u8>) -> WasiResult {
    let arguments = &call.session.environment.arguments;
    write_strings(&mut call.memory, arguments, argv, argv_buf)
}

/// Writes how many arguments there are, and how many bytes they take.
///
/// # Errors
///
/// [`Errno::Fault`].
pub fn args_sizes_get(
    call: &mut Call<'_>,
    argc_out: GuestPtr<u32>,
    argv_buf_size_out: GuestPtr<u32>,
) -> WasiResult {
    let arguments = &call.session.environment.arguments;
    write_sizes(&mut call.memory, arguments, argc_out, argv_buf_size_out)
}

/// Writes the environment, NUL-terminated `NAME=value`, and a pointer to each.
///
/// # Errors
///
/// [`Errno::Fault`].
pub fn environ_get(
    call: &mut Call<'_>,
    environ: GuestPtr<u32>,
    environ_buf: GuestPtr<u8>,
) -> WasiResult {
    let variables = environment(call.session);
    write_strings(&mut call.memory, &variables, environ, environ_buf)
}

/// Writes how many environment variables there are, and how many bytes they take.
///
/// # Errors
///
/// [`Errno::Fault`].
pub fn environ_sizes_get(
    call: &mut Call<'_>,
    environc_out: GuestPtr<u32>,
    environ_buf_size_out: GuestPtr<u32>,
) -> WasiResult {
    let variables = environment(call.session);
    write_sizes(
        &mut call.memory,
        &variables,
        environc_out,
        environ_buf_size_out,
    )
}

/// witx `clockid`.
mod clock {
    pub(super) const REALTIME: u32 = 0;
    pub(super) const MONOTONIC: u32 = 1;
    pub(super) const PROCESS_CPU: u32 = 2;
    pub(super) const THREAD_CPU: u32 = 3;
}

pub(super) fn read_clock(session: &Session, id: u32) -> Result<Duration, Errno> {
    match id {
        clock::REALTIME => Ok(session.platform.clock.wall()),
        clock::MONOTONIC => Ok(session.platform.clock.monotonic()),
        clock::PROCESS_CPU | clock::THREAD_CPU => Ok(session.meter().used()),
        _ => Err(Errno::Inval),
    }
}

/// 584 years fit into 64 bits.
fn nanoseconds(time: Duration) -> u64 {
    time.as_nanos() as u64
}

/// Writes the resolution of a clock: a nanosecond.
///
/// # Errors
///
/// [`Errno::Inval`] for a clock that is none; [`Errno::Fault`].
pub fn clock_res_get(call: &mut Call<'_>, id: u32, resolution_out: GuestPtr<u64>) -> WasiResult {
    read_clock(call.session, id)?;
    call.memory.write(resolution_out, 1)?;
    Ok(())
}

/// Writes the time of a clock, in nanoseconds. The CPU clocks count while the guest runs.
///
/// # Errors
///
/// [`Errno::Inval`] for a clock that is none; [`Errno::Fault`].
pub fn clock_time_get(
    call: &mut Call<'_>,
    id: u32,
    _precision: u64,
    time_out: GuestPtr<u64>,
) -> WasiResult {
    let time = read_clock(call.session, id)?;
    call.memory.write(time_out, nanoseconds(time))?;
    Ok(())
}

/// # Errors
///
/// [`Errno::Spipe`]: there are no files to read ahead.
pub fn fd_advise(
    call: &mut Call<'_>,
    fd: u32,
    _offset: u64,
    _len: u64,
    _advice: u32,
) -> WasiResult {
    refuse(call, fd, Errno::Spipe)
}

/// # Errors
///
/// [`Errno::Spipe`]: there are no files to make room in.
pub fn fd_allocate(call: &mut Call<'_>, fd: u32, _offset: u64, _len: u64) -> WasiResult {
    refuse(call, fd, Errno::Spipe)
}

/// Closes a descriptor.
///
/// # Errors
///
/// [`Errno::Badf`].
pub fn fd_close(call: &mut Call<'_>, fd: u32) -> WasiResult {
    let descriptor = open_descriptor(call, fd)?;
    call.session.stdio.close(descriptor);
    Ok(())
}

/// # Errors
///
/// [`Errno::Inval`]: there is nothing to make durable.
pub fn fd_datasync(call: &mut Call<'_>, fd: u32) -> WasiResult {
    refuse(call, fd, Errno::Inval)
}

/// witx `filetype`: a character device.
const FILETYPE_CHARACTER_DEVICE: u64 = 2;
/// witx `rights`: `fd_read` and `poll_fd_readwrite`.
const RIGHTS_READ: u64 = 1 << 1 | 1 << 27;
/// witx `rights`: `fd_write` and `poll_fd_readwrite`.
const RIGHTS_WRITE: u64 = 1 << 6 | 1 << 27;

/// Writes what a descriptor is: 24 bytes.
///
/// # Errors
///
/// [`Errno::Badf`] and [`Errno::Fault`].
pub fn fd_fdstat_get(call: &mut Call<'_>, fd: u32, fdstat_out: GuestPtr<u64>) -> WasiResult {
    let rights = match open_descriptor(call, fd)? {
        Descriptor::Stdin => RIGHTS_READ,
        Descriptor::Stdout | Descriptor::Stderr => RIGHTS_WRITE,
    };
    // Type and flags share the first eight bytes; no flags are set, and nothing is inherited.
    write_record(call, fdstat_out, [FILETYPE_CHARACTER_DEVICE, rights, 0])
}

fn write_record<const N: usize>(
    call: &mut Call<'_>,
    out: GuestPtr<u64>,
    fields: [u64; N],
) -> WasiResult {
    call.memory.read_list(out, N as u32)?;
    for (offset, field) in (out.offset()..).step_by(8).zip(fields) {
        call.memory.write(GuestPtr::new(offset), field)?;
    }
    Ok(())
}

/// Accepts any flags: appending and not blocking is what the descriptors do anyway.
///
/// # Errors
///
/// [`Errno::Badf`].
pub fn fd_fdstat_set_flags(call: &mut Call<'_>, fd: u32, _flags: u32) -> WasiResult {
    open_descriptor(call, fd).map(drop)
}

/// # Errors
///
/// [`Errno::Notsup`]: rights are fixed.
pub fn fd_fdstat_set_rights(
    call: &mut Call<'_>,
    fd: u32,
    _fs_rights_base: u64,
    _fs_rights_inheriting: u64,
) -> WasiResult {
    refuse(call, fd, Errno::Notsup)
}

/// Writes the attributes of a descriptor: 64 bytes, all zero but the type.
///
/// # Errors
///
/// [`Errno::Badf`] and [`Errno::Fault`].
pub fn fd_filestat_get(call: &mut Call<'_>, fd: u32, filestat_out: GuestPtr<u64>) -> WasiResult {
    open_descriptor(call, fd)?;
    let filestat = [0, 0, FILETYPE_CHARACTER_DEVICE, 0, 0, 0, 0, 0];
    write_record(call, filestat_out, filestat)
}

/// # Errors
///
/// [`Errno::Inval`]: the descriptors have no size.
pub fn fd_filestat_set_size(call: &mut Call<'_>, fd: u32, _size: u64) -> WasiResult {
    refuse(call, fd, Errno::Inval)
}

/// # Errors
///
/// [`Errno::Notsup`]: the descriptors have no times.
pub fn fd_filestat_set_times(
    call: &mut Call<'_>,
    fd: u32,
    _atim: u64,
    _mtim: u64,
    _fst_flags: u32,
) -> WasiResult {
    refuse(call, fd, Errno::Notsup)
}

/// # Errors
///
/// [`Errno::Spipe`]: the descriptors have no positions.
pub fn fd_pread(
    call: &mut Call<'_>,
    fd: u32,
    _iovs: GuestPtr<u32>,
    _iovs_len: u32,
    _offset: u64,
    _nread_out: GuestPtr<u32>,
) -> WasiResult {
    refuse(call, fd, Errno::Spipe)
}

/// # Errors
///
/// [`Errno::Badf`]: no directory is open, which is how guests learn that there is no file system.
pub fn fd_prestat_get(_call: &mut Call<'_>, _fd: u32, _prestat_out: GuestPtr<u32>) -> WasiResult {
    Err(Errno::Badf.into())
}

/// # Errors
///
/// [`Errno::Badf`]: no directory is open.
pub fn fd_prestat_dir_name(
    _call: &mut Call<'_>,
    _fd: u32,
    _path: GuestPtr<u8>,
    _path_len: u32,
) -> WasiResult {
    Err(Errno::Badf.into())
}

/// # Errors
///
/// [`Errno::Spipe`]: the descriptors have no positions.
pub fn fd_pwrite(
    call: &mut Call<'_>,
    fd: u32,
    _iovs: GuestPtr<u32>,
    _iovs_len: u32,
    _offset: u64,
    _nwritten_out: GuestPtr<u32>,
) -> WasiResult {
    refuse(call, fd, Errno::Spipe)
}

/// Reads nothing from standard input, which is at its end.
///
/// # Errors
///
/// [`Errno::Badf`] for another descriptor; [`Errno::Fault`].
pub fn fd_read(
    call: &mut Call<'_>,
    fd: u32,
    _iovs: GuestPtr<u32>,
    _iovs_len: u32,
    nread_out: GuestPtr<u32>,
) -> WasiResult {
    match open_descriptor(call, fd)? {
        Descriptor::Stdin => call.memory.write(nread_out, 0)?,
        Descriptor::Stdout | Descriptor::Stderr => return Err(Errno::Badf.into()),
    }
    Ok(())
}

/// # Errors
///
/// [`Errno::Notdir`]: there are no directories.
pub fn fd_readdir(
    call: &mut Call<'_>,
    fd: u32,
    _buf: GuestPtr<u8>,
    _buf_len: u32,
    _cookie: u64,
    _bufused_out: GuestPtr<u32>,
) -> WasiResult {
    refuse(call, fd, Errno::Notdir)
}

/// # Errors
///
/// [`Errno::Notsup`]: the three descriptors stay where they are.
pub fn fd_renumber(call: &mut Call<'_>, fd: u32, to: u32) -> WasiResult {
    open_descriptor(call, to)?;
    refuse(call, fd, Errno::Notsup)
}

/// # Errors
///
/// [`Errno::Spipe`]: the descriptors have no positions.
pub fn fd_seek(
    call: &mut Call<'_>,
    fd: u32,
    _offset: i64,
    _whence: u32,
    _newoffset_out: GuestPtr<u64>,
) -> WasiResult {
    refuse(call, fd, Errno::Spipe)
}

/// # Errors
///
/// [`Errno::Inval`]: there is nothing to make durable.
pub fn fd_sync(call: &mut Call<'_>, fd: u32) -> WasiResult {
    refuse(call, fd, Errno::Inval)
}

/// # Errors
///
/// [`Errno::Spipe`]: the descriptors have no positions.
pub fn fd_tell(call: &mut Call<'_>, fd: u32, _offset_out: GuestPtr<u64>) -> WasiResult {
    refuse(call, fd, Errno::Spipe)
}

/// Writes to standard output or standard error, and says how much: all of it, or the first 64 KiB, as a pipe would.
///
/// # Errors
///
/// [`Errno::Badf`] for another descriptor; [`Errno::Inval`] for too many buffers; [`Errno::Fault`].
pub fn fd_write(
    call: &mut Call<'_>,
    fd: u32,
    iovs: GuestPtr<u32>,
    iovs_len: u32,
    nwritten_out: GuestPtr<u32>,
) -> WasiResult {
    let descriptor = open_descriptor(call, fd)?;
    if descriptor == Descriptor::Stdin {
        return Err(Errno::Badf.into());
    }
    if iovs_len > LIST_MAX {
        return Err(Errno::Inval.into());
    }
    call.memory.check(nwritten_out)?;
    let buffers = call.memory.read_list(iovs, iovs_len * 2)?;
    let mut written = 0_u32;
    for buffer in buffers.chunks_exact(2) {
        let length = buffer[1].min(WRITE_BYTES_MAX - written);
        let bytes = call.memory.bytes(GuestPtr::new(buffer[0]), length)?;
        if descriptor == Descriptor::Stdout {
            call.session.stdio.write_stdout(bytes);
        } else {
            call.session.stdio.write_stderr(bytes);
        }
        written += length;
    }
    call.memory.write(nwritten_out, written)?;
    Ok(())
}

/// # Errors
///
/// [`Errno::Notdir`]: there are no directories. The same holds for every other `path_` call.
pub fn path_create_directory(
    call: &mut Call<'_>,
    fd: u32,
    _path: GuestPtr<u8>,
    _path_len: u32,
) -> WasiResult {
    refuse(call, fd, Errno::Notdir)
}

/// # Errors
///
/// [`Errno::Notdir`].
pub fn path_filestat_get(
    call: &mut Call<'_>,
    fd: u32,
    _flags: u32,
    _path: GuestPtr<u8>,
    _path_len: u32,
    _filestat_out: GuestPtr<u64>,
) -> WasiResult {
    refuse(call, fd, Errno::Notdir)
}

/// # Errors
///
/// [`Errno::Notdir`].
pub fn path_filestat_set_times(
    call: &mut Call<'_>,
    fd: u32,
    _flags: u32,
    _path: GuestPtr<u8>,
    _path_len: u32,
    _atim: u64,
    _mtim: u64,
    _fst_flags: u32,
) -> WasiResult {
    refuse(call, fd, Errno::Notdir)
}

/// # Errors
///
/// [`Errno::Notdir`].
pub fn path_link(
    call: &mut Call<'_>,
    old_fd: u32,
    _old_flags: u32,
    _old_path: GuestPtr<u8>,
    _old_path_len: u32,
    new_fd: u32,
    _new_path: GuestPtr<u8>,
    _new_path_len: u32,
) -> WasiResult {
    open_descriptor(call, new_fd)?;
    refuse(call, old_fd, Errno::Notdir)
}

/// # Errors
///
/// [`Errno::Notdir`].
pub fn path_open(
    call: &mut Call<'_>,
    fd: u32,
    _dirflags: u32,
    _path: GuestPtr<u8>,
    _path_len: u32,
    _oflags: u32,
    _fs_rights_base: u64,
    _fs_rights_inheriting: u64,
    _fdflags: u32,
    _fd_out: GuestPtr<u32>,
) -> WasiResult {
    refuse(call, fd, Errno::Notdir)
}

/// # Errors
///
/// [`Errno::Notdir`].
pub fn path_readlink(
    call: &mut Call<'_>,
    fd: u32,
    _path: GuestPtr<u8>,
    _path_len: u32,
    _buf: GuestPtr<u8>,
    _buf_len: u32,
    _bufused_out: GuestPtr<u32>,
) -> WasiResult {
    refuse(call, fd, Errno::Notdir)
}

/// # Errors
///
/// [`Errno::Notdir`].
pub fn path_remove_directory(
    call: &mut Call<'_>,
    fd: u32,
    _path: GuestPtr<u8>,
    _path_len: u32,
) -> WasiResult {
    refuse(call, fd, Errno::Notdir)
}

/// # Errors
///
/// [`Errno::Notdir`].
pub fn path_rename(
    call: &mut Call<'_>,
    fd: u32,
    _old_path: GuestPtr<u8>,
    _old_path_len: u32,
    new_fd: u32,
    _new_path: GuestPtr<u8>,
    _new_path_len: u32,
) -> WasiResult {
    open_descriptor(call, new_fd)?;
    refuse(call, fd, Errno::Notdir)
}

/// # Errors
///
/// [`Errno::Notdir`].
pub fn path_symlink(
    call: &mut Call<'_>,
    _old_path: GuestPtr<u8>,
    _old_path_len: u32,
    fd: u32,
    _new_path: GuestPtr<u8>,
    _new_path_len: u32,
) -> WasiResult {
    refuse(call, fd, Errno::Notdir)
}

/// # Errors
///
/// [`Errno::Notdir`].
pub fn path_unlink_file(
    call: &mut Call<'_>,
    fd: u32,
    _path: GuestPtr<u8>,
    _path_len: u32,
) -> WasiResult {
    refuse(call, fd, Errno::Notdir)
}

/// Waits for the first of several events: how a guest sleeps. Waiting takes no thread.
///
/// # Errors
///
/// [`Errno::Inval`] for no subscriptions, and for too many; [`Errno::Fault`].
pub async fn poll_oneoff(
    call: &mut Call<'_>,
    subscriptions: GuestPtr<u64>,
    events: GuestPtr<u64>,
    subscriptions_len: u32,
    nevents_out: GuestPtr<u32>,
) -> WasiResult {
    if subscriptions_len == 0 || subscriptions_len > LIST_MAX {
        return Err(Errno::Inval.into());
    }
    let words = call
        .memory
        .read_list(subscriptions, subscriptions_len * 6)?;
    call.memory
        .check_bytes(events.cast(), subscriptions_len * 32)?;
    call.memory.check(nevents_out)?;
    let (words, _) = words.as_chunks();
    let subscriptions = words.iter();
    let subscriptions: Vec<_> = subscriptions
        .map(|words| Subscription::decode(call.session, words))
        .collect();

    let delays = subscriptions.iter().map(Subscription::delay);
    let delay = delays.min().unwrap_or_default();
    if delay.is_zero() {
        give_turn().await;
    } else {
        call.session.platform.clock.sleep(delay).await;
    }

    let ready = subscriptions.iter().filter(|item| item.delay() <= delay);
    let mut count = 0;
    for (index, subscription) in (0..).zip(ready) {
        let out = GuestPtr::new(events.offset() + index * 32);
        write_record(call, out, subscription.event())?;
        count = index + 1;
    }
    call.memory.write(nevents_out, count)?;
    Ok(())
}

/// Ends the guest.
///
/// # Errors
///
/// Always [`Stop::Exit`].
pub fn proc_exit(_call: &mut Call<'_>, code: u32) -> Result<Infallible, Stop> {
    Err(Stop::Exit(code))
}

/// # Errors
///
/// [`Errno::Notsup`]: there are no signals.
pub fn proc_raise(_call: &mut Call<'_>, _signal: u32) -> WasiResult {
    Err(Errno::Notsup.into())
}

/// Fills a buffer with random bytes.
///
/// # Errors
///
/// [`Errno::Fault`].
pub fn random_get(call: &mut Call<'_>, buf: GuestPtr<u8>, buf_len: u32) -> WasiResult {
    let bytes = call.memory.bytes_mut(buf, buf_len)?;
    call.session.platform.random.fill(bytes);
    Ok(())
}

/// Lets others run.
///
/// # Errors
///
/// None.
pub async fn sched_yield(_call: &mut Call<'_>) -> WasiResult {
    give_turn().await;
    Ok(())
}

/// # Errors
///
/// [`Errno::Notsock`]: there are no sockets. The same holds for every other `sock_` call.
pub fn sock_accept(
    call: &mut Call<'_>,
    fd: u32,
    _flags: u32,
    _fd_out: GuestPtr<u32>,
) -> WasiResult {
    refuse(call, fd, Errno::Notsock)
}

/// # Errors
///
/// [`Errno::Notsock`].
pub fn sock_recv(
    call: &mut Call<'_>,
    fd: u32,
    _ri_data: GuestPtr<u32>,
    _ri_data_len: u32,
    _ri_flags: u32,
    _ro_datalen_out: GuestPtr<u32>,
    _ro_flags_out: GuestPtr<u16>,
) -> WasiResult {
    refuse(call, fd, Errno::Notsock)
}

/// # Errors
///
/// [`Errno::Notsock`].
pub fn sock_send(
    call: &mut Call<'_>,
    fd: u32,
    _si_data: GuestPtr<u32>,
    _si_data_len: u32,
    _si_flags: u32,
    _so_datalen_out: GuestPtr<u32>,
) -> WasiResult {
    refuse(call, fd, Errno::Notsock)
}

/// # Errors
///
/// [`Errno::Notsock`].
pub fn sock_shutdown(call: &mut Call<'_>, fd: u32, _how: u32) -> WasiResult {
    refuse(call, fd, Errno::Notsock)
}
