//! That the cases inside the guest without an SDK call every hostcall, and get out of it every status that it has.
//!
//! What a hostcall can refuse follows from its parameters: a handle may name nothing, a pointer may lie outside of
//! memory or not be aligned, a buffer may be too small. What else there is stands in [`ALSO`], and why something of all
//! that cannot be had in [`NEVER`]. The cases check each status that they get; here only that none is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use abi_core::client::{Bot, BotCategory, ClientClaims, ClientTls, VerifyResult, VpnProxy};
use abi_core::table::HOSTCALLS;
use abi_core::{ClientIdentity, FastlyStatus, Hostcall, Limits};
use conformance::case::{on_engine, trial};
use conformance::client::request;
use conformance::context::Context;
use conformance::guests::{Guest, RAW};
use conformance::host::{LIMITS, TestHost};
use libtest_mimic::Trial;

use crate::raw::{self, World};

use FastlyStatus::{
    Again, Badalign, Badf, Buflen, Error, Inval, Limitexceeded, None as Absent, Ok as Done,
    Unsupported,
};

/// Routes of the same guest that answer in a way of their own.
const ROUTES: &[&str] = &[
    "/raw/two-answers",
    "/raw/informational",
    "/raw/streaming-answer",
    "/raw/pending-answer",
];

/// Routes that hand the client over, in a host that has somebody to hand it to.
const HAND_OFFS: &[&str] = &[
    "/raw/websocket/origin",
    "/raw/websocket-v2/origin",
    "/raw/grip/origin",
    "/raw/grip-v2/origin",
];

