use std::path::Path;

use abi_core::stores::{KV_ITEM_BYTES, KV_VALUE_BYTES_MAX, KvInsertMode, KvValue};
use bytes::Bytes;
use tokio::runtime::Runtime;

use super::*;

const START: Duration = Duration::from_secs(1_800_000_000);

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap()
}

fn open(folder: &Path, runtime: &Runtime) -> DurableKv {
    DurableKv::open(folder, "a/b", runtime.handle().clone()).unwrap()
}

fn key(text: &str) -> KvKey {
    KvKey::new(text).unwrap()
}

fn of(value: &'static str) -> KvInsert {
    KvInsert {
        value: Bytes::from_static(value.as_bytes()).into(),
        ..KvInsert::default()
    }
}

fn text(item: &KvItem) -> String {
    String::from_utf8(item.value.to_bytes().into()).unwrap()
}

#[test]
fn what_was_written_is_there_after_the_store_was_closed() {
    let (folder, runtime) = (tempfile::tempdir().unwrap(), runtime());
    let store = open(folder.path(), &runtime);
    assert!(store.is_new().unwrap());
    let insert = KvInsert {
        metadata: Some(Bytes::from_static(b"meta")),
        time_to_live: Some(Duration::from_secs(60)),
        ..of("one")
    };
    runtime
        .block_on(store.insert(key("k"), insert, START))
        .unwrap();
    let before = runtime.block_on(store.lookup(key("k"), START)).unwrap();
    drop(store);

    let store = open(folder.path(), &runtime);
    assert!(!store.is_new().unwrap());
    let item = runtime.block_on(store.lookup(key("k"), START)).unwrap();
    assert_eq!(item, before);
    assert_eq!(
        (text(&item).as_str(), &item.metadata[..]),
        ("one", &b"meta"[..])
    );
    // Also when the clock was set back meanwhile.
    let earlier = START - Duration::from_secs(1000);
    let insert = KvInsert {
        if_generation_match: Some(item.generation),
        ..of("two")
    };
    runtime
        .block_on(store.insert(key("k"), insert, earlier))
        .unwrap();
    let item = runtime.block_on(store.lookup(key("k"), START)).unwrap();
    assert!(item.generation > before.generation);
    assert_eq!((item.metadata.len(), item.expires), (0, None));
}

#[test]
fn everyone_in_a_process_who_opens_a_file_has_the_same_store() {
    let (folder, runtime) = (tempfile::tempdir().unwrap(), runtime());
    let one = open(folder.path(), &runtime);
    let other = open(folder.path(), &runtime);
    one.write_now(key("k"), of("v"), START).unwrap();
    drop(one);
    let item = runtime.block_on(other.lookup(key("k"), START)).unwrap();
    assert_eq!(text(&item), "v");
    let elsewhere = DurableKv::open(folder.path(), "a_b", runtime.handle().clone()).unwrap();
    assert!(elsewhere.is_new().unwrap(), "names do not collide");
}

#[test]
fn items_whose_time_is_over_are_gone_and_their_values_too() {
    let (folder, runtime) = (tempfile::tempdir().unwrap(), runtime());
    let store = open(folder.path(), &runtime);
    for name in ["a", "b", "c"] {
        let insert = KvInsert {
            time_to_live: Some(Duration::from_secs(10)),
            ..of("v")
        };
        store.write_now(key(name), insert, START).unwrap();
    }
    store.write_now(key("b"), of("stays"), START).unwrap();
    let later = START + Duration::from_secs(10);
    let query = KvQuery::default();
    let listed = |now| {
        runtime
            .block_on(store.list(query.clone(), now))
            .unwrap()
            .keys
    };
    assert_eq!(listed(later - Duration::from_nanos(1)), ["a", "b", "c"]);
    assert_eq!(listed(later), ["b"]);
    let missing = runtime.block_on(store.lookup(key("a"), later));
    assert_eq!(missing, Err(KvError::NotFound));
    assert_eq!(
        runtime.block_on(store.delete(key("a"), later)),
        Err(KvError::NotFound)
    );
    // Any change sweeps.
    store.write_now(key("d"), of("v"), later).unwrap();
    assert_eq!(listed(START), ["b", "d"], "they are no longer there at all");
}

