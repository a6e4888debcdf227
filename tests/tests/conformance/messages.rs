//! What the program `fastlike` says about requests.

use std::net::SocketAddr;

use conformance::case::trial;
use conformance::client::{Client, Content, request};
use conformance::engines;
use conformance::guests::{Guest, ROUTES};
use conformance::origin::Origin;
use conformance::process::{Finished, Process};
use http::HeaderValue;
use libtest_mimic::Trial;

use crate::binary::{PROGRAM, get};

/// The tests of what is said.
pub fn trials() -> Vec<Trial> {
    let mut trials = vec![
        trial("messages::a_line_for_each_request", a_line_for_each_request),
        trial("messages::heads", heads),
        trial("messages::json", json),
        trial("messages::what_the_cache_did", what_the_cache_did),
        trial(
            "messages::what_became_of_stale_responses",
            what_became_of_stale_responses,
        ),
        trial("messages::a_trace_on_demand", a_trace_on_demand),
        trial(
            "messages::what_scripts_wait_for_is_always_said",
            what_scripts_wait_for_is_always_said,
        ),
    ];
    for engine in engines::NAMES {
        let name = format!("{engine}::messages::a_trace");
        trials.push(trial(name, move || a_trace(engine)));
    }
    trials
}

fn serve(guest: Guest, arguments: &[&str]) -> Process {
    let path = guest.path();
    let path = path.to_str().expect("its name is text");
    let first = [path, "--addr", "127.0.0.1:0"];
    Process::start(PROGRAM, first.iter().chain(arguments))
}

async fn stopped(process: Process) -> Finished {
    process.terminate();
    process.finish().await
}

/// The only line of a text with this in it.
fn line<'a>(text: &'a str, part: &str) -> &'a str {
    let mut lines = text.lines().filter(|line| line.contains(part));
    match (lines.next(), lines.next()) {
        (Some(line), None) => line,
        found => panic!("{part}: {found:?} in {text}"),
    }
}

async fn a_line_for_each_request() {
    let origin = Origin::start().await;
    let up = format!("origin=http://{}", origin.address);
    let arguments = [
        "--engine",
        "wasmi",
        "--backend",
        &up,
        "--backend",
        "down=http://127.0.0.1:1",
    ];
    let process = serve(ROUTES, &arguments);
    let address = process.ready().await;
    get(address, "/proxy/origin/headers").await;
    get(address, "/proxy/down/x").await;
    // The first is looked up in the cache before, and the second is not.
    get(address, "/proxy/nowhere/x").await;
    let post = request("POST", "/proxy/nowhere/x", Content::empty());
    Client::http1().fetch(address, post).await;
    get(address, "/log/app").await;
    let finished = stopped(process).await;
    let proxied = line(&finished.stderr, "GET /proxy/origin/headers  (wasmi, CPU ");
    assert!(proxied.contains("Z  200  "), "{proxied}");
    assert!(
        proxied.contains(" MiB, cache miss, origin 200 in "),
        "{proxied}"
    );
    let failed = line(&finished.stderr, "GET /proxy/down/x  (");
    assert!(
        failed.contains(": the backend refused the connection)"),
        "{failed}"
    );
    for method in ["GET", "POST"] {
        let unknown = format!("{method} /proxy/nowhere/x  (");
        let unknown = line(&finished.stderr, &unknown);
        assert!(
            unknown.ends_with(" MiB, nowhere: there is no such backend)"),
            "{unknown}"
        );
    }
    // What guests log is not among what is said about them.
    line(&finished.stdout, "app :: first record");
    assert!(!finished.stderr.contains("first record"), "{finished:?}");
    assert!(!finished.stderr.contains('\x1b'), "{finished:?}");
}

/// What clients and backends send, and what they get.
async fn heads() {
    let origin = Origin::start().await;
    let backend = format!("origin=http://{}", origin.address);
    for (verbose, times) in [(None, 0), (Some("-v"), 0), (Some("-vv"), 1)] {
        let mut arguments = vec!["--engine", "wasmi", "--backend", &*backend];
        arguments.extend(verbose);
        let process = serve(ROUTES, &arguments);
        let address = process.ready().await;
        let mut asked = request("POST", "/proxy/origin/bytes/10", Content::empty());
        let secret = HeaderValue::from_static("Bearer 123");
        asked.headers_mut().insert("authorization", secret);
        Client::http1().fetch(address, asked).await;
        let said = stopped(process).await.stderr;
        for part in [
            "from the client: POST http://",
            "to origin: POST http://",
            "from origin: 200\n",
            "to the client: 200\n",
        ] {
            assert_eq!(said.matches(part).count(), times, "{part}: {said}");
        }
        let of_client_and_guest = "\n                 authorization: (10 bytes)\n";
        assert_eq!(
            said.matches(of_client_and_guest).count(),
            2 * times,
            "{said}"
        );
        assert!(!said.contains("Bearer"), "{said}");
    }
}

