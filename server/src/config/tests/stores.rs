//! Stores: what is in them, from where.

use super::error;
use crate::config::{ConfigError, Manifest};

#[test]
fn mistakes_about_stores_say_what_was_expected() {
    for (text, expected) in [
        (
            "[local_server.dictionaries.a]",
            "the key `format` is missing; there are `inline-toml` and `json`",
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
    ] {
        let message = error(text);
        assert!(message.contains(expected), "{text}\ngives\n{message}");
    }
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
