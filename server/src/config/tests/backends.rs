//! Backends: where they are, how they are spoken to, and mocks.

use std::path::Path;
use std::time::Duration;

use super::error;
use crate::config::Manifest;

#[test]
fn an_unknown_key_of_a_backend_is_told_with_its_place() {
    let text = "\n[local_server.backends.origin]\nurll = 'http://a'\nurl = 'http://a'\n";
    assert_eq!(
        error(text),
        "fastly.toml:3: in `local_server.backends.origin`: there is no key `urll`; did you mean `url`?"
    );
}

#[test]
fn a_backend_may_be_a_mock() {
    let folder = std::env::temp_dir().join(format!("fastlike-mock-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("list.json"), "[1]").unwrap();
    let text = r#"
        [local_server.backends.one]
        respond = { status = 201, headers = { x-a = "1", x-b = ["2", "3"] }, body = "hello" }
        uptime = 50
        latency_ms = 20
        [local_server.backends.several]
        url = "https://example.com"
        respond = [
            { path = "/list", method = "get", file = "list.json" },
            { path = "/a/*", status = 204 },
        ]
        "#;
    let manifest = Manifest::parse(text, &folder.join("fastly.toml")).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(manifest.warnings.is_empty(), "{:?}", manifest.warnings);
    let [(_, one), (_, several)] = &manifest.backends[..] else {
        panic!("{:?}", manifest.backends);
    };
    assert!(one.local.is_some() && several.local.is_some());
    assert_eq!((one.uptime_percent, one.latency.as_millis()), (50, 20));
}

#[test]
fn mistakes_about_backends_say_what_was_expected() {
    for (text, expected) in [
        ("[local_server.backends.a]", "the key `url` is missing"),
        (
            "[local_server.backends.a]\nrespond = {status = 99}",
            "from 200 to 599",
        ),
        (
            "[local_server.backends.a]\nrespond = {body = '', file = 'x'}",
            "only one of",
        ),
        (
            "[local_server.backends.a]\nrespond = {file = 'none.txt'}",
            "none.txt",
        ),
        (
            "[local_server.backends.a]\nrespond = {headers = {'a b' = ''}}",
            "not the name of a header field",
        ),
        (
            "[local_server.backends.a]\nrespond = {stat = 200}",
            "did you mean `status`?",
        ),
        ("[local_server.backends.a]\nrespond = []", "empty"),
        (
            "[local_server.backends.a]\nrespond = {path = '/a?b'}",
            "a path has no query",
        ),
        (
            "[local_server.backends.a]\nurl = 'http://a'\noverride_host = 'http://b'",
            "`http://b` is no host; it has to be",
        ),
        (
            "[local_server.backends.a]\nurl = 'http://a'\nuptime = 101",
            "from 0 to 100",
        ),
        (
            "[local_server.backends]\na = 'http://a'",
            "expected a table, found a string",
        ),
        (
            "[local_server.backends.a]\nurl = 1",
            "expected a string, found an integer",
        ),
        (
            "[local_server.backends.a]\nurl = 'a:b:c'",
            "is not the URL of a backend",
        ),
        (
            "[local_server.backends.a]\nurl = 'http://a'\nuse_sni = 'no'",
            "expected true or false",
        ),
        (
            "[local_server.backends.a]\nurl = 'http://a'\ncert_host = ' '",
            "this is empty",
        ),
        (
            "[local_server.backends.a]\nurl = 'http://a'\nfirst_byte_timeout_ms = -1",
            "not negative, found -1",
        ),
        (
            "[local_server.backends.a]\nurl = 'http://a'\nhealth = 'ill'",
            "`ill` is no health",
        ),
        (
            "[local_server.backends.a]\nurl = 'http://a'\nca_certificate = 'x'",
            "no PEM certificate",
        ),
        (
            "[local_server.backends.a]\nurl = 'http://a'\nca_certificate = {file = 'none.pem'}",
            "none.pem",
        ),
        (
            "[local_server.backends.a]\nurl = 'http://a'\nca_certificate = {}",
            "`value` and `file`",
        ),
        (
            "[local_server.backends.a]\nurl = 'http://a'\ntls_min = '1.4'",
            "no version of TLS",
        ),
    ] {
        let message = error(text);
        assert!(message.contains(expected), "{text}\ngives\n{message}");
    }
}

#[test]
fn nothing_is_said_to_take_too_long_but_connecting() {
    let backend = |keys: &str| {
        let text = format!("[local_server.backends.a]\nurl = 'http://a'\n{keys}");
        let manifest = Manifest::parse(&text, Path::new("fastly.toml")).unwrap();
        let settings = &manifest.backends[0].1;
        let milliseconds = |limit: Option<Duration>| limit.map(|limit| limit.as_millis());
        (
            settings.connect_timeout.as_millis(),
            milliseconds(settings.first_byte_timeout),
            milliseconds(settings.between_bytes_timeout),
        )
    };
    let keys = |connect, first, between| {
        format!(
            "connect_timeout_ms = {connect}\nfirst_byte_timeout_ms = {first}\nbetween_bytes_timeout_ms = {between}"
        )
    };
    assert_eq!(backend(""), (10_000, None, None));
    assert_eq!(backend(&keys(0, 0, 0)), (10_000, None, None));
    let as_on_the_platform = (1_000, Some(15_000), Some(10_000));
    assert_eq!(backend(&keys(1_000, 15_000, 10_000)), as_on_the_platform);
}
