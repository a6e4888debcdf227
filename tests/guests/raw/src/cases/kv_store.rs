//! `fastly_kv_store`.

use super::cases;
use crate::check::{Outcome, check, check_eq, check_status};
use crate::guest::{Misaligned, body_with, empty_body, end_of_memory, read_to_end};
use crate::sys::*;

cases![
    kv_open,
    kv_lookup,
    kv_lookup_missing,
    kv_lookup_small_buffer,
    kv_lookup_bad_arguments,
    kv_lookup_bad_result_pointer,
    kv_insert_modes,
    kv_insert_if_generation_match,
    kv_insert_time_to_live,
    kv_insert_large,
    kv_insert_bad_arguments,
    kv_insert_unknown_value,
    kv_insert_bad_result_pointer,
    kv_delete,
    kv_delete_bad_arguments,
    kv_list,
    kv_list_bad_arguments,
    kv_list_unknown_value,
    kv_select,
    kv_handles_have_kinds,
];

pub fn opened() -> Result<Handle, String> {
    let name = "kv";
    let mut store = NO_HANDLE;
    check_status!(OK, kv_store::open(name.as_ptr(), name.len(), &mut store));
    check!(store != NO_HANDLE);
    Ok(store)
}

const CONFIG: InsertConfig = InsertConfig {
    mode: 0,
    unused: 0,
    metadata: core::ptr::null(),
    metadata_len: 0,
    time_to_live_sec: 0,
    if_generation_match: 0,
};

fn mode(mode: u32) -> InsertConfig {
    InsertConfig { mode, ..CONFIG }
}

/// Inserts; gives how it ended.
fn insert(key: &str, value: &[u8], mask: u32, config: &InsertConfig) -> Result<u32, String> {
    let store = opened()?;
    let body = body_with(value)?;
    let mut pending = NO_HANDLE;
    check_status!(
        OK,
        kv_store::insert(
            store,
            key.as_ptr(),
            key.len(),
            body,
            mask,
            config,
            &mut pending
        )
    );
    // The body is used up.
    check_status!(BAD_HANDLE, http_body::close(body));
    let mut error = 0;
    check_status!(OK, kv_store::insert_wait(pending, &mut error));
    check_status!(BAD_HANDLE, kv_store::insert_wait(pending, &mut error));
    Ok(error)
}

fn start_lookup(key: &str) -> Result<Handle, String> {
    let store = opened()?;
    let mut pending = NO_HANDLE;
    check_status!(
        OK,
        kv_store::lookup(
            store,
            key.as_ptr(),
            key.len(),
            0,
            end_of_memory(),
            &mut pending
        )
    );
    Ok(pending)
}

struct Item {
    value: Vec<u8>,
    metadata: Vec<u8>,
    generation: u64,
}

/// Looks up; nothing when there is nothing.
fn lookup(key: &str) -> Result<Option<Item>, String> {
    let pending = start_lookup(key)?;
    let mut body = NO_HANDLE;
    let mut metadata = vec![0; 2000];
    let (mut nwritten, mut generation, mut error) = (usize::MAX, u64::MAX, 0);
    check_status!(
        OK,
        kv_store::lookup_wait_v2(
            pending,
            &mut body,
            metadata.as_mut_ptr(),
            metadata.len(),
            &mut nwritten,
            &mut generation,
            &mut error
        )
    );
    if error == KV_NOT_FOUND {
        // Nothing else was written.
        check_eq!(
            (NO_HANDLE, usize::MAX, u64::MAX),
            (body, nwritten, generation)
        );
        return Ok(None);
    }
    check_eq!(KV_OK, error);
    metadata.truncate(nwritten);
    Ok(Some(Item {
        value: read_to_end(body)?,
        metadata,
        generation,
    }))
}

fn value(key: &str) -> Result<Vec<u8>, String> {
    let item = lookup(key)?.ok_or("there is no such item")?;
    Ok(item.value)
}

