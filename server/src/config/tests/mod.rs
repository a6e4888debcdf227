//! What is read of a `fastly.toml`, and what is said of mistakes in it.

mod backends;
mod clients;
mod connections;
mod lookups;
mod stores;

use std::path::{Path, PathBuf};

use crate::backends::Health;
use crate::config::{ConfigError, Manifest};

fn parse(text: &str) -> Result<Manifest, ConfigError> {
    Manifest::parse(text, Path::new("fastly.toml"))
}

fn error(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn a_manifest_of_the_usual_kind_is_read() {
    let manifest = parse(
        r#"
        manifest_version = 3
        name = "app"
        authors = ["me"]
        [scripts]
        build = "cargo build"
        [local_server]
        viceroy_version = "0.9"
        [local_server.backends.origin]
        url = "https://example.com/v1"
        override_host = "example.com"
        first_byte_timeout_ms = 1_500
        health = "Healthy"
        [local_server.backends."127.0.0.1"]
        url = "http://127.0.0.1:8080"
        grpc = true
        [local_server.config_stores.settings]
        format = "inline-toml"
        [local_server.config_stores.settings.contents]
        color = "blue"
        [local_server.limits]
        memory_mb = 64
        cpu_ms = 50
        subrequests = 32
        [local_server.env]
        STAGE = "test"
        [local_server.kv_stores]
        store = []
        [local_server.tls]
        self_signed = true
        "#,
    )
    .unwrap();
    assert!(manifest.warnings.is_empty(), "{:?}", manifest.warnings);
    let [(plain_name, plain), (origin_name, origin)] = &manifest.backends[..] else {
        panic!("{:?}", manifest.backends);
    };
    assert_eq!(
        (plain_name.as_str(), origin_name.as_str()),
        ("127.0.0.1", "origin")
    );
    assert!(plain.http2_only);
    assert!(manifest.tls.is_some());
    assert_eq!(origin.url.to_string(), "https://example.com/v1");
    assert_eq!(origin.first_byte_timeout.unwrap().as_millis(), 1500);
    assert_eq!(origin.health, Health::Healthy);
    assert_eq!(manifest.dictionaries[0].0, "settings");
    assert_eq!(manifest.limits.memory_bytes, Some(64 * 1024 * 1024));
    assert_eq!(manifest.limits.or_default().cpu.as_millis(), 50);
    assert_eq!(manifest.limits.or_default().subrequests, Some(32));
    assert_eq!(
        manifest.environment,
        [("STAGE".to_owned(), "test".to_owned())]
    );
}

#[test]
fn the_cache_has_a_size() {
    let sized = |text| parse(&format!("[local_server.cache]\n{text}"));
    assert_eq!(sized("").unwrap().cache_bytes, None);
    assert_eq!(sized("size_mb = 2").unwrap().cache_bytes, Some(2 << 20));
    for wrong in [
        "size_mb = 0",
        "size_mb = -1",
        "size_mb = \"2\"",
        "size_mb = 9223372036854775807",
        "size = 2",
    ] {
        let told = sized(wrong).unwrap_err().to_string();
        assert!(told.contains("local_server.cache"), "{wrong}: {told}");
    }
}

#[test]
fn a_key_like_no_other_gets_the_list_of_keys() {
    let message = error("[local_server.limits]\nxyzzy = 1");
    assert!(
        message.contains("there are: cpu_ms, memory_mb, subrequests, wall_ms"),
        "{message}"
    );
}

#[test]
fn an_unknown_table_is_a_warning() {
    let manifest =
        parse("[local_server]\n[local_server.backend.origin]\nurl = 'http://a'").unwrap();
    let warning = manifest.warnings[0].to_string();
    assert!(warning.contains("did you mean `backends`?"), "{warning}");
}

#[test]
fn sandboxes_are_reused_as_far_as_it_says() {
    let text = "[local_server.reuse]\nrequests = 9\nwait_ms = 50";
    let manifest = Manifest::parse(text, Path::new("fastly.toml")).unwrap();
    let limits = manifest.reuse.or_default();
    assert_eq!(limits.further_requests, 9);
    assert_eq!(limits.waiting_sandboxes, 5);
    assert_eq!(limits.wait.as_millis(), 50);
}

#[test]
fn mistakes_say_what_was_expected() {
    for (text, expected) in [
        (
            "local_server = 1",
            "fastly.toml:1: in `local_server`: expected a table, found an integer",
        ),
        ("[local_server.tls]", "`certificate` and `certificate_file`"),
        (
            "[local_server.tls]\nself_signed = true\nkey = 'x'",
            "there is no key `key`",
        ),
        (
            "[local_server.tls]\ncertificate = 'x'\nkey = 'y'",
            "no PEM certificate in the certificate",
        ),
        (
            "[local_server.tls]\ncertificate_file = 'none.pem'\nkey = 'y'",
            "none.pem",
        ),
        (
            "[local_server.tls]\nself_signed = true\nclient_ca_certificate = 'x'",
            "local_server.tls.client_ca_certificate",
        ),
        ("[local_server.limits]\ncpu_ms = 0", "at least 1 ms"),
        ("manifest_version = 4", "newer than this program"),
        ("a = ", "fastly.toml:1:"),
    ] {
        let message = error(text);
        assert!(message.contains(expected), "{text}\ngives\n{message}");
    }
}

#[test]
fn a_manifest_that_is_not_there_is_an_error() {
    let message = Manifest::read(Path::new("no/such/fastly.toml"))
        .unwrap_err()
        .to_string();
    assert!(
        message.starts_with("no/such/fastly.toml: the file cannot be read"),
        "{message}"
    );
}

#[test]
fn log_endpoints_may_have_files() {
    let text = "[local_server.log_endpoints]\napp = 'app.log'\naudit = { file = '/var/audit.log' }";
    let manifest = Manifest::parse(text, Path::new("project/fastly.toml")).unwrap();
    let expected = [("app", "project/app.log"), ("audit", "/var/audit.log")];
    let expected = expected.map(|(name, path)| (name.to_owned(), PathBuf::from(path)));
    assert_eq!(manifest.log_files, expected);
    for (text, told) in [
        ("stdout = 'a'", "reserved"),
        ("FST_managed_x = 'a'", "reserved"),
        ("app = { path = 'a' }", "`file` is missing"),
        ("app = { file = 'a', fil = 'a' }", "did you mean `file`?"),
        ("app = 1", "expected a string"),
    ] {
        let message = error(&format!("[local_server.log_endpoints]\n{text}"));
        assert!(message.starts_with("fastly.toml:2:"), "{message}");
        assert!(message.contains(told), "{text}: {message}");
    }
}

#[test]
fn a_misspelt_table_is_told_where_everything_else_is_left_to_other_tools() {
    let warnings = |text: &str| {
        let manifest = Manifest::parse(text, Path::new("fastly.toml")).unwrap();
        let told = manifest.warnings.iter().map(ToString::to_string);
        told.collect::<Vec<_>>()
    };
    for name in ["local_servr", "localserver", "local-server"] {
        let found = warnings(&format!(
            "name = 'x'\n[{name}.backends.a]\nurl = 'http://a'"
        ));
        let expected =
            format!("fastly.toml:2: `{name}` has no effect; did you mean `local_server`?");
        assert_eq!(found, [expected]);
    }
    let others = "language = 'rust'\nservice_id = 'x'\n[scripts]\nbuild = 'x'\n[setup.backends.a]\naddress = 'x'";
    assert_eq!(warnings(others), [""; 0]);
    // Where there is one, another table is no misspelling of it.
    assert_eq!(warnings("[local_server]\n[local_servers]"), [""; 0]);
}

#[test]
fn what_is_no_configuration_is_told_for_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let told = Manifest::read(folder.path()).unwrap_err().to_string();
    assert!(told.contains("usually `fastly.toml`"), "{told}");
    let file = folder.path().join("app.wasm");
    std::fs::write(&file, b"\0asm\xff").unwrap();
    let told = Manifest::read(&file).unwrap_err().to_string();
    assert!(told.contains("a text in TOML"), "{told}");
}
