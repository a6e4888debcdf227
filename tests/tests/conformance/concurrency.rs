//! Many guests that wait at once.

use std::time::Duration;

use conformance::cases;
use conformance::client::{Answer, Client, Content, request};
use conformance::context::Context;
use conformance::guests::ROUTES;
use conformance::host::TestHost;
use conformance::origin::Origin;
use fastlike::BackendSettings;
use futures_util::future::{join_all, select_all};

cases![
    two_thousand_wait_at_once except NOT_TWO_THOUSAND,
    sixty_four_wait_at_once,
    more_requests_than_guests_may_wait except SUSPENDS,
];

/// The engines on which thousands may wait are the two that are made for it: one that compiles, one that interprets.
const NOT_TWO_THOUSAND: &[(&str, &str)] = &[
    ("winch", "it suspends guests in the same way as wasmtime"),
    ("pulley", "it suspends guests in the same way as wasmtime"),
    ("wasmer", "a guest that waits holds a thread"),
    ("wasmer-singlepass", "a guest that waits holds a thread"),
];

const SUSPENDS: &[(&str, &str)] = &[
    (
        "wasmtime",
        "it has no such limit: guests that wait hold no thread",
    ),
    (
        "winch",
        "it has no such limit: guests that wait hold no thread",
    ),
    (
        "pulley",
        "it has no such limit: guests that wait hold no thread",
    ),
    (
        "wasmi",
        "it has no such limit: guests that wait hold no thread",
    ),
];

/// Fewer than the host takes from one connection at once.
const STREAMS_PER_CONNECTION: usize = 200;

async fn two_thousand_wait_at_once(cx: Context) {
    let (host, origin) = start(&cx).await;
    let mut answering = ask(&host, 2000);
    // Every one of them is waiting before the first is answered.
    all_wait(&origin, &mut answering, 2000).await;
    assert_eq!(host.text("/hello").await, "Hello from Compute\n");
    origin.open_gate();
    all_answered(answering).await;
}

async fn sixty_four_wait_at_once(cx: Context) {
    let (host, origin) = start(&cx).await;
    let mut answering = ask(&host, 64);
    all_wait(&origin, &mut answering, 64).await;
    assert_eq!(host.text("/hello").await, "Hello from Compute\n");
    origin.open_gate();
    all_answered(answering).await;
}

/// Those for whom there is no thread wait for one.
async fn more_requests_than_guests_may_wait(cx: Context) {
    let threads = abi_core::engine::EngineOptions::default().guest_threads_max;
    let (host, origin) = start(&cx).await;
    let mut answering = ask(&host, threads + 50);
    all_wait(&origin, &mut answering, threads).await;
    origin.open_gate();
    all_answered(answering).await;
}

async fn start(cx: &Context) -> (TestHost, Origin) {
    let origin = Origin::start().await;
    let url = format!("http://{}", origin.address).parse();
    let mut settings = BackendSettings::new(url.expect("an address makes a URL"));
    // Two thousand connections at once take their time on a busy machine, and how long is not the question here.
    settings.connect_timeout = Duration::from_secs(240);
    let host = cx
        .host(ROUTES)
        .unrecorded()
        .configure(|builder| builder.backend_with("origin", settings));
    (host.start().await, origin)
}

type Answering = tokio::task::JoinHandle<Answer>;

fn ask(host: &TestHost, count: usize) -> Vec<Answering> {
    let mut answering = Vec::new();
    while answering.len() < count {
        let client = Client::http2();
        for _ in 0..STREAMS_PER_CONNECTION.min(count - answering.len()) {
            let (client, address) = (client.clone(), host.address);
            answering.push(tokio::spawn(async move {
                let request = request("GET", "/proxy/origin/gate", Content::empty());
                let response = client.send(address, request).await;
                Answer::gather(response.expect("the host answers")).await
            }));
        }
    }
    answering
}

/// Waits until `count` of them wait for the backend, which none of them may have been answered before.
async fn all_wait(origin: &Origin, answering: &mut [Answering], count: usize) {
    tokio::select! {
        () = origin.arrived(count) => {}
        (answer, ..) = select_all(answering) => panic!("one was answered too early: {answer:?}"),
    }
}

async fn all_answered(answering: Vec<Answering>) {
    for answer in join_all(answering).await {
        let answer = answer.expect("the client does not panic");
        assert_eq!(answer.ok_text(), "the gate is open");
    }
}
