//! `fastly_http_req`: sending, and waiting for the answer at once.

use super::cases;
use crate::check::{Outcome, check, check_eq, check_status};
use crate::guest::{self, Misaligned, ORIGIN, REFUSED, UNKNOWN, end_of_memory};
use crate::sys::*;
use crate::texts;

cases![
    req_send,
    req_send_v2,
    req_send_v3,
    req_send_status,
    req_send_headers,
    req_send_decompressed,
    req_send_framed,
    req_send_unknown_backend,
    req_send_refused,
    req_send_bad_handle,
    req_send_bad_backend_name,
    req_send_bad_result_pointer,
];

/// The tag of an error detail that says the connection was refused.
const CONNECTION_REFUSED: u32 = 7;

/// Fails unless the detail is as it was or says that the connection was refused: a host need not tell
/// more than the status, and must not tell anything else.
pub fn check_refused(detail: &SendErrorDetail) -> Outcome {
    check!(detail.tag == 0 || detail.tag == CONNECTION_REFUSED);
    Ok(())
}

/// Fails unless the response is the origin's echo of `content`.
pub fn check_echo(response: Handle, body: Handle, content: &[u8]) -> Outcome {
    check!(response != NO_HANDLE && body != NO_HANDLE);
    check_eq!(200, guest::status_of(response)?);
    check_eq!("origin", guest::response_header(response, "x-backend")?);
    check_eq!(content.to_vec(), guest::read_to_end(body)?);
    check_status!(OK, http_resp::close(response));
    check_status!(OK, http_body::close(body));
    Ok(())
}

/// The response comes in two parts, and what was sent is used up.
fn req_send() -> Outcome {
    let request = guest::request_to("POST", "/echo")?;
    let body = guest::body_with(b"content")?;
    let (mut response, mut response_body) = (NO_HANDLE, NO_HANDLE);
    check_eq!(
        OK,
        texts::send(
            http_req::send,
            request,
            body,
            ORIGIN,
            &mut response,
            &mut response_body
        )
    );
    check_echo(response, response_body, b"content")?;
    check_status!(BAD_HANDLE, http_req::close(request));
    check_status!(BAD_HANDLE, http_body::close(body));
    Ok(())
}

fn req_send_v2() -> Outcome {
    let request = guest::request_to("POST", "/echo")?;
    let body = guest::body_with(b"content")?;
    let mut detail = SendErrorDetail::default();
    let (mut response, mut response_body) = (NO_HANDLE, NO_HANDLE);
    check_eq!(
        OK,
        texts::send_detailed(
            http_req::send_v2,
            request,
            body,
            ORIGIN,
            &mut detail,
            &mut response,
            &mut response_body
        )
    );
    check_echo(response, response_body, b"content")?;

    let request = guest::request_to("GET", "/")?;
    let body = guest::empty_body()?;
    check_eq!(
        ERROR,
        texts::send_detailed(
            http_req::send_v2,
            request,
            body,
            REFUSED,
            &mut detail,
            &mut response,
            &mut response_body
        )
    );
    check_refused(&detail)
}

fn req_send_v3() -> Outcome {
    let request = guest::request_to("POST", "/echo")?;
    let body = guest::body_with(b"content")?;
    let mut detail = SendErrorDetail::default();
    let (mut response, mut response_body) = (NO_HANDLE, NO_HANDLE);
    check_eq!(
        OK,
        texts::send_detailed(
            http_req::send_v3,
            request,
            body,
            ORIGIN,
            &mut detail,
            &mut response,
            &mut response_body
        )
    );
    check_echo(response, response_body, b"content")?;

    let request = guest::request_to("GET", "/")?;
    let body = guest::empty_body()?;
    check_eq!(
        ERROR,
        texts::send_detailed(
            http_req::send_v3,
            request,
            body,
            REFUSED,
            &mut detail,
            &mut response,
            &mut response_body
        )
    );
    check_refused(&detail)
}

