//! What the keys of a backend in `fastly.toml` do, seen by the backend and by the client. Those about TLS are in `nginx`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use conformance::cases;
use conformance::client::{Content, request};
use conformance::context::Context;
use conformance::faulty::Faulty;
use conformance::guests::{Guest, RAW, ROUTES};
use conformance::host::{HostSetup, TestHost};
use conformance::origin::Origin;
use http::Version;
use http_body_util::BodyExt;
use tempfile::TempDir;
use tokio::net::TcpListener;

cases![
    a_path_goes_before_every_path,
    a_host_is_overridden,
    http2_without_tls,
    a_head_may_not_take_longer,
    a_body_may_not_pause_longer,
    requests_wait_before_they_are_sent,
    who_is_down_is_asked_nothing,
    health_is_what_was_said,
    health_follows_uptime,
    health_is_what_checks_find,
    a_connection_may_not_take_longer,
    connections_are_counted,
    connections_are_kept_on_demand,
    ipv4_goes_first_on_demand,
];

/// A host with the backend `origin`, whose URL has `path` at its end, and of which `keys` say more.
pub async fn start(cx: &Context, path: &str, keys: &str) -> (TestHost, Origin, TempDir) {
    let origin = Origin::start().await;
    let url = format!("http://{}{path}", origin.address);
    let (host, folder) = start_at(cx, ROUTES, &url, keys).await;
    (host, origin, folder)
}

/// A host with `guest` and the backend `origin` at `url`.
async fn start_at(cx: &Context, guest: Guest, url: &str, keys: &str) -> (TestHost, TempDir) {
    let (host, folder) = set_up(cx.host(guest), url, keys);
    (host.start().await, folder)
}

/// The same, not started yet.
fn set_up(host: HostSetup, url: &str, keys: &str) -> (HostSetup, TempDir) {
    let folder = TempDir::new().expect("there is room for files");
    let file = folder.path().join("fastly.toml");
    let text = format!("[local_server.backends.origin]\nurl = '{url}'\n{keys}\n");
    std::fs::write(&file, text).expect("the folder can be written to");
    (host.configure(|builder| builder.config(file)), folder)
}

async fn a_path_goes_before_every_path(cx: Context) {
    let (host, origin, _folder) = start(&cx, "/bytes", "").await;
    assert_eq!(host.get("/proxy/origin/5").await.body.len(), 5);
    assert_eq!(origin.exchanges()[0].request, "GET /bytes/5");
}

async fn a_host_is_overridden(cx: Context) {
    let (host, origin, _folder) = start(&cx, "", "override_host = 'host.example'").await;
    assert_eq!(host.get("/proxy/origin/bytes/1").await.status, 200);
    assert_eq!(origin.exchanges()[0].headers["host"], "host.example");
}

async fn http2_without_tls(cx: Context) {
    for (keys, version) in [
        ("", Version::HTTP_11),
        ("http2 = true", Version::HTTP_2),
        ("grpc = true", Version::HTTP_2),
    ] {
        let (host, origin, _folder) = start(&cx, "", keys).await;
        assert_eq!(host.get("/proxy/origin/bytes/1").await.status, 200);
        assert_eq!(origin.exchanges()[0].version, version, "{keys}");
    }
}

async fn a_head_may_not_take_longer(cx: Context) {
    let (host, origin, _folder) = start(&cx, "", "first_byte_timeout_ms = 100").await;
    let answer = host.get("/proxy/origin/gate").await;
    assert_eq!(answer.status, 502);
    let text = answer.text();
    assert!(text.contains("HttpResponseTimeout"), "{text}");
    origin.open_gate();
}

async fn a_body_may_not_pause_longer(cx: Context) {
    let (host, origin, _folder) = start(&cx, "", "between_bytes_timeout_ms = 100").await;
    let answering = host.send(request("GET", "/proxy/origin/feed", Content::empty()));
    let (response, feed) = tokio::join!(answering, origin.feed());
    assert!(feed.send("first").await);
    assert!(response.into_body().collect().await.is_err());
    feed.abandoned().await;
}

async fn requests_wait_before_they_are_sent(cx: Context) {
    let (host, _origin, _folder) = start(&cx, "", "latency_ms = 150").await;
    let began = Instant::now();
    assert_eq!(host.get("/proxy/origin/bytes/1").await.status, 200);
    assert!(began.elapsed() >= Duration::from_millis(150));
}

async fn who_is_down_is_asked_nothing(cx: Context) {
    let (host, origin, _folder) = start(&cx, "", "uptime = 0").await;
    let answer = host.get("/proxy/origin/bytes/1").await;
    assert_eq!(answer.status, 502);
    assert!(answer.body.is_empty());
    assert!(origin.exchanges().is_empty());
    // One that is up half of the time answers some requests, and others not; 64 heads in a row do not happen.
    let (host, origin, _folder) = start(&cx, "", "uptime = 50").await;
    let mut down = 0;
    for _ in 0..64 {
        down += usize::from(host.get("/proxy/origin/bytes/1").await.status == 502);
    }
    assert!((1..64).contains(&down), "{down}");
    assert_eq!(origin.exchanges().len(), 64 - down);
}

/// The numbers of the ABI: 0 is unknown, 1 healthy, 2 unhealthy.
async fn health_is_what_was_said(cx: Context) {
    let origin = Origin::start().await;
    let url = format!("http://{}", origin.address);
    for (keys, health) in [
        ("", 0),
        ("uptime = 100", 0),
        ("health = 'healthy'", 1),
        ("health = 'unhealthy'", 2),
    ] {
        let (host, _folder) = start_at(&cx, RAW, &url, keys).await;
        // It says nothing about requests.
        let expected = format!("{health} 200 {health}");
        assert_eq!(host.text("/raw/health/origin").await, expected, "{keys}");
    }
}