/// Statuses that do not follow from parameters: module, rows, statuses.
const ALSO: &[(&str, &[&str], &[FastlyStatus])] = &[
    ("fastly_abi", &["init"], &[Error]),
    ("fastly_async_io", &["select"], &[Inval]),
    (
        "fastly_backend",
        &[
            "get_override_host",
            "get_ssl_min_version",
            "get_ssl_max_version",
        ],
        &[Absent],
    ),
    ("fastly_http_body", &["known_length"], &[Absent]),
    ("fastly_http_body", &["trailer_append"], &[Error]),
    ("fastly_http_body", &["read"], &[Error]),
    (
        "fastly_http_body",
        &[
            "trailer_names_get",
            "trailer_value_get",
            "trailer_values_get",
        ],
        &[Again, Inval],
    ),
    (
        "fastly_http_downstream",
        &["next_request"],
        &[Limitexceeded],
    ),
    (
        "fastly_http_downstream",
        &["next_request_wait"],
        &[Unsupported, Absent],
    ),
    (
        "fastly_http_downstream",
        &[
            "downstream_visits_this_service",
            "downstream_visits_this_pop",
        ],
        &[Unsupported],
    ),
    (
        "fastly_http_downstream",
        &[
            "downstream_client_h2_fingerprint",
            "downstream_client_oh_fingerprint",
            "downstream_tls_cipher_openssl_name",
            "downstream_tls_protocol",
            "downstream_tls_client_hello",
            "downstream_tls_raw_client_certificate",
            "downstream_tls_client_cert_verify_result",
            "downstream_tls_client_servername",
            "downstream_tls_ja3_md5",
            "downstream_tls_ja4",
            "downstream_bot_name",
            "downstream_bot_category",
            "downstream_bot_category_kind",
            "downstream_bot_verified",
            "downstream_resvpnproxy_is_anonymous",
            "downstream_resvpnproxy_vpn_service_name",
        ],
        &[Absent],
    ),
    (
        "fastly_http_req",
        &[
            "downstream_client_h2_fingerprint",
            "downstream_client_oh_fingerprint",
            "downstream_tls_cipher_openssl_name",
            "downstream_tls_protocol",
            "downstream_tls_client_hello",
            "downstream_tls_raw_client_certificate",
            "downstream_tls_client_cert_verify_result",
            "downstream_tls_client_servername",
            "downstream_tls_ja3_md5",
            "downstream_tls_ja4",
        ],
        &[Absent],
    ),
    (
        "fastly_http_req",
        &[
            "header_insert",
            "header_append",
            "header_values_set",
            "method_set",
            "uri_set",
        ],
        &[Error],
    ),
    (
        "fastly_http_req",
        &["header_value_get", "header_remove", "version_set"],
        &[Inval],
    ),
    (
        "fastly_http_req",
        &[
            "auto_decompress_response_set",
            "framing_headers_mode_set",
            "cache_override_set",
        ],
        &[Inval],
    ),
    (
        "fastly_http_req",
        &["send", "send_v2", "send_v3"],
        &[Error, Inval, Limitexceeded],
    ),
    (
        "fastly_http_req",
        &["send_async", "send_async_v2", "send_async_streaming"],
        &[Inval, Limitexceeded],
    ),
    (
        "fastly_http_req",
        &[
            "pending_req_header_insert",
            "pending_req_header_append",
            "pending_req_header_remove",
        ],
        &[Error, Inval],
    ),
    (
        "fastly_http_req",
        &[
            "pending_req_poll",
            "pending_req_poll_v2",
            "pending_req_wait",
            "pending_req_wait_v2",
        ],
        &[Error],
    ),
    (
        "fastly_http_req",
        &["register_dynamic_backend"],
        &[Error, Inval, Badf],
    ),
    ("fastly_http_req", &["inspect"], &[Buflen]),
    (
        "fastly_http_req",
        &["upgrade_websocket", "on_behalf_of"],
        &[Unsupported],
    ),
    (
        "fastly_http_req",
        &["redirect_to_grip_proxy", "redirect_to_grip_proxy_v2"],
        &[Unsupported],
    ),
    (
        "fastly_http_req",
        &[
            "redirect_to_websocket_proxy",
            "redirect_to_websocket_proxy_v2",
        ],
        &[Error],
    ),
    (
        "fastly_http_resp",
        &["header_insert", "header_append", "header_values_set"],
        &[Error],
    ),
    (
        "fastly_http_resp",
        &["header_value_get", "header_remove", "version_set"],
        &[Inval],
    ),
    (
        "fastly_http_resp",
        &[
            "status_set",
            "framing_headers_mode_set",
            "http_keepalive_mode_set",
        ],
        &[Inval],
    ),
    (
        "fastly_http_resp",
        &["get_addr_dest_ip", "get_addr_dest_port"],
        &[Absent],
    ),
    (
        "fastly_http_resp",
        &["send_downstream", "send_informational_response"],
        &[Error, Inval],
    ),
    ("fastly_http_resp", &["send_downstream_pending"], &[Error]),
    ("fastly_log", &["endpoint_get"], &[Inval]),
    ("fastly_dictionary", &["open"], &[Badf]),
    ("fastly_dictionary", &["get"], &[Absent]),
    ("fastly_config_store", &["open"], &[Badf]),
    ("fastly_config_store", &["get"], &[Absent]),
    (
        "fastly_cache",
        &[
            "lookup",
            "transaction_lookup",
            "transaction_lookup_async",
            "insert",
            "replace",
            "transaction_insert",
            "transaction_insert_and_stream_back",
        ],
        &[Unsupported, Limitexceeded],
    ),
    (
        "fastly_cache",
        &[
            "replace_insert",
            "replace_get_body",
            "transaction_update",
            "get_body",
        ],
        &[Unsupported],
    ),
    (
        "fastly_cache",
        &[
            "get_body",
            "get_user_metadata",
            "get_length",
            "get_max_age_ns",
            "get_stale_while_revalidate_ns",
            "get_age_ns",
            "get_hits",
            "replace_get_body",
            "replace_get_user_metadata",
            "replace_get_length",
            "replace_get_max_age_ns",
            "replace_get_stale_while_revalidate_ns",
            "replace_get_age_ns",
            "replace_get_hits",
        ],
        &[Absent],
    ),
    (
        "fastly_http_cache",
        &[
            "is_request_cacheable",
            "get_suggested_cache_key",
            "lookup",
            "transaction_lookup",
            "transaction_insert",
            "transaction_insert_and_stream_back",
            "transaction_update",
            "transaction_update_and_return_fresh",
            "transaction_record_not_cacheable",
        ],
        &[Unsupported],
    ),
    (
        "fastly_http_cache",
        &["lookup", "transaction_lookup", "get_found_response"],
        &[Limitexceeded],
    ),
    (
        "fastly_http_cache",
        &[
            "get_found_response",
            "get_length",
            "get_max_age_ns",
            "get_stale_while_revalidate_ns",
            "get_stale_if_error_ns",
            "get_age_ns",
            "get_hits",
            "get_sensitive_data",
            "get_surrogate_keys",
            "get_vary_rule",
        ],
        &[Absent],
    ),
    (
        "fastly_object_store",
        &["lookup", "lookup_async", "delete_async"],
        &[Limitexceeded],
    ),
    (
        "fastly_kv_store",
        &["lookup", "delete", "list"],
        &[Limitexceeded],
    ),
    ("fastly_secret_store", &["open", "get"], &[Absent]),
    ("fastly_secret_store", &["from_bytes"], &[Inval]),
    (
        "fastly_image_optimizer",
        &["transform_image_optimizer_request"],
        &[Error, Unsupported],
    ),
    ("fastly_acl", &["open"], &[Absent]),
    ("fastly_device_detection", &["lookup"], &[Absent]),
    ("fastly_http_body", &["new"], &[Limitexceeded]),
    ("fastly_http_resp", &["new"], &[Limitexceeded]),
    (
        "fastly_http_req",
        &["pending_req_wait", "pending_req_select"],
        &[Limitexceeded],
    ),
];

