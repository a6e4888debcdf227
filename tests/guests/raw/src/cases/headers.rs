//! Headers of requests and of responses. The calls are the same for both but for their import module,
//! so that the functions here are generic over which of the two is meant. They are listed as cases in
//! `http_req.rs` and `http_resp.rs`.

use crate::check::{Outcome, check, check_eq, check_status};
use crate::guest::{Misaligned, end_of_memory};
use crate::sys::*;

/// The calls of a kind of message that these cases need.
///
/// # Safety
///
/// Of all of them: see `call!`.
pub trait Message {
    unsafe fn new(message: *mut Handle) -> Status;
    unsafe fn close(message: Handle) -> Status;
    unsafe fn names_get(
        message: Handle,
        buffer: *mut u8,
        buffer_len: usize,
        cursor: u32,
        ending_cursor: *mut i64,
        nwritten: *mut usize,
    ) -> Status;
    unsafe fn value_get(
        message: Handle,
        name: *const u8,
        name_len: usize,
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
    #[expect(clippy::too_many_arguments, reason = "the call has that many")]
    unsafe fn values_get(
        message: Handle,
        name: *const u8,
        name_len: usize,
        buffer: *mut u8,
        buffer_len: usize,
        cursor: u32,
        ending_cursor: *mut i64,
        nwritten: *mut usize,
    ) -> Status;
    unsafe fn values_set(
        message: Handle,
        name: *const u8,
        name_len: usize,
        values: *const u8,
        values_len: usize,
    ) -> Status;
    unsafe fn insert(
        message: Handle,
        name: *const u8,
        name_len: usize,
        value: *const u8,
        value_len: usize,
    ) -> Status;
    unsafe fn append(
        message: Handle,
        name: *const u8,
        name_len: usize,
        value: *const u8,
        value_len: usize,
    ) -> Status;
    unsafe fn remove(message: Handle, name: *const u8, name_len: usize) -> Status;
}

/// Implements [`Message`] with the calls of one import module.
macro_rules! message {
    ($message:ident, $module:ident) => {
        pub struct $message;

        // SAFETY (of every call below): the caller's.
        impl Message for $message {
            unsafe fn new(message: *mut Handle) -> Status {
                unsafe { $module::new(message) }
            }

            unsafe fn close(message: Handle) -> Status {
                unsafe { $module::close(message) }
            }

            unsafe fn names_get(
                message: Handle,
                buffer: *mut u8,
                buffer_len: usize,
                cursor: u32,
                ending_cursor: *mut i64,
                nwritten: *mut usize,
            ) -> Status {
                unsafe {
                    $module::header_names_get(
                        message,
                        buffer,
                        buffer_len,
                        cursor,
                        ending_cursor,
                        nwritten,
                    )
                }
            }

            unsafe fn value_get(
                message: Handle,
                name: *const u8,
                name_len: usize,
                buffer: *mut u8,
                buffer_len: usize,
                nwritten: *mut usize,
            ) -> Status {
                unsafe {
                    $module::header_value_get(message, name, name_len, buffer, buffer_len, nwritten)
                }
            }

            unsafe fn values_get(
                message: Handle,
                name: *const u8,
                name_len: usize,
                buffer: *mut u8,
                buffer_len: usize,
                cursor: u32,
                ending_cursor: *mut i64,
                nwritten: *mut usize,
            ) -> Status {
                unsafe {
                    $module::header_values_get(
                        message,
                        name,
                        name_len,
                        buffer,
                        buffer_len,
                        cursor,
                        ending_cursor,
                        nwritten,
                    )
                }
            }

            unsafe fn values_set(
                message: Handle,
                name: *const u8,
                name_len: usize,
                values: *const u8,
                values_len: usize,
            ) -> Status {
                unsafe { $module::header_values_set(message, name, name_len, values, values_len) }
            }

            unsafe fn insert(
                message: Handle,
                name: *const u8,
                name_len: usize,
                value: *const u8,
                value_len: usize,
            ) -> Status {
                unsafe { $module::header_insert(message, name, name_len, value, value_len) }
            }

            unsafe fn append(
                message: Handle,
                name: *const u8,
                name_len: usize,
                value: *const u8,
                value_len: usize,
            ) -> Status {
                unsafe { $module::header_append(message, name, name_len, value, value_len) }
            }

            unsafe fn remove(message: Handle, name: *const u8, name_len: usize) -> Status {
                unsafe { $module::header_remove(message, name, name_len) }
            }
        }
    };
}

message!(Request, http_req);
message!(Response, http_resp);

fn new<M: Message>() -> Result<Handle, String> {
    let mut message = NO_HANDLE;
    check_status!(OK, M::new(&mut message));
    Ok(message)
}

fn insert<M: Message>(message: Handle, name: &str, value: &[u8]) -> Outcome {
    check_status!(
        OK,
        M::insert(
            message,
            name.as_ptr(),
            name.len(),
            value.as_ptr(),
            value.len()
        )
    );
    Ok(())
}

fn append<M: Message>(message: Handle, name: &str, value: &[u8]) -> Outcome {
    check_status!(
        OK,
        M::append(
            message,
            name.as_ptr(),
            name.len(),
            value.as_ptr(),
            value.len()
        )
    );
    Ok(())
}

fn value<M: Message>(message: Handle, name: &str) -> Result<Vec<u8>, String> {
    let mut buffer = vec![0; 70_000];
    let mut nwritten = 0;
    check_status!(
        OK,
        M::value_get(
            message,
            name.as_ptr(),
            name.len(),
            buffer.as_mut_ptr(),
            buffer.len(),
            &mut nwritten
        )
    );
    buffer.truncate(nwritten);
    Ok(buffer)
}

/// All values, asked for in one go.
fn values<M: Message>(message: Handle, name: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut buffer = vec![0; 70_000];
    let (mut ending_cursor, mut nwritten) = (0, 0);
    check_status!(
        OK,
        M::values_get(
            message,
            name.as_ptr(),
            name.len(),
            buffer.as_mut_ptr(),
            buffer.len(),
            0,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_eq!(-1, ending_cursor);
    items(&buffer[..nwritten])
}

/// All names, in whatever order, through a buffer of a chosen size.
fn names<M: Message>(message: Handle, buffer_len: usize) -> Result<Vec<Vec<u8>>, String> {
    let mut names = Vec::new();
    let mut cursor = 0;
    loop {
        let mut buffer = vec![0; buffer_len];
        let (mut ending_cursor, mut nwritten) = (0, 0);
        check_status!(
            OK,
            M::names_get(
                message,
                buffer.as_mut_ptr(),
                buffer.len(),
                cursor,
                &mut ending_cursor,
                &mut nwritten
            )
        );
        names.extend(items(&buffer[..nwritten])?);
        if ending_cursor == -1 {
            return Ok(names);
        }
        // The cursor counts the items, so that it has moved on by as many as there were.
        check_eq!(names.len() as i64, ending_cursor);
        cursor = ending_cursor as u32;
    }
}

/// Takes a list apart: each item is followed by a NUL.
fn items(list: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    check!(list.is_empty() || list.ends_with(&[0]));
    Ok(list
        .split_inclusive(|byte| *byte == 0)
        .map(|item| item[..item.len() - 1].to_vec())
        .collect())
}

fn owned(items: &[&[u8]]) -> Vec<Vec<u8>> {
    items.iter().map(|item| item.to_vec()).collect()
}

/// A name is found whatever its case, and is not found by a part of it.
pub fn insert_get<M: Message>() -> Outcome {
    let message = new::<M>()?;
    insert::<M>(message, "X-MiXeD-cAsE", b"value")?;
    for name in ["X-MiXeD-cAsE", "x-mixed-case", "X-MIXED-CASE"] {
        check_eq!(b"value".to_vec(), value::<M>(message, name)?);
    }
    let mut buffer = [0; 16];
    let mut nwritten = 0;
    let part = "x-mixed";
    check_status!(
        INVALID_ARGUMENT,
        M::value_get(
            message,
            part.as_ptr(),
            part.len(),
            buffer.as_mut_ptr(),
            buffer.len(),
            &mut nwritten
        )
    );
    Ok(())
}

/// Inserting replaces all values there are.
pub fn insert_replaces<M: Message>() -> Outcome {
    let message = new::<M>()?;
    append::<M>(message, "x-name", b"one")?;
    append::<M>(message, "x-name", b"two")?;
    insert::<M>(message, "X-Name", b"three")?;
    check_eq!(owned(&[b"three"]), values::<M>(message, "x-name")?);
    check_eq!(owned(&[b"x-name"]), names::<M>(message, 64)?);
    Ok(())
}

/// Appending keeps what there is, in order; asked for one value, the host gives the first.
pub fn append_keeps<M: Message>() -> Outcome {
    let message = new::<M>()?;
    for value in [b"one".as_slice(), b"", b"three", b"one"] {
        append::<M>(message, "x-name", value)?;
    }
    check_eq!(
        owned(&[b"one", b"", b"three", b"one"]),
        values::<M>(message, "x-name")?
    );
    check_eq!(b"one".to_vec(), value::<M>(message, "x-name")?);
    Ok(())
}

/// Removing takes all values, and there has to be one.
pub fn remove<M: Message>() -> Outcome {
    let message = new::<M>()?;
    insert::<M>(message, "x-kept", b"kept")?;
    append::<M>(message, "x-name", b"one")?;
    append::<M>(message, "x-name", b"two")?;
    let name = "X-NAME";
    check_status!(OK, M::remove(message, name.as_ptr(), name.len()));
    check_status!(
        INVALID_ARGUMENT,
        M::remove(message, name.as_ptr(), name.len())
    );
    check_eq!(owned(&[b"x-kept"]), names::<M>(message, 64)?);
    check_eq!(Vec::<Vec<u8>>::new(), values::<M>(message, "x-name")?);
    Ok(())
}

/// A header that is not there has no value, which is an error, and an empty list of values, which is
/// none.
pub fn missing<M: Message>() -> Outcome {
    let message = new::<M>()?;
    let name = "x-missing";
    let mut buffer = [0; 16];
    let (mut ending_cursor, mut nwritten) = (0, 0);
    check_status!(
        INVALID_ARGUMENT,
        M::value_get(
            message,
            name.as_ptr(),
            name.len(),
            buffer.as_mut_ptr(),
            buffer.len(),
            &mut nwritten
        )
    );
    nwritten = usize::MAX;
    check_status!(
        OK,
        M::values_get(
            message,
            name.as_ptr(),
            name.len(),
            buffer.as_mut_ptr(),
            buffer.len(),
            0,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_eq!((-1, 0), (ending_cursor, nwritten));
    Ok(())
}

/// The bytes a value may have: all but the control characters, of which the tab is allowed.
pub fn value_bytes<M: Message>() -> Outcome {
    let message = new::<M>()?;
    let mut every: Vec<u8> = (0x21..=0xFF).filter(|byte| *byte != 0x7F).collect();
    every.extend_from_slice(b" \tend");
    insert::<M>(message, "x-every", &every)?;
    check_eq!(every, value::<M>(message, "x-every")?);
    insert::<M>(message, "x-empty", b"")?;
    check_eq!(Vec::<u8>::new(), value::<M>(message, "x-empty")?);
    let long = vec![b'v'; 60 * 1024];
    insert::<M>(message, "x-long", &long)?;
    check!(value::<M>(message, "x-long")? == long);
    Ok(())
}

pub fn value_small_buffer<M: Message>() -> Outcome {
    let message = new::<M>()?;
    insert::<M>(message, "x-name", b"value")?;
    let name = "x-name";
    let mut buffer = [0xAA; 8];
    for length in [0, 4] {
        let mut nwritten = 0;
        check_status!(
            BUFFER_TOO_SMALL,
            M::value_get(
                message,
                name.as_ptr(),
                name.len(),
                buffer.as_mut_ptr(),
                length,
                &mut nwritten
            )
        );
        check_eq!(5, nwritten);
        check_eq!([0xAA; 8], buffer);
    }
    // Exactly enough is enough, and nothing is written behind it.
    let mut nwritten = 0;
    check_status!(
        OK,
        M::value_get(
            message,
            name.as_ptr(),
            name.len(),
            buffer.as_mut_ptr(),
            5,
            &mut nwritten
        )
    );
    check_eq!(5, nwritten);
    check_eq!(b"value\xAA\xAA\xAA".as_slice(), &buffer);
    Ok(())
}

/// The names come in lower case, once each, whatever the size of the buffer they come through.
pub fn names_all<M: Message>() -> Outcome {
    let message = new::<M>()?;
    check_eq!(Vec::<Vec<u8>>::new(), names::<M>(message, 64)?);
    let mut expected = Vec::new();
    for index in 0..100 {
        let name = format!("X-Number-{index:03}");
        append::<M>(message, &name, b"one")?;
        append::<M>(message, &name, b"two")?;
        expected.push(name.to_ascii_lowercase().into_bytes());
    }
    // Each name takes 13 bytes with its NUL.
    for buffer_len in [13, 25, 26, 27, 128, 10_000] {
        let mut names = names::<M>(message, buffer_len)?;
        names.sort();
        check!(names == expected);
    }
    Ok(())
}

/// The list of names through its cursor: how it stops, goes on and ends.
pub fn names_cursor<M: Message>() -> Outcome {
    let message = new::<M>()?;
    for name in ["x-a", "x-b", "x-c"] {
        insert::<M>(message, name, b"value")?;
    }
    let mut buffer = [0xAA; 16];
    let (mut ending_cursor, mut nwritten) = (0, 0);
    // Room for two and a half: two are written.
    check_status!(
        OK,
        M::names_get(
            message,
            buffer.as_mut_ptr(),
            10,
            0,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_eq!((2, 8), (ending_cursor, nwritten));
    // Room for exactly one, from the last on: nothing is left.
    check_status!(
        OK,
        M::names_get(
            message,
            buffer.as_mut_ptr(),
            4,
            2,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_eq!((-1, 4), (ending_cursor, nwritten));
    // At the end and far behind it there is nothing, which is no error.
    for cursor in [3, 4, 1000, u32::MAX] {
        (ending_cursor, nwritten) = (0, usize::MAX);
        check_status!(
            OK,
            M::names_get(
                message,
                buffer.as_mut_ptr(),
                16,
                cursor,
                &mut ending_cursor,
                &mut nwritten
            )
        );
        check_eq!((-1, 0), (ending_cursor, nwritten));
    }
    Ok(())
}

/// Where not even the first item fits, the size that it needs is that of the item and its NUL.
pub fn names_small_buffer<M: Message>() -> Outcome {
    let message = new::<M>()?;
    insert::<M>(message, "x-name", b"value")?;
    let mut buffer = [0xAA; 8];
    for length in [0, 1, 6] {
        let (mut ending_cursor, mut nwritten) = (0, 0);
        check_status!(
            BUFFER_TOO_SMALL,
            M::names_get(
                message,
                buffer.as_mut_ptr(),
                length,
                0,
                &mut ending_cursor,
                &mut nwritten
            )
        );
        check_eq!((-1, 7), (ending_cursor, nwritten));
    }
    let (mut ending_cursor, mut nwritten) = (0, 0);
    check_status!(
        OK,
        M::names_get(
            message,
            buffer.as_mut_ptr(),
            7,
            0,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_eq!(
        (-1, b"x-name\0".as_slice()),
        (ending_cursor, &buffer[..nwritten])
    );
    Ok(())
}

/// A guest that does not want to know where the list ended may pass no place to say it.
pub fn cursor_not_wanted<M: Message>() -> Outcome {
    let message = new::<M>()?;
    insert::<M>(message, "x-name", b"value")?;
    let name = "x-name";
    let mut buffer = [0; 16];
    let mut nwritten = 0;
    check_status!(
        OK,
        M::names_get(
            message,
            buffer.as_mut_ptr(),
            buffer.len(),
            0,
            core::ptr::null_mut(),
            &mut nwritten
        )
    );
    check_eq!(7, nwritten);
    check_status!(
        OK,
        M::values_get(
            message,
            name.as_ptr(),
            name.len(),
            buffer.as_mut_ptr(),
            buffer.len(),
            0,
            core::ptr::null_mut(),
            &mut nwritten
        )
    );
    check_eq!(6, nwritten);
    Ok(())
}

/// The list of values through its cursor.
pub fn values_cursor<M: Message>() -> Outcome {
    let message = new::<M>()?;
    for value in [b"a".as_slice(), b"", b"ccc", b"dddddd"] {
        append::<M>(message, "x-name", value)?;
    }
    let name = "x-name";
    let mut buffer = [0; 8];
    let (mut ending_cursor, mut nwritten) = (0, 0);
    check_status!(
        OK,
        M::values_get(
            message,
            name.as_ptr(),
            name.len(),
            buffer.as_mut_ptr(),
            6,
            0,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_eq!(
        (2, b"a\0\0".as_slice()),
        (ending_cursor, &buffer[..nwritten])
    );
    check_status!(
        OK,
        M::values_get(
            message,
            name.as_ptr(),
            name.len(),
            buffer.as_mut_ptr(),
            6,
            2,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_eq!(
        (3, b"ccc\0".as_slice()),
        (ending_cursor, &buffer[..nwritten])
    );
    // The last one does not fit at all.
    check_status!(
        BUFFER_TOO_SMALL,
        M::values_get(
            message,
            name.as_ptr(),
            name.len(),
            buffer.as_mut_ptr(),
            6,
            3,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_eq!((-1, 7), (ending_cursor, nwritten));
    check_status!(
        OK,
        M::values_get(
            message,
            name.as_ptr(),
            name.len(),
            buffer.as_mut_ptr(),
            7,
            3,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_eq!(
        (-1, b"dddddd\0".as_slice()),
        (ending_cursor, &buffer[..nwritten])
    );
    Ok(())
}

/// Replaces all values by those of a list in which each is followed by a NUL; what follows the last
/// NUL does not count, and no list at all means no values.
pub fn values_set<M: Message>() -> Outcome {
    let message = new::<M>()?;
    append::<M>(message, "x-name", b"before")?;
    let name = "X-Name";
    let set = |list: &[u8]| -> Outcome {
        check_status!(
            OK,
            M::values_set(
                message,
                name.as_ptr(),
                name.len(),
                list.as_ptr(),
                list.len()
            )
        );
        Ok(())
    };
    set(b"one\0\0three\0")?;
    check_eq!(
        owned(&[b"one", b"", b"three"]),
        values::<M>(message, "x-name")?
    );
    set(b"only\0dropped")?;
    check_eq!(owned(&[b"only"]), values::<M>(message, "x-name")?);
    set(b"")?;
    check_eq!(Vec::<Vec<u8>>::new(), values::<M>(message, "x-name")?);
    check_eq!(Vec::<Vec<u8>>::new(), names::<M>(message, 64)?);
    Ok(())
}

/// A name has to be a token, and its length is limited.
pub fn bad_name<M: Message>() -> Outcome {
    let message = new::<M>()?;
    let value = "value";
    for name in [
        b"".as_slice(),
        b"x name",
        b"x:name",
        b"x\0name",
        b"x\nname",
        b"n\xFFme",
    ] {
        check_status!(
            ERROR,
            M::insert(
                message,
                name.as_ptr(),
                name.len(),
                value.as_ptr(),
                value.len()
            )
        );
        check_status!(
            ERROR,
            M::append(
                message,
                name.as_ptr(),
                name.len(),
                value.as_ptr(),
                value.len()
            )
        );
        check_status!(
            ERROR,
            M::values_set(message, name.as_ptr(), name.len(), b"value\0".as_ptr(), 6)
        );
    }
    let long = vec![b'n'; 65_536];
    check_status!(
        INVALID_ARGUMENT,
        M::insert(
            message,
            long.as_ptr(),
            long.len(),
            value.as_ptr(),
            value.len()
        )
    );
    check_status!(
        INVALID_ARGUMENT,
        M::append(
            message,
            long.as_ptr(),
            long.len(),
            value.as_ptr(),
            value.len()
        )
    );
    check_status!(
        INVALID_ARGUMENT,
        M::remove(message, long.as_ptr(), long.len())
    );
    check_eq!(Vec::<Vec<u8>>::new(), names::<M>(message, 64)?);
    Ok(())
}

pub fn bad_value<M: Message>() -> Outcome {
    let message = new::<M>()?;
    insert::<M>(message, "x-name", b"kept")?;
    let name = "x-name";
    for value in [b"a\nb".as_slice(), b"a\rb", b"a\0b", b"\x7F", b"\x01"] {
        check_status!(
            ERROR,
            M::insert(
                message,
                name.as_ptr(),
                name.len(),
                value.as_ptr(),
                value.len()
            )
        );
        check_status!(
            ERROR,
            M::append(
                message,
                name.as_ptr(),
                name.len(),
                value.as_ptr(),
                value.len()
            )
        );
    }
    // One bad value spoils the list, and then nothing is replaced.
    let list = b"good\0b\nd\0";
    check_status!(
        ERROR,
        M::values_set(
            message,
            name.as_ptr(),
            name.len(),
            list.as_ptr(),
            list.len()
        )
    );
    check_eq!(owned(&[b"kept"]), values::<M>(message, "x-name")?);
    Ok(())
}

/// Neither the number that is never a handle nor one that has been closed will do.
pub fn bad_handle<M: Message>() -> Outcome {
    let closed = new::<M>()?;
    check_status!(OK, M::close(closed));
    let text = "x-name";
    let (pointer, length) = (text.as_ptr(), text.len());
    let mut buffer = [0; 16];
    for bad in [NO_HANDLE, closed] {
        let (mut ending_cursor, mut nwritten) = (0, 0);
        check_status!(
            BAD_HANDLE,
            M::names_get(
                bad,
                buffer.as_mut_ptr(),
                16,
                0,
                &mut ending_cursor,
                &mut nwritten
            )
        );
        check_status!(
            BAD_HANDLE,
            M::value_get(bad, pointer, length, buffer.as_mut_ptr(), 16, &mut nwritten)
        );
        check_status!(
            BAD_HANDLE,
            M::values_get(
                bad,
                pointer,
                length,
                buffer.as_mut_ptr(),
                16,
                0,
                &mut ending_cursor,
                &mut nwritten
            )
        );
        check_status!(
            BAD_HANDLE,
            M::values_set(bad, pointer, length, b"value\0".as_ptr(), 6)
        );
        check_status!(BAD_HANDLE, M::insert(bad, pointer, length, pointer, length));
        check_status!(BAD_HANDLE, M::append(bad, pointer, length, pointer, length));
        check_status!(BAD_HANDLE, M::remove(bad, pointer, length));
    }
    Ok(())
}

pub fn bad_pointers<M: Message>() -> Outcome {
    let message = new::<M>()?;
    insert::<M>(message, "x-name", b"value")?;
    let text = "x-name";
    let (pointer, length) = (text.as_ptr(), text.len());
    let outside = end_of_memory::<u8>();
    let mut buffer = [0; 16];
    let (mut ending_cursor, mut nwritten) = (0, 0);

    // Names and values that are not within memory.
    check_status!(
        INVALID_ARGUMENT,
        M::insert(message, outside, 1, pointer, length)
    );
    check_status!(
        INVALID_ARGUMENT,
        M::insert(message, pointer, length, outside, 1)
    );
    check_status!(
        INVALID_ARGUMENT,
        M::append(message, outside, 1, pointer, length)
    );
    check_status!(
        INVALID_ARGUMENT,
        M::append(message, pointer, length, outside, 1)
    );
    check_status!(
        INVALID_ARGUMENT,
        M::values_set(message, outside, 1, pointer, length)
    );
    check_status!(
        INVALID_ARGUMENT,
        M::values_set(message, pointer, length, outside, 1)
    );
    check_status!(INVALID_ARGUMENT, M::remove(message, outside, 1));

    // Buffers that are not.
    check_status!(
        INVALID_ARGUMENT,
        M::names_get(message, outside, 16, 0, &mut ending_cursor, &mut nwritten)
    );
    check_status!(
        INVALID_ARGUMENT,
        M::value_get(message, pointer, length, outside, 16, &mut nwritten)
    );
    check_status!(
        INVALID_ARGUMENT,
        M::values_get(
            message,
            pointer,
            length,
            outside,
            16,
            0,
            &mut ending_cursor,
            &mut nwritten
        )
    );

    // Places for numbers that are not, and places that are not aligned.
    check_status!(
        INVALID_ARGUMENT,
        M::value_get(
            message,
            pointer,
            length,
            buffer.as_mut_ptr(),
            16,
            end_of_memory()
        )
    );
    check_status!(
        BAD_ALIGNMENT,
        M::value_get(
            message,
            pointer,
            length,
            buffer.as_mut_ptr(),
            16,
            Misaligned::new().pointer()
        )
    );
    check_status!(
        INVALID_ARGUMENT,
        M::names_get(
            message,
            buffer.as_mut_ptr(),
            16,
            0,
            end_of_memory(),
            &mut nwritten
        )
    );
    check_status!(
        BAD_ALIGNMENT,
        M::names_get(
            message,
            buffer.as_mut_ptr(),
            16,
            0,
            Misaligned::new().pointer(),
            &mut nwritten
        )
    );
    check_status!(
        BAD_ALIGNMENT,
        M::values_get(
            message,
            pointer,
            length,
            buffer.as_mut_ptr(),
            16,
            0,
            &mut ending_cursor,
            Misaligned::new().pointer()
        )
    );

    // The message has come through all of that unchanged.
    check_eq!(owned(&[b"value"]), values::<M>(message, "x-name")?);
    check_eq!(owned(&[b"x-name"]), names::<M>(message, 64)?);
    Ok(())
}

/// Not about headers, and the same for both.
pub fn new_bad_result_pointer<M: Message>() -> Outcome {
    check_status!(INVALID_ARGUMENT, M::new(end_of_memory()));
    check_status!(BAD_ALIGNMENT, M::new(Misaligned::new().pointer()));
    Ok(())
}

/// Closing a message ends its handle, and its number is not used again.
pub fn close<M: Message>() -> Outcome {
    let message = new::<M>()?;
    check_status!(OK, M::close(message));
    check_status!(BAD_HANDLE, M::close(message));
    check_status!(BAD_HANDLE, M::close(NO_HANDLE));
    check!(new::<M>()? != message);
    Ok(())
}
