//! Guests that send several requests at once.

use std::fmt::Write;

use conformance::cases;
use conformance::context::Context;
use conformance::guests::ROUTES;
use conformance::origin::Origin;

cases![
    waits_for_any_of_them,
    polls_each_of_them,
    as_many_as_guests_ask_for,
    none,
];

async fn waits_for_any_of_them(cx: Context) {
    fans_out(&cx, "fanout", 8).await;
}

async fn polls_each_of_them(cx: Context) {
    fans_out(&cx, "fanout-poll", 8).await;
}

async fn as_many_as_guests_ask_for(cx: Context) {
    fans_out(&cx, "fanout", 200).await;
}

async fn none(cx: Context) {
    fans_out(&cx, "fanout", 0).await;
}

async fn fans_out(cx: &Context, route: &str, count: usize) {
    let origin = Origin::start().await;
    let host = cx
        .host(ROUTES)
        .backend("origin", origin.address)
        .start()
        .await;
    let mut expected = String::new();
    for index in 0..count {
        let length = index + 1;
        writeln!(expected, "{index} 200 {length}").expect("a string takes it");
    }
    assert_eq!(host.text(&format!("/{route}/{count}")).await, expected);
    assert_eq!(origin.exchanges().len(), count);
}
