//! `fastly_kv_store`: the forms of its hostcalls that SDKs do not use any more.

use super::cases;
use super::kv_store::opened;
use crate::check::{Outcome, check_eq, check_status};
use crate::guest::{Misaligned, end_of_memory, read_to_end};
use crate::sys::*;

cases![
    kv_lookup_old_forms,
    kv_open_v2_refusals,
    kv_lookup_v2_refusals,
    kv_lookup_wait_refusals,
];

fn kv_lookup_old_forms() -> Outcome {
    let store = opened()?;
    let (mut pending, mut body) = (NO_HANDLE, NO_HANDLE);
    let key = "greeting";
    check_status!(
        OK,
        kv_store::lookup_v2(
            store,
            key.as_ptr(),
            key.len(),
            1,
            end_of_memory(),
            &mut pending
        )
    );
    let mut metadata = [0; 16];
    let (mut nwritten, mut generation, mut error) = (0, u32::MAX, 0);
    check_status!(
        OK,
        kv_store::lookup_wait(
            pending,
            &mut body,
            metadata.as_mut_ptr(),
            metadata.len(),
            &mut nwritten,
            &mut generation,
            &mut error
        )
    );
    check_eq!((11, 0, KV_OK), (nwritten, generation, error));
    check_eq!(b"hello".as_slice(), read_to_end(body)?);
    Ok(())
}

fn kv_open_v2_refusals() -> Outcome {
    let mut store = NO_HANDLE;
    for name in ["missing", ""] {
        check_status!(
            INVALID_ARGUMENT,
            kv_store::open_v2(name.as_ptr(), name.len(), &mut store)
        );
    }
    let (name, length) = ("kv".as_ptr(), 2);
    check_status!(
        INVALID_ARGUMENT,
        kv_store::open_v2(end_of_memory(), 1, &mut store)
    );
    check_status!(
        INVALID_ARGUMENT,
        kv_store::open_v2(name, length, end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        kv_store::open_v2(name, length, Misaligned::new().pointer())
    );
    check_eq!(NO_HANDLE, store);
    Ok(())
}

fn kv_lookup_v2_refusals() -> Outcome {
    let store = opened()?;
    let mut pending = NO_HANDLE;
    let none = end_of_memory();
    let lookup = kv_store::lookup_v2;
    for (store, key, status) in [
        (store, "a#", INVALID_ARGUMENT),
        (store, "", INVALID_ARGUMENT),
        (NO_HANDLE, "a", BAD_HANDLE),
    ] {
        check_status!(
            status,
            lookup(store, key.as_ptr(), key.len(), 0, none, &mut pending)
        );
    }
    let (key, length) = ("a".as_ptr(), 1);
    check_status!(
        INVALID_ARGUMENT,
        lookup(store, end_of_memory(), 1, 0, none, &mut pending)
    );
    check_status!(
        INVALID_ARGUMENT,
        lookup(store, key, length, 1 << 1, &0, &mut pending)
    );
    check_status!(
        INVALID_ARGUMENT,
        lookup(store, key, length, 0, none, end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        lookup(store, key, length, 0, none, Misaligned::new().pointer())
    );
    check_eq!(NO_HANDLE, pending);
    Ok(())
}

/// Starts a lookup by the earlier form.
fn start(key: &str) -> Result<Handle, String> {
    let mut pending = NO_HANDLE;
    let (pointer, length) = (key.as_ptr(), key.len());
    check_status!(
        OK,
        kv_store::lookup_v2(opened()?, pointer, length, 0, end_of_memory(), &mut pending)
    );
    Ok(pending)
}

fn kv_lookup_wait_refusals() -> Outcome {
    let mut metadata = [0; 16];
    let (mut body, mut nwritten, mut generation, mut error) = (NO_HANDLE, 0, 9, 0);
    let (buffer, mut odd) = (metadata.as_mut_ptr(), Misaligned::new());
    let wait = kv_store::lookup_wait;
    for bad in [NO_HANDLE, opened()?] {
        check_status!(
            BAD_HANDLE,
            wait(
                bad,
                &mut body,
                buffer,
                16,
                &mut nwritten,
                &mut generation,
                &mut error
            )
        );
    }
    let missing = start("kv_lookup_wait_refusals")?;
    check_status!(
        OK,
        wait(
            missing,
            &mut body,
            buffer,
            16,
            &mut nwritten,
            &mut generation,
            &mut error
        )
    );
    check_eq!((NO_HANDLE, KV_NOT_FOUND), (body, error));
    // Neither a bad pointer nor a small buffer loses the result.
    let pending = start("greeting")?;
    check_status!(
        INVALID_ARGUMENT,
        wait(
            pending,
            end_of_memory(),
            buffer,
            16,
            &mut nwritten,
            &mut generation,
            &mut error
        )
    );
    check_status!(
        BAD_ALIGNMENT,
        wait(
            pending,
            &mut body,
            buffer,
            16,
            &mut nwritten,
            odd.pointer(),
            &mut error
        )
    );
    check_status!(
        INVALID_ARGUMENT,
        wait(
            pending,
            &mut body,
            end_of_memory(),
            16,
            &mut nwritten,
            &mut generation,
            &mut error
        )
    );
    check_status!(
        BUFFER_TOO_SMALL,
        wait(
            pending,
            &mut body,
            buffer,
            10,
            &mut nwritten,
            &mut generation,
            &mut error
        )
    );
    check_eq!((NO_HANDLE, 11), (body, nwritten));
    for status in [OK, BAD_HANDLE] {
        check_status!(
            status,
            wait(
                pending,
                &mut body,
                buffer,
                16,
                &mut nwritten,
                &mut generation,
                &mut error
            )
        );
    }
    check_eq!(b"of the host", &metadata[..nwritten]);
    check_eq!(b"hello".as_slice(), read_to_end(body)?);
    Ok(())
}
