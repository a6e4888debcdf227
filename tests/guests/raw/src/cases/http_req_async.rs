//! `fastly_http_req`: sending without waiting.

use super::cases;
use super::http_req_send::check_echo;
use crate::check::{Outcome, check, check_eq, check_status};
use crate::guest::{self, ORIGIN, UNKNOWN};
use crate::sys::*;
use crate::texts;
use std::time::{Duration, Instant};

cases![
    req_send_async,
    req_send_async_v2,
    req_send_async_v2_streaming,
    req_send_async_streaming,
    req_send_async_many,
    req_send_async_unknown_backend,
    req_send_async_bad_handle,
];

fn req_send_async() -> Outcome {
    let request = guest::request_to("POST", "/echo")?;
    let body = guest::body_with(b"content")?;
    let mut pending = NO_HANDLE;
    check_eq!(
        OK,
        texts::send_async(http_req::send_async, request, body, ORIGIN, &mut pending)
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
