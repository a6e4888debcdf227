//! Routes that answer piece by piece, or before their work is done.

use fastly::Response;
use fastly::http::body::StreamingBody;
use fastly::log::Endpoint;
use std::io::Write;
use std::time::Duration;

/// Streams `count` chunks of `size` bytes. Chunk 0 consists of `a`, chunk 1 of `b` and so on, from
/// `z` back to `a`, so that a test can tell them apart.
pub fn stream(count: usize, size: usize) {
    let mut body = Response::new().stream_to_client();
    let letters = (b'a'..=b'z').cycle();
    for letter in letters.take(count) {
        send(&mut body, &vec![letter; size]);
    }
    body.finish().expect("the stream can be finished");
}

/// Streams `count` chunks and pauses after each.
pub fn stream_slow(count: usize, millis: u64) {
    let mut body = Response::new().stream_to_client();
    for index in 0..count {
        send(&mut body, format!("chunk {index}\n").as_bytes());
        std::thread::sleep(Duration::from_millis(millis));
    }
    body.finish().expect("the stream can be finished");
}

/// Streams three chunks and then gives the stream up, so that the client must see an answer that was
/// cut off and not one that is complete.
pub fn abandon() {
    let mut body = Response::new().stream_to_client();
    for index in 0..3 {
        send(&mut body, format!("chunk {index}\n").as_bytes());
    }
    body.abandon().expect("the stream can be abandoned");
}

/// Answers at once, works on, and writes one line to the log `after` when the work is done.
pub fn early_then_work(millis: u64) {
    crate::answer("early\n");
    std::thread::sleep(Duration::from_millis(millis));
    Endpoint::from_name("after")
        .write_all(b"finished")
        .expect("a log line can be written");
}

/// Sends a chunk on its way: written and flushed, so that it is one write to the host whatever the
/// size of the SDK's own buffer.
fn send(body: &mut StreamingBody, chunk: &[u8]) {
    body.write_all(chunk).expect("the client takes the stream");
    body.flush().expect("the client takes the stream");
}
