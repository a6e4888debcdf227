//! `fastly_http_body`: bodies that are all here, and those that arrive.

use super::cases;
use crate::check::{Outcome, check, check_eq, check_status};
use crate::guest::{self, Misaligned, ORIGIN, end_of_memory};
use crate::sys::*;

cases![
    body_new,
    body_new_bad_result_pointer,
    body_write_read,
    body_write_front,
    body_write_empty,
    body_write_large,
    body_write_bad_arguments,
    body_write_unknown_value,
    body_write_bad_result_pointer,
    body_read_empty,
    body_read_small_buffer,
    body_read_zero_length,
    body_read_bad_arguments,
    body_read_bad_result_pointer,
    body_append,
    body_append_to_itself,
    body_append_bad_handle,
    body_close,
    body_abandon,
    body_known_length,
    body_known_length_bad_handle,
    body_known_length_bad_result_pointer,
    body_of_response,
];

fn known_length(body: Handle) -> Result<u64, String> {
    let mut length = u64::MAX;
    check_status!(OK, http_body::known_length(body, &mut length));
    Ok(length)
}

/// Each body is one of its own.
fn body_new() -> Outcome {
    let first = guest::empty_body()?;
    let second = guest::empty_body()?;
    check!(first != second);
    check!(first != NO_HANDLE && second != NO_HANDLE);
    guest::write(first, b"first")?;
    check_eq!(Vec::<u8>::new(), guest::read_to_end(second)?);
    check_eq!(b"first".to_vec(), guest::read_to_end(first)?);
    Ok(())
}

fn body_new_bad_result_pointer() -> Outcome {
    check_status!(INVALID_ARGUMENT, http_body::new(end_of_memory()));
    check_status!(
        INVALID_ARGUMENT,
        http_body::new(usize::MAX.wrapping_sub(3) as *mut Handle)
    );
    check_status!(BAD_ALIGNMENT, http_body::new(Misaligned::new().pointer()));
    Ok(())
}

fn body_write_read() -> Outcome {
    let body = guest::body_with(b"one ")?;
    guest::write(body, b"two ")?;
    guest::write(body, b"three")?;
    check_eq!(b"one two three".to_vec(), guest::read_to_end(body)?);
    // The end is not a one-way street: what is written now can be read now.
    guest::write(body, b" four")?;
    check_eq!(b" four".to_vec(), guest::read_to_end(body)?);
    Ok(())
}

fn body_write_front() -> Outcome {
    let body = guest::body_with(b"three")?;
    for content in [b"two ".as_slice(), b"one "] {
        let mut nwritten = 0;
        check_status!(
            OK,
            http_body::write(body, content.as_ptr(), content.len(), FRONT, &mut nwritten)
        );
        check_eq!(content.len(), nwritten);
    }
    guest::write(body, b" four")?;
    check_eq!(b"one two three four".to_vec(), guest::read_to_end(body)?);

    // To the front of what is left, that is, after a part has been read.
    let body = guest::body_with(b"abcdef")?;
    let mut start = [0; 3];
    let mut nread = 0;
    check_status!(OK, http_body::read(body, start.as_mut_ptr(), 3, &mut nread));
    check_eq!(3, nread);
    let mut nwritten = 0;
    check_status!(
        OK,
        http_body::write(body, b"XY".as_ptr(), 2, FRONT, &mut nwritten)
    );
    check_eq!(b"XYdef".to_vec(), guest::read_to_end(body)?);
    Ok(())
}

/// Writing nothing is allowed and must not look like the end of the body to its reader.
fn body_write_empty() -> Outcome {
    let body = guest::empty_body()?;
    guest::write(body, b"")?;
    guest::write(body, b"content")?;
    guest::write(body, b"")?;
    check_eq!(b"content".to_vec(), guest::read_to_end(body)?);
    Ok(())
}

fn body_write_large() -> Outcome {
    let content: Vec<u8> = (0..1_000_000u32).map(|index| (index % 253) as u8).collect();
    let body = guest::body_with(&content)?;
    check_eq!(1_000_000, known_length(body)?);
    check!(guest::read_to_end(body)? == content);
    Ok(())
}

fn body_write_bad_arguments() -> Outcome {
    let body = guest::empty_body()?;
    let content = b"content";
    let mut nwritten = 0;
    check_status!(
        BAD_HANDLE,
        http_body::write(
            NO_HANDLE,
            content.as_ptr(),
            content.len(),
            BACK,
            &mut nwritten
        )
    );
    check_status!(
        INVALID_ARGUMENT,
        http_body::write(body, end_of_memory(), 1, BACK, &mut nwritten)
    );
    let near_the_end = (end_of_memory::<u8>() as usize - 2) as *const u8;
    check_status!(
        INVALID_ARGUMENT,
        http_body::write(body, near_the_end, 3, BACK, &mut nwritten)
    );
    // None of these wrote anything.
    check_eq!(0, known_length(body)?);
    Ok(())
}

