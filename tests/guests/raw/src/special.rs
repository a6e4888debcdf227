//! The routes below `/raw/`: those that answer the client in a way of their own, or not at all.
//! Where a step before the answer fails, the answer is 500 and says which.

use crate::check::{Outcome, call, check_eq, check_status};
use crate::guest::{self, NEVER, ORIGIN, REFUSED};
use crate::sys::*;
use crate::texts;

pub fn serve(route: &[&str]) -> Outcome {
    let outcome = match route {
        ["wait-never"] => wait_never(),
        ["select-timeout", millis] => match millis.parse() {
            Ok(millis) => select_timeout(millis),
            Err(_) => return guest::answer(400, b"not a number of milliseconds"),
        },
        ["empty-select"] => empty_select(),
        ["two-answers"] => return two_answers(),
        ["streaming-answer"] => return streaming_answer(),
        ["streaming-trailers"] => return streaming_trailers(),
        ["request-trailers"] => request_trailers(),
        ["framing", mode] => return framed(mode),
        ["keepalive", mode] => keepalive(mode),
        ["abandoned-answer"] => return abandoned_answer(),
        ["forgotten-answer"] => return forgotten_answer(),
        ["identity"] => crate::cases::identity::report(false),
        ["identity-earlier"] => crate::cases::identity::report(true),
        ["early-hints"] => early_hints(),
        ["informational"] => informational(),
        ["edited-answer"] => edited_answer(ORIGIN),
        ["edited-answer-refused"] => edited_answer(REFUSED),
        ["serve-many"] => return serve_many(),
        ["subrequests"] => return subrequests(),
        ["health", name] => health(name),
        ["websocket", backend] => return websocket(backend, false),
        ["websocket-v2", backend] => return websocket(backend, true),
        ["grip", backend] => return grip(backend),
        ["grip-v2", backend] => return grip_v2(backend),
        ["pending-answer"] => pending_answer(ORIGIN),
        ["pending-answer-refused"] => pending_answer(REFUSED),
        _ => return guest::answer(404, b"no such route"),
    };
    match outcome {
        Ok(()) => Ok(()),
        Err(failure) => guest::answer(500, failure.as_bytes()),
    }
}

/// Answers with the health of a backend, the status of its response to a request, and its health then.
fn health(name: &str) -> Outcome {
    let before = health_of(name)?;
    let (response, _) = guest::wait(guest::start("/bytes/1", name)?)?;
    let status = guest::status_of(response)?;
    let after = health_of(name)?;
    guest::answer(200, format!("{before} {status} {after}").as_bytes())
}

fn health_of(name: &str) -> Result<u32, String> {
    let mut health = u32::MAX;
    check_status!(
        OK,
        backend::is_healthy(name.as_ptr(), name.len(), &mut health)
    );
    Ok(health)
}

/// Waits for a backend that never answers. Nothing comes after it unless the host has a time limit.
fn wait_never() -> Outcome {
    let pending = guest::start("/", NEVER)?;
    guest::wait(pending)?;
    guest::answer(200, b"the wait ended")
}

/// Waits for the same backend for a limited time. Answers `timeout`, or the position that `select`
/// reported.
fn select_timeout(millis: u32) -> Outcome {
    let pending = guest::start("/", NEVER)?;
    let mut index = 0;
    check_status!(OK, async_io::select(&pending, 1, millis, &mut index));
    if index == TIMED_OUT {
        guest::answer(200, b"timeout")
    } else {
        guest::answer(200, format!("index {index}").as_bytes())
    }
}

/// Waits for nothing, for ever, which the host has to refuse. Answers with the status.
fn empty_select() -> Outcome {
    let mut index = 0;
    let status = call!(async_io::select([].as_ptr(), 0, 0, &mut index));
    guest::answer(200, format!("status {status}").as_bytes())
}

/// Answers, tries to answer again, and adds the status of the attempt to the first answer, which is
/// still being streamed.
fn two_answers() -> Outcome {
    let (mut first, mut second) = (NO_HANDLE, NO_HANDLE);
    check_status!(OK, http_resp::new(&mut first));
    check_status!(OK, http_resp::new(&mut second));
    let first_body = guest::body_with(b"first answer, ")?;
    let second_body = guest::body_with(b"second answer")?;
    check_status!(OK, http_resp::send_downstream(first, first_body, 1));
    let status = call!(http_resp::send_downstream(second, second_body, 0));
    guest::write(first_body, format!("then status {status}").as_bytes())?;
    check_status!(OK, http_body::close(first_body));
    // Nor is an answer one that is still to come.
    let pending = guest::start("/echo", ORIGIN)?;
    let mut index = 0;
    check_status!(OK, async_io::select(&pending, 1, 0, &mut index));
    let status = call!(http_resp::send_downstream_pending(pending));
    assert_eq!(ERROR, status, "the client was answered twice");
    Ok(())
}

