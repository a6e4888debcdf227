//! What dictionaries and config stores have in common, which is everything but the name of their
//! import module. The functions here are generic over which of the two is meant, and listed as cases
//! in `dictionary.rs` and `config_store.rs`.

use crate::check::{Outcome, check, check_eq, check_status};
use crate::guest::{Misaligned, end_of_memory};
use crate::sys::*;

/// The two calls of a kind of store.
pub trait Store {
    /// # Safety
    ///
    /// See `check_status`.
    unsafe fn open(name: *const u8, name_len: usize, store: *mut Handle) -> Status;

    /// # Safety
    ///
    /// See `check_status`.
    unsafe fn get(
        store: Handle,
        key: *const u8,
        key_len: usize,
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
}

const NAME: &str = "strings";

fn opened<S: Store>() -> Result<Handle, String> {
    let mut store = NO_HANDLE;
    check_status!(OK, S::open(NAME.as_ptr(), NAME.len(), &mut store));
    check!(store != NO_HANDLE);
    Ok(store)
}

pub fn open<S: Store>() -> Outcome {
    opened::<S>()?;
    // The same store can be opened again.
    opened::<S>()?;
    Ok(())
}

pub fn open_missing<S: Store>() -> Outcome {
    let name = "missing";
    let mut store = NO_HANDLE;
    check_status!(BAD_HANDLE, S::open(name.as_ptr(), name.len(), &mut store));
    check_eq!(NO_HANDLE, store);
    Ok(())
}

pub fn open_bad_name<S: Store>() -> Outcome {
    let mut store = NO_HANDLE;
    check_status!(INVALID_ARGUMENT, S::open(end_of_memory(), 7, &mut store));
    check_status!(
        INVALID_ARGUMENT,
        S::open(b"\xff\xfe".as_ptr(), 2, &mut store)
    );
    check_eq!(NO_HANDLE, store);
    Ok(())
}

pub fn open_bad_result_pointer<S: Store>() -> Outcome {
    check_status!(
        INVALID_ARGUMENT,
        S::open(NAME.as_ptr(), NAME.len(), end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        S::open(NAME.as_ptr(), NAME.len(), Misaligned::new().pointer())
    );
    Ok(())
}

pub fn get<S: Store>() -> Outcome {
    let store = opened::<S>()?;
    let mut buffer = [0xAA; 16];
    let mut nwritten = 0;
    let key = "greeting";
    check_status!(
        OK,
        S::get(
            store,
            key.as_ptr(),
            key.len(),
            buffer.as_mut_ptr(),
            buffer.len(),
            &mut nwritten
        )
    );
    check_eq!(5, nwritten);
    check_eq!(b"hello".as_slice(), &buffer[..5]);
    // Nothing is written behind the value, not even a terminator.
    check_eq!([0xAA; 11].as_slice(), &buffer[5..]);

    // A buffer of exactly the size is enough.
    check_status!(
        OK,
        S::get(
            store,
            key.as_ptr(),
            key.len(),
            buffer.as_mut_ptr(),
            5,
            &mut nwritten
        )
    );
    check_eq!(5, nwritten);
    Ok(())
}

/// A key that is there and has no value is not a key that is absent.
pub fn get_empty<S: Store>() -> Outcome {
    let store = opened::<S>()?;
    let mut buffer = [0; 16];
    let mut nwritten = usize::MAX;
    let key = "empty";
    check_status!(
        OK,
        S::get(
            store,
            key.as_ptr(),
            key.len(),
            buffer.as_mut_ptr(),
            buffer.len(),
            &mut nwritten
        )
    );
    check_eq!(0, nwritten);
    Ok(())
}

/// The longest value a store can have.
pub fn get_long<S: Store>() -> Outcome {
    let store = opened::<S>()?;
    let mut buffer = vec![0; 8000];
    let mut nwritten = 0;
    let key = "long";
    check_status!(
        OK,
        S::get(
            store,
            key.as_ptr(),
            key.len(),
            buffer.as_mut_ptr(),
            buffer.len(),
            &mut nwritten
        )
    );
    check_eq!(8000, nwritten);
    check!(buffer.iter().all(|byte| *byte == b'x'));
    Ok(())
}

pub fn get_small_buffer<S: Store>() -> Outcome {
    let store = opened::<S>()?;
    for (key, length) in [("greeting", 5), ("long", 8000)] {
        let mut buffer = [0xAA; 4];
        let mut nwritten = 0;
        check_status!(
            BUFFER_TOO_SMALL,
            S::get(
                store,
                key.as_ptr(),
                key.len(),
                buffer.as_mut_ptr(),
                buffer.len(),
                &mut nwritten
            )
        );
        check_eq!(length, nwritten);
        check_eq!([0xAA; 4], buffer);
    }
    Ok(())
}

pub fn get_missing<S: Store>() -> Outcome {
    let store = opened::<S>()?;
    let mut buffer = [0; 16];
    for key in ["missing", "Greeting", ""] {
        let mut nwritten = 0;
        check_status!(
            NONE,
            S::get(
                store,
                key.as_ptr(),
                key.len(),
                buffer.as_mut_ptr(),
                buffer.len(),
                &mut nwritten
            )
        );
    }
    Ok(())
}

pub fn get_bad_arguments<S: Store>() -> Outcome {
    let store = opened::<S>()?;
    let mut buffer = [0; 16];
    let mut nwritten = 0;
    let key = "greeting";
    check_status!(
        BAD_HANDLE,
        S::get(
            NO_HANDLE,
            key.as_ptr(),
            key.len(),
            buffer.as_mut_ptr(),
            buffer.len(),
            &mut nwritten
        )
    );
    check_status!(
        INVALID_ARGUMENT,
        S::get(
            store,
            end_of_memory(),
            8,
            buffer.as_mut_ptr(),
            buffer.len(),
            &mut nwritten
        )
    );
    check_status!(
        INVALID_ARGUMENT,
        S::get(
            store,
            b"\xff\xfe".as_ptr(),
            2,
            buffer.as_mut_ptr(),
            buffer.len(),
            &mut nwritten
        )
    );
    check_status!(
        INVALID_ARGUMENT,
        S::get(
            store,
            key.as_ptr(),
            key.len(),
            end_of_memory(),
            16,
            &mut nwritten
        )
    );
    check_status!(
        BAD_ALIGNMENT,
        S::get(
            store,
            key.as_ptr(),
            key.len(),
            buffer.as_mut_ptr(),
            buffer.len(),
            Misaligned::new().pointer()
        )
    );
    Ok(())
}
