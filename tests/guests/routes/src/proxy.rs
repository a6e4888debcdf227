//! Routes that talk to backends.

use fastly::http::StatusCode;
use fastly::http::request::{PendingRequest, PollResult, SendError, select};
use fastly::{Request, Response};
use std::io::{Read, Write};
use std::time::Duration;

/// The backend of the routes that do not take one from the path.
const ORIGIN: &str = "origin";

/// Sends the client's request (method, headers, query and body) to a backend under another path and
/// answers with the response, whose body is streamed through. A failed send is answered with 502 and
/// the error's debugging text.
pub fn proxy(mut request: Request, backend: &str, path: &[&str]) {
    request.set_path(&format!("/{}", path.join("/")));
    match request.send(backend) {
        Ok(response) => response.send_to_client(),
        Err(error) => bad_gateway(&error),
    }
}

/// The same to the backend `origin`, and past every cache.
pub fn pass(mut request: Request, path: &[&str]) {
    request.set_pass(true);
    proxy(request, ORIGIN, path);
}

/// Sends `count` requests at once and gathers the responses as they arrive, in whichever order that
/// is, by waiting for any of them.
pub fn fanout(count: usize) {
    let mut pending: Vec<PendingRequest> = (0..count).map(start).collect();
    let mut lines = Vec::new();
    while !pending.is_empty() {
        let (result, rest) = select(pending);
        lines.push(describe(result));
        pending = rest;
    }
    answer_sorted(lines);
}

/// The same, gathered by asking each pending request again and again.
pub fn fanout_poll(count: usize) {
    let mut pending: Vec<PendingRequest> = (0..count).map(start).collect();
    let mut lines = Vec::new();
    while !pending.is_empty() {
        let mut unfinished = Vec::new();
        for request in pending {
            match request.poll() {
                PollResult::Pending(request) => unfinished.push(request),
                PollResult::Done(result) => lines.push(describe(result)),
            }
        }
        pending = unfinished;
        std::thread::sleep(Duration::from_millis(1));
    }
    answer_sorted(lines);
}

/// Streams the client's body to the backend in pieces of 8 KiB and answers with the response.
pub fn upload(mut request: Request) {
    let mut body = request.take_body();
    let (mut stream, pending) = match Request::post("http://origin/upload")
        .with_pass(true)
        .send_async_streaming(ORIGIN)
    {
        Ok(started) => started,
        Err(error) => return bad_gateway(&error),
    };
    copy(&mut body, &mut stream, 8 * 1024);
    stream.finish().expect("the body can be finished");
    match pending.wait() {
        Ok(response) => response.send_to_client(),
        Err(error) => bad_gateway(&error),
    }
}

/// Streams the client's body to the backend in pieces, and then as many bytes of the backend's to the client. Whatever
/// comes or goes is in this guest's memory for a moment.
pub fn through(mut request: Request, count: usize) {
    let mut body = request.take_body();
    let upload = Request::post("http://origin/upload").with_pass(true);
    let (mut stream, pending) = match upload.send_async_streaming(ORIGIN) {
        Ok(started) => started,
        Err(error) => return bad_gateway(&error),
    };
    let sent = copy(&mut body, &mut stream, 64 * 1024);
    stream.finish().expect("the body can be finished");
    match pending.wait() {
        Ok(response) => assert_eq!(response.into_body_str(), sent.to_string()),
        Err(error) => return bad_gateway(&error),
    }
    let download = Request::get(format!("http://origin/down/{count}")).with_pass(true);
    match download.send(ORIGIN) {
        Ok(mut response) => {
            let mut body = response.take_body();
            let mut stream = Response::new().stream_to_client();
            copy(&mut body, &mut stream, 64 * 1024);
            stream.finish().expect("the body can be finished");
        }
        Err(error) => bad_gateway(&error),
    }
}

/// Copies a body in pieces of at most `size` bytes; the number of bytes.
fn copy(from: &mut impl Read, to: &mut impl Write, size: usize) -> usize {
    let mut piece = vec![0; size];
    let mut count = 0;
    loop {
        let read = from.read(&mut piece).expect("the body can be read");
        if read == 0 {
            return count;
        }
        to.write_all(&piece[..read]).expect("the body can be written");
        // Without this the SDK would gather pieces in a buffer of its own.
        to.flush().expect("the body can be written");
        count += read;
    }
}

/// Starts request number `index` of a fan-out. The cache is left out: what these routes are about is
/// requests that are under way at the same time.
fn start(index: usize) -> PendingRequest {
    Request::get(format!("http://origin/fanout/{index}"))
        .with_pass(true)
        .send_async(ORIGIN)
        .expect("a request to the origin can be started")
}

/// The number of the request that this is the result of, and one line about it: number, status and
/// length of the body, or number and error.
fn describe(result: Result<Response, SendError>) -> (usize, String) {
    match result {
        Ok(response) => {
            let request = response
                .get_backend_request()
                .expect("the response has a request");
            let index = index_of(request);
            let status = response.get_status().as_u16();
            let length = response.into_body().into_bytes().len();
            (index, format!("{index} {status} {length}\n"))
        }
        Err(error) => {
            let cause = format!("{:?}", error.root_cause());
            let index = index_of(&error.into_sent_req());
            (index, format!("{index} {cause}\n"))
        }
    }
}

fn index_of(request: &Request) -> usize {
    request
        .get_path()
        .rsplit('/')
        .next()
        .and_then(|last| last.parse().ok())
        .expect("the path of a fan-out request ends in its number")
}

fn answer_sorted(mut lines: Vec<(usize, String)>) {
    lines.sort();
    let text: String = lines.into_iter().map(|(_, line)| line).collect();
    crate::answer(&text);
}

fn bad_gateway(error: &SendError) {
    Response::from_status(StatusCode::BAD_GATEWAY)
        .with_body_text_plain(&format!("{error:?}"))
        .send_to_client();
}