/// Guests drive the cache, and the host does.
async fn what_the_cache_did() {
    for driven in [None, Some("--no-guest-caching")] {
        let origin = Origin::start().await;
        let backend = format!("origin=http://{}", origin.address);
        let mut arguments = vec!["--engine", "wasmi", "--backend", &backend];
        arguments.extend(driven);
        let process = serve(ROUTES, &arguments);
        let address = process.ready().await;
        for path in ["/proxy/origin/bytes/10", "/proxy/origin/bytes/10", "/hello"] {
            get(address, path).await;
        }
        let post = request("POST", "/proxy/origin/bytes/11", Content::empty());
        Client::http1().fetch(address, post).await;
        let finished = stopped(process).await;
        let said: Vec<_> = finished.stderr.lines().collect();
        let of = |part: &str| -> Vec<_> {
            let lines = said.iter().filter(|line| line.contains(part));
            lines
                .map(|line| line.split_once(" MiB").map(|(_, end)| end))
                .collect()
        };
        let [Some(miss), Some(hit)] = of("/bytes/10")[..] else {
            panic!("{said:?}");
        };
        assert!(miss.starts_with(", cache miss, origin 200 in "), "{miss}");
        assert_eq!(hit, ", cache hit)");
        assert_eq!(of("/hello"), [Some(")")]);
        let [Some(pass)] = of("/bytes/11")[..] else {
            panic!("{said:?}");
        };
        assert!(pass.starts_with(", cache pass, origin "), "{pass}");
    }
}

/// What is no longer fresh is asked about, or answers meanwhile; whoever drives the cache, and whoever reads.
async fn what_became_of_stale_responses() {
    for driven in [None, Some("--no-guest-caching")] {
        for (format, before) in [("text", ", cache "), ("json", "\"cache\":\"")] {
            let origin = Origin::start().await;
            let backend = format!("origin=http://{}", origin.address);
            let mut arguments = vec!["--engine", "wasmi", "--backend", &backend];
            arguments.extend(["--log-format", format]);
            arguments.extend(driven);
            let process = serve(ROUTES, &arguments);
            let address = match format {
                "json" => ready_in_json(&process).await,
                _ => process.ready().await,
            };
            let path = "/proxy/origin/version";
            let asked = [
                "max-age=0",
                "max-age=0",
                "max-age=0,stale-while-revalidate=60",
                "max-age=0,stale-while-revalidate=60",
            ];
            for (index, control) in asked.into_iter().enumerate() {
                let answer = get(address, &format!("{path}?{control}")).await;
                assert_eq!(answer.ok_text(), "one");
                // The next one is told of behind it.
                process.says_times(path, index + 1).await;
            }
            let finished = stopped(process).await;
            let told = finished.stderr.lines().filter_map(|line| {
                let (_, told) = line.split_once(before)?;
                told.split([',', ')', '"']).next()
            });
            let told: Vec<_> = told.collect();
            let expected = ["miss", "revalidated", "miss", "stale"];
            assert_eq!(told, expected, "{format} {driven:?} {finished:?}");
        }
    }
}

/// The address of a process that serves, where there is no line for people to wait for.
async fn ready_in_json(process: &Process) -> SocketAddr {
    let said = process.says("\"serving\"").await;
    let (_, rest) = said.split_once("\"address\":\"").expect("it is told");
    let (address, _) = rest.split_once('"').expect("it has an end");
    address.parse().expect("it is an address")
}

async fn json() {
    let process = serve(ROUTES, &["--engine", "wasmi", "--log-format", "json"]);
    let address = ready_in_json(&process).await;
    get(address, "/log/app").await;
    let finished = stopped(process).await;
    let answered = line(&finished.stderr, "\"path\":\"/log/app\"");
    for part in [
        "\"method\":\"GET\"",
        "\"status\":200",
        "\"engine\":\"wasmi\"",
    ] {
        assert!(answered.contains(part), "{answered}");
    }
    let logged = line(&finished.stdout, "first record");
    assert!(
        logged.starts_with('{') && logged.contains("\"endpoint\":\"app\""),
        "{logged}"
    );
}

async fn what_scripts_wait_for_is_always_said() {
    for format in ["text", "json"] {
        let process = serve(ROUTES, &["-q", "--engine", "wasmi", "--log-format", format]);
        let said = process.says("serving").await;
        let (_, address) = said.split_once("127.0.0.1:").expect("it says where");
        let port: String = address.chars().take_while(char::is_ascii_digit).collect();
        let address = format!("127.0.0.1:{port}");
        let address = address.parse().expect("it is an address");
        assert_eq!(get(address, "/hello").await.status, 200);
        process.hang_up();
        process.says("reloaded").await;
        let finished = stopped(process).await;
        assert!(!finished.stderr.contains("/hello"), "{finished:?}");
    }
}

async fn a_trace(engine: &'static str) {
    let origin = Origin::start().await;
    let backend = format!("origin=http://{}", origin.address);
    let arguments = [
        "--engine",
        engine,
        "--trace",
        "--quiet",
        // The guest sends by itself, in one hostcall.
        "--no-guest-caching",
        "--backend",
        &backend,
    ];
    let process = serve(ROUTES, &arguments);
    let address = process.ready().await;
    get(address, "/proxy/origin/headers").await;
    let finished = stopped(process).await;
    for part in [
        "#1  GET http://",
        "fastly_http_req.uri_get(request 1, buf [",
        "]) = OK, buf \"http://",
        "\"origin\"",
        ") = OK, response 1, body ",
        "fastly_http_resp.send_downstream(response ",
    ] {
        assert!(
            finished.stderr.contains(part),
            "{part}: {}",
            finished.stderr
        );
    }
}

async fn a_trace_on_demand() {
    let arguments = ["--engine", "wasmi", "--trace-header", "x-trace"];
    let process = serve(ROUTES, &arguments);
    let address = process.ready().await;
    get(address, "/log/first").await;
    let mut traced = request("GET", "/log/second", Content::empty());
    traced
        .headers_mut()
        .insert("x-trace", HeaderValue::from_static("1"));
    Client::http1().fetch(address, traced).await;
    let finished = stopped(process).await;
    line(
        &finished.stderr,
        "endpoint_get(name \"second\") = OK, log endpoint ",
    );
    assert!(!finished.stderr.contains("\"first\""), "{finished:?}");
}
