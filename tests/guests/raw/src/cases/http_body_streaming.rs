//! `fastly_http_body`: bodies that are sent before they are whole.

use super::cases;
use super::http_body_trailers::append_trailer;
use crate::check::{Outcome, call, check, check_eq, check_status};
use crate::guest::{self, ORIGIN};
use crate::sys::*;
use crate::texts;

cases![
    body_streaming_write,
    body_streaming_append,
    body_streaming_trailers,
    body_streaming_refusals,
    body_streaming_abandon,
];

/// A streaming body arrives as it is written, what was in it before included.
fn body_streaming_write() -> Outcome {
    let request = guest::request_to("POST", "/echo")?;
    let body = guest::body_with(b"before ")?;
    let mut pending = NO_HANDLE;
    check_eq!(
        OK,
        texts::send_async(
            http_req::send_async_streaming,
            request,
            body,
            ORIGIN,
            &mut pending
        )
    );
    let mut expected = b"before ".to_vec();
    for index in 0..100 {
        let line = format!("line {index}\n");
        guest::write(body, line.as_bytes())?;
        expected.extend_from_slice(line.as_bytes());
    }
    check_status!(OK, http_body::close(body));
    check_status!(BAD_HANDLE, http_body::close(body));
    let (response, response_body) = guest::wait(pending)?;
    check_eq!(200, guest::status_of(response)?);
    check!(guest::read_to_end(response_body)? == expected);
    Ok(())
}

fn body_streaming_append() -> Outcome {
    let (pending, body) = guest::start_streaming("/echo", ORIGIN)?;
    guest::write(body, b"written, ")?;
    let source = guest::body_with(b"appended, ")?;
    check_status!(OK, http_body::append(body, source));
    check_status!(BAD_HANDLE, http_body::close(source));

    // A body that is still arriving from somewhere else can be passed on before it has all come.
    let other = guest::start("/stream/10/1000", ORIGIN)?;
    let (_, arriving) = guest::wait(other)?;
    check_status!(OK, http_body::append(body, arriving));
    guest::write(body, b" end")?;
    check_status!(OK, http_body::close(body));

    let (_, response_body) = guest::wait(pending)?;
    let content = guest::read_to_end(response_body)?;
    check_eq!(19 + 10_000 + 4, content.len());
    check!(content.starts_with(b"written, appended, "));
    check!(content.ends_with(b" end"));
    Ok(())
}

/// Trailers can be put on a streaming body, and not be read from it.
fn body_streaming_trailers() -> Outcome {
    let (pending, body) = guest::start_streaming("/echo", ORIGIN)?;
    guest::write(body, b"content")?;
    append_trailer(body, "x-trailer", "value")?;
    let name = "x-trailer";
    let mut buffer = [0; 64];
    let (mut ending_cursor, mut nwritten) = (0, 0);
    check_eq!(
        INVALID_ARGUMENT,
        texts::names(
            http_body::trailer_names_get,
            body,
            &mut buffer[..64],
            0,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_eq!(
        INVALID_ARGUMENT,
        texts::value(
            http_body::trailer_value_get,
            body,
            name,
            &mut buffer[..64],
            &mut nwritten
        )
    );
    check_eq!(
        INVALID_ARGUMENT,
        texts::values(
            http_body::trailer_values_get,
            body,
            name,
            &mut buffer[..64],
            0,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    check_status!(OK, http_body::close(body));
    let (_, response_body) = guest::wait(pending)?;
    check_eq!(b"content".to_vec(), guest::read_to_end(response_body)?);
    Ok(())
}

/// What a body can no longer do once it is being streamed.
fn body_streaming_refusals() -> Outcome {
    let (pending, body) = guest::start_streaming("/echo", ORIGIN)?;
    let mut buffer = [0; 8];
    let mut count = 0;
    check_status!(
        BAD_HANDLE,
        http_body::read(body, buffer.as_mut_ptr(), 8, &mut count)
    );
    check_status!(
        BAD_HANDLE,
        http_body::write(body, buffer.as_ptr(), buffer.len(), FRONT, &mut count)
    );
    let mut length = 0;
    check_status!(NONE, http_body::known_length(body, &mut length));
    // It is still good for what it can do.
    guest::write(body, b"content")?;
    check_status!(OK, http_body::close(body));
    let (_, response_body) = guest::wait(pending)?;
    check_eq!(b"content".to_vec(), guest::read_to_end(response_body)?);
    Ok(())
}

/// An abandoned request must not look like a complete one, so that it cannot be answered.
fn body_streaming_abandon() -> Outcome {
    let (pending, body) = guest::start_streaming("/echo", ORIGIN)?;
    guest::write(body, b"incomplete")?;
    check_status!(OK, http_body::abandon(body));
    check_status!(BAD_HANDLE, http_body::close(body));
    let (mut response, mut response_body) = (NO_HANDLE, NO_HANDLE);
    // Which of the errors it is depends on how far the request had come.
    let status = call!(http_req::pending_req_wait(
        pending,
        &mut response,
        &mut response_body
    ));
    check!(status != OK);
    check_status!(
        BAD_HANDLE,
        http_req::pending_req_wait(pending, &mut response, &mut response_body)
    );
    Ok(())
}