/// A body has two ends.
fn body_write_unknown_value() -> Outcome {
    let body = guest::empty_body()?;
    let content = b"content";
    for end in [2, u32::MAX] {
        let mut nwritten = 0;
        check_status!(
            INVALID_ARGUMENT,
            http_body::write(body, content.as_ptr(), content.len(), end, &mut nwritten)
        );
    }
    check_eq!(0, known_length(body)?);
    Ok(())
}

fn body_write_bad_result_pointer() -> Outcome {
    let body = guest::empty_body()?;
    let content = b"content";
    check_status!(
        INVALID_ARGUMENT,
        http_body::write(body, content.as_ptr(), content.len(), BACK, end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        http_body::write(
            body,
            content.as_ptr(),
            content.len(),
            BACK,
            Misaligned::new().pointer()
        )
    );
    Ok(())
}

/// The end of a body is a read of zero bytes, as often as it is asked for.
fn body_read_empty() -> Outcome {
    let body = guest::empty_body()?;
    let mut buffer = [0xAA; 8];
    for _ in 0..3 {
        let mut nread = usize::MAX;
        check_status!(
            OK,
            http_body::read(body, buffer.as_mut_ptr(), buffer.len(), &mut nread)
        );
        check_eq!(0, nread);
    }
    check_eq!([0xAA; 8], buffer);
    Ok(())
}

/// A body comes out whole through a buffer smaller than what was written, and nothing is written
/// behind what is read.
fn body_read_small_buffer() -> Outcome {
    let body = guest::body_with(b"0123456789")?;
    let mut content = Vec::new();
    loop {
        let mut buffer = [0xAA; 4];
        let mut nread = 0;
        check_status!(
            OK,
            http_body::read(body, buffer.as_mut_ptr(), 3, &mut nread)
        );
        check!(nread <= 3);
        check_eq!(0xAA, buffer[3]);
        if nread == 0 {
            break;
        }
        content.extend_from_slice(&buffer[..nread]);
    }
    check_eq!(b"0123456789".to_vec(), content);
    Ok(())
}

/// A read into no buffer reads nothing and loses nothing.
fn body_read_zero_length() -> Outcome {
    let body = guest::body_with(b"content")?;
    let mut buffer = [0; 8];
    let mut nread = usize::MAX;
    check_status!(
        OK,
        http_body::read(body, buffer.as_mut_ptr(), 0, &mut nread)
    );
    check_eq!(0, nread);
    check_eq!(b"content".to_vec(), guest::read_to_end(body)?);
    Ok(())
}

fn body_read_bad_arguments() -> Outcome {
    let mut buffer = [0; 8];
    let mut nread = 0;
    check_status!(
        BAD_HANDLE,
        http_body::read(NO_HANDLE, buffer.as_mut_ptr(), buffer.len(), &mut nread)
    );
    let body = guest::body_with(b"content")?;
    check_status!(
        INVALID_ARGUMENT,
        http_body::read(body, end_of_memory(), 8, &mut nread)
    );
    let near_the_end = (end_of_memory::<u8>() as usize - 2) as *mut u8;
    check_status!(
        INVALID_ARGUMENT,
        http_body::read(body, near_the_end, 8, &mut nread)
    );
    check_status!(
        INVALID_ARGUMENT,
        http_body::read(body, buffer.as_mut_ptr(), usize::MAX, &mut nread)
    );
    // A buffer that was refused took nothing from the body.
    check_eq!(b"content".to_vec(), guest::read_to_end(body)?);
    Ok(())
}

fn body_read_bad_result_pointer() -> Outcome {
    let body = guest::body_with(b"content")?;
    let mut buffer = [0; 1];
    check_status!(
        INVALID_ARGUMENT,
        http_body::read(body, buffer.as_mut_ptr(), 1, end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        http_body::read(body, buffer.as_mut_ptr(), 1, Misaligned::new().pointer())
    );
    Ok(())
}

/// Appending moves the content and uses up the handle it came from.
fn body_append() -> Outcome {
    let destination = guest::body_with(b"one ")?;
    let source = guest::body_with(b"two ")?;
    check_status!(OK, http_body::append(destination, source));
    check_status!(BAD_HANDLE, http_body::close(source));
    check_status!(BAD_HANDLE, http_body::append(destination, source));

    let empty = guest::empty_body()?;
    check_status!(OK, http_body::append(destination, empty));
    guest::write(destination, b"three")?;
    check_eq!(13, known_length(destination)?);
    check_eq!(b"one two three".to_vec(), guest::read_to_end(destination)?);

    // What has been read of a source is not appended.
    let source = guest::body_with(b"abcdef")?;
    let mut start = [0; 3];
    let mut nread = 0;
    check_status!(
        OK,
        http_body::read(source, start.as_mut_ptr(), 3, &mut nread)
    );
    let destination = guest::empty_body()?;
    check_status!(OK, http_body::append(destination, source));
    check_eq!(b"def".to_vec(), guest::read_to_end(destination)?);
    Ok(())
}

fn body_append_to_itself() -> Outcome {
    let body = guest::body_with(b"content")?;
    check_status!(BAD_HANDLE, http_body::append(body, body));
    Ok(())
}

fn body_append_bad_handle() -> Outcome {
    let body = guest::body_with(b"content")?;
    check_status!(BAD_HANDLE, http_body::append(body, NO_HANDLE));
    check_eq!(b"content".to_vec(), guest::read_to_end(body)?);
    let source = guest::body_with(b"source")?;
    check_status!(BAD_HANDLE, http_body::append(NO_HANDLE, source));
    Ok(())
}

fn body_close() -> Outcome {
    let body = guest::body_with(b"content")?;
    check_status!(OK, http_body::close(body));
    check_status!(BAD_HANDLE, http_body::close(body));
    check_status!(BAD_HANDLE, http_body::close(NO_HANDLE));
    let mut buffer = [0; 8];
    let mut count = 0;
    check_status!(
        BAD_HANDLE,
        http_body::read(body, buffer.as_mut_ptr(), 8, &mut count)
    );
    check_status!(
        BAD_HANDLE,
        http_body::write(body, buffer.as_ptr(), 8, BACK, &mut count)
    );
    // The number is not given to the next body, which would make a late use of it a silent one.
    check!(guest::empty_body()? != body);
    Ok(())
}

/// A body that is not being streamed can be abandoned as well, which is the same as closing it.
fn body_abandon() -> Outcome {
    let body = guest::body_with(b"content")?;
    check_status!(OK, http_body::abandon(body));
    check_status!(BAD_HANDLE, http_body::abandon(body));
    check_status!(BAD_HANDLE, http_body::close(body));
    check_status!(BAD_HANDLE, http_body::abandon(NO_HANDLE));
    Ok(())
}

/// The length is that of what is left.
fn body_known_length() -> Outcome {
    let body = guest::empty_body()?;
    check_eq!(0, known_length(body)?);
    guest::write(body, b"0123456789")?;
    check_eq!(10, known_length(body)?);
    let mut buffer = [0; 4];
    let mut nread = 0;
    check_status!(
        OK,
        http_body::read(body, buffer.as_mut_ptr(), 4, &mut nread)
    );
    check_eq!(4, nread);
    check_eq!(6, known_length(body)?);
    guest::read_to_end(body)?;
    check_eq!(0, known_length(body)?);
    Ok(())
}

fn body_known_length_bad_handle() -> Outcome {
    let mut length = 0;
    check_status!(BAD_HANDLE, http_body::known_length(NO_HANDLE, &mut length));
    let body = guest::empty_body()?;
    check_status!(OK, http_body::close(body));
    check_status!(BAD_HANDLE, http_body::known_length(body, &mut length));
    Ok(())
}

/// The length takes eight bytes, and therefore an address that is a multiple of eight.
fn body_known_length_bad_result_pointer() -> Outcome {
    let body = guest::empty_body()?;
    check_status!(
        INVALID_ARGUMENT,
        http_body::known_length(body, end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        http_body::known_length(body, Misaligned::new().pointer())
    );
    let mut room = [0u64; 2];
    let in_the_middle = (room.as_mut_ptr() as usize + 4) as *mut u64;
    check_status!(BAD_ALIGNMENT, http_body::known_length(body, in_the_middle));
    Ok(())
}

/// The length of a response's body is known when the backend sent one.
fn body_of_response() -> Outcome {
    let pending = guest::start("/bytes/100000", ORIGIN)?;
    let (_, body) = guest::wait(pending)?;
    check_eq!(100_000, known_length(body)?);
    let content = guest::read_to_end(body)?;
    check_eq!(100_000, content.len());
    check!(content.iter().all(|byte| *byte == b'a'));

    let pending = guest::start("/stream/10/1000", ORIGIN)?;
    let (_, body) = guest::wait(pending)?;
    let mut length = 0;
    check_status!(NONE, http_body::known_length(body, &mut length));
    check_eq!(10_000, guest::read_to_end(body)?.len());
    Ok(())
}
