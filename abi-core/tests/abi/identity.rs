//! Who the client is.

use std::sync::Arc;

use abi_core::abi::{fastly_compute_runtime as runtime, fastly_http_downstream as downstream};
use abi_core::abi::{fastly_http_req as req, fastly_http_req};
use abi_core::body::Body;
use abi_core::client::{
    Bot, BotCategory, ClientClaims, ClientIdentity, ClientTls, Inspection, VerifyResult, VpnProxy,
};
use abi_core::http::RequestHead;
use abi_core::session::ClientRequest;
use abi_core::table::types::*;
use abi_core::{Call, Result};
use bytes::Bytes;

use crate::fixture::*;

/// A client of whom everything is known.
fn known() -> Fixture {
    let mut request = ClientRequest::new(RequestHead::new(), Body::empty());
    request.id = 0xabc;
    request.identity = ClientIdentity {
        tls: Some(Arc::new(ClientTls {
            client_hello: Bytes::from_static(b"\x01\0\0\x02hi"),
            server_name: Some("example.org".to_owned()),
            protocol: "TLSv1.3".to_owned(),
            cipher: "TLS_AES_128_GCM_SHA256".to_owned(),
            ja3_md5: Some(*b"0123456789abcdef"),
            ja4: Some("t13d".to_owned()),
            certificate: Some("-----BEGIN".to_owned()),
            verify_result: Some(VerifyResult::Expired),
        })),
        h2_fingerprint: Some("1:2|3|0|m".into()),
        original_headers_fingerprint: Some("oh".into()),
        has_valid_fastly_key: true,
        bot: Some(Arc::new(Bot {
            is_analyzed: true,
            is_detected: true,
            name: Some("bot".to_owned()),
            category: Some("research".to_owned()),
            category_kind: Some(BotCategory(10)),
            is_verified: Some(true),
        })),
        claims: Arc::new(ClientClaims {
            ddos_detected: true,
            compliance_region: "eu".to_owned(),
            vpn_proxy: Some(VpnProxy {
                is_tor_exit_node: true,
                vpn_service_name: Some("vpn".to_owned()),
                ..VpnProxy::default()
            }),
            visits_this_service: Some(3),
            visits_this_pop: Some(4),
            inspection: Inspection {
                verdict: "block".to_owned(),
                status: 406,
                tags: vec!["SQLI".to_owned()],
                ..Inspection::default()
            },
        }),
    };
    Fixture::with_client(request)
}

