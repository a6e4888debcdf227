//! Guests that fail, and what their clients, and those who run them, are told.

use abi_core::engine::Exit;
use conformance::cases;
use conformance::context::Context;
use conformance::guests::ROUTES;

cases![
    a_panic_is_a_500_of_one_line,
    a_panic_has_a_backtrace except NO_BACKTRACES,
    a_guest_that_traps_leaves_the_others_alone,
    exit_with_zero_is_success,
    exit_with_another_code_is_a_500,
    no_answer_is_an_empty_200,
    a_second_answer_is_refused_and_the_first_one_kept,
];

/// The reason why some cases do not run on wasmi.
const NO_BACKTRACES: &[(&str, &str)] =
    &[("wasmi", "it does not tell the frames of a guest that traps")];

async fn a_panic_is_a_500_of_one_line(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    let answer = host.get("/panic").await;
    assert_eq!(answer.status, 500);
    let text = answer.text();
    assert!(text.starts_with("the guest trapped: "), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.ends_with('\n'), "{text}");
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
}

async fn a_panic_has_a_backtrace(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    assert_eq!(host.get("/panic").await.status, 500);
    let run = host.runs.over(0).await;
    let Exit::Trapped {
        backtrace: Some(backtrace),
        ..
    } = run.exit()
    else {
        panic!("{run:?}");
    };
    assert!(backtrace.contains("panic_route"), "{backtrace}");
    assert!(backtrace.contains("main"), "{backtrace}");
}

async fn a_guest_that_traps_leaves_the_others_alone(cx: Context) {
    let origin = conformance::origin::Origin::start().await;
    let host = cx
        .host(ROUTES)
        .backend("origin", origin.address)
        .start()
        .await;
    let first = host.begin_get("/proxy/origin/gate/first");
    let second = host.begin_get("/proxy/origin/gate/second");
    origin.arrived(2).await;
    // Both are suspended now.
    assert_eq!(host.get("/panic").await.status, 500);
    assert_eq!(
        host.runs.all().iter().filter(|run| !run.is_over()).count(),
        2
    );
    origin.open_gate();
    for answering in [first, second] {
        let answer = answering.answer().await;
        assert_eq!(answer.ok_text(), "the gate is open");
    }
}

async fn exit_with_zero_is_success(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    assert_eq!(host.text("/exit/0").await, "");
    assert_eq!(*host.runs.over(0).await.exit(), Exit::Exited(0));
}

async fn exit_with_another_code_is_a_500(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    for (index, code) in [1, 42, 255].into_iter().enumerate() {
        let answer = host.get(&format!("/exit/{code}")).await;
        assert_eq!(answer.status, 500);
        assert_eq!(
            answer.text(),
            format!("the guest exited with code {code}\n")
        );
        assert_eq!(*host.runs.over(index).await.exit(), Exit::Exited(code));
    }
}

async fn no_answer_is_an_empty_200(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    let answer = host.get("/no-answer").await;
    assert_eq!(answer.ok_text(), "");
    assert_eq!(answer.header("content-length"), "0");
    assert_eq!(*host.runs.over(0).await.exit(), Exit::Returned);
}

async fn a_second_answer_is_refused_and_the_first_one_kept(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    assert_eq!(host.text("/two-answers").await, "first");
    // The SDK makes a panic of it.
    let run = host.runs.over(0).await;
    assert!(matches!(run.exit(), Exit::Trapped { .. }), "{run:?}");
}
