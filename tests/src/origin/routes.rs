//! What the backend answers, by path.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderValue,
    IF_NONE_MATCH, LOCATION, SET_COOKIE, TRANSFER_ENCODING,
};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;

use super::Shared;
use super::traffic::{BodyEntry, Entry};
use crate::content::{BrokenOff, Content};

/// Answers one request.
pub(super) async fn respond(shared: Arc<Shared>, request: Request<Incoming>) -> Response<Content> {
    let (head, body) = request.into_parts();
    let entry = Entry::new(shared.clone(), &head);
    let body = Watched {
        body,
        entry: entry.body(),
    };
    let segments: Vec<&str> = head.uri.path().split('/').skip(1).collect();
    let response = match segments.as_slice() {
        ["framing"] => {
            read(body).await;
            answer(framing(&head.headers))
        }
        ["mirror"] => echo(&head.headers, Content::of(body)),
        ["echo", ..] => match body.collect().await {
            Ok(body) => echo(&head.headers, body.to_bytes().into()),
            Err(BrokenOff) => status(400),
        },
        ["gate", ..] => {
            open(&shared.gate_is_open).await;
            read(body).await;
            answer("the gate is open")
        }
        ["version"] => {
            read(body).await;
            let version = shared.version.borrow().clone();
            of_version(&version, &head.headers, head.uri.query())
        }
        ["upload"] => {
            open(&shared.reads_uploads).await;
            let count = read(body).await;
            answer(format!("{count} bytes"))
        }
        rest => {
            read(body).await;
            without_body(&shared, rest).await
        }
    };
    entry.answered();
    response
}

async fn without_body(shared: &Shared, segments: &[&str]) -> Response<Content> {
    match segments {
        ["status", code] => status(code.parse().unwrap_or(500)),
        ["delay", milliseconds, ..] => {
            let milliseconds = milliseconds.parse().unwrap_or_default();
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            answer("at last")
        }
        ["bytes", count] => answer(vec![b'a'; number(count)]),
        ["stream", count, size] => Response::new(stream(number(count), number(size))),
        ["fanout", index] => answer(vec![b'x'; number(index) + 1]),
        ["headers"] => headers(),
        ["trailers"] => Response::new(trailers()),
        ["gzip", kind] => gzipped(kind),
        ["redirect"] => redirect(),
        ["image.png"] => image(),
        ["feed"] => {
            let (feed, content) = Content::fed();
            // The test may be over.
            let _ = shared.feeds.send(feed);
            Response::new(content)
        }
        _ => status(404),
    }
}

fn number(text: &str) -> usize {
    text.parse().unwrap_or_default()
}

async fn open(gate: &tokio::sync::watch::Sender<bool>) {
    let mut watching = gate.subscribe();
    let open = watching.wait_for(|open| *open).await;
    open.expect("the sender is held here");
}

/// The number of bytes read; what comes after an error is not counted.
async fn read(mut body: Watched) -> usize {
    let mut count = 0;
    while let Some(Ok(frame)) = body.frame().await {
        count += frame.data_ref().map_or(0, Bytes::len);
    }
    count
}

fn answer(body: impl Into<Content>) -> Response<Content> {
    let mut response = Response::new(body.into());
    let headers = response.headers_mut();
    headers.insert("x-backend", HeaderValue::from_static("origin"));
    response
}

/// Eight by four pixels.
fn image() -> Response<Content> {
    let mut response = answer(include_bytes!("../../assets/image.png").to_vec());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("image/png"));
    response
}

fn status(code: u16) -> Response<Content> {
    let mut response = answer(Content::empty());
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::NOT_FOUND);
    response
}

/// The version, or that it is the one that the request has. The query is the response's `Cache-Control`. Without a version
/// the backend is in trouble.
fn of_version(version: &str, request: &HeaderMap, control: Option<&str>) -> Response<Content> {
    if version.is_empty() {
        return status(503);
    }
    let tag = HeaderValue::try_from(format!("\"{version}\"")).expect("versions are plain text");
    let mut response = match request.get(IF_NONE_MATCH) == Some(&tag) {
        true => status(304),
        false => answer(version.to_owned()),
    };
    let headers = response.headers_mut();
    headers.insert(ETAG, tag);
    if let Some(control) = control.and_then(|control| HeaderValue::try_from(control).ok()) {
        headers.insert(CACHE_CONTROL, control);
    }
    response
}

/// The request's body: as it arrives, or when all of it is here.
fn echo(request: &HeaderMap, body: Content) -> Response<Content> {
    let mut response = answer(body);
    if let Some(content_type) = request.get(CONTENT_TYPE) {
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, content_type.clone());
    }
    response
}

/// `count` chunks of `size` bytes, each of another letter.
fn stream(count: usize, size: usize) -> Content {
    let letters = (b'a'..=b'z').cycle().take(count);
    let frames =
        letters.map(move |letter| Ok::<_, BrokenOff>(Frame::data(Bytes::from(vec![letter; size]))));
    Content::of(StreamBody::new(futures_util::stream::iter(frames)))
}

/// How the body of the request is framed.
fn framing(request: &HeaderMap) -> String {
    let fields = [CONTENT_LENGTH, TRANSFER_ENCODING].map(|name| {
        let value = request.get(&name).map(|value| value.as_bytes());
        value.map(|value| format!("{name}: {}", String::from_utf8_lossy(value)))
    });
    fields.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The text `content`, encoded by gzip: whole, cut off, or not at all.
fn gzipped(kind: &str) -> Response<Content> {
    const CONTENT: &[u8] = b"\x1f\x8b\x08\0\0\0\0\0\x02\x03\x4b\xce\xcf\x2b\x49\xcd\x2b\x01\0\xa9\x30\xc5\xfe\x07\0\0\0";
    let content = match kind {
        "whole" => CONTENT,
        "cut" => &CONTENT[..20],
        _ => b"this is not gzip",
    };
    let mut response = answer(content);
    let headers = response.headers_mut();
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    response
}

fn trailers() -> Content {
    let mut fields = HeaderMap::new();
    fields.insert("x-checksum", HeaderValue::from_static("42"));
    let body = StreamBody::new(futures_util::stream::iter([
        Ok::<_, BrokenOff>(Frame::data(Bytes::from_static(b"content"))),
        Ok(Frame::trailers(fields)),
    ]));
    Content::of(body)
}

/// Headers of the kinds that are easily lost.
fn headers() -> Response<Content> {
    let mut response = answer("headers");
    let headers = response.headers_mut();
    for cookie in ["a=1", "b=2; Path=/"] {
        headers.append(SET_COOKIE, HeaderValue::from_static(cookie));
    }
    headers.insert("x-empty", HeaderValue::from_static(""));
    let not_text =
        HeaderValue::from_bytes(b"caf\xe9").expect("header values may have any such byte");
    headers.insert("x-not-text", not_text);
    response
}

fn redirect() -> Response<Content> {
    let mut response = status(302);
    let headers = response.headers_mut();
    headers.insert(LOCATION, HeaderValue::from_static("/echo"));
    response
}

/// A request's body whose pieces are noted as they are read.
struct Watched {
    body: Incoming,
    entry: BodyEntry,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        Poll::Ready(match frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    self.entry.received(data);
                }
                Some(Ok(frame))
            }
            Some(Err(_)) => {
                self.entry.ended(Err(()));
                Some(Err(BrokenOff))
            }
            None => {
                self.entry.ended(Ok(()));
                None
            }
        })
    }
}
