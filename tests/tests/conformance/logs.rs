//! What guests write.

use conformance::cases;
use conformance::context::Context;
use conformance::guests::ROUTES;
use fastlike::CapturedSource;

cases![
    every_write_to_an_endpoint_is_a_message,
    reserved_names_are_no_endpoints,
    standard_output_and_standard_error,
    a_panic_is_written_to_standard_error,
];

async fn every_write_to_an_endpoint_is_a_message(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    assert_eq!(host.text("/log/app").await, "ok");
    // A line break inside of a message is escaped: a message is a line.
    let log = host.logs.text(&CapturedSource::Endpoint("app".to_owned()));
    assert_eq!(log, ["first record", r"second record\nof two lines"]);
    assert_eq!(host.logs.lines().len(), 2);
}

async fn reserved_names_are_no_endpoints(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    for name in ["stdout", "stderr", "STDOUT"] {
        let answer = host.get(&format!("/log/{name}")).await;
        assert_eq!(answer.status, 404, "{name}: {}", answer.text());
    }
    assert!(host.logs.lines().is_empty());
}

async fn standard_output_and_standard_error(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    assert_eq!(host.text("/stdio").await, "ok");
    let text = |source| host.logs.text(&source);
    assert_eq!(text(CapturedSource::Stdout), ["a line for standard output"]);
    assert_eq!(text(CapturedSource::Stderr), ["a line for standard error"]);
}

async fn a_panic_is_written_to_standard_error(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    assert_eq!(host.get("/panic").await.status, 500);
    let text = host.logs.text(&CapturedSource::Stderr).join("\n");
    assert!(text.contains("this route panics on purpose"), "{text}");
}
