//! The conformance suite. Every case is declared once, and is a test on every engine: `engine::group::case`.
//!
//! A file for each group; `raw` runs the cases that the guest of that name has inside it, and `transcripts` compares
//! the engines with each other.

mod backend_keys;
mod binary;
mod bodies;
mod caching;
mod clients;
mod concurrency;
mod counterparts;
mod dropped_runs;
mod echo;
mod environment;
mod expect;
mod extremes;
mod failures;
mod fanout;
mod faulty_backends;
mod grpc;
mod guests;
mod hand_off;
mod headers;
mod hello;
mod hooks;
mod http2;
mod http2_abuse;
mod http2_backends;
mod http2_server;
mod identity;
mod images;
mod kv_stores;
mod limits;
mod logs;
mod lookups;
mod messages;
mod modules;
mod nginx;
mod openssl;
mod options;
mod proxy;
mod raw;
mod raw_routes;
mod readthrough;
mod reload;
mod rest;
mod reuse;
mod room;
mod send_errors;
mod sent_again;
mod shared_stores;
mod shutdown;
mod start_sections;
mod statuses;
mod stores;
mod streaming;
#[cfg(target_os = "linux")]
mod tcp_keepalive;
mod tools;
mod transcripts;

use std::process::ExitCode;

use conformance::case::{self, Case};
use libtest_mimic::{Arguments, Trial};

const GROUPS: &[(&str, &[Case])] = &[
    ("hello", hello::CASES),
    ("echo", echo::CASES),
    ("headers", headers::CASES),
    ("hooks", hooks::CASES),
    ("identity", identity::CASES),
    ("images", images::CASES),
    ("proxy", proxy::CASES),
    ("streaming", streaming::CASES),
    ("fanout", fanout::CASES),
    ("bodies", bodies::CASES),
    ("caching", caching::CASES),
    ("logs", logs::CASES),
    ("environment", environment::CASES),
    ("stores", stores::CASES),
    ("kv_stores", kv_stores::CASES),
    ("shared_stores", shared_stores::CASES),
    ("lookups", lookups::CASES),
    ("readthrough", readthrough::CASES),
    ("failures", failures::CASES),
    ("limits", limits::CASES),
    ("dropped_runs", dropped_runs::CASES),
    ("extremes", extremes::CASES),
    ("rest", rest::CASES),
    ("room", room::CASES),
    ("faulty_backends", faulty_backends::CASES),
    ("clients", clients::CASES),
    ("concurrency", concurrency::CASES),
    ("counterparts", counterparts::CASES),
    ("expect", expect::CASES),
    ("backend_keys", backend_keys::CASES),
    #[cfg(target_os = "linux")]
    ("tcp_keepalive", tcp_keepalive::CASES),
    ("http2", http2::CASES),
    ("http2_server", http2_server::CASES),
    ("http2_abuse", http2_abuse::CASES),
    ("http2_backends", http2_backends::CASES),
    ("openssl", openssl::CASES),
    ("nginx", nginx::CASES),
    ("grpc", grpc::CASES),
    ("send_errors", send_errors::CASES),
    ("sent_again", sent_again::CASES),
    ("shutdown", shutdown::CASES),
    ("modules", modules::CASES),
    ("start_sections", start_sections::CASES),
    ("raw", raw::CASES),
    ("raw_routes", raw_routes::CASES),
    ("hand_off", hand_off::CASES),
    ("reuse", reuse::CASES),
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    case::keep_panics();
    raise_file_limit();
    libtest_mimic::run(&arguments, trials()).exit_code()
}

fn trials() -> Vec<Trial> {
    let groups = GROUPS.iter();
    groups
        .flat_map(|(group, cases)| case::on_every_engine(group, cases))
        .chain(raw::trials())
        .chain(statuses::trials())
        .chain(transcripts::trials())
        .chain(guests::trials())
        .chain(binary::trials())
        .chain(options::trials())
        .chain(tools::trials())
        .chain(reload::trials())
        .chain(messages::trials())
        .collect()
}

/// Both ends of every connection are in this process, and some tests have thousands of them.
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};

    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where it cannot be raised, the tests that need it say so.
    let _ = setrlimit(Resource::Nofile, limit);
}
