//! Secret stores, access control lists and limits on rates, through the Rust SDK.

use conformance::cases;
use conformance::context::Context;
use conformance::guests::STORES;
use conformance::host::TestHost;
use fastlike::{AclEntries, SecretItems};

cases![
    secrets,
    addresses_in_lists,
    events_are_counted_for_all_guests,
    penalties_are_for_all_guests,
    everything_comes_from_a_manifest,
];

async fn start(cx: &Context) -> TestHost {
    let mut secrets = SecretItems::new();
    let added = secrets.insert("password", "hunter2");
    added.expect("this is the name of a secret");
    let list = br#"{"entries": [
        {"op": "create", "prefix": "10.0.0.0/8", "action": "BLOCK"},
        {"op": "create", "prefix": "10.9.0.0/16", "action": "ALLOW"},
        {"op": "create", "prefix": "2001:db8::/32", "action": "LOG"}
    ]}"#;
    let list = AclEntries::from_json(list).expect("these are entries");
    cx.host(STORES)
        .configure(|builder| builder.secret_store("secrets", secrets).acl("list", list))
        .start()
        .await
}

async fn secrets(cx: Context) {
    let host = start(&cx).await;
    assert_eq!(host.text("/secret/secrets/password").await, "hunter2");
    assert_eq!(host.get("/secret/secrets/missing").await.status, 404);
    assert_eq!(host.get("/secret/missing/password").await.status, 404);
    assert_eq!(host.text("/secret-has/secrets/password").await, "true");
    assert_eq!(host.text("/secret-has/secrets/missing").await, "false");
    assert_eq!(host.text("/secret-of/xyzzy").await, "xyzzy");
}

async fn addresses_in_lists(cx: Context) {
    let host = start(&cx).await;
    for (address, prefix, action) in [
        ("10.1.2.3", "10.0.0.0/8", "BLOCK"),
        ("10.9.2.3", "10.9.0.0/16", "ALLOW"),
        ("2001:db8::1", "2001:db8::/32", "LOG"),
    ] {
        let entry = host.text(&format!("/acl/list/{address}")).await;
        assert!(entry.contains(prefix), "{address}: {entry}");
        let entry = entry.to_uppercase();
        assert!(entry.contains(action), "{address}: {entry}");
    }
    assert_eq!(host.text("/acl/list/11.1.2.3").await, "none");
    assert_eq!(host.get("/acl/missing/10.1.2.3").await.status, 404);
}

async fn events_are_counted_for_all_guests(cx: Context) {
    let host = start(&cx).await;
    // Only the longest window is sure to hold all of it on a slow machine.
    let in_a_minute = |text: String| text.rsplit(' ').next().map(str::to_owned).unwrap();
    for expected in ["30", "60"] {
        let counted = in_a_minute(host.text("/rate/counter/entry?add=30").await);
        assert_eq!(counted, expected);
    }
    assert_eq!(host.text("/rate/counter/other").await, "0 0 0 0 0");
    assert_eq!(host.text("/rate/other/entry").await, "0 0 0 0 0");
    let other = start(&cx).await;
    assert_eq!(
        other.text("/rate/counter/entry").await,
        "0 0 0 0 0",
        "another service"
    );
}

async fn penalties_are_for_all_guests(cx: Context) {
    let host = start(&cx).await;
    assert_eq!(host.text("/penalty/box/entry").await, "false");
    assert_eq!(host.text("/penalty/box/entry?add=60").await, "true");
    assert_eq!(host.text("/penalty/box/entry").await, "true");
    assert_eq!(host.get("/penalty/box/entry?add=59").await.status, 409);
    assert_eq!(host.text("/check-rate/entry?limit=10").await, "false");
    assert_eq!(host.text("/check-rate/entry?limit=0").await, "true");
    assert_eq!(
        host.text("/check-rate/entry?limit=1000").await,
        "true",
        "it is in the box"
    );
    assert_eq!(host.text("/check-rate/other?limit=1000").await, "false");
}

async fn everything_comes_from_a_manifest(cx: Context) {
    let folder = tempfile::tempdir().expect("there is room for files");
    let files = [
        (
            "acl.json",
            r#"{"entries": [{"op": "create", "prefix": "10.0.0.0/8", "action": "BLOCK"}]}"#,
        ),
        (
            "kv.json",
            r#"{"plain": "text", "more": {"data": "d", "metadata": "m"}, "file": {"file": "value.bin"}}"#,
        ),
        ("secrets.json", r#"{"name": "from JSON"}"#),
        ("config.json", r#"{"color": "blue"}"#),
        ("value.bin", "bytes"),
        (
            "fastly.toml",
            r#"
            [local_server.acls]
            list = "acl.json"
            other = { file = "acl.json" }
            [local_server.kv_stores]
            listed = [{ key = "k", data = "v" }, { key = "f", path = "value.bin", ttl = 3600 }]
            empty = []
            of_file = { file = "kv.json", format = "json" }
            [local_server.secret_stores]
            listed = [{ key = "a", data = "secret" }]
            of_file = { file = "secrets.json", format = "json" }
            [local_server.config_stores.settings]
            format = "json"
            file = "config.json"
            "#,
        ),
    ];
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).expect("a folder can be written to");
    }
    let manifest = folder.path().join("fastly.toml");
    let host = cx
        .host(STORES)
        .configure(|builder| builder.config(&manifest))
        .start()
        .await;
    for (path, expected) in [
        ("/kv/listed/k", "v"),
        ("/kv/listed/f", "bytes"),
        ("/kv-list/empty", ""),
        ("/kv-list/of_file", "file more plain\n"),
        ("/kv/of_file/file", "bytes"),
        ("/kv/of_file/more", "d"),
        ("/secret/listed/a", "secret"),
        ("/secret/of_file/name", "from JSON"),
        ("/config/settings/color", "blue"),
    ] {
        assert_eq!(host.text(path).await, expected, "{path}");
    }
    for list in ["list", "other"] {
        let entry = host.text(&format!("/acl/{list}/10.0.0.1")).await;
        assert!(entry.contains("10.0.0.0/8"), "{entry}");
    }
    assert_eq!(host.text("/config-has/settings/color").await, "true");
    assert_eq!(host.text("/config-has/settings/size").await, "false");
    // A change on the disk is seen by guests that open the store a moment later.
    let changed = r#"{"color": "green, and longer"}"#;
    std::fs::write(folder.path().join("config.json"), changed).expect("it was written before");
    while host.text("/config/settings/color").await == "blue" {}
    let color = host.text("/config/settings/color").await;
    assert_eq!(color, "green, and longer");
}
