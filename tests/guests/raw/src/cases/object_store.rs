//! `fastly_object_store`, the older interface to KV stores.

use super::{cases, kv_store};
use crate::check::{Outcome, check, check_eq, check_status};
use crate::guest::{Misaligned, body_with, empty_body, end_of_memory, read_to_end};
use crate::sys::*;

cases![
    object_store_open,
    object_store_lookup,
    object_store_lookup_async,
    object_store_insert,
    object_store_insert_async,
    object_store_delete,
    object_store_bad_arguments,
    object_store_bad_result_pointer,
];

fn opened() -> Result<Handle, String> {
    let mut store = NO_HANDLE;
    check_status!(OK, object_store::open("kv".as_ptr(), 2, &mut store));
    Ok(store)
}

fn lookup(key: &str) -> Result<Option<Vec<u8>>, String> {
    let mut body = NO_HANDLE;
    check_status!(
        OK,
        object_store::lookup(opened()?, key.as_ptr(), key.len(), &mut body)
    );
    match body {
        NO_HANDLE => Ok(None),
        body => read_to_end(body).map(Some),
    }
}

fn insert(key: &str, value: &[u8]) -> Outcome {
    let body = body_with(value)?;
    check_status!(
        OK,
        object_store::insert(opened()?, key.as_ptr(), key.len(), body)
    );
    check_status!(BAD_HANDLE, http_body::close(body));
    Ok(())
}

fn start_insert(key: &str, value: &[u8]) -> Result<Handle, String> {
    let body = body_with(value)?;
    let mut pending = NO_HANDLE;
    check_status!(
        OK,
        object_store::insert_async(opened()?, key.as_ptr(), key.len(), body, &mut pending)
    );
    Ok(pending)
}

fn object_store_open() -> Outcome {
    let mut store = NO_HANDLE;
    check_status!(
        INVALID_ARGUMENT,
        object_store::open("missing".as_ptr(), 7, &mut store)
    );
    check_eq!(NO_HANDLE, store);
    // Both interfaces know the same handles.
    let key = "greeting";
    let mut body = NO_HANDLE;
    check_status!(
        OK,
        object_store::lookup(kv_store::opened()?, key.as_ptr(), key.len(), &mut body)
    );
    check!(body != NO_HANDLE);
    Ok(())
}

fn object_store_lookup() -> Outcome {
    check_eq!(Some(b"hello".to_vec()), lookup("greeting")?);
    check_eq!(None, lookup("missing")?);
    Ok(())
}

fn object_store_lookup_async() -> Outcome {
    let store = opened()?;
    for (key, is_there) in [("greeting", true), ("missing", false)] {
        let (mut pending, mut body) = (NO_HANDLE, NO_HANDLE);
        check_status!(
            OK,
            object_store::lookup_async(store, key.as_ptr(), key.len(), &mut pending)
        );
        check_status!(OK, object_store::pending_lookup_wait(pending, &mut body));
        check_eq!(is_there, body != NO_HANDLE);
        check_status!(
            BAD_HANDLE,
            object_store::pending_lookup_wait(pending, &mut body)
        );
    }
    Ok(())
}

fn object_store_insert() -> Outcome {
    let key = "object_store_insert";
    insert(key, b"one")?;
    insert(key, b"two")?;
    check_eq!(Some(b"two".to_vec()), lookup(key)?);
    Ok(())
}

fn object_store_insert_async() -> Outcome {
    let key = "object_store_insert_async";
    insert(key, b"one")?;
    let pending = start_insert(key, b"two")?;
    let mut error = 0;
    check_status!(OK, object_store::pending_insert_wait(pending, &mut error));
    check_eq!(KV_OK, error);
    check_status!(
        BAD_HANDLE,
        object_store::pending_insert_wait(pending, &mut error)
    );
    check_eq!(Some(b"two".to_vec()), lookup(key)?);
    Ok(())
}