fn kv_open() -> Outcome {
    opened()?;
    let mut store = NO_HANDLE;
    check_status!(OK, kv_store::open_v2("kv".as_ptr(), 2, &mut store));
    check!(store != NO_HANDLE);
    store = NO_HANDLE;
    for name in ["missing", ""] {
        check_status!(
            INVALID_ARGUMENT,
            kv_store::open(name.as_ptr(), name.len(), &mut store)
        );
    }
    check_status!(
        INVALID_ARGUMENT,
        kv_store::open(end_of_memory(), 1, &mut store)
    );
    check_status!(
        INVALID_ARGUMENT,
        kv_store::open("kv".as_ptr(), 2, end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        kv_store::open("kv".as_ptr(), 2, Misaligned::new().pointer())
    );
    check_eq!(NO_HANDLE, store);
    Ok(())
}

fn kv_lookup() -> Outcome {
    let item = lookup("greeting")?.ok_or("it is configured")?;
    check_eq!(b"hello".as_slice(), item.value);
    check_eq!(b"of the host".as_slice(), item.metadata);
    check_eq!(
        item.generation,
        lookup("greeting")?.ok_or("it is there")?.generation
    );
    Ok(())
}

fn kv_lookup_missing() -> Outcome {
    check!(lookup("missing")?.is_none());
    check!(lookup("Greeting")?.is_none());
    Ok(())
}

/// The form without generations, and the name that another host has for the first half.
/// What did not fit can be asked for again.
fn kv_lookup_small_buffer() -> Outcome {
    let pending = start_lookup("greeting")?;
    let mut body = NO_HANDLE;
    let mut metadata = [0xAA; 11];
    let (mut nwritten, mut generation, mut error) = (0, 0, 0);
    for (capacity, status) in [(10, BUFFER_TOO_SMALL), (0, BUFFER_TOO_SMALL), (11, OK)] {
        check_eq!([0xAA; 11], metadata);
        check_status!(
            status,
            kv_store::lookup_wait_v2(
                pending,
                &mut body,
                metadata.as_mut_ptr(),
                capacity,
                &mut nwritten,
                &mut generation,
                &mut error
            )
        );
        check_eq!(11, nwritten);
    }
    check_eq!(b"of the host", &metadata);
    Ok(())
}

fn kv_lookup_bad_arguments() -> Outcome {
    let store = opened()?;
    let mut pending = NO_HANDLE;
    let long = "k".repeat(1025);
    for key in [
        "",
        ".",
        "..",
        "a/../b",
        "a#",
        "a?b",
        "a\nb",
        ".well-known/acme-challenge/x",
        &long,
    ] {
        check_status!(
            INVALID_ARGUMENT,
            kv_store::lookup(
                store,
                key.as_ptr(),
                key.len(),
                0,
                end_of_memory(),
                &mut pending
            )
        );
    }
    let lookup = kv_store::lookup;
    check_status!(
        INVALID_ARGUMENT,
        lookup(store, b"\xff".as_ptr(), 1, 0, end_of_memory(), &mut pending)
    );
    check_status!(
        INVALID_ARGUMENT,
        lookup(store, end_of_memory(), 1, 0, end_of_memory(), &mut pending)
    );
    check_status!(
        BAD_HANDLE,
        lookup(NO_HANDLE, "k".as_ptr(), 1, 0, end_of_memory(), &mut pending)
    );
    check_status!(
        INVALID_ARGUMENT,
        lookup(store, "k".as_ptr(), 1, 1 << 1, &0, &mut pending)
    );
    check_eq!(NO_HANDLE, pending);
    Ok(())
}

fn kv_lookup_bad_result_pointer() -> Outcome {
    let store = opened()?;
    check_status!(
        BAD_ALIGNMENT,
        kv_store::lookup(
            store,
            "k".as_ptr(),
            1,
            0,
            end_of_memory(),
            Misaligned::new().pointer()
        )
    );
    check_status!(
        INVALID_ARGUMENT,
        kv_store::lookup(store, "k".as_ptr(), 1, 0, end_of_memory(), end_of_memory())
    );
    let pending = start_lookup("greeting")?;
    let (mut body, mut nwritten, mut generation, mut error) = (NO_HANDLE, 0, 0, 0);
    let mut metadata = [0; 16];
    check_status!(
        BAD_ALIGNMENT,
        kv_store::lookup_wait_v2(
            pending,
            &mut body,
            metadata.as_mut_ptr(),
            16,
            &mut nwritten,
            Misaligned::new().pointer(),
            &mut error
        )
    );
    check_status!(
        INVALID_ARGUMENT,
        kv_store::lookup_wait_v2(
            pending,
            &mut body,
            end_of_memory(),
            16,
            &mut nwritten,
            &mut generation,
            &mut error
        )
    );
    // A bad pointer does not lose the result.
    check_status!(
        OK,
        kv_store::lookup_wait_v2(
            pending,
            &mut body,
            metadata.as_mut_ptr(),
            16,
            &mut nwritten,
            &mut generation,
            &mut error
        )
    );
    Ok(())
}

fn kv_insert_modes() -> Outcome {
    let key = "kv_insert_modes";
    check_eq!(KV_OK, insert(key, b"b", 0, &mode(1))?);
    check_eq!(KV_PRECONDITION_FAILED, insert(key, b"x", 0, &mode(1))?);
    let metadata = "said with append";
    let append = InsertConfig {
        metadata: metadata.as_ptr(),
        metadata_len: metadata.len(),
        ..mode(2)
    };
    let mask = INSERT_METADATA | INSERT_BACKGROUND_FETCH;
    check_eq!(KV_OK, insert(key, b"c", mask, &append)?);
    check_eq!(KV_OK, insert(key, b"a", 0, &mode(3))?);
    let item = lookup(key)?.ok_or("it was inserted")?;
    check_eq!(b"abc".as_slice(), item.value);
    check_eq!(metadata.as_bytes(), item.metadata);
    check_eq!(KV_OK, insert(key, b"", 0, &mode(0))?);
    let item = lookup(key)?.ok_or("an empty value is one")?;
    check!(item.value.is_empty() && item.metadata.is_empty());
    Ok(())
}

fn kv_insert_if_generation_match() -> Outcome {
    let key = "kv_insert_if_generation_match";
    let matching = |if_generation_match| InsertConfig {
        if_generation_match,
        ..CONFIG
    };
    let mask = INSERT_IF_GENERATION_MATCH;
    check_eq!(
        KV_PRECONDITION_FAILED,
        insert(key, b"x", mask, &matching(0))?
    );
    check_eq!(KV_OK, insert(key, b"1", 0, &CONFIG)?);
    let first = lookup(key)?.ok_or("it was inserted")?.generation;
    check_eq!(
        KV_PRECONDITION_FAILED,
        insert(key, b"x", mask, &matching(first + 1))?
    );
    check_eq!(KV_OK, insert(key, b"2", mask, &matching(first))?);
    check_eq!(
        KV_PRECONDITION_FAILED,
        insert(key, b"x", mask, &matching(first))?
    );
    check_eq!(b"2".as_slice(), value(key)?);
    check!(lookup(key)?.ok_or("it was inserted")?.generation > first);
    // What the field says does not count where its bit is not set.
    check_eq!(KV_OK, insert(key, b"3", 0, &matching(first))?);
    Ok(())
}

fn kv_insert_time_to_live() -> Outcome {
    let key = "kv_insert_time_to_live";
    let living = |time_to_live_sec| InsertConfig {
        time_to_live_sec,
        ..CONFIG
    };
    check_eq!(
        KV_OK,
        insert(key, b"1", INSERT_TIME_TO_LIVE, &living(3600))?
    );
    check_eq!(b"1".as_slice(), value(key)?);
    // A time that is over at once.
    check_eq!(KV_OK, insert(key, b"2", INSERT_TIME_TO_LIVE, &living(0))?);
    check!(lookup(key)?.is_none());
    check_eq!(KV_OK, insert(key, b"3", 0, &mode(1))?);
    Ok(())
}

fn kv_insert_large() -> Outcome {
    let key = "kv_insert_large";
    let piece = vec![b'x'; 1 << 20];
    check_eq!(KV_OK, insert(key, &piece, 0, &CONFIG)?);
    check_eq!(KV_OK, insert(key, &piece, 0, &mode(2))?);
    check_eq!(2 << 20, value(key)?.len());
    let pending = start_lookup(key)?;
    let mut body = NO_HANDLE;
    let (mut nwritten, mut generation, mut error) = (0, 0, 0);
    check_status!(
        OK,
        kv_store::lookup_wait_v2(
            pending,
            &mut body,
            end_of_memory(),
            0,
            &mut nwritten,
            &mut generation,
            &mut error
        )
    );
    let mut length = 0;
    check_status!(OK, http_body::known_length(body, &mut length));
    check_eq!(2 << 20, length);
    Ok(())
}

fn kv_insert_bad_arguments() -> Outcome {
    let store = opened()?;
    let mut pending = NO_HANDLE;
    let (key, insert) = ("k", kv_store::insert);
    let body = empty_body()?;
    check_status!(
        INVALID_ARGUMENT,
        insert(store, key.as_ptr(), 0, body, 0, &CONFIG, &mut pending)
    );
    check_status!(
        BAD_HANDLE,
        insert(NO_HANDLE, key.as_ptr(), 1, body, 0, &CONFIG, &mut pending)
    );
    check_status!(
        BAD_HANDLE,
        insert(store, key.as_ptr(), 1, NO_HANDLE, 0, &CONFIG, &mut pending)
    );
    // The record is read whatever the mask says, because the mode has no bit.
    check_status!(
        INVALID_ARGUMENT,
        insert(
            store,
            key.as_ptr(),
            1,
            body,
            0,
            end_of_memory(),
            &mut pending
        )
    );
    let outside = InsertConfig {
        metadata: end_of_memory(),
        metadata_len: 1,
        ..CONFIG
    };
    check_status!(
        INVALID_ARGUMENT,
        insert(
            store,
            key.as_ptr(),
            1,
            body,
            INSERT_METADATA,
            &outside,
            &mut pending
        )
    );
    check_eq!(NO_HANDLE, pending);
    // None of this has used the body up.
    check_status!(OK, http_body::close(body));
    let metadata = "m".repeat(2001);
    let long = InsertConfig {
        metadata: metadata.as_ptr(),
        metadata_len: metadata.len(),
        ..CONFIG
    };
    check_eq!(
        KV_BAD_REQUEST,
        self::insert(key, b"", INSERT_METADATA, &long)?
    );
    Ok(())
}

fn kv_insert_unknown_value() -> Outcome {
    let store = opened()?;
    let body = empty_body()?;
    let mut pending = NO_HANDLE;
    for (mask, mode_number) in [(0, 4), (1 << 6, 0), (1 << 31, 0)] {
        check_status!(
            INVALID_ARGUMENT,
            kv_store::insert(
                store,
                "k".as_ptr(),
                1,
                body,
                mask,
                &mode(mode_number),
                &mut pending
            )
        );
    }
    Ok(())
}

fn kv_insert_bad_result_pointer() -> Outcome {
    let store = opened()?;
    let body = empty_body()?;
    check_status!(
        INVALID_ARGUMENT,
        kv_store::insert(store, "k".as_ptr(), 1, body, 0, &CONFIG, end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        kv_store::insert(
            store,
            "k".as_ptr(),
            1,
            body,
            0,
            &CONFIG,
            Misaligned::new().pointer()
        )
    );
    let mut pending = NO_HANDLE;
    let key = "kv_insert_bad_result_pointer";
    check_status!(
        OK,
        kv_store::insert(
            store,
            key.as_ptr(),
            key.len(),
            body,
            0,
            &CONFIG,
            &mut pending
        )
    );
    check_status!(
        INVALID_ARGUMENT,
        kv_store::insert_wait(pending, end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        kv_store::insert_wait(pending, Misaligned::new().pointer())
    );
    let mut error = 0;
    check_status!(OK, kv_store::insert_wait(pending, &mut error));
    Ok(())
}

fn start_delete(key: &str) -> Result<Handle, String> {
    let store = opened()?;
    let mut pending = NO_HANDLE;
    check_status!(
        OK,
        kv_store::delete(
            store,
            key.as_ptr(),
            key.len(),
            0,
            end_of_memory(),
            &mut pending
        )
    );
    Ok(pending)
}

fn kv_delete() -> Outcome {
    let key = "kv_delete";
    check_eq!(KV_OK, insert(key, b"x", 0, &CONFIG)?);
    for expected in [KV_OK, KV_NOT_FOUND] {
        let pending = start_delete(key)?;
        let mut error = 0;
        check_status!(OK, kv_store::delete_wait(pending, &mut error));
        check_eq!(expected, error);
        check_status!(BAD_HANDLE, kv_store::delete_wait(pending, &mut error));
    }
    check!(lookup(key)?.is_none());
    Ok(())
}

fn kv_delete_bad_arguments() -> Outcome {
    let store = opened()?;
    let mut pending = NO_HANDLE;
    let delete = kv_store::delete;
    check_status!(
        INVALID_ARGUMENT,
        delete(store, "a#".as_ptr(), 2, 0, end_of_memory(), &mut pending)
    );
    check_status!(
        BAD_HANDLE,
        delete(NO_HANDLE, "a".as_ptr(), 1, 0, end_of_memory(), &mut pending)
    );
    check_status!(
        INVALID_ARGUMENT,
        delete(store, "a".as_ptr(), 1, 0, end_of_memory(), end_of_memory())
    );
    check_status!(
        INVALID_ARGUMENT,
        delete(store, "a".as_ptr(), 1, 1 << 1, &0, &mut pending)
    );
    check_status!(
        BAD_ALIGNMENT,
        delete(
            store,
            "a".as_ptr(),
            1,
            0,
            end_of_memory(),
            Misaligned::new().pointer()
        )
    );
    check_eq!(NO_HANDLE, pending);
    let pending = start_delete("a")?;
    check_status!(
        BAD_ALIGNMENT,
        kv_store::delete_wait(pending, Misaligned::new().pointer())
    );
    check_status!(
        INVALID_ARGUMENT,
        kv_store::delete_wait(pending, end_of_memory())
    );
    let mut error = 0;
    check_status!(OK, kv_store::delete_wait(pending, &mut error));
    Ok(())
}

/// A page as JSON text; or how the listing ended.
fn list(prefix: &str, cursor: &str, limit: u32) -> Result<Result<String, u32>, String> {
    let store = opened()?;
    let mut mask = LIST_PREFIX | LIST_LIMIT;
    if !cursor.is_empty() {
        mask |= LIST_CURSOR;
    }
    let config = ListConfig {
        mode: 1,
        cursor: cursor.as_ptr(),
        cursor_len: cursor.len(),
        limit,
        prefix: prefix.as_ptr(),
        prefix_len: prefix.len(),
    };
    let mut pending = NO_HANDLE;
    check_status!(OK, kv_store::list(store, mask, &config, &mut pending));
    let (mut body, mut error) = (NO_HANDLE, 0);
    check_status!(OK, kv_store::list_wait(pending, &mut body, &mut error));
    check_status!(
        BAD_HANDLE,
        kv_store::list_wait(pending, &mut body, &mut error)
    );
    if error != KV_OK {
        check_eq!(NO_HANDLE, body);
        return Ok(Err(error));
    }
    let page = read_to_end(body)?;
    Ok(Ok(String::from_utf8_lossy(&page).into_owned()))
}

fn kv_list() -> Outcome {
    for key in ["kv_list/b", "kv_list/a", "kv_list/c", "kv_lisu"] {
        check_eq!(KV_OK, insert(key, b"x", 0, &CONFIG)?);
    }
    let page = list("kv_list/", "", 2)?.map_err(|error| error.to_string())?;
    check!(page.contains(r#""data":["kv_list/a","kv_list/b"]"#));
    check!(page.contains(r#""limit":2"#));
    check!(page.contains(r#""prefix":"kv_list/""#));
    let (_, cursor) = page
        .split_once(r#""next_cursor":""#)
        .ok_or("there is more")?;
    let (cursor, _) = cursor.split_once('"').ok_or("it is a string")?;
    let page = list("kv_list/", cursor, 2)?.map_err(|error| error.to_string())?;
    check!(page.contains(r#""data":["kv_list/c"]"#));
    check!(!page.contains("next_cursor"));
    let page = list("kv_list/nothing", "", 2)?.map_err(|error| error.to_string())?;
    check!(page.contains(r#""data":[]"#));
    check_eq!(Err(KV_BAD_REQUEST), list("", "no cursor", 2)?);
    check_eq!(Err(KV_BAD_REQUEST), list("", "", 0)?);
    Ok(())
}

const LIST: ListConfig = ListConfig {
    mode: 0,
    cursor: core::ptr::null(),
    cursor_len: 0,
    limit: 0,
    prefix: core::ptr::null(),
    prefix_len: 0,
};

fn kv_list_bad_arguments() -> Outcome {
    let store = opened()?;
    let mut pending = NO_HANDLE;
    check_status!(
        BAD_HANDLE,
        kv_store::list(NO_HANDLE, 0, &LIST, &mut pending)
    );
    check_status!(
        INVALID_ARGUMENT,
        kv_store::list(store, 0, end_of_memory(), &mut pending)
    );
    for (mask, wrong) in [
        (
            LIST_PREFIX,
            ListConfig {
                prefix: end_of_memory(),
                prefix_len: 1,
                ..LIST
            },
        ),
        (
            LIST_PREFIX,
            ListConfig {
                prefix: b"\xff".as_ptr(),
                prefix_len: 1,
                ..LIST
            },
        ),
        (
            LIST_CURSOR,
            ListConfig {
                cursor: end_of_memory(),
                cursor_len: 1,
                ..LIST
            },
        ),
    ] {
        check_status!(
            INVALID_ARGUMENT,
            kv_store::list(store, mask, &wrong, &mut pending)
        );
    }
    check_eq!(NO_HANDLE, pending);
    check_status!(
        INVALID_ARGUMENT,
        kv_store::list(store, 0, &LIST, end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        kv_store::list(store, 0, &LIST, Misaligned::new().pointer())
    );
    check_status!(
        INVALID_ARGUMENT,
        kv_store::list(store, 1 << 4, &LIST, &mut pending)
    );
    check_status!(OK, kv_store::list(store, 0, &LIST, &mut pending));
    let (mut body, mut error) = (NO_HANDLE, 0);
    check_status!(
        INVALID_ARGUMENT,
        kv_store::list_wait(pending, end_of_memory(), &mut error)
    );
    check_status!(
        BAD_ALIGNMENT,
        kv_store::list_wait(pending, &mut body, Misaligned::new().pointer())
    );
    check_status!(OK, kv_store::list_wait(pending, &mut body, &mut error));
    Ok(())
}

fn kv_list_unknown_value() -> Outcome {
    let store = opened()?;
    let mut pending = NO_HANDLE;
    for (mask, mode) in [(0, 2), (1 << 4, 0), (1 << 31, 0)] {
        let config = ListConfig { mode, ..LIST };
        check_status!(
            INVALID_ARGUMENT,
            kv_store::list(store, mask, &config, &mut pending)
        );
    }
    Ok(())
}

/// Operations can be waited for together with anything else.
fn kv_select() -> Outcome {
    let store = opened()?;
    let body = body_with(b"x")?;
    let mut insert = NO_HANDLE;
    check_status!(
        OK,
        kv_store::insert(
            store,
            "kv_select".as_ptr(),
            9,
            body,
            0,
            &CONFIG,
            &mut insert
        )
    );
    let mut list = NO_HANDLE;
    check_status!(OK, kv_store::list(store, 0, &LIST, &mut list));
    for pending in [
        start_lookup("kv_select")?,
        start_delete("none")?,
        insert,
        list,
    ] {
        let (mut index, mut ready) = (u32::MAX, 0);
        check_status!(OK, async_io::select(&pending, 1, 0, &mut index));
        check_eq!(0, index);
        check_status!(OK, async_io::is_ready(pending, &mut ready));
        check_eq!(1, ready);
    }
    Ok(())
}

/// A handle of one operation is not one of another.
fn kv_handles_have_kinds() -> Outcome {
    let lookup = start_lookup("greeting")?;
    let delete = start_delete("none")?;
    let (mut body, mut error) = (NO_HANDLE, 0);
    let (mut nwritten, mut generation) = (0, 0);
    check_status!(
        BAD_HANDLE,
        kv_store::lookup_wait_v2(
            delete,
            &mut body,
            core::ptr::null_mut(),
            0,
            &mut nwritten,
            &mut generation,
            &mut error
        )
    );
    check_status!(BAD_HANDLE, kv_store::insert_wait(lookup, &mut error));
    check_status!(BAD_HANDLE, kv_store::delete_wait(lookup, &mut error));
    check_status!(BAD_HANDLE, kv_store::insert_wait(delete, &mut error));
    check_status!(
        BAD_HANDLE,
        kv_store::list_wait(delete, &mut body, &mut error)
    );
    check_status!(BAD_HANDLE, http_body::close(lookup));
    Ok(())
}
