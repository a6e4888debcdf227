//! Where addresses are and what devices send user agents, through the Rust SDK.

use std::time::Duration;

use conformance::cases;
use conformance::client::Content;
use conformance::context::Context;
use conformance::guests::STORES;
use conformance::host::TestHost;
use http::Request;

cases![
    everything_comes_from_a_manifest,
    changes_of_files_are_seen,
    functions_of_an_embedder,
    loopback_is_known_by_default,
    user_agents_are_taken_apart,
];

const PLACE: &str = r#"{ as_name = "AS", as_number = 7, area_code = 0, city = "Vienna", conn_speed = "broadband",
    conn_type = "wifi", continent = "EU", country_code = "AT", country_code3 = "AUT", country_name = "Austria",
    latitude = 48.2, longitude = 16, metro_code = 0, postal_code = "1010", proxy_description = "?",
    proxy_type = "hosting", region = "9", utc_offset = 100 }"#;

const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                     Version/17.5 Mobile/15E148 Safari/604.1";

async fn everything_comes_from_a_manifest(cx: Context) {
    let folder = tempfile::tempdir().expect("there is room for files");
    let manifest = format!(
        r#"
        [local_server.geolocation]
        format = "inline-toml"
        [local_server.geolocation.addresses]
        "10.0.0.0/8" = {}
        "192.0.2.1" = {}
        [local_server.device_detection]
        format = "json"
        file = "devices.json"
        from_user_agent = true
        "#,
        PLACE.replace('\n', " "),
        PLACE.replace('\n', " ").replace("Vienna", "Graz"),
    );
    let devices = r#"{"Exact/1.0": {"device": {"brand": "Example", "is_mobile": false}}}"#;
    for (name, content) in [("fastly.toml", &*manifest), ("devices.json", devices)] {
        std::fs::write(folder.path().join(name), content).expect("a folder can be written to");
    }
    let file = folder.path().join("fastly.toml");
    let host = cx.host(STORES).configure(|builder| builder.config(&file));
    let host = host.start().await;
    assert_eq!(
        host.text("/geo/10.1.2.3").await,
        "Vienna AUT 7 Wifi Hosting Some(1)"
    );
    assert!(host.text("/geo/192.0.2.1").await.starts_with("Graz "));
    assert_eq!(host.get("/geo/192.0.2.2").await.status, 404);
    let device = async |user_agent: &str| {
        let request = Request::get("/device").header("user-agent", user_agent);
        let request = request.body(Content::empty()).expect("it is a request");
        host.fetch(request).await.ok_text()
    };
    assert_eq!(
        device("Exact/1.0").await,
        r#"Some("Example") Some(false) None None"#
    );
    assert_eq!(
        device(PHONE).await,
        r#"Some("Apple") Some(true) Some("Mobile Safari") Some("iOS")"#
    );
}

