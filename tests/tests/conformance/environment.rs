//! What surrounds a guest: clocks, randomness, variables.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use conformance::cases;
use conformance::context::Context;
use conformance::guests::ROUTES;

cases![
    sleeps_as_long_as_it_says,
    sleepers_do_not_hold_up_each_other,
    clocks,
    random_values_differ,
    variables_and_arguments,
    variables_and_arguments_of_the_host,
    every_request_has_a_number_of_its_own,
];

async fn sleeps_as_long_as_it_says(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    let started = Instant::now();
    assert_eq!(host.text("/sleep/50").await, "slept");
    assert!(started.elapsed() >= Duration::from_millis(50));
}

async fn sleepers_do_not_hold_up_each_other(cx: Context) {
    const COUNT: u32 = 20;
    const PAUSE: Duration = Duration::from_secs(1);

    let host = cx.host(ROUTES).start().await;
    let started = Instant::now();
    let path = format!("/sleep/{}", PAUSE.as_millis());
    let sleepers = (0..COUNT).map(|_| host.text(&path));
    futures_util::future::join_all(sleepers).await;
    // One after the other they would take all of it. The rest is for a busy machine.
    assert!(started.elapsed() < PAUSE * COUNT / 2);
}

async fn clocks(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    assert_eq!(host.text("/time").await, "ok");
}

async fn random_values_differ(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    let mut seen = HashSet::new();
    for _ in 0..3 {
        for value in host.text("/random").await.lines() {
            assert_eq!(value.len(), 32, "{value}");
            assert!(seen.insert(value.to_owned()), "{value} came twice");
        }
    }
    assert_eq!(seen.len(), 6);
}

async fn variables_and_arguments(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    let text = host.text("/env").await;
    for line in [
        "FASTLY_HOSTNAME=localhost",
        "FASTLY_SERVICE_VERSION=0",
        "args=compute-app",
    ] {
        assert!(text.lines().any(|other| other == line), "{line}: {text}");
    }
}

async fn variables_and_arguments_of_the_host(cx: Context) {
    let host = cx
        .host(ROUTES)
        .configure(|builder| {
            builder
                .env("FASTLY_HOSTNAME", "other")
                .env("FASTLY_OF_THIS_TEST", "a=b c")
                .arguments(vec!["program".to_owned(), "one two".to_owned()])
        })
        .start()
        .await;
    let text = host.text("/env").await;
    for line in [
        "FASTLY_HOSTNAME=other",
        "FASTLY_OF_THIS_TEST=a=b c",
        "args=program one two",
    ] {
        assert!(text.lines().any(|other| other == line), "{line}: {text}");
    }
}

async fn every_request_has_a_number_of_its_own(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    let mut seen = HashSet::new();
    for _ in 0..3 {
        let text = host.text("/env").await;
        let mut lines = text.lines();
        let id = lines.find_map(|line| line.strip_prefix("FASTLY_TRACE_ID="));
        let id = id.expect("guests are told the number of their request");
        assert!(seen.insert(id.to_owned()), "{id} came twice");
    }
}
