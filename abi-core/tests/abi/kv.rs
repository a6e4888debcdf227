//! KV stores, through both of their interfaces.

use std::time::Duration;

use abi_core::Call;
use abi_core::abi::{
    fastly_async_io as async_io, fastly_http_body, fastly_kv_store as kv,
    fastly_object_store as object_store,
};
use abi_core::stores::{
    KV_ITEM_BYTES, KvError, KvFuture, KvInsert, KvItem, KvKey, KvPage, KvQuery, KvStore, KvValue,
    MemoryKv,
};
use abi_core::table::types::*;
use bytes::Bytes;
use futures_channel::oneshot;
use futures_util::FutureExt;

use crate::fixture::{BUFFER, Fixture, OUT, OUT_2, OUT_3, OUTSIDE};

/// Where records and further results go.
const RECORD: u32 = 0x200;
const KV_ERROR: u32 = 0x130;
const UNTOUCHED: u32 = 0xABCD_ABCD;

/// A record `kv_insert_config` and its mask.
#[derive(Clone, Copy, Default)]
struct Options {
    mask: u32,
    mode: u32,
    metadata: &'static str,
    time_to_live: u32,
    generation: u64,
}

impl Fixture {
    fn with_kv() -> (Self, MemoryKv, KvStoreHandle) {
        let mut fixture = Self::new();
        let memory = MemoryKv::new();
        fixture.world.add_kv("store", memory.clone());
        let (status, store) = fixture.open_kv("store");
        assert_eq!(status, 0);
        (fixture, memory, store)
    }

    fn open_kv(&mut self, name: &str) -> (u32, KvStoreHandle) {
        let (name, length) = self.text(name);
        let status = self.call(|call| kv::open(call, name, length, GuestPtr::new(OUT)));
        (status, self.read(OUT))
    }

    fn write_record(&mut self, fields: &[u32]) {
        for (offset, field) in (RECORD..).step_by(4).zip(fields) {
            self.memory().write(GuestPtr::new(offset), *field).unwrap();
        }
    }

    fn write_options(&mut self, options: Options) {
        let (metadata, metadata_len) = self.text(options.metadata);
        let Options {
            mode,
            time_to_live,
            generation,
            ..
        } = options;
        self.write_record(&[
            mode,
            0xFFFF_FFFF,
            metadata.offset(),
            metadata_len,
            time_to_live,
            0xFFFF_FFFF,
            generation as u32,
            (generation >> 32) as u32,
        ]);
    }

    fn start_insert(
        &mut self,
        store: KvStoreHandle,
        key: &str,
        value: &[u8],
        options: Options,
    ) -> (u32, KvStoreInsertHandle) {
        let body = self.body_of(value);
        self.write_options(options);
        let (key, key_len) = self.text(key);
        let (record, out) = (GuestPtr::new(RECORD), GuestPtr::new(OUT));
        let status = self.wait(async |call| {
            kv::insert(call, store, key, key_len, body, options.mask, record, out).await
        });
        (status, self.read(OUT))
    }

    /// The `kv_error` of an insert.
    fn insert(&mut self, store: KvStoreHandle, key: &str, value: &str, options: Options) -> u32 {
        let (status, handle) = self.start_insert(store, key, value.as_bytes(), options);
        assert_eq!(status, 0);
        assert_eq!(self.insert_wait(handle), 0);
        self.read(KV_ERROR)
    }

    fn insert_wait(&mut self, handle: KvStoreInsertHandle) -> u32 {
        self.wait(async |call| kv::insert_wait(call, handle, GuestPtr::new(KV_ERROR)).await)
    }

    fn start_lookup(&mut self, store: KvStoreHandle, key: &str) -> (u32, KvStoreLookupHandle) {
        let (key, key_len) = self.text(key);
        let status = self.call(|call| {
            kv::lookup(
                call,
                store,
                key,
                key_len,
                0,
                GuestPtr::new(OUTSIDE),
                GuestPtr::new(OUT),
            )
        });
        (status, self.read(OUT))
    }

