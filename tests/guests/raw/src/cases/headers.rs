//! Headers of requests and of responses. The calls are the same for both but for their import module,
//! so that the functions here are generic over which of the two is meant. They are listed as cases in
//! `http_req.rs` and `http_resp.rs`. `header_lists.rs` and `header_refusals.rs` have more of them.

use crate::check::{Outcome, check, check_eq, check_status};
use crate::sys::*;
use crate::texts::{self, Change, Names, Value, Values};

/// The calls of a kind of message that these cases need.
pub trait Message {
    const NEW: unsafe extern "C" fn(*mut Handle) -> Status;
    const CLOSE: unsafe extern "C" fn(Handle) -> Status;
    const NAMES_GET: Names;
    const VALUE_GET: Value;
    const VALUES_GET: Values;
    const VALUES_SET: Change;
    const INSERT: Change;
    const APPEND: Change;
    const REMOVE: unsafe extern "C" fn(Handle, *const u8, usize) -> Status;
}

/// Implements [`Message`] with the calls of one import module.
macro_rules! message {
    ($message:ident, $module:ident) => {
        pub struct $message;

        impl Message for $message {
            const NEW: unsafe extern "C" fn(*mut Handle) -> Status = $module::new;
            const CLOSE: unsafe extern "C" fn(Handle) -> Status = $module::close;
            const NAMES_GET: Names = $module::header_names_get;
            const VALUE_GET: Value = $module::header_value_get;
            const VALUES_GET: Values = $module::header_values_get;
            const VALUES_SET: Change = $module::header_values_set;
            const INSERT: Change = $module::header_insert;
            const APPEND: Change = $module::header_append;
            const REMOVE: unsafe extern "C" fn(Handle, *const u8, usize) -> Status =
                $module::header_remove;
        }
    };
}

message!(Request, http_req);
message!(Response, http_resp);

pub fn new<M: Message>() -> Result<Handle, String> {
    let mut message = NO_HANDLE;
    check_status!(OK, (M::NEW)(&mut message));
    Ok(message)
}

pub fn insert<M: Message>(message: Handle, name: &str, value: &[u8]) -> Outcome {
    check_eq!(OK, texts::change(M::INSERT, message, name, value));
    Ok(())
}

pub fn append<M: Message>(message: Handle, name: &str, value: &[u8]) -> Outcome {
    check_eq!(OK, texts::change(M::APPEND, message, name, value));
    Ok(())
}

pub fn value<M: Message>(message: Handle, name: &str) -> Result<Vec<u8>, String> {
    let mut buffer = vec![0; 70_000];
    let mut nwritten = 0;
    check_eq!(
        OK,
        texts::value(M::VALUE_GET, message, name, &mut buffer, &mut nwritten)
    );
    buffer.truncate(nwritten);
    Ok(buffer)
}

/// All values, asked for in one go.
pub fn values<M: Message>(message: Handle, name: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut buffer = vec![0; 70_000];
    let (mut ending_cursor, mut nwritten) = (0, 0);
    check_eq!(
        OK,
        texts::values(
            M::VALUES_GET,
            message,
            name,
            &mut buffer,
            0,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_eq!(-1, ending_cursor);
    items(&buffer[..nwritten])
}

/// All names, in whatever order, through a buffer of a chosen size.
pub fn names<M: Message>(message: Handle, buffer_len: usize) -> Result<Vec<Vec<u8>>, String> {
    let mut names = Vec::new();
    let mut cursor = 0;
    loop {
        let mut buffer = vec![0; buffer_len];
        let (mut ending_cursor, mut nwritten) = (0, 0);
        check_eq!(
            OK,
            texts::names(
                M::NAMES_GET,
                message,
                &mut buffer,
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

pub fn owned(items: &[&[u8]]) -> Vec<Vec<u8>> {
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
    check_eq!(
        INVALID_ARGUMENT,
        texts::value(M::VALUE_GET, message, part, &mut buffer, &mut nwritten)
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
    check_status!(OK, (M::REMOVE)(message, name.as_ptr(), name.len()));
    check_status!(
        INVALID_ARGUMENT,
        (M::REMOVE)(message, name.as_ptr(), name.len())
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
    check_eq!(
        INVALID_ARGUMENT,
        texts::value(M::VALUE_GET, message, name, &mut buffer, &mut nwritten)
    );
    nwritten = usize::MAX;
    check_eq!(
        OK,
        texts::values(
            M::VALUES_GET,
            message,
            name,
            &mut buffer,
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
        check_eq!(
            BUFFER_TOO_SMALL,
            texts::value(
                M::VALUE_GET,
                message,
                name,
                &mut buffer[..length],
                &mut nwritten
            )
        );
        check_eq!(5, nwritten);
        check_eq!([0xAA; 8], buffer);
    }
    // Exactly enough is enough, and nothing is written behind it.
    let mut nwritten = 0;
    check_eq!(
        OK,
        texts::value(M::VALUE_GET, message, name, &mut buffer[..5], &mut nwritten)
    );
    check_eq!(5, nwritten);
    check_eq!(b"value\xAA\xAA\xAA".as_slice(), &buffer);
    Ok(())
}