type OfBytes = fn(&mut Call<'_>, RequestHandle, GuestPtr<u8>, u32, GuestPtr<u32>) -> Result<()>;
type OfNumber = fn(&mut Call<'_>, RequestHandle, GuestPtr<u32>) -> Result<()>;

const OF_BYTES: [(OfBytes, &[u8]); 12] = [
    (downstream::downstream_client_h2_fingerprint, b"1:2|3|0|m"),
    (downstream::downstream_client_oh_fingerprint, b"oh"),
    (
        downstream::downstream_tls_cipher_openssl_name,
        b"TLS_AES_128_GCM_SHA256",
    ),
    (downstream::downstream_tls_protocol, b"TLSv1.3"),
    (downstream::downstream_tls_client_hello, b"\x01\0\0\x02hi"),
    (
        downstream::downstream_tls_raw_client_certificate,
        b"-----BEGIN",
    ),
    (downstream::downstream_tls_client_servername, b"example.org"),
    (downstream::downstream_tls_ja4, b"t13d"),
    (downstream::downstream_compliance_region, b"eu"),
    (downstream::downstream_bot_name, b"bot"),
    (downstream::downstream_bot_category, b"research"),
    (downstream::downstream_resvpnproxy_vpn_service_name, b"vpn"),
];

const OF_NUMBERS: [(OfNumber, u32); 17] = [
    (downstream::downstream_tls_client_cert_verify_result, 3),
    (downstream::downstream_client_ddos_detected, 1),
    (downstream::fastly_key_is_valid, 1),
    (downstream::downstream_bot_analyzed, 1),
    (downstream::downstream_bot_detected, 1),
    (downstream::downstream_bot_category_kind, 10),
    (downstream::downstream_bot_verified, 1),
    (downstream::downstream_resvpnproxy_is_anonymous, 0),
    (downstream::downstream_resvpnproxy_is_anonymous_vpn, 0),
    (downstream::downstream_resvpnproxy_is_hosting_provider, 0),
    (downstream::downstream_resvpnproxy_is_proxy_over_vpn, 0),
    (downstream::downstream_resvpnproxy_is_public_proxy, 0),
    (downstream::downstream_resvpnproxy_is_relay_proxy, 0),
    (downstream::downstream_resvpnproxy_is_residential_proxy, 0),
    (downstream::downstream_resvpnproxy_is_smart_dns_proxy, 0),
    (downstream::downstream_resvpnproxy_is_tor_exit_node, 1),
    (downstream::downstream_resvpnproxy_is_vpn_datacenter, 0),
];

fn downstream_request(fixture: &mut Fixture) -> RequestHandle {
    let status = fixture.call(|call| {
        fastly_http_req::body_downstream_get(call, GuestPtr::new(OUT), GuestPtr::new(OUT_2))
    });
    assert_eq!(status, 0);
    fixture.read(OUT)
}

#[test]
fn everything_known_is_told() {
    let mut fixture = known();
    let request = downstream_request(&mut fixture);
    let (buffer, out) = (GuestPtr::new(BUFFER), GuestPtr::new(OUT));
    for (get, expected) in OF_BYTES {
        let length = expected.len() as u32;
        assert_eq!(
            fixture.call(|call| get(call, request, buffer, length, out)),
            0
        );
        assert_eq!(fixture.read::<u32>(OUT), length);
        assert_eq!(fixture.bytes(BUFFER, length), expected);
        let short = length - 1;
        assert_eq!(
            fixture.call(|call| get(call, request, buffer, short, out)),
            4
        );
        assert_eq!(fixture.read::<u32>(OUT), length);
        let outside = GuestPtr::new(OUTSIDE);
        assert_eq!(fixture.call(|call| get(call, request, outside, 1, out)), 2);
        let none = RequestHandle::NONE;
        assert_eq!(fixture.call(|call| get(call, none, buffer, 1, out)), 3);
    }
    for (get, expected) in OF_NUMBERS {
        assert_eq!(fixture.call(|call| get(call, request, out)), 0);
        assert_eq!(fixture.read::<u32>(OUT), expected);
        let odd = GuestPtr::new(OUT + 1);
        assert_eq!(fixture.call(|call| get(call, request, odd)), 6);
    }
    let digest =
        |call: &mut Call<'_>| downstream::downstream_tls_ja3_md5(call, request, buffer, out);
    assert_eq!(fixture.call(digest), 0);
    assert_eq!(fixture.bytes(BUFFER, 16), b"0123456789abcdef");
    assert_eq!(fixture.read::<u32>(OUT), 16);
    let visits = fixture.call(|call| downstream::downstream_visits_this_service(call, out));
    assert_eq!((visits, fixture.read::<u32>(OUT)), (0, 3));
    let visits = fixture.call(|call| downstream::downstream_visits_this_pop(call, out));
    assert_eq!((visits, fixture.read::<u32>(OUT)), (0, 4));
}

#[test]
fn the_earlier_forms_tell_the_same() {
    let mut fixture = known();
    let (buffer, out) = (GuestPtr::new(BUFFER), GuestPtr::new(OUT));
    type Earlier = fn(&mut Call<'_>, GuestPtr<u8>, u32, GuestPtr<u32>) -> Result<()>;
    let earlier: [Earlier; 9] = [
        req::downstream_client_h2_fingerprint,
        req::downstream_client_oh_fingerprint,
        req::downstream_tls_cipher_openssl_name,
        req::downstream_tls_protocol,
        req::downstream_tls_client_hello,
        req::downstream_tls_raw_client_certificate,
        req::downstream_tls_client_servername,
        req::downstream_tls_ja4,
        req::downstream_compliance_region,
    ];
    for (get, (_, expected)) in earlier.into_iter().zip(OF_BYTES) {
        assert_eq!(fixture.call(|call| get(call, buffer, 64, out)), 0);
        assert_eq!(fixture.bytes(BUFFER, expected.len() as u32), expected);
    }
    type EarlierNumber = fn(&mut Call<'_>, GuestPtr<u32>) -> Result<()>;
    let earlier: [EarlierNumber; 3] = [
        req::downstream_tls_client_cert_verify_result,
        req::downstream_client_ddos_detected,
        req::fastly_key_is_valid,
    ];
    for (get, (_, expected)) in earlier.into_iter().zip(OF_NUMBERS) {
        assert_eq!(fixture.call(|call| get(call, out)), 0);
        assert_eq!(fixture.read::<u32>(OUT), expected);
    }
    let digest = |call: &mut Call<'_>| req::downstream_tls_ja3_md5(call, buffer, out);
    assert_eq!(fixture.call(digest), 0);
    assert_eq!(fixture.bytes(BUFFER, 16), b"0123456789abcdef");
}

#[test]
fn nothing_is_made_up() {
    let mut fixture = Fixture::new();
    let request = downstream_request(&mut fixture);
    let (buffer, out) = (GuestPtr::new(BUFFER), GuestPtr::new(OUT));
    for (get, _) in OF_BYTES {
        let status = fixture.call(|call| get(call, request, buffer, 64, out));
        let is_region = fixture.bytes(BUFFER, 4) == b"none";
        assert_eq!(status, if status == 0 && is_region { 0 } else { 10 });
    }
    let digest =
        |call: &mut Call<'_>| downstream::downstream_tls_ja3_md5(call, request, buffer, out);
    assert_eq!(fixture.call(digest), 10);
    let other = fixture.new_request();
    let verdict = |call: &mut Call<'_>| downstream::downstream_bot_detected(call, other, out);
    assert_eq!(fixture.call(verdict), 2, "not the client's request");
}

#[test]
fn an_inspection_has_the_verdict_it_was_given() {
    let mut fixture = known();
    let request = downstream_request(&mut fixture);
    let body: BodyHandle = fixture.read(OUT_2);
    let (name, length) = fixture.text("name");
    let info = GuestPtr::<u32>::new(BUFFER);
    for (index, field) in [name.offset(), length, name.offset(), length, 0, 0]
        .into_iter()
        .enumerate()
    {
        let place = GuestPtr::new(BUFFER + 4 * index as u32);
        fixture.memory().write(place, field).unwrap();
    }
    let out = BUFFER + 64;
    let mut inspect = |mask, capacity| {
        let status = fixture.call(|call| {
            let (info, out, written) = (info.cast(), GuestPtr::new(out), GuestPtr::new(OUT));
            req::inspect(call, request, body, mask, info, out, capacity, written)
        });
        let written: u32 = fixture.read(OUT);
        (status, fixture.bytes(out, written.min(capacity)))
    };
    let (status, json) = inspect(6, 512);
    assert_eq!(status, 0);
    let json = String::from_utf8(json).unwrap();
    for part in [
        r#""verdict":"block""#,
        r#""waf_response":406"#,
        r#""tags":["SQLI"]"#,
    ] {
        assert!(json.contains(part), "{json}");
    }
    assert_eq!(inspect(6, 8).0, 4);
    assert_eq!(inspect(2, 512).0, 2, "without a workspace");
    assert_eq!(inspect(6 | 8, 512).0, 2, "an address of no bytes");
    assert_eq!(inspect(6 | 16, 512).0, 2);
}

#[test]
fn a_run_knows_its_names() {
    let mut fixture = known();
    type Name = fn(&mut Call<'_>, GuestPtr<u8>, u32, GuestPtr<u32>) -> Result<()>;
    let id = format!("{:032x}", 0xabc);
    let names: [(Name, &str); 4] = [
        (runtime::get_sandbox_id, &id),
        (runtime::get_trace_id, &id),
        (runtime::get_hostname, "localhost"),
        (runtime::get_service_version, "0"),
    ];
    let (buffer, out) = (GuestPtr::new(BUFFER), GuestPtr::new(OUT));
    for (get, expected) in names {
        assert_eq!(fixture.call(|call| get(call, buffer, 64, out)), 0);
        let length: u32 = fixture.read(OUT);
        assert_eq!(fixture.bytes(BUFFER, length), expected.as_bytes());
        assert_eq!(fixture.call(|call| get(call, buffer, 0, out)), 4);
    }
    let products = [
        runtime::has_domain_inspector,
        runtime::has_image_optimizer,
        runtime::has_origin_inspector,
    ];
    for has in products {
        assert_eq!(fixture.call(|call| has(call, out)), 0);
        assert_eq!(fixture.read::<u32>(OUT), 0);
    }
}