    /// Body in `OUT`, length of the metadata in `OUT_2`, generation in `OUT_3`.
    fn lookup_wait(&mut self, handle: KvStoreLookupHandle, metadata_max: u32) -> u32 {
        for out in [OUT, OUT_2, OUT_3, KV_ERROR] {
            self.memory().write(GuestPtr::new(out), UNTOUCHED).unwrap();
        }
        self.wait(async |call| {
            kv::lookup_wait_v2(
                call,
                handle,
                GuestPtr::new(OUT),
                GuestPtr::new(BUFFER),
                metadata_max,
                GuestPtr::new(OUT_2),
                GuestPtr::new(OUT_3),
                GuestPtr::new(KV_ERROR),
            )
            .await
        })
    }

    /// Value, metadata and generation; or the `kv_error`.
    fn lookup(&mut self, store: KvStoreHandle, key: &str) -> Result<(String, String, u64), u32> {
        let (status, handle) = self.start_lookup(store, key);
        assert_eq!(status, 0);
        assert_eq!(self.lookup_wait(handle, 2000), 0);
        let error: u32 = self.read(KV_ERROR);
        if error != 1 {
            for out in [OUT, OUT_2, OUT_3] {
                assert_eq!(self.read::<u32>(out), UNTOUCHED);
            }
            return Err(error);
        }
        let (length, generation) = (self.read(OUT_2), self.read(OUT_3));
        let metadata = String::from_utf8(self.bytes(BUFFER, length)).unwrap();
        let body = self.read(OUT);
        let value = String::from_utf8(self.read_to_end(body)).unwrap();
        Ok((value, metadata, generation))
    }

    /// The `kv_error` of a delete.
    fn delete(&mut self, store: KvStoreHandle, key: &str) -> u32 {
        let (key, key_len) = self.text(key);
        let status = self.call(|call| {
            kv::delete(
                call,
                store,
                key,
                key_len,
                0,
                GuestPtr::new(OUTSIDE),
                GuestPtr::new(OUT),
            )
        });
        assert_eq!(status, 0);
        let handle: KvStoreDeleteHandle = self.read(OUT);
        let out = GuestPtr::new(KV_ERROR);
        assert_eq!(
            self.wait(async |call| kv::delete_wait(call, handle, out).await),
            0
        );
        self.read(KV_ERROR)
    }

    fn start_list(&mut self, store: KvStoreHandle, mask: u32) -> (u32, KvStoreListHandle) {
        let (record, out) = (GuestPtr::new(RECORD), GuestPtr::new(OUT));
        let status = self.call(|call| kv::list(call, store, mask, record, out));
        (status, self.read(OUT))
    }

    /// The JSON of a page, or its `kv_error`.
    fn list(
        &mut self,
        store: KvStoreHandle,
        prefix: &str,
        cursor: &str,
        limit: Option<u32>,
    ) -> Result<serde_json::Value, u32> {
        let (cursor, cursor_len) = self.text(cursor);
        let (prefix, prefix_len) = self.text(prefix);
        self.write_record(&[
            1,
            cursor.offset(),
            cursor_len,
            limit.unwrap_or_default(),
            prefix.offset(),
            prefix_len,
        ]);
        let mask = 0b1010 | u32::from(limit.is_some()) << 2;
        let (status, handle) = self.start_list(store, mask);
        assert_eq!(status, 0);
        let (body, error) = (GuestPtr::new(OUT), GuestPtr::new(KV_ERROR));
        let status = self.wait(async |call| kv::list_wait(call, handle, body, error).await);
        assert_eq!(status, 0);
        match self.read(KV_ERROR) {
            1 => {
                let body = self.read(OUT);
                Ok(serde_json::from_slice(&self.read_to_end(body)).unwrap())
            }
            error => Err(error),
        }
    }
}

