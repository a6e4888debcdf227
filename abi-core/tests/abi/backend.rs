//! `fastly_backend` and `fastly_shielding`.

use std::time::Duration;

use abi_core::abi::{fastly_backend as backend, fastly_shielding as shielding};
use abi_core::http::{BackendHealth, BackendInfo, BackendTlsInfo, ShieldSite};
use abi_core::table::types::*;
use http::HeaderValue;

use crate::fixture::{BUFFER, Fixture, OUT, OUTSIDE, response};

fn fixture() -> Fixture {
    let fixture = Fixture::new();
    let world = &fixture.world;
    world.add_backend("told", async |_| Ok(response(200, "")));
    world.add_backend("untold", async |_| Ok(response(200, "")));
    world.set_backend_info(
        "told",
        BackendInfo {
            health: BackendHealth::Unhealthy,
            override_host: Some(HeaderValue::from_static("other")),
            first_byte_timeout: Some(Duration::from_secs(u64::MAX)),
            tls: Some(BackendTlsInfo {
                min_version: Some(2),
                max_version: None,
            }),
            ..BackendInfo::new("host.example", 443)
        },
    );
    fixture
}

#[test]
fn what_is_known_is_told() {
    let mut fixture = fixture();
    let (name, length) = fixture.text("told");
    let out = GuestPtr::new(OUT);
    assert_eq!(
        fixture.call(|call| backend::is_healthy(call, name, length, out)),
        0
    );
    assert_eq!(fixture.read::<u32>(OUT), 2);
    assert_eq!(
        fixture.call(|call| backend::get_first_byte_timeout_ms(call, name, length, out)),
        0
    );
    assert_eq!(fixture.read::<u32>(OUT), u32::MAX);
    assert_eq!(
        fixture.call(|call| backend::get_ssl_min_version(call, name, length, out)),
        0
    );
    assert_eq!(fixture.read::<u32>(OUT), 2);
    assert_eq!(
        fixture.call(|call| backend::get_ssl_max_version(call, name, length, out)),
        10
    );
    let buffer = GuestPtr::new(BUFFER);
    assert_eq!(
        fixture.call(|call| backend::get_override_host(call, name, length, buffer, 8, out)),
        0
    );
    assert_eq!(fixture.read::<u32>(OUT), 5);
    assert_eq!(fixture.bytes(BUFFER, 5), b"other");
    assert_eq!(
        fixture.call(|call| backend::get_host(call, name, length, buffer, 8, out)),
        4
    );
    assert_eq!(fixture.read::<u32>(OUT), 12);
}

#[test]
fn what_is_not_known_is_refused() {
    let mut fixture = fixture();
    let (untold, untold_len) = fixture.text("untold");
    let (unknown, unknown_len) = fixture.text("unknown");
    let (out, outside) = (GuestPtr::new(OUT), GuestPtr::new(OUTSIDE));
    assert_eq!(
        fixture.call(|call| backend::is_ssl(call, untold, untold_len, out)),
        5
    );
    assert_eq!(
        fixture.call(|call| backend::is_dynamic(call, untold, untold_len, out)),
        0
    );
    assert_eq!(fixture.read::<u32>(OUT), 0);
    assert_eq!(
        fixture.call(|call| backend::is_ssl(call, unknown, unknown_len, out)),
        2
    );
    assert_eq!(
        fixture.call(|call| backend::is_dynamic(call, unknown, unknown_len, out)),
        2
    );
    assert_eq!(
        fixture.call(|call| backend::is_ssl(call, untold, untold_len, outside)),
        2
    );
}

#[test]
fn a_shield_becomes_a_backend() {
    let mut fixture = fixture();
    let site = ShieldSite::Remote {
        plain: "http://p".to_owned(),
        encrypted: "https://e".to_owned(),
    };
    fixture.world.add_shield("there", site);
    let (name, length) = fixture.text("there");
    let (buffer, out) = (GuestPtr::new(BUFFER), GuestPtr::new(OUT));
    assert_eq!(
        fixture.call(|call| shielding::shield_info(call, name, length, buffer, 64, out)),
        0
    );
    let written = fixture.read::<u32>(OUT);
    assert_eq!(fixture.bytes(BUFFER, written), b"\0http://p\0https://e\0");
    let (url, url_len) = fixture.text("https://e");
    let record = GuestPtr::new(0x2000);
    for _ in 0..2 {
        assert_eq!(
            fixture.call(|call| shielding::backend_for_shield(
                call, url, url_len, 0, record, buffer, 64, out
            )),
            0
        );
    }
    let written = fixture.read::<u32>(OUT);
    let (made, made_len) = (buffer, written);
    assert_eq!(
        fixture.call(|call| backend::exists(call, made, made_len, out)),
        0
    );
    assert_eq!(fixture.read::<u32>(OUT), 1);
}
