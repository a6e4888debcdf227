//! `fastly_http_req`: sending, and waiting for what was sent.

use super::cases;
use crate::check::{Outcome, check, check_eq, check_status};
use crate::guest::{self, Misaligned, ORIGIN, REFUSED, UNKNOWN, end_of_memory};
use crate::sys::*;
use std::time::{Duration, Instant};

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
    req_send_async,
    req_send_async_v2,
    req_send_async_v2_streaming,
    req_send_async_streaming,
    req_send_async_many,
    req_send_async_unknown_backend,
    req_send_async_bad_handle,
    req_pending_poll,
    req_pending_poll_v2,
    req_pending_poll_refused,
    req_pending_poll_bad_handle,
    req_pending_poll_bad_result_pointer,
    req_pending_wait_v2,
    req_pending_wait_refused,
    req_pending_wait_bad_handle,
    req_pending_wait_bad_result_pointer,
    req_pending_select,
    req_pending_select_v2,
    req_pending_select_refused,
    req_pending_select_empty,
    req_pending_select_bad_arguments,
];

/// The tag of an error detail that says the connection was refused.
const CONNECTION_REFUSED: u32 = 7;

/// Fails unless the detail is as it was or says that the connection was refused: a host need not tell
/// more than the status, and must not tell anything else.
fn check_refused(detail: &SendErrorDetail) -> Outcome {
    check!(detail.tag == 0 || detail.tag == CONNECTION_REFUSED);
    Ok(())
}

