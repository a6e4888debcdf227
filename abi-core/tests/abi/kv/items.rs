//! What is written is found, as it was written and for as long.

use std::time::Duration;

use abi_core::abi::fastly_kv_store as kv;
use abi_core::stores::{KV_ITEM_BYTES, KvInsert, KvKey, KvValue, MemoryKv};
use abi_core::table::types::*;
use bytes::Bytes;

use super::{KV_ERROR, NOT_FOUND, OK, Options, PRECONDITION_FAILED, UNTOUCHED};
use crate::fixture::{BUFFER, Fixture, OUT, OUT_2, OUT_3};

#[test]
fn what_was_inserted_is_found() {
    let (mut fixture, memory, store) = Fixture::with_kv();
    assert_eq!(fixture.open_kv("missing").0, 2);
    assert_eq!(fixture.lookup(store, "k"), Err(NOT_FOUND));
    let options = Options {
        mask: 1 << 3 | 1 << 1,
        metadata: "meta",
        ..Options::default()
    };
    assert_eq!(fixture.insert(store, "k", "value", options), OK);
    let (value, metadata, generation) = fixture.lookup(store, "k").unwrap();
    assert_eq!((value.as_str(), metadata.as_str()), ("value", "meta"));
    assert_eq!(generation, memory.item("k").unwrap().generation);
    assert_eq!(fixture.delete(store, "k"), OK);
    assert_eq!(fixture.delete(store, "k"), NOT_FOUND);
    assert_eq!(fixture.lookup(store, "k"), Err(NOT_FOUND));
}

#[test]
fn modes_say_how_values_go_together() {
    let (mut fixture, _, store) = Fixture::with_kv();
    let mode = |mode| Options {
        mode,
        ..Options::default()
    };
    let (add, append, prepend) = (mode(1), mode(2), mode(3));
    assert_eq!(
        fixture.insert(store, "k", "a", append),
        OK,
        "append makes the item"
    );
    assert_eq!(fixture.insert(store, "k", "x", add), PRECONDITION_FAILED);
    let meta = Options {
        mask: 1 << 3,
        metadata: "m",
        ..append
    };
    assert_eq!(fixture.insert(store, "k", "b", meta), OK);
    assert_eq!(fixture.insert(store, "k", "c", prepend), OK);
    let (value, metadata, _) = fixture.lookup(store, "k").unwrap();
    assert_eq!(
        (value.as_str(), metadata.as_str()),
        ("cab", "m"),
        "metadata is kept"
    );
    assert_eq!(fixture.insert(store, "k", "new", Options::default()), OK);
    let (value, metadata, _) = fixture.lookup(store, "k").unwrap();
    assert_eq!((value.as_str(), metadata.as_str()), ("new", ""));
    assert_eq!(fixture.insert(store, "other", "x", add), OK);
    assert_eq!(
        fixture.start_insert(store, "k", b"", mode(4)).0,
        2,
        "there is no mode 4"
    );
}

#[test]
fn a_generation_can_be_asked_for() {
    let (mut fixture, _, store) = Fixture::with_kv();
    let matching = |generation| Options {
        mask: 1 << 5,
        generation,
        ..Options::default()
    };
    assert_eq!(
        fixture.insert(store, "k", "x", matching(1)),
        PRECONDITION_FAILED
    );
    assert_eq!(fixture.insert(store, "k", "1", Options::default()), OK);
    let first = fixture.lookup(store, "k").unwrap().2;
    assert!(
        first > u64::from(u32::MAX),
        "both halves of the number count"
    );
    assert_eq!(
        fixture.insert(store, "k", "x", matching(first + 1)),
        PRECONDITION_FAILED
    );
    assert_eq!(
        fixture.insert(store, "k", "x", matching(first + (1 << 32))),
        PRECONDITION_FAILED
    );
    assert_eq!(fixture.insert(store, "k", "2", matching(first)), OK);
    assert_eq!(
        fixture.insert(store, "k", "3", matching(first)),
        PRECONDITION_FAILED
    );
    assert_eq!(fixture.lookup(store, "k").unwrap().0, "2");
    // A key that was removed and written again at the same moment is another one.
    assert_eq!(fixture.delete(store, "k"), OK);
    assert_eq!(fixture.insert(store, "k", "1", Options::default()), OK);
    assert_eq!(
        fixture.insert(store, "k", "x", matching(first)),
        PRECONDITION_FAILED
    );
}

