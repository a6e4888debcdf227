//! Connections of backends, and handshakes.

use super::{error, parse};

#[test]
fn connections_of_a_backend_are_kept_as_it_says() {
    let manifest = parse(
        r#"
        [local_server.backends.origin]
        url = "http://127.0.0.1:8080"
        prefer_ipv4 = true
        [local_server.backends.origin.keepalive]
        idle_ms = 2_000
        tcp_idle_s = 7
        tcp_interval_s = 3
        tcp_probes = 4
        [local_server.backends.origin.pooling]
        max_connections = 8
        max_use = 100
        max_lifetime_ms = 60_000
        [local_server.backends.origin.healthcheck]
        method = "get"
        path = "/healthy"
        expected_status = 204
        window = 4
        threshold = 2
        [local_server.backends.other]
        url = "http://127.0.0.1:8080"
        keepalive = { tcp = false }
        pooling = { enabled = false, max_use = 0 }
        healthcheck = {}
        "#,
    )
    .unwrap();
    let [(_, origin), (_, other)] = &manifest.backends[..] else {
        panic!("{:?}", manifest.backends);
    };
    let seconds = |number| Some(std::time::Duration::from_secs(number));
    assert!(origin.prefer_ipv4 && origin.keep_connections && !other.keep_connections);
    let keepalive = origin.keepalive;
    assert_eq!(
        (keepalive.http_idle, keepalive.tcp_idle),
        (seconds(2), seconds(7))
    );
    assert_eq!(
        (keepalive.tcp_interval, keepalive.tcp_probe_count),
        (seconds(3), Some(4))
    );
    assert!(keepalive.tcp_probes && !other.keepalive.tcp_probes);
    assert_eq!(other.keepalive.http_idle, seconds(60));
    let pooling = origin.pooling;
    assert_eq!(
        (pooling.max_connections, pooling.max_use),
        (Some(8), Some(100))
    );
    assert_eq!(pooling.max_lifetime, seconds(60));
    assert_eq!(other.pooling.max_use, None);
    let check = origin.healthcheck.as_ref().unwrap();
    assert_eq!(
        (
            check.method.as_str(),
            check.path.as_str(),
            check.expected_status
        ),
        ("GET", "/healthy", 204)
    );
    assert_eq!((check.window, check.threshold, check.initial), (4, 2, 4));
    let check = other.healthcheck.as_ref().unwrap();
    assert_eq!(
        (check.method.as_str(), check.interval),
        ("HEAD", seconds(60).unwrap())
    );
}

#[test]
fn mistakes_in_what_is_said_of_connections_are_told() {
    for (key, told) in [
        ("keepalive = { idle = 1 }", "did you mean `idle_ms`?"),
        (
            "pooling = { max_conections = 1 }",
            "did you mean `max_connections`?",
        ),
        ("keepalive = { tcp_idle_s = 32768 }", "from 0 to 32767"),
        ("keepalive = { tcp_interval_s = 32768 }", "from 0 to 32767"),
        ("keepalive = { tcp_probes = 128 }", "from 0 to 127"),
        ("pooling = { max_use = -1 }", "not negative"),
        ("healthcheck = { window = 16 }", "from 1 to 15"),
        ("healthcheck = { window = 2, threshold = 3 }", "from 0 to 2"),
        ("healthcheck = { interval_ms = 10 }", "from 1000 to 3599999"),
        ("healthcheck = { path = 'x' }", "`x` cannot be the path"),
        ("healthcheck = { method = 'A B' }", "cannot be the method"),
        (
            "healthcheck = { method = 'connect' }",
            "cannot be the method",
        ),
        ("healthcheck = { host = 'a b' }", "cannot be the host"),
        ("helthcheck = {}", "did you mean `healthcheck`?"),
    ] {
        let text = format!("[local_server.backends.origin]\nurl = 'http://a'\n{key}");
        let message = error(&text);
        assert!(message.starts_with("fastly.toml:3:"), "{message}");
        assert!(message.contains(told), "{key}: {message}");
    }
}

#[test]
fn what_would_make_every_handshake_fail_is_told_at_the_start() {
    for (keys, told) in [
        (
            "ciphers = 'FOO'",
            "fastly.toml:3: in `local_server.backends.origin.ciphers`: `FOO` names no cipher suite that this host can speak; \
             there are: TLS_AES_256_GCM_SHA384, ",
        ),
        ("ciphers = '!ECDHE-RSA-AES128-GCM-SHA256'", "names no"),
        (
            "tls_max = '1.2'\nciphers = 'TLS_AES_128_GCM_SHA256'",
            "fastly.toml:4: in `local_server.backends.origin.ciphers`: `TLS_AES_128_GCM_SHA256` names no cipher suite of a \
             version",
        ),
        (
            "ciphers = 'ALL:!ECDHE-RSA-AES128-GCM-SHA256'\ntls_max = '1.1'",
            "fastly.toml:4: in `local_server.backends.origin.tls_max`: no version of TLS is left",
        ),
        (
            "tls_min = '1.3'\ntls_max = '1.2'",
            "this host speaks 1.2 and 1.3",
        ),
        ("ca_certificate = []", "nobody would be trusted"),
        ("cert_host = 'a..b'", "neither a host name nor an address"),
    ] {
        let text = format!("[local_server.backends.origin]\nurl = 'https://a'\n{keys}");
        let message = error(&text);
        assert!(message.contains(told), "{keys}: {message}");
    }
    let message = error("[local_server.backends.origin]\nurl = 'https://a..b'");
    assert!(
        message.starts_with("fastly.toml:2: in `local_server.backends.origin.url`: `a..b` cannot"),
        "{message}"
    );
}

#[test]
fn a_cipher_suite_that_is_not_known_beside_others_is_a_warning() {
    let list = "ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA:!aNULL";
    let text = format!("[local_server.backends.origin]\nurl = 'https://a'\nciphers = '{list}'");
    let manifest = parse(&text).unwrap();
    assert_eq!(manifest.backends[0].1.tls.ciphers.as_deref(), Some(list));
    let [warning] = &manifest.warnings[..] else {
        panic!("{:?}", manifest.warnings);
    };
    assert_eq!(warning.key, "local_server.backends.origin.ciphers");
    assert!(warning.message.contains("`AES128-SHA` is no"), "{warning}");
}