/// An answer in three parts: what was in the body before, and two writes.
fn streaming_answer() -> Outcome {
    let mut response = NO_HANDLE;
    check_status!(OK, http_resp::new(&mut response));
    let body = guest::body_with(b"before ")?;
    check_status!(OK, http_resp::send_downstream(response, body, 1));
    // The response is gone and the body has become one that can only be written.
    check_status!(BAD_HANDLE, http_resp::close(response));
    guest::write(body, b"during ")?;
    let appended = guest::body_with(b"appended")?;
    check_status!(OK, http_body::append(body, appended));
    check_status!(OK, http_body::close(body));
    check_status!(BAD_HANDLE, http_body::close(body));
    Ok(())
}

/// A streamed answer that ends in trailers.
fn streaming_trailers() -> Outcome {
    let mut response = NO_HANDLE;
    check_status!(OK, http_resp::new(&mut response));
    let (name, value) = ("trailer", "x-checksum");
    check_status!(
        OK,
        http_resp::header_insert(
            response,
            name.as_ptr(),
            name.len(),
            value.as_ptr(),
            value.len()
        )
    );
    let body = guest::empty_body()?;
    check_status!(OK, http_resp::send_downstream(response, body, 1));
    guest::write(body, b"content")?;
    let (name, value) = ("x-checksum", "42");
    check_status!(
        OK,
        http_body::trailer_append(body, name.as_ptr(), name.len(), value.as_ptr(), value.len())
    );
    check_status!(OK, http_body::close(body));
    Ok(())
}

/// Answers with the body of the request, and a line for each of its trailers.
fn request_trailers() -> Outcome {
    let (_, body) = guest::downstream()?;
    let mut report = guest::read_to_end(body)?;
    report.push(b'\n');
    let mut buffer = [0; 1024];
    let (mut ending_cursor, mut nwritten) = (0, 0);
    check_status!(
        OK,
        http_body::trailer_names_get(
            body,
            buffer.as_mut_ptr(),
            buffer.len(),
            0,
            &mut ending_cursor,
            &mut nwritten
        )
    );
    let mut names: Vec<Vec<u8>> = buffer[..nwritten]
        .split_inclusive(|byte| *byte == 0)
        .map(|name| name[..name.len() - 1].to_vec())
        .collect();
    names.sort();
    for name in names {
        check_status!(
            OK,
            http_body::trailer_values_get(
                body,
                name.as_ptr(),
                name.len(),
                buffer.as_mut_ptr(),
                buffer.len(),
                0,
                &mut ending_cursor,
                &mut nwritten
            )
        );
        for value in buffer[..nwritten].split_inclusive(|byte| *byte == 0) {
            report.extend_from_slice(&name);
            report.extend_from_slice(b": ");
            report.extend_from_slice(&value[..value.len() - 1]);
            report.push(b'\n');
        }
    }
    guest::answer(200, &report)
}

/// A streamed answer that claims a length, which the host believes in mode 1 only.
fn framed(mode: &str) -> Outcome {
    let mut response = NO_HANDLE;
    check_status!(OK, http_resp::new(&mut response));
    let (name, value) = ("content-length", "7");
    check_status!(
        OK,
        http_resp::header_insert(
            response,
            name.as_ptr(),
            name.len(),
            value.as_ptr(),
            value.len()
        )
    );
    let mode = u32::from(mode == "1");
    check_status!(OK, http_resp::framing_headers_mode_set(response, mode));
    let body = guest::empty_body()?;
    check_status!(OK, http_resp::send_downstream(response, body, 1));
    guest::write(body, b"content")?;
    check_status!(OK, http_body::close(body));
    Ok(())
}

/// An answer behind which the connection stays open, or in mode 1 does not.
fn keepalive(mode: &str) -> Outcome {
    let mut response = NO_HANDLE;
    check_status!(OK, http_resp::new(&mut response));
    let mode = u32::from(mode == "1");
    check_status!(OK, http_resp::http_keepalive_mode_set(response, mode));
    let body = guest::body_with(b"content")?;
    check_status!(OK, http_resp::send_downstream(response, body, 0));
    Ok(())
}

