//! Comparing the engines on one program and one request: what `fastlike bench` does.
//!
//! * `measure`: one engine, in this process; `skeleton`: the program with its own work taken away;
//! * `samples`: many measurements of one thing; [`EngineResult`]: what came of it all;
//! * `units`: times and sizes as people read them;
//! * `report`, `plots`: a page for the browser, with nothing to load from elsewhere.

mod measure;
mod plots;
mod report;
mod result;
mod samples;
mod skeleton;
mod units;

use bytes::Bytes;
use http::{HeaderMap, Method, Uri};

pub use measure::{Step, measure};
pub use report::{Facts, html};
pub use result::{EngineResult, Requests};
pub use samples::Samples;
pub use units::{bytes_text, count_text, counted_text, time_text};

use std::time::Duration;

/// What is measured.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Workload {
    /// The program, a binary module.
    pub wasm: Vec<u8>,
    /// The request that it answers, over and over.
    pub request: BenchRequest,
    /// How long it answers.
    pub duration: Duration,
    /// How many requests it answers at once.
    pub concurrency: usize,
}

impl Workload {
    /// `GET /` for three seconds, one request for each processor at once.
    #[must_use]
    pub fn new(wasm: Vec<u8>) -> Self {
        Self {
            wasm,
            request: BenchRequest::default(),
            duration: Duration::from_secs(3),
            concurrency: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// The request of a [`Workload`].
#[derive(Clone, Debug)]
pub struct BenchRequest {
    /// The method.
    pub method: Method,
    /// The URI, with a host.
    pub uri: Uri,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Default for BenchRequest {
    fn default() -> Self {
        Self {
            method: Method::GET,
            uri: Uri::from_static("http://localhost/"),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }
}
