//! The KV store in memory beside a map.

use std::collections::BTreeMap;
use std::time::Duration;

use abi_core::stores::{
    KV_ITEM_BYTES, KvError, KvFuture, KvInsert, KvInsertMode, KvKey, KvQuery, KvStore, MemoryKv,
};
use bytes::Bytes;
use futures_util::FutureExt;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Insert {
        key: String,
        value: Vec<u8>,
        mode: KvInsertMode,
        seconds: Option<u64>,
        match_generation: Option<bool>,
    },
    Delete(String),
    List {
        prefix: String,
        after: Option<String>,
        limit: u32,
    },
}

fn key() -> impl Strategy<Value = String> {
    "[ab]{1,3}"
}

fn step() -> impl Strategy<Value = Step> {
    let mode = prop::sample::select(vec![
        KvInsertMode::Overwrite,
        KvInsertMode::Add,
        KvInsertMode::Append,
        KvInsertMode::Prepend,
    ]);
    let insert = (
        key(),
        prop::collection::vec(any::<u8>(), 0..4),
        mode,
        prop::option::of(0..5_u64),
        prop::option::of(any::<bool>()),
    );
    let insert = insert.prop_map(
        |(key, value, mode, seconds, match_generation)| Step::Insert {
            key,
            value,
            mode,
            seconds,
            match_generation,
        },
    );
    let list = ("[ab]{0,2}", prop::option::of(key()), 1..5_u32);
    let list = list.prop_map(|(prefix, after, limit)| Step::List {
        prefix,
        after,
        limit,
    });
    prop_oneof![
        1 => (0..3_u64).prop_map(Step::Wait),
        4 => insert,
        1 => key().prop_map(Step::Delete),
        1 => list,
    ]
}

#[derive(Clone, Debug)]
struct Item {
    value: Vec<u8>,
    expires: Option<u64>,
}

/// Items by key, those whose time is over left out.
type Model = BTreeMap<String, Item>;

fn done<T>(future: KvFuture<T>) -> Result<T, KvError> {
    future.now_or_never().expect("memory does not wait")
}

proptest! {
    #[test]
    fn the_store_does_what_the_map_does(steps in prop::collection::vec(step(), 1..80)) {
        let store = MemoryKv::new();
        let mut model = Model::new();
        let mut seconds_now = 1_000_000;
        let mut generations = Vec::new();
        for step in steps {
            let now = Duration::from_secs(seconds_now);
            let parse = |key: &str| KvKey::new(key).unwrap();
            match step {
                Step::Wait(seconds) => {
                    seconds_now += seconds;
                    model.retain(|_, item| item.expires.is_none_or(|end| end > seconds_now));
                }
                Step::Insert { key, value, mode, seconds, match_generation } => {
                    let found = done(store.lookup(parse(&key), now)).ok();
                    let if_generation_match = match_generation.map(|right| {
                        let generation = found.as_ref().map_or(7, |item| item.generation);
                        if right { generation } else { generation + 1 }
                    });
                    let insert = KvInsert {
                        value: Bytes::from(value.clone()).into(),
                        mode,
                        metadata: None,
                        time_to_live: seconds.map(Duration::from_secs),
                        if_generation_match,
                    };
                    let outcome = done(store.insert(parse(&key), insert, now));
                    let existing = model.get(&key).cloned();
                    let is_met = match_generation.is_none_or(|right| right && existing.is_some())
                        && !(mode == KvInsertMode::Add && existing.is_some());
                    prop_assert_eq!(outcome.is_ok(), is_met);
                    if !is_met {
                        continue;
                    }
                    let kept = existing.filter(|_| {
                        matches!(mode, KvInsertMode::Append | KvInsertMode::Prepend)
                    });
                    let before = kept.as_ref().map(|item| item.value.clone()).unwrap_or_default();
                    let value = match mode {
                        KvInsertMode::Append => [before, value].concat(),
                        KvInsertMode::Prepend => [value, before].concat(),
                        _ => value,
                    };
                    let expires = match seconds {
                        Some(seconds) => Some(seconds_now + seconds),
                        None => kept.and_then(|item| item.expires),
                    };
                    generations.push(store.item(&key).unwrap().generation);
                    model.insert(key, Item { value, expires });
                    model.retain(|_, item| item.expires.is_none_or(|end| end > seconds_now));
                }
                Step::Delete(key) => {
                    let removed = model.remove(&key).is_some();
                    prop_assert_eq!(done(store.delete(parse(&key), now)).is_ok(), removed);
                }
                Step::List { prefix, after, limit } => {
                    let mut expected: Vec<_> = model
                        .keys()
                        .filter(|key| key.starts_with(&prefix) && after.as_ref().is_none_or(|after| *key > after))
                        .cloned()
                        .collect();
                    let has_more = expected.len() > limit as usize;
                    expected.truncate(limit as usize);
                    let query = KvQuery { prefix, after, limit, eventual: false };
                    let page = done(store.list(query, now)).unwrap();
                    prop_assert_eq!(page.keys, expected);
                    prop_assert_eq!(page.has_more, has_more);
                }
            }
        }
        let now = Duration::from_secs(seconds_now);
        for (key, item) in &model {
            let found = done(store.lookup(KvKey::new(key).unwrap(), now)).unwrap();
            prop_assert_eq!(&found.value.to_bytes()[..], &item.value[..]);
        }
        prop_assert!(generations.is_sorted_by(|one, next| one < next), "{:?}", generations);
        let sizes = store.keys().into_iter().map(|key| KV_ITEM_BYTES + key.len() + store.get(&key).unwrap().len());
        let stored: usize = sizes.sum();
        prop_assert_eq!(store.bytes(), stored);
    }
}