/// A streamed answer that the guest gives up: the client has to see that it is incomplete.
fn abandoned_answer() -> Outcome {
    let mut response = NO_HANDLE;
    check_status!(OK, http_resp::new(&mut response));
    let body = guest::empty_body()?;
    check_status!(OK, http_resp::send_downstream(response, body, 1));
    guest::write(body, b"incomplete")?;
    check_status!(OK, http_body::abandon(body));
    check_status!(BAD_HANDLE, http_body::abandon(body));
    Ok(())
}

/// A streamed answer that the guest neither closes nor gives up before it ends.
fn forgotten_answer() -> Outcome {
    let mut response = NO_HANDLE;
    check_status!(OK, http_resp::new(&mut response));
    let body = guest::empty_body()?;
    check_status!(OK, http_resp::send_downstream(response, body, 1));
    guest::write(body, b"forgotten")
}

/// Two interim responses with status 103, then the final one.
fn early_hints() -> Outcome {
    for link in ["</style.css>; rel=preload", "</script.js>; rel=preload"] {
        let mut response = NO_HANDLE;
        check_status!(OK, http_resp::new(&mut response));
        check_status!(OK, http_resp::status_set(response, 103));
        let name = "link";
        check_status!(
            OK,
            http_resp::header_insert(
                response,
                name.as_ptr(),
                name.len(),
                link.as_ptr(),
                link.len()
            )
        );
        let body = guest::empty_body()?;
        check_status!(OK, http_resp::send_downstream(response, body, 0));
    }
    guest::answer(200, b"after early hints")
}

/// Hands the answer over to a request that is still under way. For a backend that cannot be reached,
/// the host makes up the answer.
fn pending_answer(backend: &str) -> Outcome {
    let pending = guest::start("/echo", backend)?;
    check_status!(OK, http_resp::send_downstream_pending(pending));
    // The pending request is used up. The client has its answer or gets it, so that what goes wrong
    // from here on cannot be told to it.
    let again = call!(http_resp::send_downstream_pending(pending));
    assert_eq!(BAD_HANDLE, again, "the pending request is still there");
    Ok(())
}

/// Interim responses by the call that is for nothing else, before the answer and after it.
fn informational() -> Outcome {
    let mut response = NO_HANDLE;
    check_status!(OK, http_resp::new(&mut response));
    let (name, link) = ("link", "</style.css>; rel=preload");
    check_status!(
        OK,
        http_resp::header_insert(
            response,
            name.as_ptr(),
            name.len(),
            link.as_ptr(),
            link.len()
        )
    );
    check_status!(OK, http_resp::send_informational_response(response, 103));
    let mut answer = NO_HANDLE;
    check_status!(OK, http_resp::new(&mut answer));
    let body = guest::empty_body()?;
    check_status!(OK, http_resp::send_downstream(answer, body, 1));
    let status = call!(http_resp::send_informational_response(response, 103));
    guest::write(body, format!("status {status}").as_bytes())?;
    check_status!(OK, http_body::close(body));
    Ok(())
}

/// Hands the answer over to a request that is still under way, with a header more.
fn edited_answer(backend: &str) -> Outcome {
    let pending = guest::start("/echo", backend)?;
    let name = "x-edited";
    for (value, target) in [("any", 0), ("response", 1), ("error", 2)] {
        check_status!(
            OK,
            http_req::pending_req_header_append(
                pending,
                name.as_ptr(),
                name.len(),
                value.as_ptr(),
                value.len(),
                target
            )
        );
    }
    check_status!(OK, http_resp::send_downstream_pending(pending));
    Ok(())
}

/// Answers this request, and all others that the host has for this guest.
fn serve_many() -> Outcome {
    let mut count = 1;
    loop {
        let path = guest::downstream_path()?;
        guest::answer(200, format!("request {count}: {path}").as_bytes())?;
        let (mut promise, timeout_ms) = (NO_HANDLE, 60_000);
        check_status!(
            OK,
            http_downstream::next_request(2, &timeout_ms, &mut promise)
        );
        let (mut request, mut body) = (NO_HANDLE, NO_HANDLE);
        match call!(http_downstream::next_request_wait(
            promise,
            &mut request,
            &mut body
        )) {
            OK => count += 1,
            NONE => return Ok(()),
            status => panic!("a wait for another request gives {status}"),
        }
        let (newest, _) = guest::downstream()?;
        assert_eq!(
            newest, request,
            "the newest request is the one to be answered"
        );
        // A request that is not to be answered so ends it.
        if guest::downstream_path()?.ends_with("/panic") {
            panic!("asked to panic");
        }
    }
}

