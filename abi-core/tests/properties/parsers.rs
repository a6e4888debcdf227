//! Bytes from anywhere: none of them may do more than be refused. The targets in `fuzz/` do the same for longer.

use std::net::IpAddr;
use std::sync::Arc;

use abi_core::abi::fastly_kv_store as kv;
use abi_core::body::Body;
use abi_core::http::RequestHead;
use abi_core::stores::{Acl, AclEntries, ConfigItems, KvKey, MemoryKv, SecretItems, decode_cursor};
use abi_core::table::types::*;
use abi_core::testing::World;
use abi_core::{Call, ClientRequest, Session};
use proptest::prelude::*;

proptest! {
    #[test]
    fn any_text_is_a_key_or_not(text in any::<String>()) {
        if let Ok(key) = KvKey::new(&text) {
            prop_assert_eq!(key.as_str(), &text);
            prop_assert!((1..=1024).contains(&text.len()));
            prop_assert!(!text.split('/').any(|part| part == "." || part == ".."));
            prop_assert!(!text.contains(['\r', '\n', '#', ';', '?', '^', '|']));
        }
    }

    #[test]
    fn texts_like_keys_are_keys_or_not(text in "[a./#?\\|\u{0}\n ü]{0,12}|\\.well-known/acme-challenge.?") {
        if let Ok(key) = KvKey::new(&text) {
            prop_assert!(!text.split('/').any(|part| part == "." || part == ".."));
            prop_assert!(!text.starts_with(".well-known/acme-challenge"));
            prop_assert_eq!(key.as_str(), text);
        }
    }

    #[test]
    fn any_bytes_are_a_cursor_or_not(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let _ = decode_cursor(&bytes);
    }

    #[test]
    fn any_bytes_are_a_list_or_not(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = AclEntries::from_json(&bytes);
        let _ = ConfigItems::from_json(&bytes);
        let _ = SecretItems::from_json(&bytes);
    }

    #[test]
    fn a_lookup_finds_what_a_search_finds(
        networks in prop::collection::vec((any::<bool>(), any::<u128>(), 1..129_u8), 0..20),
        address in any::<u128>(),
        shared in 0..128_u32,
    ) {
        let entries: Vec<_> = networks
            .iter()
            .map(|(is_v4, bits, length)| {
                // Most networks are near the address, so that many have it in them.
                let bits = address ^ (bits >> shared);
                let (ip, length) = ip_of(*is_v4, bits, *length);
                format!(r#"{{"prefix": "{ip}/{length}", "action": "{length}"}}"#)
            })
            .collect();
        let json = format!(r#"{{"entries": [{}]}}"#, entries.join(", "));
        let list = AclEntries::from_json(json.as_bytes()).unwrap();
        for is_v4 in [false, true] {
            let (ip, _) = ip_of(is_v4, address, 1);
            let longest = networks
                .iter()
                .map(|(is_v4, bits, length)| ip_of(*is_v4, address ^ (bits >> shared), *length))
                .filter(|(network, length)| covers(*network, *length, ip))
                .map(|(_, length)| length)
                .max();
            let found = list.lookup(ip);
            prop_assert_eq!(found.as_ref().map(|entry| entry.prefix.prefix_len()), longest);
            if let Some(entry) = found {
                prop_assert_eq!(&*entry.action, longest.unwrap().to_string());
                prop_assert!(entry.prefix.contains(&ip));
            }
        }
    }

    #[test]
    fn any_record_is_read_or_refused(
        memory in prop::collection::vec(any::<u8>(), 64..256),
        mask in prop_oneof![any::<u32>(), 0..64_u32],
        record in 0..256_u32,
    ) {
        read_records(&memory, mask, record);
    }
}

fn ip_of(is_v4: bool, bits: u128, length: u8) -> (IpAddr, u8) {
    if is_v4 {
        let octets = ((bits >> 96) as u32).to_be_bytes();
        (octets.into(), length.clamp(1, 32))
    } else {
        (bits.to_be_bytes().into(), length)
    }
}

fn covers(network: IpAddr, length: u8, ip: IpAddr) -> bool {
    match (network, ip) {
        (IpAddr::V4(network), IpAddr::V4(ip)) => {
            (network.to_bits() ^ ip.to_bits()).leading_zeros() >= length.into()
        }
        (IpAddr::V6(network), IpAddr::V6(ip)) => {
            (network.to_bits() ^ ip.to_bits()).leading_zeros() >= length.into()
        }
        _ => false,
    }
}

/// Passes bytes as every kind of record of `fastly_kv_store`.
fn read_records(bytes: &[u8], mask: u32, record: u32) {
    let world = World::new();
    world.add_kv("store", MemoryKv::new());
    let request = ClientRequest::new(RequestHead::new(), Body::empty());
    let (mut session, _) = Session::new(world.platform(), Arc::default(), request);
    let mut memory = bytes.to_vec();
    memory[..8].copy_from_slice(b"store\0\0\0");
    let mut call = Call::new(&mut memory, &mut session);
    let (name, out) = (GuestPtr::new(0), GuestPtr::new(8));
    kv::open(&mut call, name, 5, out).unwrap();
    let store = call.memory.read(out).unwrap();
    let listed = kv::list(
        &mut call,
        store,
        mask,
        GuestPtr::new(record),
        GuestPtr::new(12),
    );
    if listed.is_ok() {
        let list = call.memory.read(GuestPtr::new(12)).unwrap();
        let (body, error) = (GuestPtr::new(16), GuestPtr::new(20));
        world
            .drive(kv::list_wait(&mut call, list, body, error))
            .unwrap();
    }
    let body = GuestPtr::new(16);
    abi_core::abi::fastly_http_body::new(&mut call, body).unwrap();
    let body = call.memory.read(body).unwrap();
    let inserted = kv::insert(
        &mut call,
        store,
        name,
        5,
        body,
        mask,
        GuestPtr::new(record),
        GuestPtr::new(12),
    );
    if world.drive(inserted).is_ok() {
        let insert = call.memory.read(GuestPtr::new(12)).unwrap();
        world
            .drive(kv::insert_wait(&mut call, insert, GuestPtr::new(20)))
            .unwrap();
    }
}
