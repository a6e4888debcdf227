//! One guest with a route for each thing a guest of the official Rust SDK can do. Tests choose what
//! happens by the path they ask for; this file is the map from paths to the functions that do it.
//!
//! `main` is written out instead of using `#[fastly::main]`, because several routes answer by
//! streaming, answer before they are finished, or do not answer at all.

mod bodies;
mod check;
mod dynamic;
mod echo;
mod environment;
mod failure;
mod headers;
mod hooks;
mod proxy;
mod stores;
mod streaming;

use fastly::http::StatusCode;
use fastly::{Request, Response};
use std::str::FromStr;

fn main() {
    let request = Request::from_client();
    let path = request.get_path().to_owned();
    let segments: Vec<&str> = path.split('/').skip(1).collect();

    match segments.as_slice() {
        ["hello"] => answer("Hello from Compute\n"),
        ["status", code] => Response::from_status(number::<u16>(code)).send_to_client(),

        ["echo"] => echo::echo(request),
        ["read", size] => echo::read(request, number(size)),

        ["proxy", backend, path @ ..] => proxy::proxy(request, backend, path),
        ["pass", path @ ..] => proxy::pass(request, path),
        ["hooks", settings, path @ ..] => hooks::send(request, settings, path),
        ["fanout", count] => proxy::fanout(number(count)),
        ["fanout-poll", count] => proxy::fanout_poll(number(count)),
        ["upload"] => proxy::upload(request),
        ["through", count] => proxy::through(request, number(count)),
        ["dynamic", path @ ..] => dynamic::ask(request, path),
        ["dynamic-websocket"] => dynamic::websocket(request),

        ["stream", count, size] => streaming::stream(number(count), number(size)),
        ["stream-slow", count, millis] => streaming::stream_slow(number(count), number(millis)),
        ["abandon"] => streaming::abandon(),
        ["early-then-work", millis] => streaming::early_then_work(number(millis)),

        ["headers"] => check::report(headers::run()),
        ["body"] => check::report(bodies::run()),

        ["sleep", millis] => environment::sleep(number(millis)),
        ["time"] => check::report(environment::time()),
        ["random"] => environment::random(),
        ["env"] => environment::env(),
        ["stdio"] => environment::stdio(),

        ["log", endpoint] => stores::log(endpoint),
        ["dictionary", store, key] => stores::dictionary(store, key),
        ["config", store, key] => stores::config(store, key),
        ["backend-exists", name] => stores::backend_exists(name),

        ["panic"] => failure::panic_route(),
        ["loop"] => failure::endless_loop(),
        ["memory-bomb"] => failure::memory_bomb(),
        ["exit", code] => std::process::exit(number(code)),
        ["two-answers"] => failure::two_answers(),
        ["no-answer"] => {}

        _ => Response::from_status(StatusCode::NOT_FOUND)
            .with_body_text_plain("no such route\n")
            .send_to_client(),
    }
}

/// Answers 200 with a text.
fn answer(text: &str) {
    Response::from_body(text).send_to_client();
}

/// A number from the path. One that does not parse is the test's mistake, which it is told by a 400.
fn number<T: FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| {
        Response::from_status(StatusCode::BAD_REQUEST)
            .with_body_text_plain(&format!("not a number this route takes: {text}\n"))
            .send_to_client();
        std::process::exit(0)
    })
}
