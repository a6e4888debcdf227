//! Headers of requests and of responses: lists of names and values, and their cursors. See `headers.rs`.

use super::headers::{Message, append, insert, names, new, owned, values};
use crate::check::{Outcome, check, check_eq, check_status};
use crate::sys::*;
use crate::texts;

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
    check_eq!(
        OK,
        texts::names(
            M::NAMES_GET,
            message,
            &mut buffer[..10],
            0,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_eq!((2, 8), (ending_cursor, nwritten));
    // Room for exactly one, from the last on: nothing is left.
    check_eq!(
        OK,
        texts::names(
            M::NAMES_GET,
            message,
            &mut buffer[..4],
            2,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_eq!((-1, 4), (ending_cursor, nwritten));
    // At the end and far behind it there is nothing, which is no error.
    for cursor in [3, 4, 1000, u32::MAX] {
        (ending_cursor, nwritten) = (0, usize::MAX);
        check_eq!(
            OK,
            texts::names(
                M::NAMES_GET,
                message,
                &mut buffer[..16],
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
        check_eq!(
            BUFFER_TOO_SMALL,
            texts::names(
                M::NAMES_GET,
                message,
                &mut buffer[..length],
                0,
                &mut ending_cursor,
                &mut nwritten
            )
        );
        check_eq!((-1, 7), (ending_cursor, nwritten));
    }
    let (mut ending_cursor, mut nwritten) = (0, 0);
    check_eq!(
        OK,
        texts::names(
            M::NAMES_GET,
            message,
            &mut buffer[..7],
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
        (M::NAMES_GET)(
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
        (M::VALUES_GET)(
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
    check_eq!(
        OK,
        texts::values(
            M::VALUES_GET,
            message,
            name,
            &mut buffer[..6],
            0,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_eq!(
        (2, b"a\0\0".as_slice()),
        (ending_cursor, &buffer[..nwritten])
    );
    check_eq!(
        OK,
        texts::values(
            M::VALUES_GET,
            message,
            name,
            &mut buffer[..6],
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
    check_eq!(
        BUFFER_TOO_SMALL,
        texts::values(
            M::VALUES_GET,
            message,
            name,
            &mut buffer[..6],
            3,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_eq!((-1, 7), (ending_cursor, nwritten));
    check_eq!(
        OK,
        texts::values(
            M::VALUES_GET,
            message,
            name,
            &mut buffer[..7],
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
        check_eq!(OK, texts::change(M::VALUES_SET, message, name, list));
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
