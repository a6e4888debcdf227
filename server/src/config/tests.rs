use std::time::Duration;

use super::*;
use crate::backends::Health;

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
fn an_unknown_key_of_a_backend_is_told_with_its_place() {
    let text = "\n[local_server.backends.origin]\nurll = 'http://a'\nurl = 'http://a'\n";
    assert_eq!(
        error(text),
        "fastly.toml:3: in `local_server.backends.origin`: there is no key `urll`; did you mean `url`?"
    );
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
        (
            "[local_server.dictionaries.a]\nformat = 'yaml'",
            "`yaml` is no format",
        ),
        (
            "[local_server.dictionaries.a]\nformat = 'json'\nfile = 'none.json'",
            "none.json",
        ),
        (
            "[local_server.dictionaries]\n[local_server.config_stores]",
            "another name of",
        ),
        (
            "[local_server.secret_stores]\n'a b' = []",
            "in `local_server.secret_stores.a b`: `a b` is not the name",
        ),
        (
            "[local_server.secret_stores]\ns = [{key = 'a'}]",
            "in `local_server.secret_stores.s[0]`: a secret has exactly one",
        ),
        (
            "[local_server.secret_stores]\ns = [{key = 'a', data = '1', file = 'x'}]",
            "a secret has exactly one",
        ),
        (
            "[local_server.secret_stores]\ns = [{key = 'a/b', data = '1'}]",
            "in `local_server.secret_stores.s[0].key`: `a/b` is not the name",
        ),
        (
            "[local_server.secret_stores.s]\nfile = 'none.json'",
            "the key `format` is missing",
        ),
        (
            "[local_server.secret_stores.s]\nfile = 'none.json'\nformat = 'yaml'",
            "`yaml` is no format for this; there is `json`",
        ),
        (
            "[local_server.secret_stores.s]\nfile = 'none.json'\nformat = 'json'",
            "fastly.toml:2: in `local_server.secret_stores.s.file`: none.json cannot be read",
        ),
        (
            "[local_server.kv_stores]\ns = [{key = 'a'}]",
            "in `local_server.kv_stores.s[0]`: an item has exactly one of the keys `data`, `data_base64` and `file`",
        ),
        (
            "[local_server.kv_stores]\ns = [{key = 'a', data = '1', path = 'x'}]",
            "an item has exactly one",
        ),
        (
            "[local_server.kv_stores]\ns = [{key = 'a', file = 'x', path = 'x'}]",
            "`path` is another name of `file`",
        ),
        (
            "[local_server.kv_stores]\ns = [{key = 'a#', data = '1'}]",
            "in `local_server.kv_stores.s[0].key`: `a#` cannot be a key: line breaks and",
        ),
        (
            "[local_server.kv_stores]\ns = [{key = 'a', data_base64 = '!'}]",
            "in `local_server.kv_stores.s[0].data_base64`: this is not base64",
        ),
        (
            "[local_server.kv_stores]\ns = [{key = 'a', data = '', ttl = -1}]",
            "not negative",
        ),
        (
            "[local_server.kv_stores]\ns = [{key = 'a', file = 'none.bin'}]",
            "none.bin cannot be read",
        ),
        (
            "[local_server.kv_stores]\ns = 'x.json'",
            "in `local_server.kv_stores.s`: expected a table, found a string",
        ),
        (
            "[local_server.kv_stores.s]\nfile = 'x.json'",
            "the key `format` is missing: a file of items is given by both",
        ),
        (
            "[local_server.kv_stores.s]\nformat = 'json'",
            "the key `file` is missing",
        ),
        (
            "[local_server.kv_stores.s]\nsize_mb = 0",
            "in `local_server.kv_stores.s.size_mb`: a limit on bytes is at least 1 MiB",
        ),
        (
            "[local_server.kv_stores.s]\nperssist = 'x'",
            "there is no key `perssist`; did you mean `persist`?",
        ),
        (
            "[local_server.kv_stores]\n[local_server.object_stores]",
            "`object_stores` is another name of `kv_stores`",
        ),
        (
            "[local_server.object_store]\n[local_server.object_stores]",
            "`object_store` is another name of `kv_stores`",
        ),
        (
            "[local_server.acls]\na = 1",
            "in `local_server.acls.a`: expected a string, found an integer",
        ),
        (
            "[local_server.acls.a]",
            "in `local_server.acls.a`: the key `file` is missing",
        ),
        (
            "[local_server.acls]\na = 'none.json'",
            "in `local_server.acls.a`: none.json cannot be read",
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

/// A manifest in a folder of its own, with other files beside it.
fn manifest_with(
    files: &[(&str, &[u8])],
    text: &str,
) -> (tempfile::TempDir, Result<Manifest, ConfigError>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    let manifest = Manifest::parse(text, &folder.path().join("fastly.toml"));
    (folder, manifest)
}

#[test]
fn secrets_come_from_text_files_variables_and_json() {
    use abi_core::stores::SecretStore;

    let files: [(&str, &[u8]); 2] = [
        ("key.bin", &[0, 255]),
        ("secrets.json", br#"{"a": "from JSON"}"#),
    ];
    let (_folder, manifest) = manifest_with(
        &files,
        r#"
        [local_server.secret_stores]
        listed = [
            { key = "text", data = "plain" },
            { key = "file", file = "key.bin" },
            { key = "path", env = "PATH" },
            { key = "unset", env = "FASTLIKE_NO_SUCH_VARIABLE" },
        ]
        [local_server.secret_stores.of_file]
        file = "secrets.json"
        format = "json"
        "#,
    );
    let manifest = manifest.unwrap();
    let [(_, listed), (_, of_file)] = &manifest.secret_stores[..] else {
        panic!("{:?}", manifest.secret_stores);
    };
    assert_eq!(listed.get("text").unwrap(), "plain");
    assert_eq!(listed.get("file").unwrap()[..], [0, 255]);
    let path = std::env::var("PATH").unwrap();
    assert_eq!(listed.get("path").unwrap(), path);
    assert_eq!(listed.get("unset").unwrap(), "");
    assert_eq!(of_file.get("a").unwrap(), "from JSON");
    let [warning] = &manifest.warnings[..] else {
        panic!("{:?}", manifest.warnings);
    };
    assert_eq!(warning.key, "local_server.secret_stores.listed[3].env");
    assert!(warning.message.contains("is not set"), "{warning}");
}

#[test]
fn a_file_with_a_mistake_is_told_with_both_places() {
    let (_folder, manifest) = manifest_with(
        &[("secrets.json", b"{\n  \"a\": 1\n}")],
        "[local_server.secret_stores.s]\nfile = 'secrets.json'\nformat = 'json'",
    );
    let message = manifest.unwrap_err().to_string();
    for part in [
        "fastly.toml:2: in `local_server.secret_stores.s.file`: ",
        "secrets.json: this is not a JSON object of strings",
        "line 2",
    ] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn values_of_kv_stores_come_from_texts_files_and_json() {
    let json = br#"{
        "text": "t",
        "data": { "data": "d", "metadata": "m", "ttl": 9, "more": 1 },
        "body": { "body": "b" },
        "binary": { "data_base64": "AP8=" },
        "file": { "file": "value.bin" }
    }"#;
    let files: [(&str, &[u8]); 2] = [("value.bin", &[1, 255]), ("kv.json", json)];
    let text = r#"
        [local_server.object_store]
        empty = []
        listed = [
            { key = "text", data = "t" },
            { key = "binary", data_base64 = "AP8=", metadata = "m", ttl = 9 },
            { key = "file", file = "value.bin" },
            { key = "path", path = "value.bin", other = 1 },
        ]
        [local_server.object_store.of_file]
        file = "kv.json"
        format = "json"
        persist = "data"
        size_mb = 5
    "#;
    let (folder, manifest) = manifest_with(&files, text);
    let manifest = manifest.unwrap();
    let [(_, empty), (_, listed), (_, of_file)] = &manifest.kv_stores[..] else {
        panic!("{:?}", manifest.kv_stores);
    };
    assert!(empty.items.is_empty() && empty.persist.is_none());
    let values = |settings: &crate::stores::KvSettings| -> Vec<_> {
        let items = settings.items.iter();
        items
            .map(|item| {
                let seconds = item.time_to_live.map(|time| time.as_secs());
                let metadata = String::from_utf8_lossy(&item.metadata).into_owned();
                (
                    item.key.as_str().to_owned(),
                    item.value.to_vec(),
                    metadata,
                    seconds,
                )
            })
            .collect()
    };
    let item = |key: &str, value: &[u8], metadata: &str, seconds| {
        (key.to_owned(), value.to_vec(), metadata.to_owned(), seconds)
    };
    assert_eq!(
        values(listed),
        [
            item("text", b"t", "", None),
            item("binary", &[0, 255], "m", Some(9)),
            item("file", &[1, 255], "", None),
            item("path", &[1, 255], "", None),
        ]
    );
    assert_eq!(
        values(of_file),
        [
            item("binary", &[0, 255], "", None),
            item("body", b"b", "", None),
            item("data", b"d", "m", Some(9)),
            item("file", &[1, 255], "", None),
            item("text", b"t", "", None),
        ]
    );
    assert_eq!(
        of_file.persist.as_deref(),
        Some(&*folder.path().join("data"))
    );
    assert_eq!(of_file.bytes_max, Some(5 << 20));
    assert_eq!(listed.bytes_max, None);
    assert_eq!(manifest.warnings.len(), 1, "{:?}", manifest.warnings);
    assert_eq!(manifest.warnings[0].line, Some(8));
}

#[test]
fn a_mistake_in_a_json_file_of_a_kv_store_is_told_with_its_key() {
    for (json, expected) in [
        ("[]", "this is not a JSON object"),
        (
            r#"{"a": 1}"#,
            "`a`: the value has to be a string, or an object",
        ),
        (r#"{"a": {}}"#, "`a`: exactly one of the keys"),
        (
            r#"{"a": {"data": "1", "body": "1"}}"#,
            "`a`: exactly one of the keys",
        ),
        (r#"{"a": {"data": 1}}"#, "`a`: `data` has to be a string"),
        (
            r#"{"a": {"data": "", "ttl": "1"}}"#,
            "`a`: `ttl` has to be a number",
        ),
        (r#"{"a": {"file": "none.bin"}}"#, "none.bin cannot be read"),
        (r#"{"a|": ""}"#, "`a|` cannot be a key"),
    ] {
        let (_folder, manifest) = manifest_with(
            &[("kv.json", json.as_bytes())],
            "[local_server.kv_stores]\ns = { file = 'kv.json', format = 'json' }",
        );
        let message = manifest.unwrap_err().to_string();
        for part in [
            "fastly.toml:2: in `local_server.kv_stores.s.file`: ",
            "kv.json: ",
            expected,
        ] {
            assert!(message.contains(part), "{json}\ngives\n{message}");
        }
    }
}

#[test]
fn what_is_claimed_about_clients_is_read() {
    let manifest = parse(
        r#"
        [local_server]
        fake_valid_fastly_keys = ["one"]
        [local_server.client]
        ip = "2001:db8::1"
        ip_header = "X-Real-IP"
        compliance_region = "eu"
        bot = { category = "research", detected = false }
        [[local_server.client.user_agents]]
        contains = "Spider"
        vpn = { relay_proxy = true }
        [local_server.products]
        image_optimizer = true
        "#,
    )
    .unwrap();
    assert!(manifest.warnings.is_empty(), "{:?}", manifest.warnings);
    assert!(manifest.products.image_optimizer == Some(true) && !manifest.products.domain_inspector);
    let client = manifest.client;
    assert!(client.valid_fastly_keys.contains("one"));
    assert_eq!(client.address.unwrap().to_string(), "2001:db8::1");
    assert_eq!(client.address_header.unwrap(), "x-real-ip");
    let (text, spider) = &client.user_agents[0];
    assert_eq!(text, "Spider");
    assert_eq!(
        spider.claims.compliance_region, "eu",
        "what is not said again stays"
    );
    assert!(spider.claims.vpn_proxy.as_ref().unwrap().is_relay_proxy);
    assert!(client.profile.unwrap().claims.vpn_proxy.is_none());
    assert!(!spider.bot.as_ref().unwrap().is_detected);
}

#[test]
fn wrong_claims_about_clients_are_told() {
    for (line, expected) in [
        (
            "ip = 'x'",
            "in `local_server.client.ip`: this is no IP address",
        ),
        ("ip_header = 'a b'", "this is no name of a header"),
        ("ddos = true", "did you mean `ddos_detected`?"),
        ("bot = { category = 'x' }", "there are: none, suspected"),
        ("bot = { nam = 'x' }", "did you mean `name`?"),
        ("inspect = { status = 42 }", "between 100 and 999"),
        (
            "compliance_region = 'EU'",
            "in `local_server.client.compliance_region`: `EU` is no region; there are `none`, `us`, `eu` and `us-eu`",
        ),
        ("compliance_region = ''", "`` is no region"),
        ("user_agents = 1", "has to be a list"),
        ("user_agents = [{}]", "the key `contains` is missing"),
    ] {
        let message = error(&format!("[local_server.client]\n{line}\n"));
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn places_and_devices_are_read() {
    let manifest = parse(
        r#"
        [local_server.geolocation]
        use_default_loopback = false
        format = "inline-toml"
        default = { city = "Elsewhere" }
        [local_server.geolocation.addresses]
        "127.0.0.1" = { as_number = 1, latitude = 1.5, city = "Here" }
        "10.0.0.0/8" = { city = "Ten" }
        [local_server.device_detection]
        format = "inline-toml"
        from_user_agent = true
        [local_server.device_detection.user_agents."Agent/1.0"]
        user_agent = { name = "Agent", is_bot = false }
        device = { brand = "B" }
        "#,
    )
    .unwrap();
    assert!(manifest.warnings.is_empty(), "{:?}", manifest.warnings);
    let geo = manifest.geolocation.unwrap().0;
    let found = |address: &str| {
        let data = geo.lookup(address.parse().unwrap()).unwrap();
        String::from_utf8(data.to_vec()).unwrap()
    };
    assert_eq!(
        found("127.0.0.1"),
        r#"{"as_number":1,"city":"Here","latitude":1.5}"#
    );
    assert_eq!(found("10.2.3.4"), r#"{"city":"Ten"}"#);
    assert_eq!(found("::1"), r#"{"city":"Elsewhere"}"#);
    let devices = manifest.device_detection.unwrap();
    assert!(devices.from_user_agent);
    let device = abi_core::lookups::DeviceDetection::lookup(&devices, "Agent/1.0").unwrap();
    assert_eq!(
        &device[..],
        br#"{"device":{"brand":"B"},"user_agent":{"is_bot":false,"name":"Agent"}}"#
    );
}

#[test]
fn a_database_of_places_is_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    let text = "[local_server.geolocation]\nformat = 'mmdb'\nfile = 'cities.mmdb'\n";
    let manifest = Manifest::parse(text, &folder.join("fastly.toml")).unwrap();
    let geo = manifest.geolocation.unwrap().0;
    assert!(geo.lookup("192.0.2.1".parse().unwrap()).is_some());
    assert!(geo.lookup("192.0.3.1".parse().unwrap()).is_none());
}

#[test]
fn mistakes_about_places_and_devices_are_told_with_their_place() {
    for (text, expected) in [
        (
            "[local_server.geolocation]\nformat = 'xml'",
            "fastly.toml:2: in `local_server.geolocation.format`: `xml` is no format for this; there are: inline-toml, json, mmdb",
        ),
        (
            "[local_server.geolocation]\nformat = 'inline-toml'",
            "the key `addresses` is missing",
        ),
        (
            "[local_server.geolocation]\nfile = 'a.json'",
            "the key `format` is missing beside this",
        ),
        (
            "[local_server.geolocation]\nformat = 'json'\nfile = 'none.json'",
            "fastly.toml:3: in `local_server.geolocation.file`: none.json cannot be read",
        ),
        (
            "[local_server.geolocation]\nformat = 'inline-toml'\n[local_server.geolocation.addresses]\n'10.0.0.0/99' = {}",
            "nor a network such as",
        ),
        (
            "[local_server.device_detection]\nformat = 'mmdb'",
            "there are: inline-toml, json",
        ),
        (
            "[local_server.device_detection]\nformat = 'inline-toml'\nuser_agents = { a = 1 }",
            "what is known about a user agent is a table",
        ),
    ] {
        let message = error(text);
        assert!(message.contains(expected), "{message}");
    }
    let manifest = parse("[local_server.geolocation]\nuse_default_lopback = true").unwrap();
    let warning = manifest.warnings[0].to_string();
    assert!(
        warning.contains("did you mean `use_default_loopback`?"),
        "{warning}"
    );
}

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
        (check.path.as_str(), check.expected_status),
        ("/healthy", 204)
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
        ("pooling = { max_use = -1 }", "not negative"),
        ("healthcheck = { window = 16 }", "from 1 to 15"),
        ("healthcheck = { window = 2, threshold = 3 }", "from 0 to 2"),
        ("healthcheck = { interval_ms = 10 }", "from 1000 to 3599999"),
        ("healthcheck = { path = 'x' }", "`x` cannot be the path"),
        ("healthcheck = { method = 'A B' }", "cannot be the method"),
        (
            "healthcheck = { method = 'CONNECT' }",
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