/// A status that means failure is no failure of the send.
fn req_send_status() -> Outcome {
    for status in [200, 204, 301, 404, 500, 599] {
        let pending = guest::start(&format!("/status/{status}"), ORIGIN)?;
        let (response, _) = guest::wait(pending)?;
        check_eq!(status, guest::status_of(response)?);
    }
    Ok(())
}

/// A request with a thousand headers' worth of bytes is still a request.
fn req_send_headers() -> Outcome {
    let request = guest::request_to("POST", "/echo")?;
    for index in 0..50 {
        let name = format!("x-number-{index}");
        let value = format!("{index:0>100}");
        check_eq!(
            OK,
            texts::change(http_req::header_append, request, name, value)
        );
    }
    let body = guest::body_with(b"content")?;
    let (mut response, mut response_body) = (NO_HANDLE, NO_HANDLE);
    check_eq!(
        OK,
        texts::send(
            http_req::send,
            request,
            body,
            ORIGIN,
            &mut response,
            &mut response_body
        )
    );
    check_echo(response, response_body, b"content")
}

/// Sends a `GET`, and asks for decoded content or not.
fn gzipped(path: &str, encodings: u32) -> Result<(Handle, Handle), String> {
    let request = guest::request_to("GET", path)?;
    check_status!(
        OK,
        http_req::auto_decompress_response_set(request, encodings)
    );
    let body = guest::empty_body()?;
    let (mut response, mut response_body) = (NO_HANDLE, NO_HANDLE);
    check_eq!(
        OK,
        texts::send(
            http_req::send,
            request,
            body,
            ORIGIN,
            &mut response,
            &mut response_body
        )
    );
    Ok((response, response_body))
}

/// Content comes as it was sent unless the guest asks for it decoded. What is no gzip cannot be read.
fn req_send_decompressed() -> Outcome {
    let (response, body) = gzipped("/gzip/whole", 0)?;
    check_eq!(
        "gzip",
        guest::response_header(response, "content-encoding")?
    );
    check!(guest::read_to_end(body)?.starts_with(b"\x1f\x8b"));

    let (response, body) = gzipped("/gzip/whole", 1)?;
    check_eq!(b"content".to_vec(), guest::read_to_end(body)?);
    for name in ["content-encoding", "content-length"] {
        let mut buffer = [0; 16];
        let mut nwritten = 0;
        check_eq!(
            INVALID_ARGUMENT,
            texts::value(
                http_resp::header_value_get,
                response,
                name,
                &mut buffer,
                &mut nwritten
            )
        );
    }

    for path in ["/gzip/cut", "/gzip/other"] {
        let (_, body) = gzipped(path, 1)?;
        let mut buffer = [0; 64];
        let mut nread = 0;
        let status = loop {
            let status =
                unsafe { http_body::read(body, buffer.as_mut_ptr(), buffer.len(), &mut nread) };
            if status != OK {
                break status;
            }
            // It must not end as if it were whole.
            check!(nread > 0);
        };
        check_eq!((path, ERROR), (path, status));
    }
    Ok(())
}

/// A streamed body is sent in chunks, unless the guest says itself how long it is.
fn req_send_framed() -> Outcome {
    for (mode, expected) in [(0, "transfer-encoding: chunked"), (1, "content-length: 7")] {
        let request = guest::request_to("POST", "/framing")?;
        let (name, value) = ("content-length", "7");
        check_eq!(
            OK,
            texts::change(http_req::header_insert, request, name, value)
        );
        check_status!(OK, http_req::framing_headers_mode_set(request, mode));
        let body = guest::empty_body()?;
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
        guest::write(body, b"content")?;
        check_status!(OK, http_body::close(body));
        let (_, answer) = guest::wait(pending)?;
        check_eq!(expected.as_bytes().to_vec(), guest::read_to_end(answer)?);
    }
    Ok(())
}

