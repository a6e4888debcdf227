//! Assertions that the guest makes itself, through its SDK.

use conformance::cases;
use conformance::context::Context;
use conformance::guests::ROUTES;

cases![headers_of_requests_and_responses, bodies];

async fn headers_of_requests_and_responses(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    assert_eq!(host.text("/headers").await, "ok");
}

async fn bodies(cx: Context) {
    let host = cx.host(ROUTES).start().await;
    assert_eq!(host.text("/body").await, "ok");
}
