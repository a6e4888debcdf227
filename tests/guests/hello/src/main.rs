//! The smallest sensible guest written with the official Rust SDK: every request gets the same
//! answer. Tests use it for everything that is not about what the guest does, such as start-up,
//! concurrency and configuration, and benchmarks use it as the base line.

use fastly::http::header::CONTENT_TYPE;
use fastly::{Error, Request, Response};

#[fastly::main]
fn main(_request: Request) -> Result<Response, Error> {
    Ok(Response::from_body("Hello from Compute\n")
        .with_header(CONTENT_TYPE, "text/plain; charset=utf-8"))
}
