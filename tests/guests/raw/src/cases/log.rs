//! `fastly_log`.

use super::cases;
use crate::check::{Outcome, check, check_eq, check_status};
use crate::guest::{Misaligned, end_of_memory};
use crate::sys::*;

cases![
    log_endpoint_get,
    log_endpoint_get_reserved,
    log_endpoint_get_bad_pointer,
    log_endpoint_get_bad_result_pointer,
    log_write,
    log_write_bad_handle,
    log_write_bad_pointer,
    log_write_bad_result_pointer,
];

fn endpoint(name: &str) -> Result<Handle, String> {
    let mut endpoint = NO_HANDLE;
    check_status!(
        OK,
        log::endpoint_get(name.as_ptr(), name.len(), &mut endpoint)
    );
    Ok(endpoint)
}

/// A name has one handle, however often it is asked for.
fn log_endpoint_get() -> Outcome {
    let first = endpoint("first")?;
    let second = endpoint("second")?;
    check!(first != second);
    check!(first != NO_HANDLE && second != NO_HANDLE);
    check_eq!(first, endpoint("first")?);
    Ok(())
}

/// The names of the standard streams and of the platform's own endpoints, in any case.
fn log_endpoint_get_reserved() -> Outcome {
    for name in [
        "stdout",
        "stderr",
        "STDOUT",
        "Stderr",
        "fst_managed_",
        "FST_managed_x",
    ] {
        let mut endpoint = NO_HANDLE;
        check_status!(
            INVALID_ARGUMENT,
            log::endpoint_get(name.as_ptr(), name.len(), &mut endpoint)
        );
        check_eq!(NO_HANDLE, endpoint);
    }
    // Only whole names and that beginning are reserved.
    for name in ["stdout2", "my_stderr", "fst_managed", "x_fst_managed_"] {
        endpoint(name)?;
    }
    Ok(())
}

fn log_endpoint_get_bad_pointer() -> Outcome {
    let mut endpoint = NO_HANDLE;
    check_status!(
        INVALID_ARGUMENT,
        log::endpoint_get(end_of_memory(), 4, &mut endpoint)
    );
    Ok(())
}

fn log_endpoint_get_bad_result_pointer() -> Outcome {
    let name = "name";
    check_status!(
        INVALID_ARGUMENT,
        log::endpoint_get(name.as_ptr(), name.len(), end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        log::endpoint_get(name.as_ptr(), name.len(), Misaligned::new().pointer())
    );
    Ok(())
}

/// Every message is taken whole: with newlines, with bytes that are no text, and an empty one too.
fn log_write() -> Outcome {
    let endpoint = endpoint("cases")?;
    for message in [
        b"a message".as_slice(),
        b"two\nlines\n",
        b"\n",
        b"",
        b"\xff\x00\xfe",
        &[b'x'; 10_000],
    ] {
        let mut nwritten = usize::MAX;
        check_status!(
            OK,
            log::write(endpoint, message.as_ptr(), message.len(), &mut nwritten)
        );
        check_eq!(message.len(), nwritten);
    }
    Ok(())
}

fn log_write_bad_handle() -> Outcome {
    let message = "message";
    let mut nwritten = 0;
    check_status!(
        BAD_HANDLE,
        log::write(NO_HANDLE, message.as_ptr(), message.len(), &mut nwritten)
    );
    Ok(())
}

fn log_write_bad_pointer() -> Outcome {
    let endpoint = endpoint("cases")?;
    let mut nwritten = 0;
    check_status!(
        INVALID_ARGUMENT,
        log::write(endpoint, end_of_memory(), 1, &mut nwritten)
    );
    // A message that begins within memory and does not end there.
    let near_the_end = (end_of_memory::<u8>() as usize - 4) as *const u8;
    check_status!(
        INVALID_ARGUMENT,
        log::write(endpoint, near_the_end, 5, &mut nwritten)
    );
    // One whose end is beyond what an address can say.
    check_status!(
        INVALID_ARGUMENT,
        log::write(endpoint, near_the_end, usize::MAX, &mut nwritten)
    );
    Ok(())
}

fn log_write_bad_result_pointer() -> Outcome {
    let endpoint = endpoint("cases")?;
    let message = "message";
    check_status!(
        INVALID_ARGUMENT,
        log::write(endpoint, message.as_ptr(), message.len(), end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        log::write(
            endpoint,
            message.as_ptr(),
            message.len(),
            Misaligned::new().pointer()
        )
    );
    Ok(())
}
