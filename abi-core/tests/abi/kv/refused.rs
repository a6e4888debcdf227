//! What is refused, and has then done nothing.

use abi_core::Call;
use abi_core::abi::{fastly_http_body, fastly_kv_store as kv, fastly_object_store as object_store};
use abi_core::table::types::*;

use super::{OK, Options, RECORD};
use crate::fixture::{Fixture, OUT, OUTSIDE};

#[test]
fn arguments_are_checked() {
    let (mut fixture, _, store) = Fixture::with_kv();
    for key in ["", ".", "a/../b", "a#b", &"k".repeat(1025)] {
        assert_eq!(fixture.start_lookup(store, key).0, 2, "{key}");
        assert_eq!(
            fixture.start_insert(store, key, b"", Options::default()).0,
            2,
            "{key}"
        );
    }
    let nowhere = KvStoreHandle(99);
    assert_eq!(fixture.start_lookup(nowhere, "k").0, 3);
    assert_eq!(fixture.start_list(nowhere, 0).0, 3);
    for mask in [1 << 6, 1 << 31] {
        let options = Options {
            mask,
            ..Options::default()
        };
        assert_eq!(fixture.start_insert(store, "k", b"", options).0, 2);
        assert_eq!(fixture.start_list(store, mask).0, 2);
    }
    let reserved = Options {
        mask: 0b101,
        ..Options::default()
    };
    assert_eq!(
        fixture.insert(store, "k", "", reserved),
        OK,
        "reserved bits do not count"
    );
    fixture.write_record(&[2]);
    assert_eq!(fixture.start_list(store, 0).0, 2, "there is no mode 2");
    let (key, key_len) = fixture.text("k");
    let mut lookup = |mask, out| {
        fixture.call(|call| {
            kv::lookup(
                call,
                store,
                key,
                key_len,
                mask,
                GuestPtr::new(0),
                GuestPtr::new(out),
            )
        })
    };
    assert_eq!(
        [lookup(2, OUT), lookup(0, OUTSIDE), lookup(0, OUT + 2)],
        [2, 2, 6]
    );
    let mut insert = |record, out| {
        let body = fixture.body_of(b"");
        fixture.wait(async |call| {
            let (record, out) = (GuestPtr::new(record), GuestPtr::new(out));
            kv::insert(call, store, key, key_len, body, 0, record, out).await
        })
    };
    assert_eq!(
        [
            insert(RECORD, OUTSIDE),
            insert(OUTSIDE, OUT),
            insert(RECORD + 4, OUT)
        ],
        [2, 2, 6]
    );
    assert_eq!(fixture.insert_wait(KvStoreInsertHandle(99)), 3);
    let (_, lookup) = fixture.start_lookup(store, "k");
    assert_eq!(
        fixture.insert_wait(KvStoreInsertHandle(lookup.0)),
        3,
        "another kind of handle"
    );
    assert_eq!(fixture.lookup_wait(lookup, 0), 0);
}

/// Makes bodies until there is room for no other one; they are in one table with operations.
fn fill(fixture: &mut Fixture) {
    let new = |call: &mut Call<'_>| fastly_http_body::new(call, GuestPtr::new(OUT));
    while fixture.call(new) == 0 {}
}

#[test]
fn what_is_refused_for_want_of_room_is_not_done() {
    let limit_exceeded = 13;
    let (mut fixture, memory, store) = Fixture::with_kv();
    memory.set("k", "v").unwrap();
    fill(&mut fixture);
    let (key, length) = fixture.text("k");
    let status = fixture.call(|call| {
        let (none, out) = (GuestPtr::new(OUTSIDE), GuestPtr::new(OUT));
        kv::delete(call, store, key, length, 0, none, out)
    });
    assert_eq!(status, limit_exceeded);
    let objects = ObjectStoreHandle(store.0);
    let status = fixture
        .call(|call| object_store::delete_async(call, objects, key, length, GuestPtr::new(OUT)));
    assert_eq!(status, limit_exceeded);
    assert_eq!(memory.get("k").as_deref(), Some(&b"v"[..]));
}
