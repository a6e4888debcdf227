//! Who the client is: what is claimed about it, and what its connection shows.

use std::collections::HashMap;

use conformance::cases;
use conformance::client::{Answer, Client, Content, request};
use conformance::context::Context;
use conformance::guests::RAW;
use conformance::host::TestHost;
use http::Request;

cases![
    claims_of_a_manifest,
    claims_by_user_agent,
    addresses_of_a_trusted_header,
    keys_that_are_valid,
    a_request_may_be_called_secure,
    a_bot_by_its_own_account,
];

/// What the guest was told, by the names of the hostcalls.
fn told(answer: &Answer) -> HashMap<String, String> {
    let text = answer.ok_text();
    let lines = text.lines().filter_map(|line| line.split_once(": "));
    lines
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

async fn ask(host: &TestHost, headers: &[(&str, &str)]) -> HashMap<String, String> {
    let mut request: Request<Content> = request("GET", "/raw/identity", "");
    for (name, value) in headers {
        let name: http::HeaderName = name.parse().expect("this is a header's name");
        let value = value.parse().expect("this is a header's value");
        request.headers_mut().insert(name, value);
    }
    told(&Client::http1().fetch(host.address, request).await)
}

async fn with_manifest(cx: &Context, manifest: &str) -> TestHost {
    let folder = tempfile::tempdir().expect("there is room for files");
    let file = folder.path().join("fastly.toml");
    std::fs::write(&file, manifest).expect("a folder can be written to");
    cx.host(RAW)
        .configure(|builder| builder.config(&file))
        .start()
        .await
}

async fn claims_of_a_manifest(cx: Context) {
    let host = with_manifest(
        &cx,
        r#"
        [local_server.client]
        ip = "203.0.113.7"
        server_ip = "2001:db8::1"
        ddos_detected = true
        compliance_region = "us"
        visits_this_service = 3
        visits_this_pop = 4
        bot = { name = "a", category = "ai-crawler", verified = true }
        vpn = { anonymous = true, tor_exit_node = true, service_name = "v" }
        inspect = { verdict = "block", status = 406, tags = ["XSS"] }
        "#,
    )
    .await;
    let told = ask(&host, &[]).await;
    for (name, value) in [
        ("downstream_client_ip_addr", "cb007107"),
        (
            "downstream_server_ip_addr",
            "20010db8000000000000000000000001",
        ),
        ("downstream_client_ddos_detected", "1"),
        ("downstream_compliance_region", "us"),
        ("downstream_visits_this_service", "3"),
        ("downstream_visits_this_pop", "4"),
        ("downstream_bot_analyzed", "1"),
        ("downstream_bot_detected", "1"),
        ("downstream_bot_name", "a"),
        ("downstream_bot_category", "ai-crawler"),
        ("downstream_bot_category_kind", "3"),
        ("downstream_bot_verified", "1"),
        ("downstream_resvpnproxy_is_anonymous", "1"),
        ("downstream_resvpnproxy_is_tor_exit_node", "1"),
        ("downstream_resvpnproxy_is_relay_proxy", "0"),
        ("downstream_resvpnproxy_vpn_service_name", "v"),
    ] {
        assert_eq!(told[name], value, "{name}");
    }
    let verdict = &told["inspect"];
    assert!(verdict.contains(r#""verdict":"block""#), "{verdict}");
    assert!(verdict.contains(r#""tags":["XSS"]"#), "{verdict}");
}

async fn claims_by_user_agent(cx: Context) {
    let host = with_manifest(
        &cx,
        r#"
        [local_server.client]
        compliance_region = "us"
        [[local_server.client.user_agents]]
        contains = "Spider"
        bot = { name = "Spider" }
        "#,
    )
    .await;
    let spider = ask(&host, &[("user-agent", "Spider/1.0")]).await;
    assert_eq!(spider["downstream_bot_name"], "Spider");
    assert_eq!(spider["downstream_compliance_region"], "us");
    let browser = ask(&host, &[("user-agent", "Browser/1.0")]).await;
    assert_eq!(browser["downstream_bot_analyzed"], "0");
    assert_eq!(browser["downstream_compliance_region"], "us");
}

async fn addresses_of_a_trusted_header(cx: Context) {
    let manifest = "[local_server.client]\nip_header = 'x-forwarded-for'";
    let host = with_manifest(&cx, manifest).await;
    for (value, expected) in [
        ("192.0.2.1", "c0000201"),
        ("192.0.2.1, 10.0.0.1", "c0000201"),
        ("somebody", "7f000001"),
    ] {
        let told = ask(&host, &[("x-forwarded-for", value)]).await;
        assert_eq!(told["downstream_client_ip_addr"], expected, "{value}");
    }
}

async fn keys_that_are_valid(cx: Context) {
    let manifest = "[local_server]\nfake_valid_fastly_keys = ['one', 'two']";
    let host = with_manifest(&cx, manifest).await;
    for (key, expected) in [("one", "1"), ("two", "1"), ("three", "0")] {
        let told = ask(&host, &[("fastly-key", key)]).await;
        assert_eq!(told["fastly_key_is_valid"], expected, "{key}");
    }
    assert_eq!(ask(&host, &[]).await["fastly_key_is_valid"], "0");
}

/// The embedder knows better than the connection.
async fn a_request_may_be_called_secure(cx: Context) {
    let host = cx
        .host(conformance::guests::ROUTES)
        .configure(|builder| {
            builder.secure_when(|request| request.headers.contains_key("x-secure"))
        })
        .start()
        .await;
    let mut request: Request<Content> = request("GET", "/echo", "");
    let name = http::HeaderName::from_static("x-secure");
    request
        .headers_mut()
        .insert(name, http::HeaderValue::from_static("1"));
    let answer = Client::http1().fetch(host.address, request).await;
    assert!(answer.header("x-url").starts_with("https://"));
    assert_eq!(answer.header("echo-fastly-ssl"), "1");
    let answer = host.get("/echo").await;
    assert!(answer.header("x-url").starts_with("http://"));
    assert_eq!(answer.header("echo-fastly-ssl"), "");
}

async fn a_bot_by_its_own_account(cx: Context) {
    let host = cx.host(RAW).start().await;
    let told = ask(
        &host,
        &[
            ("x-fastly-bot-analyzed", "true"),
            ("x-fastly-bot-name", "a"),
            ("x-fastly-bot-category", "headless"),
        ],
    )
    .await;
    assert_eq!(told["downstream_bot_analyzed"], "1");
    assert_eq!(told["downstream_bot_detected"], "0");
    assert_eq!(told["downstream_bot_category_kind"], "14");
    assert_eq!(told["downstream_bot_verified"], "status 10");
}
