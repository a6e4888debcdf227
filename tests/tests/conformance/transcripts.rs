//! Everything observable about a request, which has to be the same on all engines.

use conformance::case::{on_engine, trial};
use conformance::client::{Content, request};
use conformance::context::Context;
use conformance::engines;
use conformance::guests::{Guest, RAW, ROUTES};
use conformance::transcript;
use libtest_mimic::Trial;

use crate::raw::{self, World};

/// Requests to the guest with an SDK: method, path, body. Left out are routes whose hostcalls depend on whether
/// something is ready when the guest asks: the SDK asks before it waits for what was sent without waiting.
const REQUESTS: &[(&str, &str, &str)] = &[
    ("GET", "/hello", ""),
    ("HEAD", "/hello", ""),
    ("GET", "/status/404", ""),
    ("GET", "/status/204", ""),
    ("POST", "/echo?a=b", "content"),
    ("POST", "/read/8", "content that is longer than the buffer"),
    ("POST", "/proxy/origin/echo?a=b", "content"),
    ("GET", "/proxy/origin/headers", ""),
    ("GET", "/proxy/origin/trailers", ""),
    ("GET", "/proxy/origin/status/503", ""),
    ("GET", "/proxy/refused/", ""),
    ("GET", "/proxy/unknown/", ""),
    ("POST", "/pass/echo", "content"),
    ("GET", "/stream/3/5", ""),
    ("GET", "/early-then-work/1", ""),
    ("GET", "/headers", ""),
    ("GET", "/body", ""),
    ("GET", "/sleep/1", ""),
    ("GET", "/stdio", ""),
    ("GET", "/log/app", ""),
    ("GET", "/log/stdout", ""),
    ("GET", "/dictionary/strings/greeting", ""),
    ("GET", "/dictionary/strings/missing", ""),
    ("GET", "/dictionary/missing/greeting", ""),
    ("GET", "/config/strings/long", ""),
    ("GET", "/backend-exists/origin", ""),
    ("GET", "/exit/0", ""),
    ("GET", "/exit/3", ""),
    ("GET", "/two-answers", ""),
    ("GET", "/no-answer", ""),
    ("GET", "/other", ""),
];

/// Routes of the guest without an SDK.
const RAW_ROUTES: &[&str] = &[
    "/raw/empty-select",
    "/raw/two-answers",
    "/raw/streaming-answer",
    "/raw/streaming-trailers",
    "/raw/pending-answer",
    "/raw/pending-answer-refused",
];

/// Cases of the guest without an SDK that do the same.
const POLLING_CASES: &[&str] = &[
    "req_pending_poll",
    "req_pending_poll_v2",
    "runtime_vcpu_does_not_run_while_waiting",
];

/// Cases of the guest without an SDK that give up what they have sent, or end without waiting for it, so that it is
/// chance how much of it the backend gets to see.
const CARELESS_CASES: &[&str] = &[
    "async_select_first_ready",
    "body_streaming_abandon",
    "req_pending_wait_bad_result_pointer",
];

/// A test per request, on all engines at once.
pub fn trials() -> Vec<Trial> {
    let of_routes = REQUESTS.iter().map(|(method, path, body)| {
        let name = format!("{method} {path}");
        trial_of(name, ROUTES, method, (*path).to_owned(), body)
    });
    let raw_routes = RAW_ROUTES.iter().map(|path| (*path).to_owned());
    let raw_cases = raw::names()
        .filter(|name| !POLLING_CASES.contains(name) && !CARELESS_CASES.contains(name))
        .map(|name| format!("/case/{name}"));
    let of_raw = raw_routes
        .chain(raw_cases)
        .map(|path| trial_of(path.clone(), RAW, "GET", path, ""));
    of_routes.chain(of_raw).collect()
}

fn trial_of(
    name: String,
    guest: Guest,
    method: &'static str,
    path: String,
    body: &'static str,
) -> Trial {
    trial(format!("all::transcripts::{name}"), move || async move {
        are_equal(guest, || request(method, &path, content(body))).await;
    })
}

fn content(body: &'static str) -> Content {
    match body {
        "" => Content::empty(),
        body => body.into(),
    }
}

async fn are_equal(guest: Guest, request: impl Fn() -> http::Request<Content>) {
    let world = World::start().await;
    let of = async |engine| {
        let mut text = String::new();
        let taking = async |cx: Context| {
            let request = request();
            let case = request
                .uri()
                .path()
                .strip_prefix("/case/")
                .unwrap_or_default();
            let host = world.for_case(case, cx.host(guest)).start().await;
            text = transcript::of_request(&host, &world.origin, request).await;
        };
        on_engine(engine, taking).await;
        text
    };
    let [first, rest @ ..] = engines::NAMES;
    let expected = of(first).await;
    for engine in rest {
        if let Some(difference) = transcript::difference(&expected, &of(engine).await) {
            panic!("- {first}\n+ {engine}\n{difference}");
        }
    }
}