/// Fails unless the response is the origin's echo of `content`.
fn check_echo(response: Handle, body: Handle, content: &[u8]) -> Outcome {
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
    check_status!(
        OK,
        http_req::send(
            request,
            body,
            ORIGIN.as_ptr(),
            ORIGIN.len(),
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
    check_status!(
        OK,
        http_req::send_v2(
            request,
            body,
            ORIGIN.as_ptr(),
            ORIGIN.len(),
            &mut detail,
            &mut response,
            &mut response_body
        )
    );
    check_echo(response, response_body, b"content")?;

    let request = guest::request_to("GET", "/")?;
    let body = guest::empty_body()?;
    check_status!(
        ERROR,
        http_req::send_v2(
            request,
            body,
            REFUSED.as_ptr(),
            REFUSED.len(),
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
    check_status!(
        OK,
        http_req::send_v3(
            request,
            body,
            ORIGIN.as_ptr(),
            ORIGIN.len(),
            &mut detail,
            &mut response,
            &mut response_body
        )
    );
    check_echo(response, response_body, b"content")?;

    let request = guest::request_to("GET", "/")?;
    let body = guest::empty_body()?;
    check_status!(
        ERROR,
        http_req::send_v3(
            request,
            body,
            REFUSED.as_ptr(),
            REFUSED.len(),
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
        check_status!(
            OK,
            http_req::header_append(
                request,
                name.as_ptr(),
                name.len(),
                value.as_ptr(),
                value.len()
            )
        );
    }
    let body = guest::body_with(b"content")?;
    let (mut response, mut response_body) = (NO_HANDLE, NO_HANDLE);
    check_status!(
        OK,
        http_req::send(
            request,
            body,
            ORIGIN.as_ptr(),
            ORIGIN.len(),
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
    check_status!(
        OK,
        http_req::send(
            request,
            body,
            ORIGIN.as_ptr(),
            ORIGIN.len(),
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
        check_status!(
            INVALID_ARGUMENT,
            http_resp::header_value_get(
                response,
                name.as_ptr(),
                name.len(),
                buffer.as_mut_ptr(),
                buffer.len(),
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
        check_status!(
            OK,
            http_req::header_insert(
                request,
                name.as_ptr(),
                name.len(),
                value.as_ptr(),
                value.len()
            )
        );
        check_status!(OK, http_req::framing_headers_mode_set(request, mode));
        let body = guest::empty_body()?;
        let mut pending = NO_HANDLE;
        check_status!(
            OK,
            http_req::send_async_streaming(
                request,
                body,
                ORIGIN.as_ptr(),
                ORIGIN.len(),
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
    check_status!(
        INVALID_ARGUMENT,
        http_req::send(
            request,
            body,
            UNKNOWN.as_ptr(),
            UNKNOWN.len(),
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
    check_status!(
        ERROR,
        http_req::send(
            request,
            body,
            REFUSED.as_ptr(),
            REFUSED.len(),
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
    check_status!(
        ERROR,
        http_req::send(
            request,
            body,
            b"\xff\xfe".as_ptr(),
            2,
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

fn req_send_async() -> Outcome {
    let request = guest::request_to("POST", "/echo")?;
    let body = guest::body_with(b"content")?;
    let mut pending = NO_HANDLE;
    check_status!(
        OK,
        http_req::send_async(request, body, ORIGIN.as_ptr(), ORIGIN.len(), &mut pending)
    );
    check!(pending != NO_HANDLE);
    check_status!(BAD_HANDLE, http_req::close(request));
    check_status!(BAD_HANDLE, http_body::close(body));
    let (response, response_body) = guest::wait(pending)?;
    check_echo(response, response_body, b"content")
}

/// Only the number 1 asks for a streaming body.
fn req_send_async_v2() -> Outcome {
    for streaming in [0, 2] {
        let request = guest::request_to("POST", "/echo")?;
        let body = guest::body_with(b"content")?;
        let mut pending = NO_HANDLE;
        check_status!(
            OK,
            http_req::send_async_v2(
                request,
                body,
                ORIGIN.as_ptr(),
                ORIGIN.len(),
                streaming,
                &mut pending
            )
        );
        check_status!(BAD_HANDLE, http_req::close(request));
        check_status!(BAD_HANDLE, http_body::close(body));
        let (response, response_body) = guest::wait(pending)?;
        check_echo(response, response_body, b"content")?;
    }
    Ok(())
}

fn req_send_async_v2_streaming() -> Outcome {
    let request = guest::request_to("POST", "/echo")?;
    let body = guest::body_with(b"before, ")?;
    let mut pending = NO_HANDLE;
    check_status!(
        OK,
        http_req::send_async_v2(
            request,
            body,
            ORIGIN.as_ptr(),
            ORIGIN.len(),
            1,
            &mut pending
        )
    );
    guest::write(body, b"after")?;
    check_status!(OK, http_body::close(body));
    let (response, response_body) = guest::wait(pending)?;
    check_echo(response, response_body, b"before, after")
}

/// The request is used up, the body is not.
fn req_send_async_streaming() -> Outcome {
    let request = guest::request_to("POST", "/echo")?;
    let body = guest::empty_body()?;
    let mut pending = NO_HANDLE;
    check_status!(
        OK,
        http_req::send_async_streaming(request, body, ORIGIN.as_ptr(), ORIGIN.len(), &mut pending)
    );
    check_status!(BAD_HANDLE, http_req::close(request));
    guest::write(body, b"content")?;
    check_status!(OK, http_body::close(body));
    let (response, response_body) = guest::wait(pending)?;
    check_echo(response, response_body, b"content")
}

/// Requests that are under way at the same time take as long as the slowest, not as all together.
fn req_send_async_many() -> Outcome {
    let before = Instant::now();
    let pending = (0..10)
        .map(|index| guest::start(&format!("/delay/200/{index}"), ORIGIN))
        .collect::<Result<Vec<Handle>, String>>()?;
    for pending in pending {
        let (response, _) = guest::wait(pending)?;
        check_eq!(200, guest::status_of(response)?);
    }
    check!(before.elapsed() >= Duration::from_millis(200));
    check!(before.elapsed() < Duration::from_millis(1500));
    Ok(())
}

fn req_send_async_unknown_backend() -> Outcome {
    let (backend, length) = (UNKNOWN.as_ptr(), UNKNOWN.len());
    let mut pending = NO_HANDLE;

    let request = guest::request_to("GET", "/echo")?;
    let body = guest::empty_body()?;
    check_status!(
        INVALID_ARGUMENT,
        http_req::send_async(request, body, backend, length, &mut pending)
    );
    check_status!(BAD_HANDLE, http_req::close(request));
    check_status!(BAD_HANDLE, http_body::close(body));

    let request = guest::request_to("GET", "/echo")?;
    let body = guest::empty_body()?;
    check_status!(
        INVALID_ARGUMENT,
        http_req::send_async_v2(request, body, backend, length, 0, &mut pending)
    );
    let request = guest::request_to("GET", "/echo")?;
    let body = guest::empty_body()?;
    check_status!(
        INVALID_ARGUMENT,
        http_req::send_async_streaming(request, body, backend, length, &mut pending)
    );
    check_status!(BAD_HANDLE, http_req::close(request));
    check_eq!(NO_HANDLE, pending);
    Ok(())
}

fn req_send_async_bad_handle() -> Outcome {
    let (backend, length) = (ORIGIN.as_ptr(), ORIGIN.len());
    let mut pending = NO_HANDLE;
    let body = guest::empty_body()?;
    check_status!(
        BAD_HANDLE,
        http_req::send_async(NO_HANDLE, body, backend, length, &mut pending)
    );
    let body = guest::empty_body()?;
    check_status!(
        BAD_HANDLE,
        http_req::send_async_v2(NO_HANDLE, body, backend, length, 0, &mut pending)
    );
    let body = guest::empty_body()?;
    check_status!(
        BAD_HANDLE,
        http_req::send_async_streaming(NO_HANDLE, body, backend, length, &mut pending)
    );
    let request = guest::request_to("GET", "/echo")?;
    check_status!(
        BAD_HANDLE,
        http_req::send_async_streaming(request, NO_HANDLE, backend, length, &mut pending)
    );
    // A body that is being streamed cannot be streamed again.
    let (first, streaming) = guest::start_streaming("/echo", ORIGIN)?;
    let request = guest::request_to("POST", "/echo")?;
    check_status!(
        BAD_HANDLE,
        http_req::send_async_streaming(request, streaming, backend, length, &mut pending)
    );
    check_eq!(NO_HANDLE, pending);
    check_status!(OK, http_body::close(streaming));
    guest::wait(first)?;
    Ok(())
}

/// Asked too early, the host says so and gives no handles; asked in time, it gives them and the
/// pending request is used up.
fn req_pending_poll() -> Outcome {
    let pending = guest::start("/delay/200/poll", ORIGIN)?;
    let (mut done, mut response, mut body) = (u32::MAX, 0, 0);
    check_status!(
        OK,
        http_req::pending_req_poll(pending, &mut done, &mut response, &mut body)
    );
    check_eq!((0, NO_HANDLE, NO_HANDLE), (done, response, body));
    while done == 0 {
        std::thread::sleep(Duration::from_millis(5));
        check_status!(
            OK,
            http_req::pending_req_poll(pending, &mut done, &mut response, &mut body)
        );
    }
    check_eq!(1, done);
    check_eq!(200, guest::status_of(response)?);
    check_status!(
        BAD_HANDLE,
        http_req::pending_req_poll(pending, &mut done, &mut response, &mut body)
    );
    Ok(())
}

fn req_pending_poll_v2() -> Outcome {
    let pending = guest::start("/delay/200/poll", ORIGIN)?;
    let mut detail = SendErrorDetail::default();
    let (mut done, mut response, mut body) = (u32::MAX, 0, 0);
    check_status!(
        OK,
        http_req::pending_req_poll_v2(pending, &mut detail, &mut done, &mut response, &mut body)
    );
    check_eq!((0, NO_HANDLE, NO_HANDLE), (done, response, body));
    let mut index = 0;
    check_status!(OK, async_io::select(&pending, 1, 5000, &mut index));
    check_eq!(0, index);
    check_status!(
        OK,
        http_req::pending_req_poll_v2(pending, &mut detail, &mut done, &mut response, &mut body)
    );
    check_eq!(1, done);
    check_eq!(200, guest::status_of(response)?);
    check_status!(
        BAD_HANDLE,
        http_req::pending_req_poll_v2(pending, &mut detail, &mut done, &mut response, &mut body)
    );
    Ok(())
}

/// A request that failed says so when it is polled, once.
fn req_pending_poll_refused() -> Outcome {
    let pending = guest::start("/", REFUSED)?;
    let mut index = 0;
    check_status!(OK, async_io::select(&pending, 1, 5000, &mut index));
    check_eq!(0, index);
    let (mut done, mut response, mut body) = (0, NO_HANDLE, NO_HANDLE);
    check_status!(
        ERROR,
        http_req::pending_req_poll(pending, &mut done, &mut response, &mut body)
    );
    check_status!(
        BAD_HANDLE,
        http_req::pending_req_poll(pending, &mut done, &mut response, &mut body)
    );

    let pending = guest::start("/", REFUSED)?;
    check_status!(OK, async_io::select(&pending, 1, 5000, &mut index));
    let mut detail = SendErrorDetail::default();
    check_status!(
        ERROR,
        http_req::pending_req_poll_v2(pending, &mut detail, &mut done, &mut response, &mut body)
    );
    check_refused(&detail)
}

fn req_pending_poll_bad_handle() -> Outcome {
    let mut detail = SendErrorDetail::default();
    let (mut done, mut response, mut body) = (0, NO_HANDLE, NO_HANDLE);
    check_status!(
        BAD_HANDLE,
        http_req::pending_req_poll(NO_HANDLE, &mut done, &mut response, &mut body)
    );
    check_status!(
        BAD_HANDLE,
        http_req::pending_req_poll_v2(NO_HANDLE, &mut detail, &mut done, &mut response, &mut body)
    );
    Ok(())
}

fn req_pending_poll_bad_result_pointer() -> Outcome {
    let (mut response, mut body) = (NO_HANDLE, NO_HANDLE);
    let pending = guest::start("/delay/200/poll", ORIGIN)?;
    check_status!(
        INVALID_ARGUMENT,
        http_req::pending_req_poll(pending, end_of_memory(), &mut response, &mut body)
    );
    check_status!(
        BAD_ALIGNMENT,
        http_req::pending_req_poll(
            pending,
            Misaligned::new().pointer(),
            &mut response,
            &mut body
        )
    );
    // A request that was not done cannot have been used up by these.
    guest::wait(pending)?;
    Ok(())
}

fn req_pending_wait_v2() -> Outcome {
    let pending = guest::start("/echo", ORIGIN)?;
    let mut detail = SendErrorDetail::default();
    let (mut response, mut body) = (NO_HANDLE, NO_HANDLE);
    check_status!(
        OK,
        http_req::pending_req_wait_v2(pending, &mut detail, &mut response, &mut body)
    );
    check_echo(response, body, b"")?;
    check_status!(
        BAD_HANDLE,
        http_req::pending_req_wait_v2(pending, &mut detail, &mut response, &mut body)
    );
    Ok(())
}

fn req_pending_wait_refused() -> Outcome {
    let (mut response, mut body) = (NO_HANDLE, NO_HANDLE);
    let pending = guest::start("/", REFUSED)?;
    check_status!(
        ERROR,
        http_req::pending_req_wait(pending, &mut response, &mut body)
    );
    check_status!(
        BAD_HANDLE,
        http_req::pending_req_wait(pending, &mut response, &mut body)
    );
    let pending = guest::start("/", REFUSED)?;
    let mut detail = SendErrorDetail::default();
    check_status!(
        ERROR,
        http_req::pending_req_wait_v2(pending, &mut detail, &mut response, &mut body)
    );
    check_refused(&detail)
}

fn req_pending_wait_bad_handle() -> Outcome {
    let mut detail = SendErrorDetail::default();
    let (mut response, mut body) = (NO_HANDLE, NO_HANDLE);
    check_status!(
        BAD_HANDLE,
        http_req::pending_req_wait(NO_HANDLE, &mut response, &mut body)
    );
    check_status!(
        BAD_HANDLE,
        http_req::pending_req_wait_v2(NO_HANDLE, &mut detail, &mut response, &mut body)
    );
    Ok(())
}

fn req_pending_wait_bad_result_pointer() -> Outcome {
    let mut body = NO_HANDLE;
    let pending = guest::start("/echo", ORIGIN)?;
    check_status!(
        BAD_ALIGNMENT,
        http_req::pending_req_wait(pending, Misaligned::new().pointer(), &mut body)
    );
    let pending = guest::start("/echo", ORIGIN)?;
    check_status!(
        INVALID_ARGUMENT,
        http_req::pending_req_wait(pending, end_of_memory(), &mut body)
    );
    Ok(())
}

/// The first of several to be answered wins. It is used up; the others are not, so that they can be
/// selected from in turn.
fn req_pending_select() -> Outcome {
    let middle = guest::start("/delay/400/middle", ORIGIN)?;
    let last = guest::start("/delay/700/last", ORIGIN)?;
    let first = guest::start("/delay/100/first", ORIGIN)?;
    let mut left = vec![middle, last, first];
    for expected in [first, middle, last] {
        let (mut index, mut response, mut body) = (u32::MAX, NO_HANDLE, NO_HANDLE);
        check_status!(
            OK,
            http_req::pending_req_select(
                left.as_ptr(),
                left.len(),
                &mut index,
                &mut response,
                &mut body
            )
        );
        check!((index as usize) < left.len());
        check_eq!(expected, left.remove(index as usize));
        check_eq!(200, guest::status_of(response)?);
        check_status!(
            BAD_HANDLE,
            http_req::pending_req_wait(expected, &mut response, &mut body)
        );
    }
    Ok(())
}

fn req_pending_select_v2() -> Outcome {
    let slow = guest::start("/delay/500/slow", ORIGIN)?;
    let fast = guest::start("/delay/50/fast", ORIGIN)?;
    let mut detail = SendErrorDetail::default();
    let (mut index, mut response, mut body) = (u32::MAX, NO_HANDLE, NO_HANDLE);
    check_status!(
        OK,
        http_req::pending_req_select_v2(
            [slow, fast].as_ptr(),
            2,
            &mut detail,
            &mut index,
            &mut response,
            &mut body
        )
    );
    check_eq!(1, index);
    check_eq!(200, guest::status_of(response)?);
    check_status!(
        BAD_HANDLE,
        http_req::pending_req_wait(fast, &mut response, &mut body)
    );
    guest::wait(slow)?;
    Ok(())
}

/// A winner that failed is a winner: the call succeeds, and there are no handles.
fn req_pending_select_refused() -> Outcome {
    let slow = guest::start("/delay/1000/slow", ORIGIN)?;
    let refused = guest::start("/", REFUSED)?;
    let (mut index, mut response, mut body) = (u32::MAX, 0, 0);
    check_status!(
        OK,
        http_req::pending_req_select(
            [slow, refused].as_ptr(),
            2,
            &mut index,
            &mut response,
            &mut body
        )
    );
    check_eq!((1, NO_HANDLE, NO_HANDLE), (index, response, body));
    check_status!(
        BAD_HANDLE,
        http_req::pending_req_wait(refused, &mut response, &mut body)
    );

    let refused = guest::start("/", REFUSED)?;
    let mut detail = SendErrorDetail::default();
    (index, response, body) = (u32::MAX, 0, 0);
    check_status!(
        OK,
        http_req::pending_req_select_v2(
            [slow, refused].as_ptr(),
            2,
            &mut detail,
            &mut index,
            &mut response,
            &mut body
        )
    );
    check_eq!((1, NO_HANDLE, NO_HANDLE), (index, response, body));
    check_refused(&detail)?;
    guest::wait(slow)?;
    Ok(())
}

fn req_pending_select_empty() -> Outcome {
    let none: [Handle; 0] = [];
    let mut detail = SendErrorDetail::default();
    let (mut index, mut response, mut body) = (0, NO_HANDLE, NO_HANDLE);
    check_status!(
        INVALID_ARGUMENT,
        http_req::pending_req_select(none.as_ptr(), 0, &mut index, &mut response, &mut body)
    );
    check_status!(
        INVALID_ARGUMENT,
        http_req::pending_req_select_v2(
            none.as_ptr(),
            0,
            &mut detail,
            &mut index,
            &mut response,
            &mut body
        )
    );
    Ok(())
}

fn req_pending_select_bad_arguments() -> Outcome {
    let pending = guest::start("/delay/100/select", ORIGIN)?;
    let mut detail = SendErrorDetail::default();
    let (mut index, mut response, mut body) = (0, NO_HANDLE, NO_HANDLE);
    check_status!(
        BAD_HANDLE,
        http_req::pending_req_select(
            [pending, NO_HANDLE].as_ptr(),
            2,
            &mut index,
            &mut response,
            &mut body
        )
    );
    check_status!(
        BAD_HANDLE,
        http_req::pending_req_select_v2(
            [NO_HANDLE, pending].as_ptr(),
            2,
            &mut detail,
            &mut index,
            &mut response,
            &mut body
        )
    );
    check_status!(
        INVALID_ARGUMENT,
        http_req::pending_req_select(end_of_memory(), 1, &mut index, &mut response, &mut body)
    );
    check_status!(
        BAD_ALIGNMENT,
        http_req::pending_req_select(
            Misaligned::new().pointer(),
            1,
            &mut index,
            &mut response,
            &mut body
        )
    );
    // The good one has not been lost over any of these.
    guest::wait(pending)?;
    Ok(())
}
