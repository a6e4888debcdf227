//! Everything observable about one request, as text.

use std::fmt::Write;

use abi_core::engine::Exit;
use http::{HeaderMap, Request};

use crate::client::{Answer, Content};
use crate::host::TestHost;
use crate::origin::{Exchange, Origin};
use crate::runs::{Made, Run};

/// Asks `host`, and writes down the answer, the guest's hostcalls, and what reached the backend.
///
/// Ports are replaced. Where the network decides about an order or a number, it is left out: requests that are on their
/// way at the same time are sorted, and reads of one body that follow each other are one line.
pub async fn of_request(host: &TestHost, origin: &Origin, request: Request<Content>) -> String {
    origin.forget();
    let index = host.runs.all().len();
    let answer = host.fetch(request).await;
    let run = host.runs.over(index).await;
    let mut text = String::new();
    write_answer(&mut text, &answer);
    write_run(&mut text, &run);
    let exchanges = origin.exchanges();
    let mut exchanges: Vec<_> = exchanges.iter().map(of_exchange).collect();
    exchanges.sort_unstable();
    text.push_str(&exchanges.concat());
    text.replace(&host.address.to_string(), "<host>")
        .replace(&origin.address.to_string(), "<origin>")
}

fn write_answer(text: &mut String, answer: &Answer) {
    line(
        text,
        format_args!("answer: {} {:?}", answer.status, answer.version),
    );
    write_headers(text, "answer", &answer.headers);
    write_body(text, "answer", &answer.body);
    write_headers(text, "answer trailer", &answer.trailers);
}

fn write_run(text: &mut String, run: &Run) {
    let mut lines: Vec<_> = run.hostcalls.iter().map(Made::to_string).collect();
    lines.dedup_by(|one, other| one == other && one.starts_with("fastly_http_body.read"));
    for made in lines {
        line(text, format_args!("hostcall: {made}"));
    }
    match run.exit() {
        // The words for it are the engine's.
        Exit::Trapped { .. } => line(text, format_args!("exit: trapped")),
        exit => line(text, format_args!("exit: {exit}")),
    }
}

fn of_exchange(exchange: &Exchange) -> String {
    let mut text = String::new();
    line(
        &mut text,
        format_args!("backend: {} {:?}", exchange.request, exchange.version),
    );
    write_headers(&mut text, "backend", &exchange.headers);
    write_body(&mut text, "backend", &exchange.body);
    line(
        &mut text,
        format_args!("backend body: {:?}", exchange.body_ended),
    );
    text
}

/// The order of headers with different names has no meaning; that of the values of one has.
fn write_headers(text: &mut String, whose: &str, headers: &HeaderMap) {
    let names = headers.keys().map(|name| name.as_str());
    // Every host has a word of its own for itself.
    let mut names: Vec<_> = names.filter(|name| *name != "cdn-loop").collect();
    names.sort_unstable();
    for name in names.into_iter().filter(|name| *name != "date") {
        for value in headers.get_all(name) {
            let value = value.as_bytes().escape_ascii();
            line(text, format_args!("{whose} header: {name}: {value}"));
        }
    }
}

fn write_body(text: &mut String, whose: &str, body: &[u8]) {
    line(text, format_args!("{whose} body: {} bytes", body.len()));
    for piece in body.split_inclusive(|byte| *byte == b'\n') {
        line(text, format_args!("{whose} body: {}", piece.escape_ascii()));
    }
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = text.write_fmt(arguments);
    text.push('\n');
}

/// Where two transcripts part, with the lines around it.
#[must_use]
pub fn difference(expected: &str, actual: &str) -> Option<String> {
    const CONTEXT: usize = 3;

    if expected == actual {
        return None;
    }
    let (expected, actual): (Vec<_>, Vec<_>) =
        (expected.lines().collect(), actual.lines().collect());
    let pairs = expected.iter().zip(&actual);
    let same = pairs
        .take_while(|(expected, actual)| expected == actual)
        .count();
    let mut text = String::new();
    for common in &expected[same.saturating_sub(CONTEXT)..same] {
        line(&mut text, format_args!("  {common}"));
    }
    for (sign, side) in [('-', &expected), ('+', &actual)] {
        for differing in side.iter().skip(same).take(CONTEXT) {
            line(&mut text, format_args!("{sign} {differing}"));
        }
    }
    Some(text)
}