/// Sends requests until one is refused, for this client and for all others that there are for this guest. Answers with
/// how many there were, and with the status of the one that was not.
fn subrequests() -> Outcome {
    loop {
        let mut sent = 0;
        let status = loop {
            let request = guest::request_to("GET", "/status/204")?;
            let body = guest::empty_body()?;
            let (mut response, mut content) = (NO_HANDLE, NO_HANDLE);
            match call!(http_req::send(
                request,
                body,
                ORIGIN.as_ptr(),
                ORIGIN.len(),
                &mut response,
                &mut content
            )) {
                OK => sent += 1,
                status => {
                    check_status!(BAD_HANDLE, http_req::close(request));
                    break status;
                }
            }
        };
        // So is what is sent by any other call.
        let prepared = || -> Result<(Handle, Handle), String> {
            Ok((
                guest::request_to("GET", "/status/204")?,
                guest::empty_body()?,
            ))
        };
        let (mut pending, mut response, mut content) = (NO_HANDLE, NO_HANDLE, NO_HANDLE);
        for call in [http_req::send_async, http_req::send_async_streaming] {
            let (request, body) = prepared()?;
            let refused = texts::send_async(call, request, body, ORIGIN, &mut pending);
            check_eq!(status, refused);
        }
        let (request, body) = prepared()?;
        check_status!(
            status,
            http_req::send_async_v2(
                request,
                body,
                ORIGIN.as_ptr(),
                ORIGIN.len(),
                0,
                &mut pending
            )
        );
        for call in [http_req::send_v2, http_req::send_v3] {
            let (request, body) = prepared()?;
            let mut detail = SendErrorDetail::default();
            let refused = texts::send_detailed(
                call,
                request,
                body,
                ORIGIN,
                &mut detail,
                &mut response,
                &mut content,
            );
            check_eq!(status, refused);
        }
        guest::answer(200, format!("{sent} sent, then status {status}").as_bytes())?;
        let (mut promise, timeout_ms) = (NO_HANDLE, 60_000);
        check_status!(
            OK,
            http_downstream::next_request(2, &timeout_ms, &mut promise)
        );
        let (mut request, mut body) = (NO_HANDLE, NO_HANDLE);
        if call!(http_downstream::next_request_wait(
            promise,
            &mut request,
            &mut body
        )) != OK
        {
            return Ok(());
        }
    }
}

/// Hands the client over to a backend, as it came or with a request of the guest's own.
fn websocket(backend: &str, with_request: bool) -> Outcome {
    let status = if with_request {
        let request = guest::request_to("GET", "/made")?;
        let (name, value) = ("x-made", "by the guest");
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
        call!(http_req::redirect_to_websocket_proxy_v2(
            request,
            backend.as_ptr(),
            backend.len()
        ))
    } else {
        call!(http_req::redirect_to_websocket_proxy(
            backend.as_ptr(),
            backend.len()
        ))
    };
    if status != OK {
        return guest::answer(500, format!("status {status}").as_bytes());
    }
    // The client is somebody else's now.
    let again = call!(http_req::redirect_to_websocket_proxy(
        backend.as_ptr(),
        backend.len()
    ));
    assert_eq!(ERROR, again, "a client was handed over twice");
    let again = call!(http_req::redirect_to_websocket_proxy_v2(
        guest::new_request()?,
        backend.as_ptr(),
        backend.len()
    ));
    assert_eq!(ERROR, again, "a client was handed over twice");
    Ok(())
}

/// Hands the client over to the proxy that holds connections.
fn grip(backend: &str) -> Outcome {
    match call!(http_req::redirect_to_grip_proxy(
        backend.as_ptr(),
        backend.len()
    )) {
        OK => Ok(()),
        status => guest::answer(500, format!("status {status}").as_bytes()),
    }
}

/// The same with a request of the guest's own, after one that is none.
fn grip_v2(backend: &str) -> Outcome {
    check_status!(
        BAD_HANDLE,
        http_req::redirect_to_grip_proxy_v2(NO_HANDLE, backend.as_ptr(), backend.len())
    );
    let request = guest::request_to("GET", "/made")?;
    guest::set_request_header(request, "x-made", "by the guest")?;
    check_status!(
        OK,
        http_req::redirect_to_grip_proxy_v2(request, backend.as_ptr(), backend.len())
    );
    Ok(())
}
