//! Headers of requests and of responses: what is refused. See `headers.rs`.

use super::headers::{Message, insert, names, new, owned, values};
use crate::check::{Outcome, check, check_eq, check_status};
use crate::guest::{Misaligned, end_of_memory};
use crate::sys::*;
use crate::texts;

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
        check_eq!(ERROR, texts::change(M::INSERT, message, name, value));
        check_eq!(ERROR, texts::change(M::APPEND, message, name, value));
        check_eq!(
            ERROR,
            texts::change(M::VALUES_SET, message, name, b"value\0")
        );
    }
    let long = vec![b'n'; 65_536];
    check_eq!(
        INVALID_ARGUMENT,
        texts::change(M::INSERT, message, &long, value)
    );
    check_eq!(
        INVALID_ARGUMENT,
        texts::change(M::APPEND, message, &long, value)
    );
    check_status!(
        INVALID_ARGUMENT,
        (M::REMOVE)(message, long.as_ptr(), long.len())
    );
    check_eq!(Vec::<Vec<u8>>::new(), names::<M>(message, 64)?);
    Ok(())
}

pub fn bad_value<M: Message>() -> Outcome {
    let message = new::<M>()?;
    insert::<M>(message, "x-name", b"kept")?;
    let name = "x-name";
    for value in [b"a\nb".as_slice(), b"a\rb", b"a\0b", b"\x7F", b"\x01"] {
        check_eq!(ERROR, texts::change(M::INSERT, message, name, value));
        check_eq!(ERROR, texts::change(M::APPEND, message, name, value));
    }
    // One bad value spoils the list, and then nothing is replaced.
    let list = b"good\0b\nd\0";
    check_eq!(ERROR, texts::change(M::VALUES_SET, message, name, list));
    check_eq!(owned(&[b"kept"]), values::<M>(message, "x-name")?);
    Ok(())
}

/// Neither the number that is never a handle nor one that has been closed will do.
pub fn bad_handle<M: Message>() -> Outcome {
    let closed = new::<M>()?;
    check_status!(OK, (M::CLOSE)(closed));
    let text = "x-name";
    let (pointer, length) = (text.as_ptr(), text.len());
    let mut buffer = [0; 16];
    for bad in [NO_HANDLE, closed] {
        let (mut ending_cursor, mut nwritten) = (0, 0);
        check_eq!(
            BAD_HANDLE,
            texts::names(
                M::NAMES_GET,
                bad,
                &mut buffer[..16],
                0,
                &mut ending_cursor,
                &mut nwritten
            )
        );
        check_status!(
            BAD_HANDLE,
            (M::VALUE_GET)(bad, pointer, length, buffer.as_mut_ptr(), 16, &mut nwritten)
        );
        check_status!(
            BAD_HANDLE,
            (M::VALUES_GET)(
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
            (M::VALUES_SET)(bad, pointer, length, b"value\0".as_ptr(), 6)
        );
        check_status!(
            BAD_HANDLE,
            (M::INSERT)(bad, pointer, length, pointer, length)
        );
        check_status!(
            BAD_HANDLE,
            (M::APPEND)(bad, pointer, length, pointer, length)
        );
        check_status!(BAD_HANDLE, (M::REMOVE)(bad, pointer, length));
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
        (M::INSERT)(message, outside, 1, pointer, length)
    );
    check_status!(
        INVALID_ARGUMENT,
        (M::INSERT)(message, pointer, length, outside, 1)
    );
    check_status!(
        INVALID_ARGUMENT,
        (M::APPEND)(message, outside, 1, pointer, length)
    );
    check_status!(
        INVALID_ARGUMENT,
        (M::APPEND)(message, pointer, length, outside, 1)
    );
    check_status!(
        INVALID_ARGUMENT,
        (M::VALUES_SET)(message, outside, 1, pointer, length)
    );
    check_status!(
        INVALID_ARGUMENT,
        (M::VALUES_SET)(message, pointer, length, outside, 1)
    );
    check_status!(INVALID_ARGUMENT, (M::REMOVE)(message, outside, 1));

    // Buffers that are not.
    check_status!(
        INVALID_ARGUMENT,
        (M::NAMES_GET)(message, outside, 16, 0, &mut ending_cursor, &mut nwritten)
    );
    check_status!(
        INVALID_ARGUMENT,
        (M::VALUE_GET)(message, pointer, length, outside, 16, &mut nwritten)
    );
    check_status!(
        INVALID_ARGUMENT,
        (M::VALUES_GET)(
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
        (M::VALUE_GET)(
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
        (M::VALUE_GET)(
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
        (M::NAMES_GET)(
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
        (M::NAMES_GET)(
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
        (M::VALUES_GET)(
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
    check_status!(INVALID_ARGUMENT, (M::NEW)(end_of_memory()));
    check_status!(BAD_ALIGNMENT, (M::NEW)(Misaligned::new().pointer()));
    Ok(())
}

/// Closing a message ends its handle, and its number is not used again.
pub fn close<M: Message>() -> Outcome {
    let message = new::<M>()?;
    check_status!(OK, (M::CLOSE)(message));
    check_status!(BAD_HANDLE, (M::CLOSE)(message));
    check_status!(BAD_HANDLE, (M::CLOSE)(NO_HANDLE));
    check!(new::<M>()? != message);
    Ok(())
}
