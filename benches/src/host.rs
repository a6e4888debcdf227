//! How fastlike runs a guest here: through its [`Service`], without a socket.

use abi_core::body::Body;
use abi_core::engine::{EngineEntry, EngineOptions};
use abi_core::http::RequestHead;
use abi_core::http::cache::HttpCacheSettings;
use abi_core::{ClientRequest, Platform, Service};
use http::Uri;
use http::header::{ACCEPT, HOST, HeaderValue, USER_AGENT};
use tokio::runtime::Handle;

use crate::drive;
use crate::world::platform;

/// Every engine, by name.
pub fn engines() -> impl Iterator<Item = &'static EngineEntry> {
    fastlike::engines()
}

/// Compiles a program.
#[must_use]
pub fn service(engine: &EngineEntry, wasm: &[u8], runtime: &Handle) -> Service {
    let program = engine
        .create(&EngineOptions::default())
        .expect("the engine works here")
        .compile(wasm)
        .expect("the program can be compiled");
    Service::new(program, platform(runtime.clone()))
}

/// The world of a host whose requests read through its cache, without any backend.
#[must_use]
pub fn caching_platform(runtime: &Handle) -> Platform {
    Platform {
        http_cache: HttpCacheSettings::default(),
        ..platform(runtime.clone())
    }
}

/// Runs the program to its end.
pub fn run(service: &Service) {
    let report = drive(service.start(request()).finish());
    assert!(report.exit.is_success(), "{}", report.exit);
}

/// Has the program answer a request, and runs it to its end.
pub fn answer(service: &Service) {
    let mut run = service.start(request());
    let answer = drive(run.answer());
    assert!(answer.head.status.is_success(), "{}", answer.head.status);
    let report = drive(run.finish());
    assert!(report.exit.is_success(), "{}", report.exit);
}

/// A request such as a load generator sends.
fn request() -> ClientRequest {
    let mut head = RequestHead::new();
    head.uri = Uri::from_static("http://localhost/");
    head.headers
        .insert(HOST, HeaderValue::from_static("localhost"));
    head.headers
        .insert(USER_AGENT, HeaderValue::from_static("benches"));
    head.headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    ClientRequest::new(head, Body::empty())
}
