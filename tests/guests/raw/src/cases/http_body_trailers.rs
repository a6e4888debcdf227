//! `fastly_http_body`: trailers.

use super::cases;
use crate::check::{Outcome, check_eq, check_status};
use crate::guest::{self, Misaligned, end_of_memory};
use crate::sys::*;
use crate::texts;

cases![
    body_append_moves_trailers,
    body_trailers,
    body_trailers_again,
    body_trailers_missing,
    body_trailers_small_buffer,
    body_trailers_cursor,
    body_trailers_bad_arguments,
];

pub fn append_trailer(body: Handle, name: &str, value: &str) -> Outcome {
    check_eq!(
        OK,
        texts::change(http_body::trailer_append, body, name, value)
    );
    Ok(())
}

fn trailer(body: Handle, name: &str) -> Result<Vec<u8>, String> {
    let mut buffer = [0; 64];
    let mut nwritten = 0;
    check_eq!(
        OK,
        texts::value(
            http_body::trailer_value_get,
            body,
            name,
            &mut buffer,
            &mut nwritten
        )
    );
    Ok(buffer[..nwritten].to_vec())
}

fn body_append_moves_trailers() -> Outcome {
    let destination = guest::body_with(b"one ")?;
    append_trailer(destination, "x-one", "1")?;
    let source = guest::body_with(b"two")?;
    append_trailer(source, "x-two", "2")?;
    check_status!(OK, http_body::append(destination, source));
    check_eq!(b"one two".to_vec(), guest::read_to_end(destination)?);
    check_eq!(b"1".to_vec(), trailer(destination, "x-one")?);
    check_eq!(b"2".to_vec(), trailer(destination, "x-two")?);
    Ok(())
}