/// Request and body are used up by the attempt.
fn req_send_unknown_backend() -> Outcome {
    let request = guest::request_to("GET", "/echo")?;
    let body = guest::empty_body()?;
    let (mut response, mut response_body) = (NO_HANDLE, NO_HANDLE);
    check_eq!(
        INVALID_ARGUMENT,
        texts::send(
            http_req::send,
            request,
            body,
            UNKNOWN,
            &mut response,
            &mut response_body
        )
    );
    check_status!(BAD_HANDLE, http_req::close(request));
    check_status!(BAD_HANDLE, http_body::close(body));
    Ok(())
}

fn req_send_refused() -> Outcome {
    let request = guest::request_to("GET", "/echo")?;
    let body = guest::empty_body()?;
    let (mut response, mut response_body) = (NO_HANDLE, NO_HANDLE);
    check_eq!(
        ERROR,
        texts::send(
            http_req::send,
            request,
            body,
            REFUSED,
            &mut response,
            &mut response_body
        )
    );
    check_status!(BAD_HANDLE, http_req::close(request));
    check_status!(BAD_HANDLE, http_body::close(body));
    Ok(())
}

fn req_send_bad_handle() -> Outcome {
    let (backend, length) = (ORIGIN.as_ptr(), ORIGIN.len());
    let mut detail = SendErrorDetail::default();
    let (mut response, mut response_body) = (NO_HANDLE, NO_HANDLE);
    let body = guest::empty_body()?;
    check_status!(
        BAD_HANDLE,
        http_req::send(
            NO_HANDLE,
            body,
            backend,
            length,
            &mut response,
            &mut response_body
        )
    );
    let request = guest::request_to("GET", "/echo")?;
    check_status!(
        BAD_HANDLE,
        http_req::send(
            request,
            NO_HANDLE,
            backend,
            length,
            &mut response,
            &mut response_body
        )
    );
    let body = guest::empty_body()?;
    check_status!(
        BAD_HANDLE,
        http_req::send_v2(
            NO_HANDLE,
            body,
            backend,
            length,
            &mut detail,
            &mut response,
            &mut response_body
        )
    );
    let body = guest::empty_body()?;
    check_status!(
        BAD_HANDLE,
        http_req::send_v3(
            NO_HANDLE,
            body,
            backend,
            length,
            &mut detail,
            &mut response,
            &mut response_body
        )
    );
    check_eq!((NO_HANDLE, NO_HANDLE), (response, response_body));
    Ok(())
}

fn req_send_bad_backend_name() -> Outcome {
    let (mut response, mut response_body) = (NO_HANDLE, NO_HANDLE);
    let request = guest::request_to("GET", "/echo")?;
    let body = guest::empty_body()?;
    check_status!(
        INVALID_ARGUMENT,
        http_req::send(
            request,
            body,
            end_of_memory(),
            6,
            &mut response,
            &mut response_body
        )
    );
    // The name of a backend is text.
    let request = guest::request_to("GET", "/echo")?;
    let body = guest::empty_body()?;
    check_eq!(
        ERROR,
        texts::send(
            http_req::send,
            request,
            body,
            b"\xff\xfe",
            &mut response,
            &mut response_body
        )
    );
    Ok(())
}

fn req_send_bad_result_pointer() -> Outcome {
    let mut response_body = NO_HANDLE;
    let request = guest::request_to("GET", "/echo")?;
    let body = guest::empty_body()?;
    check_status!(
        BAD_ALIGNMENT,
        http_req::send(
            request,
            body,
            ORIGIN.as_ptr(),
            ORIGIN.len(),
            Misaligned::new().pointer(),
            &mut response_body
        )
    );
    let request = guest::request_to("GET", "/echo")?;
    let body = guest::empty_body()?;
    check_status!(
        INVALID_ARGUMENT,
        http_req::send_async(
            request,
            body,
            ORIGIN.as_ptr(),
            ORIGIN.len(),
            end_of_memory()
        )
    );
    Ok(())
}
