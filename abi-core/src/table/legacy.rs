//! Names by which programs of earlier days import the same hostcalls.

/// Import names that begin with `prefix`, and continue like the names of rows that begin with `row_prefix`.
struct Family {
    prefix: &'static str,
    module: &'static str,
    row_prefix: &'static str,
    names: &'static [&'static str],
}

/// Every earlier name whose module is `env`, but for [`OTHERS`].
static FAMILIES: &[Family] = &[
    Family {
        prefix: "xqd_acl_",
        module: "fastly_acl",
        row_prefix: "",
        names: &["lookup", "open"],
    },
    Family {
        prefix: "xqd_async_io_",
        module: "fastly_async_io",
        row_prefix: "",
        names: &["is_ready", "select"],
    },
    Family {
        prefix: "xqd_",
        module: "fastly_shielding",
        row_prefix: "",
        names: &["backend_for_shield", "shield_info"],
    },
    Family {
        prefix: "xqd_body_",
        module: "fastly_http_body",
        row_prefix: "",
        names: &[
            "abandon",
            "append",
            "close",
            "known_length",
            "new",
            "read",
            "trailer_append",
            "trailer_names_get",
            "trailer_value_get",
            "trailer_values_get",
            "write",
        ],
    },
    Family {
        prefix: "xqd_compute_runtime_",
        module: "fastly_compute_runtime",
        row_prefix: "",
        names: &["get_heap_mib", "get_vcpu_ms"],
    },
    Family {
        prefix: "xqd_erl_",
        module: "fastly_erl",
        row_prefix: "",
        names: &[
            "check_rate",
            "penaltybox_add",
            "penaltybox_has",
            "ratecounter_increment",
            "ratecounter_lookup_count",
            "ratecounter_lookup_rate",
        ],
    },
    Family {
        prefix: "xqd_http_downstream_",
        module: "fastly_http_downstream",
        row_prefix: "downstream_",
        names: &[
            "bot_analyzed",
            "bot_category",
            "bot_category_kind",
            "bot_detected",
            "bot_name",
            "bot_verified",
            "original_header_count",
            "original_header_names",
        ],
    },
    Family {
        prefix: "xqd_http_downstream_next_",
        module: "fastly_http_downstream",
        row_prefix: "next_",
        names: &["request", "request_abandon", "request_wait"],
    },
    Family {
        prefix: "xqd_log_",
        module: "fastly_log",
        row_prefix: "",
        names: &["endpoint_get", "write"],
    },
    Family {
        prefix: "xqd_pending_req_",
        module: "fastly_http_req",
        row_prefix: "pending_req_",
        names: &["poll", "poll_v2", "select", "select_v2", "wait", "wait_v2"],
    },
    Family {
        prefix: "xqd_req_",
        module: "fastly_http_req",
        row_prefix: "",
        names: &[
            "auto_decompress_response_set",
            "body_downstream_get",
            "cache_override_set",
            "cache_override_v2_set",
            "close",
            "downstream_client_ddos_detected",
            "downstream_client_ip_addr",
            "downstream_client_request_id",
            "downstream_compliance_region",
            "downstream_tls_cipher_openssl_name",
            "downstream_tls_client_hello",
            "downstream_tls_protocol",
            "fastly_key_is_valid",
            "framing_headers_mode_set",
            "header_append",
            "header_insert",
            "header_names_get",
            "header_remove",
            "header_value_get",
            "header_values_get",
            "header_values_set",
            "method_get",
            "method_set",
            "new",
            "on_behalf_of",
            "original_header_count",
            "original_header_names_get",
            "register_dynamic_backend",
            "send",
            "send_async",
            "send_async_streaming",
            "send_async_v2",
            "send_v2",
            "send_v3",
            "uri_get",
            "uri_set",
            "version_get",
            "version_set",
        ],
    },
    Family {
        prefix: "xqd_resp_",
        module: "fastly_http_resp",
        row_prefix: "",
        names: &[
            "close",
            "framing_headers_mode_set",
            "get_addr_dest_ip",
            "get_addr_dest_port",
            "header_append",
            "header_insert",
            "header_names_get",
            "header_remove",
            "header_value_get",
            "header_values_get",
            "header_values_set",
            "http_keepalive_mode_set",
            "new",
            "send_downstream",
            "status_get",
            "status_set",
            "version_get",
            "version_set",
        ],
    },
];

/// Earlier names that are built otherwise: module, name, and the row.
static OTHERS: &[(&str, &str, (&str, &str))] = &[
    (
        "env",
        "xqd_body_close_downstream",
        ("fastly_http_body", "close"),
    ),
    (
        "env",
        "xqd_image_optimizer_transform_request",
        (
            "fastly_image_optimizer",
            "transform_image_optimizer_request",
        ),
    ),
    ("env", "xqd_init", ("fastly_abi", "init")),
    ("fastly", "init", ("fastly_abi", "init")),
    (
        "env",
        "xqd_req_downstream_client_h2_fingerprint",
        ("fastly_http_downstream", "downstream_client_h2_fingerprint"),
    ),
    (
        "env",
        "xqd_req_downstream_client_oh_fingerprint",
        ("fastly_http_downstream", "downstream_client_oh_fingerprint"),
    ),
    (
        "env",
        "xqd_req_downstream_tls_client_cert_verify_result",
        (
            "fastly_http_downstream",
            "downstream_tls_client_cert_verify_result",
        ),
    ),
    (
        "env",
        "xqd_req_downstream_tls_client_servername",
        ("fastly_http_downstream", "downstream_tls_client_servername"),
    ),
    (
        "env",
        "xqd_req_downstream_tls_ja3_md5",
        ("fastly_http_downstream", "downstream_tls_ja3_md5"),
    ),
    (
        "env",
        "xqd_req_downstream_tls_ja4",
        ("fastly_http_downstream", "downstream_tls_ja4"),
    ),
    (
        "env",
        "xqd_req_downstream_tls_raw_client_certificate",
        (
            "fastly_http_downstream",
            "downstream_tls_raw_client_certificate",
        ),
    ),
];

/// Every earlier name: its module, itself, and module and name of the row that it means.
pub fn legacy_names() -> impl Iterator<Item = (&'static str, String, (&'static str, String))> {
    let families = FAMILIES.iter().flat_map(|family| {
        let names = family.names.iter();
        names.map(|name| {
            let row = format!("{}{name}", family.row_prefix);
            (
                "env",
                format!("{}{name}", family.prefix),
                (family.module, row),
            )
        })
    });
    let others = OTHERS.iter().map(|(module, name, (row_module, row))| {
        (
            *module,
            (*name).to_owned(),
            (*row_module, (*row).to_owned()),
        )
    });
    families.chain(others)
}