/// Statuses that seem to follow from parameters and do not: module, row, status, why.
const NEVER: &[(&str, &str, FastlyStatus, &str)] = &[
    (
        "fastly_http_body",
        "write",
        Buflen,
        "it is the guest that writes",
    ),
    ("fastly_log", "write", Buflen, "it is the guest that writes"),
    (
        "fastly_http_req",
        "on_behalf_of",
        Done,
        "no service can act for another here",
    ),
    (
        "fastly_http_req",
        "upgrade_websocket",
        Done,
        "a guest cannot speak on a websocket",
    ),
    (
        "fastly_http_req",
        "upgrade_websocket",
        Inval,
        "a guest cannot speak on a websocket",
    ),
];

type Seen = BTreeMap<(&'static str, &'static str), BTreeSet<u32>>;

/// One test. That the engines do the same is what `transcripts` is for, and that each passes the cases, `raw`.
pub fn trials() -> Vec<Trial> {
    let every = || on_engine("wasmi", every_hostcall_gives_every_status);
    vec![trial(
        "all::statuses::every_hostcall_gives_every_status",
        every,
    )]
}

async fn every_hostcall_gives_every_status(cx: Context) {
    let world = World::start().await;
    let plain = world.for_case("", cx.host(RAW)).start().await;
    let caching = world.for_case("http_cache_", cx.host(RAW)).start().await;
    for name in raw::names() {
        let host = match raw::wants_http_cache(name) {
            true => &caching,
            false => &plain,
        };
        host.get(&format!("/case/{name}")).await;
    }
    for route in ROUTES {
        plain.get(route).await;
    }
    let of_client = of_a_known_client(&world, &cx).await;
    let handing = world.of(cx
        .host(RAW)
        .configure(|builder| builder.grip_proxy(world.origin.address)));
    let handing = handing.start().await;
    for route in HAND_OFFS {
        handing.get(route).await;
    }
    let limited = Limits {
        subrequests: Some(1),
        ..LIMITS
    };
    let limited = world.of(cx.host(RAW).configure(|builder| builder.limits(limited)));
    let limited = limited.start().await;
    limited.get("/raw/subrequests").await;
    let several = world.of(cx.host(RAW)).start().await;
    let mut asked = 0;
    // Another guest may answer before the first one waits for a second client.
    while asked == several.runs.all().len() {
        several.get("/raw/serve-many").await;
        asked += 1;
    }
    let name = "image_transform_off";
    let without_images = world.for_case(name, cx.host(RAW)).start().await;
    without_images.get(&format!("/case/{name}")).await;
    // A module has this form of a hostcall or the later one.
    let earlier = world.of(cx.host(Guest("wat/object_store_earlier.wat")));
    let earlier = earlier.start().await;
    earlier.get("/").await;
    let mut seen = Seen::new();
    for host in [
        &plain,
        &caching,
        &of_client,
        &handing,
        &limited,
        &several,
        &without_images,
        &earlier,
    ] {
        add(&mut seen, host).await;
    }
    let mut missing = String::new();
    for hostcall in HOSTCALLS {
        // What WASI refuses has numbers of its own.
        if hostcall.module == "wasi_snapshot_preview1" {
            continue;
        }
        let of_row = seen.remove(&(hostcall.module, hostcall.name));
        let of_row = of_row.unwrap_or_default();
        let lacks = expected(hostcall);
        let lacks = lacks
            .iter()
            .filter(|status| !of_row.contains(&status.code()));
        let lacks: Vec<_> = lacks.collect();
        if !lacks.is_empty() {
            missing.push_str(&format!(
                "{}.{}: {lacks:?}\n",
                hostcall.module, hostcall.name
            ));
        }
    }
    assert!(
        missing.is_empty(),
        "no case gets these statuses:\n{missing}"
    );
}