#[test]
fn time_to_live_ends() {
    let (mut fixture, memory, store) = Fixture::with_kv();
    let options = Options {
        mask: 1 << 4,
        time_to_live: 5,
        ..Options::default()
    };
    assert_eq!(fixture.insert(store, "k", "v", options), OK);
    fixture.world.advance(Duration::from_millis(4_999));
    assert!(fixture.lookup(store, "k").is_ok());
    let append = Options {
        mode: 2,
        ..Options::default()
    };
    assert_eq!(
        fixture.insert(store, "k", "w", append),
        OK,
        "it keeps its time"
    );
    fixture.world.advance(Duration::from_millis(1));
    assert_eq!(fixture.lookup(store, "k"), Err(NOT_FOUND));
    assert_eq!(
        fixture.list(store, "", "", None).unwrap()["data"],
        serde_json::json!([])
    );
    let add = Options {
        mode: 1,
        ..Options::default()
    };
    assert_eq!(fixture.insert(store, "other", "v", add), OK);
    assert_eq!(memory.keys(), ["other"], "a write has removed it");
    assert_eq!(memory.bytes(), KV_ITEM_BYTES + "otherv".len());
    assert_eq!(fixture.insert(store, "k", "v", add), OK);
}

#[test]
fn large_values_go_in_and_out_as_they_are() {
    let (mut fixture, memory, store) = Fixture::with_kv();
    let piece = Bytes::from(vec![7; 1024 * 1024]);
    let pieces = std::iter::repeat_n(piece.clone(), 25);
    let insert = KvInsert {
        value: KvValue::from_pieces(pieces),
        ..KvInsert::default()
    };
    memory
        .write_now(KvKey::new("k").unwrap(), insert, Duration::ZERO)
        .unwrap();
    let item = memory.item("k").unwrap();
    assert!(
        item.value
            .pieces()
            .all(|stored| stored.as_ptr() == piece.as_ptr()),
        "no copy"
    );
    let append = Options {
        mode: 2,
        ..Options::default()
    };
    assert_eq!(
        fixture.insert(store, "k", "x", append),
        5,
        "it would be too large"
    );
    let too_long = Options {
        mask: 1 << 3,
        ..Options::default()
    };
    let metadata: &'static str = "m".repeat(2001).leak();
    let too_long = Options {
        metadata,
        ..too_long
    };
    assert_eq!(fixture.insert(store, "m", "x", too_long), 2);
    let small = MemoryKv::with_capacity(KV_ITEM_BYTES + 10);
    fixture.world.add_kv("small", small.clone());
    let handle = fixture.open_kv("small").1;
    let mut insert = |key, value| fixture.insert(handle, key, value, Options::default());
    assert_eq!(insert("key", "1234567"), OK);
    assert_eq!(insert("key", "12345678"), 5);
    assert_eq!(insert("key", "7654321"), OK);
    // However small it is, an item takes room.
    assert_eq!(insert("k", ""), 5);
    small.set_capacity(0);
    assert_eq!(insert("key", "12345678"), 5);
    assert_eq!(insert("key", "1234567"), OK, "it is no larger");
    assert_eq!(insert("key", "1"), OK, "it has become smaller");
    assert_eq!(fixture.lookup(handle, "key").unwrap().0, "1");
}

#[test]
fn metadata_that_does_not_fit_can_be_asked_for_again() {
    let (mut fixture, memory, store) = Fixture::with_kv();
    memory.set_with_metadata("k", "v", "metadata").unwrap();
    let (_, handle) = fixture.start_lookup(store, "k");
    assert_eq!(fixture.lookup_wait(handle, 7), 4);
    assert_eq!(fixture.read::<u32>(OUT_2), 8);
    assert_eq!(fixture.read::<u32>(OUT), UNTOUCHED);
    assert_eq!(fixture.lookup_wait(handle, 8), 0);
    assert_eq!(fixture.bytes(BUFFER, 8), b"metadata");
    assert_eq!(fixture.lookup_wait(handle, 8), 3, "a handle is used up");

    let (_, handle) = fixture.start_lookup(store, "k");
    let status = fixture.wait(async |call| {
        kv::lookup_wait(
            call,
            handle,
            GuestPtr::new(OUT),
            GuestPtr::new(BUFFER),
            8,
            GuestPtr::new(OUT_2),
            GuestPtr::new(OUT_3),
            GuestPtr::new(KV_ERROR),
        )
        .await
    });
    assert_eq!(
        (status, fixture.read::<u32>(OUT_3)),
        (0, 0),
        "the older form has no generation"
    );
}
