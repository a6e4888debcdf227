//! KV stores.

use std::time::Duration;

use fastly::kv_store::{InsertMode, KVStore, KVStoreError};
use fastly::{Body, Response};

use crate::{Outcome, Query, failed, not_found, option, text};

fn open(store: &str) -> Result<KVStore, Response> {
    match KVStore::open(store) {
        Ok(Some(store)) => Ok(store),
        Ok(None) => Err(not_found(&"no store")),
        Err(error) => Err(not_found(&error)),
    }
}

fn failure(error: KVStoreError) -> Response {
    match error {
        KVStoreError::ItemNotFound => not_found(&error),
        _ => failed(&error),
    }
}

/// The value, with its metadata and generation as headers.
pub fn lookup(store: &str, key: &str) -> Outcome {
    let mut item = open(store)?.lookup(key).map_err(failure)?;
    let metadata = item.metadata().unwrap_or_default();
    let generation = item.current_generation();
    Ok(Response::from_body(item.take_body())
        .with_header("x-metadata", &metadata[..])
        .with_header("x-generation", generation.to_string()))
}

/// Writes the request's body, as it arrives.
pub fn insert(store: &str, key: &str, body: Body, query: &Query) -> Outcome {
    let store = open(store)?;
    let mut insert = store
        .build_insert()
        .mode(match query.get("mode").map(String::as_str) {
            Some("add") => InsertMode::Add,
            Some("append") => InsertMode::Append,
            Some("prepend") => InsertMode::Prepend,
            _ => InsertMode::Overwrite,
        });
    if let Some(metadata) = query.get("metadata") {
        insert = insert.metadata(metadata);
    }
    if let Some(seconds) = option(query, "ttl") {
        insert = insert.time_to_live(Duration::from_secs(seconds));
    }
    if let Some(generation) = option(query, "generation") {
        insert = insert.if_generation_match(generation);
    }
    if query.contains_key("background") {
        insert = insert.background_fetch();
    }
    insert.execute(key, body).map_err(failure)?;
    text("written")
}

pub fn delete(store: &str, key: &str) -> Outcome {
    open(store)?.delete(key).map_err(failure)?;
    text("deleted")
}

/// All keys, a page a line.
pub fn list(store: &str, query: &Query) -> Outcome {
    let store = open(store)?;
    let mut list = store.build_list();
    if let Some(limit) = option(query, "limit") {
        list = list.limit(limit);
    }
    if let Some(prefix) = query.get("prefix") {
        list = list.prefix(prefix);
    }
    if query.contains_key("eventual") {
        list = list.eventual_consistency();
    }
    let mut lines = String::new();
    for page in list.iter() {
        let page = page.map_err(failure)?;
        lines += &page.keys().join(" ");
        lines += "\n";
    }
    text(lines)
}

/// Adds one to a number, whoever else does at the same time: reads it, and writes the next one if nobody has written
/// meanwhile. Answers with how often somebody had.
pub fn increment(store: &str, key: &str) -> Outcome {
    let store = open(store)?;
    for attempt in 0..1000 {
        let written = match store.lookup(key) {
            Ok(mut item) => {
                let generation = item.current_generation();
                let number: u64 = item.take_body().into_string().parse().unwrap_or_default();
                store
                    .build_insert()
                    .if_generation_match(generation)
                    .execute(key, (number + 1).to_string())
            }
            Err(KVStoreError::ItemNotFound) => {
                store.build_insert().mode(InsertMode::Add).execute(key, "1")
            }
            Err(error) => Err(error),
        };
        match written {
            Ok(()) => return text(attempt.to_string()),
            Err(KVStoreError::ItemPreconditionFailed) => {}
            Err(error) => return Err(failure(error)),
        }
    }
    Err(failed(&"others were always faster"))
}

/// The calls without a builder: writes the request's body, reads it, lists the keys and removes it.
pub fn plain(store: &str, key: &str, body: Body) -> Outcome {
    let store = open(store)?;
    store.insert(key, body).map_err(failure)?;
    let value = store.lookup(key).map_err(failure)?.take_body_bytes();
    let keys = store.list().map_err(failure)?.into_keys();
    store.delete(key).map_err(failure)?;
    let value = String::from_utf8_lossy(&value);
    text(format!("{value} {}", keys.join(" ")))
}

/// Many writes at once, then as many reads at once, then as many deletes.
pub fn many(store: &str, count: u32) -> Outcome {
    let store = open(store)?;
    let keys: Vec<String> = (0..count).map(|number| format!("many/{number}")).collect();
    let inserts = keys
        .iter()
        .map(|key| store.build_insert().execute_async(key, key.as_str()));
    let inserts: Vec<_> = inserts.collect::<Result<_, _>>().map_err(failure)?;
    for insert in inserts {
        store.pending_insert_wait(insert).map_err(failure)?;
    }
    let lookups = keys
        .iter()
        .map(|key| store.build_lookup().execute_async(key));
    let lookups: Vec<_> = lookups.collect::<Result<_, _>>().map_err(failure)?;
    for (key, lookup) in keys.iter().zip(lookups) {
        let mut item = store.pending_lookup_wait(lookup).map_err(failure)?;
        if item.take_body().into_string() != *key {
            return Err(failed(key));
        }
    }
    let list = store.build_list().prefix("many/").limit(1000);
    let list = list.execute_async().map_err(failure)?;
    let listed = store.pending_list_wait(list).map_err(failure)?;
    if listed.keys().len() != keys.len() {
        return Err(failed(&listed.keys()));
    }
    let deletes = keys
        .iter()
        .map(|key| store.build_delete().execute_async(key));
    let deletes: Vec<_> = deletes.collect::<Result<_, _>>().map_err(failure)?;
    for delete in deletes {
        store.pending_delete_wait(delete).map_err(failure)?;
    }
    let left = store.list().map_err(failure)?;
    text(format!("{} left", left.keys().len()))
}
