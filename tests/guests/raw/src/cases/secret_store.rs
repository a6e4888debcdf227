//! `fastly_secret_store`.

use super::cases;
use crate::check::{Outcome, check, check_eq, check_status};
use crate::guest::{Misaligned, end_of_memory};
use crate::sys::*;

cases![
    secret_store_get,
    secret_store_missing,
    secret_store_small_buffer,
    secret_store_from_bytes,
    secret_store_bad_arguments,
    secret_store_bad_result_pointer,
];

fn opened() -> Result<Handle, String> {
    let name = "secrets";
    let mut store = NO_HANDLE;
    check_status!(
        OK,
        secret_store::open(name.as_ptr(), name.len(), &mut store)
    );
    check!(store != NO_HANDLE);
    Ok(store)
}

fn secret(name: &str) -> Result<Handle, String> {
    let store = opened()?;
    let mut secret = NO_HANDLE;
    check_status!(
        OK,
        secret_store::get(store, name.as_ptr(), name.len(), &mut secret)
    );
    Ok(secret)
}

fn plaintext(secret: Handle) -> Result<Vec<u8>, String> {
    let mut buffer = vec![0xAA; 65536];
    let mut nwritten = 0;
    check_status!(
        OK,
        secret_store::plaintext(secret, buffer.as_mut_ptr(), buffer.len(), &mut nwritten)
    );
    check!(buffer[nwritten..].iter().all(|byte| *byte == 0xAA));
    buffer.truncate(nwritten);
    Ok(buffer)
}

fn secret_store_get() -> Outcome {
    check_eq!(b"hunter2".as_slice(), plaintext(secret("password")?)?);
    check_eq!(b"".as_slice(), plaintext(secret("empty")?)?);
    Ok(())
}

fn secret_store_missing() -> Outcome {
    let mut handle = NO_HANDLE;
    for name in ["missing", "", "Secrets"] {
        check_status!(
            NONE,
            secret_store::open(name.as_ptr(), name.len(), &mut handle)
        );
    }
    let store = opened()?;
    for name in ["missing", "", "Password"] {
        check_status!(
            NONE,
            secret_store::get(store, name.as_ptr(), name.len(), &mut handle)
        );
    }
    check_eq!(NO_HANDLE, handle);
    Ok(())
}

fn secret_store_small_buffer() -> Outcome {
    let secret = secret("password")?;
    let mut buffer = [0xAA; 6];
    let mut nwritten = 0;
    check_status!(
        BUFFER_TOO_SMALL,
        secret_store::plaintext(secret, buffer.as_mut_ptr(), buffer.len(), &mut nwritten)
    );
    check_eq!(7, nwritten);
    check_eq!([0xAA; 6], buffer);
    Ok(())
}

fn secret_store_from_bytes() -> Outcome {
    let bytes = [0xFF; 65537];
    for length in [0, 1, 65536] {
        let mut secret = NO_HANDLE;
        check_status!(
            OK,
            secret_store::from_bytes(bytes.as_ptr(), length, &mut secret)
        );
        check_eq!(bytes[..length], plaintext(secret)?);
    }
    let mut secret = NO_HANDLE;
    check_status!(
        INVALID_ARGUMENT,
        secret_store::from_bytes(bytes.as_ptr(), bytes.len(), &mut secret)
    );
    check_status!(
        INVALID_ARGUMENT,
        secret_store::from_bytes(end_of_memory(), 1, &mut secret)
    );
    check_eq!(NO_HANDLE, secret);
    Ok(())
}

fn secret_store_bad_arguments() -> Outcome {
    let store = opened()?;
    let secret = secret("password")?;
    let mut handle = NO_HANDLE;
    let mut buffer = [0; 16];
    let mut nwritten = 0;
    check_status!(
        INVALID_ARGUMENT,
        secret_store::open(end_of_memory(), 7, &mut handle)
    );
    check_status!(
        INVALID_ARGUMENT,
        secret_store::open(b"\xff\xfe".as_ptr(), 2, &mut handle)
    );
    check_status!(
        INVALID_ARGUMENT,
        secret_store::get(store, b"\xff\xfe".as_ptr(), 2, &mut handle)
    );
    check_status!(
        BAD_HANDLE,
        secret_store::get(NO_HANDLE, "password".as_ptr(), 8, &mut handle)
    );
    check_eq!(NO_HANDLE, handle);
    check_status!(
        BAD_HANDLE,
        secret_store::plaintext(NO_HANDLE, buffer.as_mut_ptr(), 16, &mut nwritten)
    );
    check_status!(
        INVALID_ARGUMENT,
        secret_store::plaintext(secret, end_of_memory(), 16, &mut nwritten)
    );
    Ok(())
}

fn secret_store_bad_result_pointer() -> Outcome {
    let store = opened()?;
    let secret = secret("password")?;
    let mut buffer = [0; 16];
    check_status!(
        INVALID_ARGUMENT,
        secret_store::open("secrets".as_ptr(), 7, end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        secret_store::open("secrets".as_ptr(), 7, Misaligned::new().pointer())
    );
    check_status!(
        INVALID_ARGUMENT,
        secret_store::get(store, "password".as_ptr(), 8, end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        secret_store::get(store, "password".as_ptr(), 8, Misaligned::new().pointer())
    );
    check_status!(
        BAD_ALIGNMENT,
        secret_store::plaintext(
            secret,
            buffer.as_mut_ptr(),
            buffer.len(),
            Misaligned::new().pointer()
        )
    );
    check_status!(
        BAD_ALIGNMENT,
        secret_store::from_bytes(buffer.as_ptr(), 1, Misaligned::new().pointer())
    );
    Ok(())
}