async fn health_follows_uptime(cx: Context) {
    let origin = Origin::start().await;
    let url = format!("http://{}", origin.address);
    let keys = "health = 'healthy'\nuptime = 0";
    let (host, _folder) = start_at(&cx, RAW, &url, keys).await;
    assert_eq!(host.text("/raw/health/origin").await, "2 502 2");
    assert!(origin.exchanges().is_empty());
    // One that is up at times is as it was for the latest request, and is taken for healthy before the first.
    let (host, _folder) = start_at(&cx, RAW, &url, "uptime = 50").await;
    let mut health = 1;
    for _ in 0..16 {
        let text = host.text("/raw/health/origin").await;
        let is_down = text.contains(" 502 ");
        let (status, now) = if is_down { (502, 2) } else { (200, 1) };
        assert_eq!(text, format!("{health} {status} {now}"));
        health = now;
    }
}

async fn health_is_what_checks_find(cx: Context) {
    let origin = Origin::start().await;
    let url = format!("http://{}", origin.address);
    // It is taken for the opposite of what is found. The gate is shut.
    for (path, more, initial, health) in [
        ("/status/200", "", 0, 1),
        ("/status/204", "expected_status = 204, ", 0, 1),
        ("/status/500", "", 1, 2),
        ("/gate", "timeout_ms = 1000, ", 1, 2),
    ] {
        origin.forget();
        let keys = format!(
            "healthcheck = {{ path = '{path}', {more}window = 1, threshold = 1, initial = {initial} }}"
        );
        let (host, _folder) = start_at(&cx, RAW, &url, &keys).await;
        // The first use has it checked, and guests hear of what was found when there is an answer, or none in time.
        let ends = format!(" 200 {health}");
        while !host.text("/raw/health/origin").await.ends_with(&ends) {
            tokio::task::yield_now().await;
        }
        let is_check = format!("HEAD {path}");
        let exchanges = origin.exchanges();
        let checks = exchanges.iter().filter(|seen| seen.request == is_check);
        assert_eq!(checks.count(), 1, "{path}");
    }
}

async fn a_connection_may_not_take_longer(cx: Context) {
    // It accepts, and says nothing of TLS.
    let never = Faulty::never().await;
    let url = format!("https://{}", never.address);
    let keys = "connect_timeout_ms = 100\nskip_tls_verify = true";
    let (host, _folder) = start_at(&cx, ROUTES, &url, keys).await;
    let answer = host.get("/proxy/origin/").await;
    assert_eq!(answer.status, 502);
    let text = answer.text();
    assert!(text.contains("ConnectionTimeout"), "{text}");
    never.left(1).await;
}

async fn connections_are_counted(cx: Context) {
    let keys = "connect_timeout_ms = 100\npooling = { max_connections = 1 }";
    let (host, origin, _folder) = start(&cx, "", keys).await;
    let first = host.begin_get("/proxy/origin/gate");
    origin.arrived(1).await;
    let text = host.get("/proxy/origin/bytes/1").await.text();
    assert!(text.contains("ConnectionLimitReached"), "{text}");
    origin.open_gate();
    assert_eq!(first.answer().await.ok_text(), "the gate is open");
}

async fn connections_are_kept_on_demand(cx: Context) {
    for keys in ["pooling = { enabled = false }", "pooling = { max_use = 1 }"] {
        let (host, origin, _folder) = start(&cx, "", keys).await;
        for _ in 0..3 {
            assert_eq!(host.get("/proxy/origin/bytes/1").await.status, 200);
        }
        assert_eq!(origin.connections(), 3, "{keys}");
    }
}

/// A backend on IPv4 and one on IPv6 at the same port. Says so where this machine cannot have both.
async fn both_families() -> Option<(Origin, Origin)> {
    // A port that is free for one may be taken for the other.
    for _ in 0..100 {
        let Ok(ipv6) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await else {
            eprintln!("left out: there is no IPv6 loopback here");
            return None;
        };
        let port = ipv6.local_addr().expect("a listener has an address").port();
        if let Ok(ipv4) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            return Some((Origin::on(ipv4), Origin::on(ipv6)));
        }
    }
    panic!("there is no port that is free for both families");
}

async fn ipv4_goes_first_on_demand(cx: Context) {
    let Some((ipv4, ipv6)) = both_families().await else {
        return;
    };
    let place = format!("both.example:{}", ipv4.address.port());
    // The system would not know it.
    let resolved: [IpAddr; 2] = [Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()];
    let asked = || (ipv4.exchanges().len(), ipv6.exchanges().len());
    for (keys, expected) in [("", (0, 1)), ("prefer_ipv4 = true", (1, 0))] {
        ipv4.forget();
        ipv6.forget();
        let url = format!("http://{place}");
        let (host, _folder) = set_up(cx.host(ROUTES), &url, keys);
        let host = host.configure(|builder| builder.resolve("Both.example", resolved));
        let host = host.start().await;
        assert_eq!(host.get("/proxy/origin/bytes/1").await.status, 200);
        assert_eq!(asked(), expected, "{keys}");
    }
    let host = cx
        .host(ROUTES)
        .configure(|builder| builder.resolve("both.example", resolved));
    let host = host.start().await;
    for (family, expected) in [("ipv6", (0, 1)), ("ipv4", (1, 0))] {
        ipv4.forget();
        ipv6.forget();
        let path = format!("/dynamic/bytes/1?target={place}&prefer={family}");
        assert_eq!(host.text(&path).await, "a");
        assert_eq!(asked(), expected, "{family}");
    }
}
