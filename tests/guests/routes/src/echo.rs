//! Routes that give back what the client sent.

use fastly::http::header::HeaderName;
use fastly::{Request, Response};
use std::io::Read;

/// Answers with the request's body, streamed; with its method, URL and version in `x-method`,
/// `x-url` and `x-version`; and with each of its headers under the same name behind `echo-`. A
/// header with several values comes back with all of them, in order.
pub fn echo(mut request: Request) {
    let mut response = Response::new()
        .with_header("x-method", request.get_method_str())
        .with_header("x-url", request.get_url_str())
        .with_header("x-version", format!("{:?}", request.get_version()));
    for (name, value) in request.get_headers() {
        let name = HeaderName::from_bytes(format!("echo-{name}").as_bytes())
            .expect("a header name is still one with a prefix");
        response.append_header(name, value);
    }
    response.set_body(request.take_body());
    response.send_to_client();
}

/// Reads the whole body through a buffer of `size` bytes and answers `<bytes> <FNV-1a, 64 bits>`.
///
/// The handle is read directly, because `Body` would put a buffer of its own in between and the host
/// would never see the size that was asked for.
pub fn read(mut request: Request, size: usize) {
    let mut body = request.take_body().into_handle();
    let mut buffer = vec![0; size.max(1)];
    let mut total = 0u64;
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    loop {
        let count = body
            .read(&mut buffer)
            .expect("the request's body can be read");
        if count == 0 {
            break;
        }
        total += count as u64;
        for byte in &buffer[..count] {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    crate::answer(&format!("{total} {hash:016x}"));
}