async fn changes_of_files_are_seen(cx: Context) {
    let folder = tempfile::tempdir().expect("there is room for files");
    let write = |name: &str, content: &str| {
        std::fs::write(folder.path().join(name), content).expect("a folder can be written to");
    };
    let place = |city: &str| {
        format!(
            r#"{{"10.0.0.0/8": {{"as_name":"AS","as_number":7,"area_code":0,"city":"{city}","conn_speed":"broadband",
            "conn_type":"wifi","continent":"EU","country_code":"AT","country_code3":"AUT","country_name":"Austria",
            "latitude":48.2,"longitude":16,"metro_code":0,"postal_code":"1010","proxy_description":"?","proxy_type":"?",
            "utc_offset":9999}}}}"#
        )
    };
    let device = |brand: &str| format!(r#"{{"Exact/1.0": {{"device": {{"brand": "{brand}"}}}}}}"#);
    write("geo.json", &place("Vienna"));
    write("devices.json", &device("First"));
    write(
        "fastly.toml",
        "[local_server.geolocation]\nformat = 'json'\nfile = 'geo.json'\n\
         [local_server.device_detection]\nformat = 'json'\nfile = 'devices.json'\n",
    );
    let file = folder.path().join("fastly.toml");
    let host = cx.host(STORES).configure(|builder| builder.config(&file));
    let host = host.start().await;
    assert_eq!(place_on(&host).await, "Vienna");
    assert_eq!(brand_on(&host).await, r#"Some("First")"#);
    write("geo.json", &place("Klagenfurt"));
    write("devices.json", &device("Second"));
    until_place(&host, "Klagenfurt").await;
    until_brand(&host, "Second").await;
    // A file that has become wrong is told, and changes nothing. Every file is looked at between two changes of another.
    write("geo.json", "not JSON");
    for name in ["Third", "Fourth"] {
        write("devices.json", &device(name));
        until_brand(&host, name).await;
    }
    assert_eq!(place_on(&host).await, "Klagenfurt");
    write("devices.json", "[]");
    for city in ["Graz", "Linz"] {
        write("geo.json", &place(city));
        until_place(&host, city).await;
    }
    assert_eq!(brand_on(&host).await, r#"Some("Fourth")"#);
}

/// The first word about an address.
async fn place_on(host: &TestHost) -> String {
    first_word(&host.text("/geo/10.1.2.3").await)
}

/// The first word about a device.
async fn brand_on(host: &TestHost) -> String {
    let request = Request::get("/device").header("user-agent", "Exact/1.0");
    let request = request.body(Content::empty()).expect("it is a request");
    first_word(&host.fetch(request).await.ok_text())
}

fn first_word(text: &str) -> String {
    text.split(' ').next().unwrap_or_default().to_owned()
}

/// Asks again until a change of the file has been seen.
async fn until_place(host: &TestHost, city: &str) {
    let asking = async { while place_on(host).await != city {} };
    seen_soon(asking).await;
}

async fn until_brand(host: &TestHost, name: &str) {
    let brand = format!("Some({name:?})");
    let asking = async { while brand_on(host).await != brand {} };
    seen_soon(asking).await;
}

async fn seen_soon(asking: impl Future<Output = ()>) {
    let seen = tokio::time::timeout(Duration::from_secs(30), asking).await;
    seen.expect("a change of a file is seen soon");
}

async fn functions_of_an_embedder(cx: Context) {
    let place = r#"{"as_name":"AS","as_number":7,"area_code":0,"city":"CITY","conn_speed":"broadband","conn_type":"wifi",
        "continent":"EU","country_code":"AT","country_code3":"AUT","country_name":"Austria","latitude":48.2,"longitude":16,
        "metro_code":0,"postal_code":"1010","proxy_description":"?","proxy_type":"?","utc_offset":9999}"#;
    let host = cx.host(STORES).configure(|builder| {
        builder
            .geo_fn(move |address| Some(place.replace("CITY", &address.to_string())))
            .device_detection_fn(|_| None)
    });
    let host = host.start().await;
    assert_eq!(
        host.text("/geo/2001:db8::1").await,
        "2001:db8::1 AUT 7 Wifi Unknown None"
    );
    assert_eq!(host.get("/device").await.status, 404);
}

async fn loopback_is_known_by_default(cx: Context) {
    let host = cx.host(STORES).start().await;
    // In a container the client is one of a private network.
    for address in ["127.0.0.1", "::1", "172.17.0.1", "fd00::1"] {
        let place = host.text(&format!("/geo/{address}")).await;
        assert!(place.starts_with("San Francisco USA 54113 "), "{place}");
    }
    assert_eq!(host.get("/geo/192.0.2.1").await.status, 404);
    assert_eq!(host.get("/device").await.status, 404);
}

async fn user_agents_are_taken_apart(cx: Context) {
    let host = cx.host(STORES).start().await;
    for (user_agent, parts) in [
        (PHONE, r#"Mobile Safari Some("17") Some("5") Some("")"#),
        ("unheard of", r#"Other Some("") Some("") Some("")"#),
    ] {
        let request = Request::get("/user-agent").header("user-agent", user_agent);
        let request = request.body(Content::empty()).expect("it is a request");
        assert_eq!(host.fetch(request).await.ok_text(), parts);
    }
}