#[test]
fn of_many_threads_that_add_a_key_one_does() {
    let store = MemoryKv::new();
    let added = std::sync::atomic::AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for number in 0..200 {
                    let insert = KvInsert {
                        mode: KvInsertMode::Add,
                        ..KvInsert::default()
                    };
                    let key = KvKey::new(&format!("key {number}")).unwrap();
                    if done(store.insert(key, insert, Duration::ZERO)).is_ok() {
                        added.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(added.into_inner(), 200);
    assert_eq!(store.keys().len(), 200);
}

#[test]
fn who_reads_while_others_write_finds_one_value_or_the_other() {
    let store = MemoryKv::new();
    let keys: Vec<_> = (0..40).map(|number| format!("key {number:02}")).collect();
    let value = |number: u8| Bytes::from(vec![number; 1000]);
    for key in &keys {
        store.set(key, value(0)).unwrap();
    }
    std::thread::scope(|scope| {
        let (store, keys) = (&store, &keys);
        let readers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(move || {
                    for _ in 0..300 {
                        for key in keys {
                            let key = KvKey::new(key).unwrap();
                            let found = done(store.lookup(key, Duration::ZERO)).unwrap();
                            let found = found.value.to_bytes();
                            assert_eq!(found.len(), 1000);
                            assert!(found.iter().all(|byte| *byte == found[0]));
                        }
                        let page = done(store.list(KvQuery::default(), Duration::ZERO));
                        assert_eq!(&page.unwrap().keys, keys);
                    }
                })
            })
            .collect();
        scope.spawn(move || {
            let mut number = 0;
            while !readers.iter().all(|reader| reader.is_finished()) {
                number = if number == 255 { 0 } else { number + 1 };
                for key in keys {
                    store.set(key, value(number)).unwrap();
                }
            }
        });
    });
    let each = KV_ITEM_BYTES + "key 00".len() + 1000;
    assert_eq!(store.bytes(), keys.len() * each);
}

#[test]
fn writers_at_once_do_not_exceed_what_the_store_may_hold() {
    let each = KV_ITEM_BYTES + "key 000".len() + 100;
    let store = MemoryKv::with_capacity(50 * each);
    std::thread::scope(|scope| {
        for part in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for number in (part..200).step_by(4) {
                    // Those for whom there is no room are refused.
                    drop(store.set(&format!("key {number:03}"), vec![7; 100]));
                    assert!(store.bytes() <= 50 * each);
                }
            });
        }
    });
    assert_eq!(store.keys().len(), 50);
    assert_eq!(store.bytes(), 50 * each);
}

#[test]
fn what_many_threads_read_check_and_write_is_counted_once_each() {
    let store = MemoryKv::new();
    let key = || KvKey::new("counter").unwrap();
    store.set("counter", "0").unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    loop {
                        let found = done(store.lookup(key(), Duration::ZERO)).unwrap();
                        let value = found.value.to_bytes();
                        let number: u32 = std::str::from_utf8(&value).unwrap().parse().unwrap();
                        let insert = KvInsert {
                            value: Bytes::from((number + 1).to_string()).into(),
                            if_generation_match: Some(found.generation),
                            ..KvInsert::default()
                        };
                        match done(store.insert(key(), insert, Duration::ZERO)) {
                            Ok(()) => break,
                            // Another thread was faster.
                            Err(KvError::PreconditionFailed) => {}
                            Err(error) => panic!("{error}"),
                        }
                    }
                    let append = KvInsert {
                        value: Bytes::from_static(b"x").into(),
                        mode: KvInsertMode::Append,
                        ..KvInsert::default()
                    };
                    let list = KvKey::new("list").unwrap();
                    done(store.insert(list, append, Duration::ZERO)).unwrap();
                }
            });
        }
    });
    assert_eq!(store.get("counter").unwrap(), "800");
    assert_eq!(store.get("list").unwrap(), vec![b'x'; 800]);
}