const OK: u32 = 1;
const BAD_REQUEST: u32 = 2;
const NOT_FOUND: u32 = 3;
const PRECONDITION_FAILED: u32 = 4;

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
fn pages_of_keys_follow_each_other() {
    let (mut fixture, memory, store) = Fixture::with_kv();
    for key in ["b\"", "a/1", "a/2", "a/ü", "c"] {
        memory.set(key, "v").unwrap();
    }
    let all = fixture.list(store, "", "", None).unwrap();
    assert_eq!(
        all,
        serde_json::json!({"data": ["a/1", "a/2", "a/ü", "b\"", "c"], "meta": {"limit": 1000}})
    );
    let (as_long_as_a_key, longer) = ("a".repeat(1024), "a".repeat(1025));
    let none = fixture.list(store, &as_long_as_a_key, "", None).unwrap();
    assert_eq!(none["data"], serde_json::json!([]));
    assert_eq!(fixture.list(store, &longer, "", None), Err(BAD_REQUEST));
    let first = fixture.list(store, "a/", "", Some(2)).unwrap();
    assert_eq!(first["data"], serde_json::json!(["a/1", "a/2"]));
    assert_eq!(
        (&first["meta"]["limit"], &first["meta"]["prefix"]),
        (&2.into(), &"a/".into())
    );
    let cursor = first["meta"]["next_cursor"].as_str().unwrap().to_owned();
    // What is removed in between does not matter.
    assert_eq!(fixture.delete(store, "a/2"), OK);
    let second = fixture.list(store, "a/", &cursor, Some(2)).unwrap();
    assert_eq!(second["data"], serde_json::json!(["a/ü"]));
    assert!(second["meta"].get("next_cursor").is_none());
    assert_eq!(fixture.list(store, "", "no cursor", None), Err(BAD_REQUEST));
    assert_eq!(fixture.list(store, "", "", Some(0)), Err(BAD_REQUEST));
    let limited = fixture.list(store, "", "", Some(u32::MAX)).unwrap();
    assert_eq!(limited["meta"]["limit"], 1000);
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

/// A store that answers when it is told to.
struct Slow(std::sync::Mutex<Vec<oneshot::Receiver<Result<(), KvError>>>>);

impl Slow {
    fn next<T: Default>(&self) -> KvFuture<T> {
        let answer = self.0.lock().unwrap().pop().unwrap();
        answer
            .map(|answer| answer.unwrap().map(|()| T::default()))
            .boxed()
    }
}

impl KvStore for Slow {
    fn lookup(&self, _: KvKey, _: Duration) -> KvFuture<KvItem> {
        self.next()
    }

    fn insert(&self, _: KvKey, _: KvInsert, _: Duration) -> KvFuture<()> {
        self.next()
    }

    fn delete(&self, _: KvKey, _: Duration) -> KvFuture<()> {
        self.next()
    }

    fn list(&self, _: KvQuery, _: Duration) -> KvFuture<KvPage> {
        self.next()
    }
}

#[test]
fn an_operation_under_way_can_be_selected() {
    let mut fixture = Fixture::new();
    let (answer, answered) = oneshot::channel();
    fixture.world.add_kv("slow", Slow(vec![answered].into()));
    let store = fixture.open_kv("slow").1;
    let (_, handle) = fixture.start_lookup(store, "k");
    let is_ready = |fixture: &mut Fixture| {
        let item = AsyncItemHandle(handle.0);
        let ready = |call: &mut Call<'_>| async_io::is_ready(call, item, GuestPtr::new(OUT));
        assert_eq!(fixture.call(ready), 0);
        fixture.read::<u32>(OUT)
    };
    assert_eq!(is_ready(&mut fixture), 0);
    answer.send(Ok(())).unwrap();
    fixture
        .memory()
        .write(GuestPtr::new(BUFFER), handle.0)
        .unwrap();
    let status = fixture.wait(async |call| {
        async_io::select(call, GuestPtr::new(BUFFER), 1, 0, GuestPtr::new(OUT)).await
    });
    assert_eq!((status, fixture.read::<u32>(OUT)), (0, 0));
    assert_eq!(is_ready(&mut fixture), 1);
    assert_eq!(fixture.lookup_wait(handle, 0), 0);
    assert_eq!(fixture.read::<u32>(KV_ERROR), OK);
}

#[test]
fn a_store_that_fails_says_so_in_both_interfaces() {
    let mut fixture = Fixture::new();
    for (error, kv_status, kv_error, status) in [
        (KvError::Internal, 0, 6, 1),
        (KvError::PayloadTooLarge, 0, 5, 2),
        (KvError::TooManyRequests, 13, UNTOUCHED, 13),
    ] {
        let answers = (0..3).map(|_| {
            let (answer, answered) = oneshot::channel();
            answer.send(Err(error)).unwrap();
            answered
        });
        fixture
            .world
            .add_kv("failing", Slow(answers.collect::<Vec<_>>().into()));
        let store = fixture.open_kv("failing").1;
        let (_, handle) = fixture.start_lookup(store, "k");
        assert_eq!(fixture.lookup_wait(handle, 0), kv_status);
        assert_eq!(fixture.read::<u32>(KV_ERROR), kv_error);
        let store = ObjectStoreHandle(store.0);
        let (key, key_len) = fixture.text("k");
        let body = fixture.body_of(b"v");
        let inserted =
            fixture.wait(async |call| object_store::insert(call, store, key, key_len, body).await);
        assert_eq!(inserted, status);
        let found = fixture.wait(async |call| {
            object_store::lookup(call, store, key, key_len, GuestPtr::new(OUT)).await
        });
        assert_eq!(found, status);
    }
}

#[test]
fn the_older_interface_is_to_the_same_stores() {
    let (mut fixture, memory, store) = Fixture::with_kv();
    let (name, name_len) = fixture.text("store");
    let open = |call: &mut Call<'_>| object_store::open(call, name, name_len, GuestPtr::new(OUT));
    assert_eq!(fixture.call(open), 0);
    let old: ObjectStoreHandle = fixture.read(OUT);
    let (key, key_len) = fixture.text("k");
    let out = GuestPtr::<u32>::new(OUT);

    fixture
        .memory()
        .write(GuestPtr::new(OUT), UNTOUCHED)
        .unwrap();
    let lookup = async |call: &mut Call<'_>| {
        object_store::lookup(call, old, key, key_len, GuestPtr::new(OUT)).await
    };
    assert_eq!(fixture.wait(lookup), 0);
    assert_eq!(fixture.read::<u32>(OUT), UNTOUCHED, "there is no such key");
    let body = fixture.body_of(b"v");
    let insert =
        async |call: &mut Call<'_>| object_store::insert(call, old, key, key_len, body).await;
    assert_eq!(fixture.wait(insert), 0);
    assert_eq!(memory.get("k").unwrap(), "v");
    assert_eq!(fixture.wait(lookup), 0);
    let body = fixture.read(OUT);
    assert_eq!(fixture.read_to_end(body), b"v");

    let body = fixture.body_of(b"w");
    let status = fixture.wait(async |call| {
        object_store::insert_async(call, old, key, key_len, body, GuestPtr::new(OUT)).await
    });
    assert_eq!(status, 0);
    let pending = fixture.read(OUT);
    let status = fixture.wait(async |call| object_store::pending_insert_wait(call, pending).await);
    assert_eq!(status, 0);
    assert_eq!(fixture.lookup(store, "k").unwrap().0, "w");
    let body = fixture.body_of(b"x");
    fixture.wait(async |call| {
        object_store::insert_async(call, old, key, key_len, body, GuestPtr::new(OUT)).await
    });
    let pending = fixture.read(OUT);
    let status = fixture.wait(async |call| {
        let out = GuestPtr::new(KV_ERROR);
        object_store::pending_insert_wait_with_error(call, pending, out).await
    });
    assert_eq!((status, fixture.read::<u32>(KV_ERROR)), (0, OK));

    let start =
        |call: &mut Call<'_>| object_store::lookup_async(call, old, key, key_len, out.cast());
    assert_eq!(fixture.call(start), 0);
    let pending: PendingKvLookupHandle = fixture.read(OUT);
    let wait = async |call: &mut Call<'_>| {
        object_store::pending_lookup_wait(call, pending, GuestPtr::new(OUT)).await
    };
    assert_eq!(fixture.wait(wait), 0);
    let body: BodyHandle = fixture.read(OUT);
    assert_eq!(fixture.read_to_end(body), b"x");
    assert_eq!(fixture.wait(wait), 3, "a handle is used up");
    for _ in 0..2 {
        let delete =
            |call: &mut Call<'_>| object_store::delete_async(call, old, key, key_len, out.cast());
        assert_eq!(fixture.call(delete), 0);
        let pending: PendingKvDeleteHandle = fixture.read(OUT);
        let status =
            fixture.wait(async |call| object_store::pending_delete_wait(call, pending).await);
        assert_eq!(status, 0, "it is no error that there is none");
    }
    assert_eq!(memory.get("k"), None);
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