fn object_store_delete() -> Outcome {
    let store = opened()?;
    let key = "object_store_delete";
    insert(key, b"x")?;
    // It is no error that there is none.
    for _ in 0..2 {
        let mut pending = NO_HANDLE;
        check_status!(
            OK,
            object_store::delete_async(store, key.as_ptr(), key.len(), &mut pending)
        );
        check_status!(OK, object_store::pending_delete_wait(pending));
        check_status!(BAD_HANDLE, object_store::pending_delete_wait(pending));
        check_eq!(None, lookup(key)?);
    }
    Ok(())
}

fn object_store_bad_arguments() -> Outcome {
    let store = opened()?;
    let (mut body, mut pending) = (NO_HANDLE, NO_HANDLE);
    let value = empty_body()?;
    for (store, key, status) in [
        (store, "a#", INVALID_ARGUMENT),
        (NO_HANDLE, "a", BAD_HANDLE),
    ] {
        let (key, length) = (key.as_ptr(), key.len());
        check_status!(status, object_store::lookup(store, key, length, &mut body));
        check_status!(
            status,
            object_store::lookup_async(store, key, length, &mut pending)
        );
        check_status!(status, object_store::insert(store, key, length, value));
        check_status!(
            status,
            object_store::insert_async(store, key, length, value, &mut pending)
        );
        check_status!(
            status,
            object_store::delete_async(store, key, length, &mut pending)
        );
    }
    check_eq!((NO_HANDLE, NO_HANDLE), (body, pending));
    check_status!(OK, http_body::close(value));
    check_status!(
        BAD_HANDLE,
        object_store::insert(store, "a".as_ptr(), 1, NO_HANDLE)
    );
    Ok(())
}

fn object_store_bad_result_pointer() -> Outcome {
    let store = opened()?;
    let (key, length) = ("a".as_ptr(), 1);
    let value = empty_body()?;
    check_status!(
        INVALID_ARGUMENT,
        object_store::open("kv".as_ptr(), 2, end_of_memory())
    );
    check_status!(
        INVALID_ARGUMENT,
        object_store::lookup(store, key, length, end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        object_store::lookup_async(store, key, length, Misaligned::new().pointer())
    );
    check_status!(
        INVALID_ARGUMENT,
        object_store::insert_async(store, key, length, value, end_of_memory())
    );
    check_status!(
        INVALID_ARGUMENT,
        object_store::delete_async(store, key, length, end_of_memory())
    );
    let mut odd = Misaligned::new();
    check_status!(
        BAD_ALIGNMENT,
        object_store::open("kv".as_ptr(), 2, odd.pointer())
    );
    check_status!(
        BAD_ALIGNMENT,
        object_store::lookup(store, key, length, odd.pointer())
    );
    check_status!(
        BAD_ALIGNMENT,
        object_store::insert_async(store, key, length, value, odd.pointer())
    );
    check_status!(
        BAD_ALIGNMENT,
        object_store::delete_async(store, key, length, odd.pointer())
    );
    // Nothing was inserted, and the body is still there.
    check_status!(OK, http_body::close(value));
    let (mut looking, mut body) = (NO_HANDLE, NO_HANDLE);
    check_status!(
        OK,
        object_store::lookup_async(store, "greeting".as_ptr(), 8, &mut looking)
    );
    check_status!(
        INVALID_ARGUMENT,
        object_store::pending_lookup_wait(looking, end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        object_store::pending_lookup_wait(looking, odd.pointer())
    );
    check_status!(OK, object_store::pending_lookup_wait(looking, &mut body));
    check_eq!(b"hello".as_slice(), read_to_end(body)?);
    let pending = start_insert("object_store_bad_result_pointer", b"x")?;
    check_status!(
        BAD_ALIGNMENT,
        object_store::pending_insert_wait(pending, Misaligned::new().pointer())
    );
    check_status!(
        INVALID_ARGUMENT,
        object_store::pending_insert_wait(pending, end_of_memory())
    );
    let mut error = 0;
    check_status!(OK, object_store::pending_insert_wait(pending, &mut error));
    Ok(())
}