/// A host whose guest was asked who its client is, of whom everything is known.
async fn of_a_known_client(world: &World, cx: &Context) -> TestHost {
    let host = world.of(cx.host(RAW)).start().await;
    let text = || Some("known".to_owned());
    let claims = ClientClaims {
        vpn_proxy: Some(VpnProxy {
            vpn_service_name: text(),
            ..VpnProxy::default()
        }),
        visits_this_service: Some(1),
        visits_this_pop: Some(1),
        ..ClientClaims::default()
    };
    let identity = ClientIdentity {
        tls: Some(Arc::new(ClientTls {
            client_hello: "hello".into(),
            server_name: text(),
            protocol: "TLSv1.3".to_owned(),
            cipher: "TLS_AES_128_GCM_SHA256".to_owned(),
            ja3_md5: Some([1; 16]),
            ja4: text(),
            certificate: text(),
            verify_result: Some(VerifyResult::Ok),
        })),
        h2_fingerprint: Some("known".into()),
        original_headers_fingerprint: Some("known".into()),
        bot: Some(Arc::new(Bot {
            name: text(),
            category: text(),
            category_kind: Some(BotCategory(1)),
            is_verified: Some(true),
            ..Bot::default()
        })),
        claims: Arc::new(claims),
        ..ClientIdentity::default()
    };
    for path in ["/raw/identity", "/raw/identity-earlier"] {
        let mut request = request("GET", &format!("http://test{path}"), "");
        request.extensions_mut().insert(identity.clone());
        let response = host.host.handle(request).await;
        assert_eq!(response.status(), 200, "{path}");
    }
    host
}

async fn add(seen: &mut Seen, host: &TestHost) {
    for index in 0..host.runs.all().len() {
        for made in host.runs.over(index).await.hostcalls {
            let row = (made.hostcall.module, made.hostcall.name);
            seen.entry(row).or_default().extend(made.code);
        }
    }
}

fn expected(hostcall: &Hostcall) -> Vec<FastlyStatus> {
    let mut expected = vec![Done];
    let parameters = hostcall.parameters;
    let mut takes = |status| {
        if !expected.contains(&status) {
            expected.push(status);
        }
    };
    for parameter in parameters {
        let ty: String = parameter.ty.split_whitespace().collect();
        if ty.ends_with("Handle") {
            takes(Badf);
        }
        if let Some(pointee) = ty.strip_prefix("GuestPtr<") {
            takes(Inval);
            if pointee != "u8>" {
                takes(Badalign);
            }
        }
    }
    if parameters
        .iter()
        .any(|parameter| parameter.name == "nwritten_out")
    {
        takes(Buflen);
    }
    for (module, rows, statuses) in ALSO {
        if *module == hostcall.module && rows.contains(&hostcall.name) {
            statuses.iter().copied().for_each(&mut takes);
        }
    }
    expected.retain(|status| {
        !NEVER.iter().any(|(module, row, never, _)| {
            (*module, *row, never) == (hostcall.module, hostcall.name, status)
        })
    });
    expected
}
