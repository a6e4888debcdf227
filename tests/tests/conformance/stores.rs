//! Dictionaries, config stores, and the names of backends.

use conformance::cases;
use conformance::context::Context;
use conformance::guests::ROUTES;
use conformance::host::TestHost;
use conformance::origin::Origin;
use fastlike::Dictionary;

cases![
    dictionaries,
    config_stores,
    what_is_not_there_is_told,
    backends_exist_or_not,
];

async fn start(cx: &Context) -> TestHost {
    let long = "x".repeat(8000);
    let items = [
        ("greeting", "hello"),
        ("empty", ""),
        ("long", &long),
        ("ümlaut", "wört"),
    ];
    let items = items.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let dictionary = Dictionary::of_items(items).expect("these are valid items");
    cx.host(ROUTES)
        .configure(|builder| builder.dictionary("strings", dictionary))
        .start()
        .await
}

async fn dictionaries(cx: Context) {
    reads_items(&start(&cx).await, "dictionary").await;
}

async fn config_stores(cx: Context) {
    reads_items(&start(&cx).await, "config").await;
}

async fn reads_items(host: &TestHost, route: &str) {
    assert_eq!(
        host.text(&format!("/{route}/strings/greeting")).await,
        "hello"
    );
    assert_eq!(host.text(&format!("/{route}/strings/empty")).await, "");
    assert_eq!(
        host.text(&format!("/{route}/strings/long")).await,
        "x".repeat(8000)
    );
}

async fn what_is_not_there_is_told(cx: Context) {
    let host = start(&cx).await;
    for route in ["dictionary", "config"] {
        for item in ["strings/missing", "missing/greeting"] {
            let answer = host.get(&format!("/{route}/{item}")).await;
            assert_eq!(answer.status, 404, "{route}/{item}: {}", answer.text());
        }
    }
}

async fn backends_exist_or_not(cx: Context) {
    let origin = Origin::start().await;
    let host = cx
        .host(ROUTES)
        .backend("origin", origin.address)
        .start()
        .await;
    assert_eq!(host.text("/backend-exists/origin").await, "true");
    assert_eq!(host.text("/backend-exists/other").await, "false");
    assert!(origin.exchanges().is_empty());
}