fn body_trailers() -> Outcome {
    let body = guest::body_with(b"content")?;
    append_trailer(body, "X-One", "1")?;
    append_trailer(body, "x-many", "2")?;
    append_trailer(body, "x-many", "")?;
    guest::read_to_end(body)?;

    let mut buffer = [0; 64];
    let (mut ending_cursor, mut nwritten) = (0, 0);
    check_eq!(
        OK,
        texts::names(
            http_body::trailer_names_get,
            body,
            &mut buffer,
            0,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_eq!(-1, ending_cursor);
    let mut names: Vec<&[u8]> = buffer[..nwritten]
        .split_inclusive(|byte| *byte == 0)
        .collect();
    names.sort();
    check_eq!(vec![b"x-many\0".as_slice(), b"x-one\0"], names);

    check_eq!(b"1".to_vec(), trailer(body, "x-ONE")?);
    // Of several values this is the first.
    check_eq!(b"2".to_vec(), trailer(body, "x-many")?);

    let name = "x-many";
    check_eq!(
        OK,
        texts::values(
            http_body::trailer_values_get,
            body,
            name,
            &mut buffer,
            0,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_eq!(-1, ending_cursor);
    check_eq!(b"2\0\0".as_slice(), &buffer[..nwritten]);
    Ok(())
}

/// Trailers come behind the content, so that they cannot be asked for before its end.
fn body_trailers_again() -> Outcome {
    let body = guest::body_with(b"content")?;
    append_trailer(body, "x-one", "1")?;
    let mut buffer = [0; 64];
    let (mut ending_cursor, mut nwritten) = (0, 0);
    let name = "x-one";
    for round in 0..2 {
        check_eq!(
            AGAIN,
            texts::names(
                http_body::trailer_names_get,
                body,
                &mut buffer,
                0,
                &mut ending_cursor,
                &mut nwritten
            )
        );
        check_eq!(
            AGAIN,
            texts::value(
                http_body::trailer_value_get,
                body,
                name,
                &mut buffer,
                &mut nwritten
            )
        );
        check_eq!(
            AGAIN,
            texts::values(
                http_body::trailer_values_get,
                body,
                name,
                &mut buffer,
                0,
                &mut ending_cursor,
                &mut nwritten
            )
        );
        // The second time, the last byte has been read, but not yet the end behind it.
        if round == 0 {
            check_status!(
                OK,
                http_body::read(body, buffer.as_mut_ptr(), 7, &mut nwritten)
            );
            check_eq!(7, nwritten);
        }
    }
    check_status!(
        OK,
        http_body::read(body, buffer.as_mut_ptr(), 7, &mut nwritten)
    );
    check_eq!(0, nwritten);
    check_eq!(b"1".to_vec(), trailer(body, "x-one")?);
    Ok(())
}

fn body_trailers_missing() -> Outcome {
    let body = guest::empty_body()?;
    guest::read_to_end(body)?;
    let mut buffer = [0; 64];
    let (mut ending_cursor, mut nwritten) = (0, usize::MAX);
    let name = "x-missing";
    check_eq!(
        OK,
        texts::names(
            http_body::trailer_names_get,
            body,
            &mut buffer,
            0,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_eq!((-1, 0), (ending_cursor, nwritten));
    check_eq!(
        INVALID_ARGUMENT,
        texts::value(
            http_body::trailer_value_get,
            body,
            name,
            &mut buffer,
            &mut nwritten
        )
    );
    (ending_cursor, nwritten) = (0, usize::MAX);
    check_eq!(
        OK,
        texts::values(
            http_body::trailer_values_get,
            body,
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

fn body_trailers_small_buffer() -> Outcome {
    let body = guest::empty_body()?;
    append_trailer(body, "x-name", "value")?;
    guest::read_to_end(body)?;
    let mut buffer = [0; 64];
    let (mut ending_cursor, mut nwritten) = (0, 0);
    let name = "x-name";
    check_eq!(
        BUFFER_TOO_SMALL,
        texts::value(
            http_body::trailer_value_get,
            body,
            name,
            &mut buffer[..4],
            &mut nwritten
        )
    );
    check_eq!(5, nwritten);
    // In a list the NUL behind the item needs room as well.
    check_eq!(
        BUFFER_TOO_SMALL,
        texts::values(
            http_body::trailer_values_get,
            body,
            name,
            &mut buffer[..5],
            0,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_eq!((-1, 6), (ending_cursor, nwritten));
    (ending_cursor, nwritten) = (0, 0);
    check_eq!(
        BUFFER_TOO_SMALL,
        texts::names(
            http_body::trailer_names_get,
            body,
            &mut buffer[..6],
            0,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_eq!((-1, 7), (ending_cursor, nwritten));
    Ok(())
}

fn body_trailers_cursor() -> Outcome {
    let body = guest::empty_body()?;
    for value in ["a", "bb", "ccc"] {
        append_trailer(body, "x-list", value)?;
    }
    guest::read_to_end(body)?;
    let name = "x-list";
    let mut buffer = [0; 6];
    let (mut ending_cursor, mut nwritten) = (0, 0);
    check_eq!(
        OK,
        texts::values(
            http_body::trailer_values_get,
            body,
            name,
            &mut buffer,
            0,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_eq!(
        (2, b"a\0bb\0".as_slice()),
        (ending_cursor, &buffer[..nwritten])
    );
    check_eq!(
        OK,
        texts::values(
            http_body::trailer_values_get,
            body,
            name,
            &mut buffer,
            2,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_eq!(
        (-1, b"ccc\0".as_slice()),
        (ending_cursor, &buffer[..nwritten])
    );
    Ok(())
}

fn body_trailers_bad_arguments() -> Outcome {
    let body = guest::empty_body()?;
    let (good, bad) = ("x-name", "bad name");
    // Illegal names and values.
    check_eq!(
        ERROR,
        texts::change(http_body::trailer_append, body, bad, good)
    );
    check_eq!(
        ERROR,
        texts::change(http_body::trailer_append, body, good, b"a\nb")
    );
    check_eq!(
        BAD_HANDLE,
        texts::change(http_body::trailer_append, NO_HANDLE, good, good)
    );
    check_status!(
        INVALID_ARGUMENT,
        http_body::trailer_append(body, end_of_memory(), 1, good.as_ptr(), good.len())
    );
    check_status!(
        INVALID_ARGUMENT,
        http_body::trailer_append(body, good.as_ptr(), good.len(), end_of_memory(), 1)
    );

    append_trailer(body, good, "value")?;
    guest::read_to_end(body)?;
    let mut buffer = [0; 64];
    let (mut ending_cursor, mut nwritten) = (0, 0);
    check_eq!(
        BAD_HANDLE,
        texts::names(
            http_body::trailer_names_get,
            NO_HANDLE,
            &mut buffer[..64],
            0,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_eq!(
        BAD_HANDLE,
        texts::value(
            http_body::trailer_value_get,
            NO_HANDLE,
            good,
            &mut buffer[..64],
            &mut nwritten
        )
    );
    check_eq!(
        BAD_HANDLE,
        texts::values(
            http_body::trailer_values_get,
            NO_HANDLE,
            good,
            &mut buffer[..64],
            0,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_status!(
        INVALID_ARGUMENT,
        http_body::trailer_names_get(
            body,
            end_of_memory(),
            64,
            0,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_status!(
        INVALID_ARGUMENT,
        http_body::trailer_value_get(
            body,
            good.as_ptr(),
            good.len(),
            end_of_memory(),
            64,
            &mut nwritten
        )
    );
    check_status!(
        BAD_ALIGNMENT,
        http_body::trailer_value_get(
            body,
            good.as_ptr(),
            good.len(),
            buffer.as_mut_ptr(),
            64,
            Misaligned::new().pointer()
        )
    );
    check_status!(
        BAD_ALIGNMENT,
        http_body::trailer_names_get(
            body,
            buffer.as_mut_ptr(),
            64,
            0,
            Misaligned::new().pointer(),
            &mut nwritten
        )
    );
    Ok(())
}