#[test]
fn pages_follow_each_other() {
    let (folder, runtime) = (tempfile::tempdir().unwrap(), runtime());
    let store = open(folder.path(), &runtime);
    for name in ["p/1", "p/2", "p/3", "a", "q", "p"] {
        store.write_now(key(name), of("v"), START).unwrap();
    }
    let list = |prefix: &str, after: Option<&str>, limit| {
        let query = KvQuery {
            prefix: prefix.to_owned(),
            after: after.map(str::to_owned),
            limit,
            ..KvQuery::default()
        };
        let page = runtime.block_on(store.list(query, START)).unwrap();
        (page.keys.join(" "), page.has_more)
    };
    assert_eq!(list("", None, 10), ("a p p/1 p/2 p/3 q".to_owned(), false));
    assert_eq!(list("p/", None, 2), ("p/1 p/2".to_owned(), true));
    assert_eq!(list("p/", Some("p/2"), 2), ("p/3".to_owned(), false));
    assert_eq!(list("p/", Some("a"), 1), ("p/1".to_owned(), true));
    assert_eq!(list("p/", Some("z"), 1), (String::new(), false));
}

#[test]
fn many_writers_lose_nothing() {
    let (folder, runtime) = (tempfile::tempdir().unwrap(), runtime());
    let store = open(folder.path(), &runtime);
    let appends = (0..100).map(|_| {
        let insert = KvInsert {
            mode: KvInsertMode::Append,
            ..of("x")
        };
        store.insert(key("k"), insert, START)
    });
    let done = runtime.block_on(futures_util::future::join_all(appends));
    assert!(done.iter().all(Result::is_ok));
    let adds = (0..100).map(|_| {
        let insert = KvInsert {
            mode: KvInsertMode::Add,
            ..of("x")
        };
        store.insert(key("once"), insert, START)
    });
    let done = runtime.block_on(futures_util::future::join_all(adds));
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1);
    let item = runtime.block_on(store.lookup(key("k"), START)).unwrap();
    assert_eq!(item.value.len(), 100);
}

#[test]
fn a_store_has_a_bound_and_knows_how_much_it_holds() {
    let (folder, runtime) = (tempfile::tempdir().unwrap(), runtime());
    let item = (KV_ITEM_BYTES + "k".len() + "value".len()) as u64;
    let store = open(folder.path(), &runtime).with_capacity(2 * item);
    let held = |store: &DurableKv| tables::bytes(store.file.database()).unwrap();
    let write = |store: &DurableKv, name, value| store.write_now(key(name), of(value), START);
    assert_eq!(write(&store, "a", "value"), Ok(()));
    let expiring = KvInsert {
        time_to_live: Some(Duration::from_secs(10)),
        ..of("value")
    };
    assert_eq!(store.write_now(key("b"), expiring, START), Ok(()));
    assert_eq!(held(&store), 2 * item);
    assert_eq!(write(&store, "c", ""), Err(KvError::PayloadTooLarge));
    assert_eq!(write(&store, "a", "larger"), Err(KvError::PayloadTooLarge));
    assert_eq!(write(&store, "a", "other"), Ok(()));
    // The time of an item is over, and there is room for another one.
    let later = START + Duration::from_secs(10);
    assert_eq!(store.write_now(key("c"), of("value"), later), Ok(()));
    assert_eq!(held(&store), 2 * item);
    // Who may write less can make it smaller.
    let smaller = store.clone().with_capacity(1);
    assert_eq!(write(&smaller, "c", "v"), Ok(()));
    assert_eq!(write(&smaller, "c", "va"), Err(KvError::PayloadTooLarge));
    runtime.block_on(store.delete(key("a"), later)).unwrap();
    assert_eq!(held(&store), item - 4);

    // A file of the time when nobody counted is counted when it is opened.
    tables::forget_bytes(store.file.database()).unwrap();
    drop((store, smaller));
    assert_eq!(held(&open(folder.path(), &runtime)), item - 4);
}

#[test]
fn what_waits_to_be_written_has_a_bound() {
    let (folder, runtime) = (tempfile::tempdir().unwrap(), runtime());
    let store = open(folder.path(), &runtime);
    let value = KvValue::from(Bytes::from(vec![0; KV_VALUE_BYTES_MAX]));
    let mut inserts: Vec<_> = (0..11)
        .map(|_| {
            let insert = KvInsert {
                value: value.clone(),
                ..KvInsert::default()
            };
            store.insert(key("k"), insert, START)
        })
        .collect();
    let last = inserts.pop().unwrap();
    assert_eq!(runtime.block_on(last), Err(KvError::TooManyRequests));
    assert_eq!(runtime.block_on(inserts.pop().unwrap()), Ok(()));
    drop(inserts);
    // What is dropped makes room.
    let insert = store.insert(key("k"), of("v"), START);
    assert_eq!(runtime.block_on(insert), Ok(()));
}

#[test]
fn a_file_that_is_something_else_is_refused() {
    let (folder, runtime) = (tempfile::tempdir().unwrap(), runtime());
    std::fs::write(
        folder.path().join("x.redb"),
        b"not a database, but long enough to look at",
    )
    .unwrap();
    let error = DurableKv::open(folder.path(), "x", runtime.handle().clone()).unwrap_err();
    assert!(error.to_string().contains("x.redb: "), "{error}");
}
