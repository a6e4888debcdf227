//! `fastly_acl`.

use super::cases;
use crate::check::{Outcome, check_eq, check_status};
use crate::guest::{Misaligned, end_of_memory, read_to_end};
use crate::sys::*;

cases![
    acl_open,
    acl_lookup,
    acl_lookup_bad_arguments,
    acl_lookup_bad_result_pointer
];

/// How a lookup ended.
const FOUND: u32 = 1;
const NO_CONTENT: u32 = 2;

fn opened() -> Result<Handle, String> {
    let mut list = NO_HANDLE;
    check_status!(OK, acl::open("networks".as_ptr(), 8, &mut list));
    Ok(list)
}

/// The entry of an address as JSON, or nothing.
fn lookup(octets: &[u8]) -> Result<Option<String>, String> {
    let (mut body, mut error) = (NO_HANDLE, 0);
    check_status!(
        OK,
        acl::lookup(
            opened()?,
            octets.as_ptr(),
            octets.len(),
            &mut body,
            &mut error
        )
    );
    if error == NO_CONTENT {
        check_eq!(NO_HANDLE, body);
        return Ok(None);
    }
    check_eq!(FOUND, error);
    let entry = read_to_end(body)?;
    Ok(Some(String::from_utf8_lossy(&entry).into_owned()))
}

fn acl_open() -> Outcome {
    opened()?;
    let mut list = NO_HANDLE;
    check_status!(NONE, acl::open("missing".as_ptr(), 7, &mut list));
    check_status!(INVALID_ARGUMENT, acl::open(end_of_memory(), 7, &mut list));
    check_eq!(NO_HANDLE, list);
    check_status!(
        INVALID_ARGUMENT,
        acl::open("networks".as_ptr(), 8, end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        acl::open("networks".as_ptr(), 8, Misaligned::new().pointer())
    );
    Ok(())
}

fn acl_lookup() -> Outcome {
    let entry = |prefix: &str, action: &str| {
        Some(format!(r#"{{"action":"{action}","prefix":"{prefix}"}}"#))
    };
    check_eq!(entry("10.0.0.0/8", "BLOCK"), lookup(&[10, 2, 0, 1])?);
    check_eq!(entry("10.1.0.0/16", "ALLOW"), lookup(&[10, 1, 2, 3])?);
    check_eq!(None, lookup(&[11, 1, 2, 3])?);
    let mut v6 = [0; 16];
    v6[..4].copy_from_slice(&[0x20, 0x01, 0x0D, 0xB8]);
    check_eq!(entry("2001:db8::/32", "BLOCK"), lookup(&v6)?);
    check_eq!(None, lookup(&[0; 16])?);
    Ok(())
}

fn acl_lookup_bad_arguments() -> Outcome {
    let list = opened()?;
    let octets = [10; 17];
    let (mut body, mut error) = (NO_HANDLE, 0);
    for length in [0, 1, 5, 15, 17] {
        check_status!(
            INVALID_ARGUMENT,
            acl::lookup(list, octets.as_ptr(), length, &mut body, &mut error)
        );
    }
    check_status!(
        INVALID_ARGUMENT,
        acl::lookup(list, end_of_memory(), 4, &mut body, &mut error)
    );
    check_status!(
        BAD_HANDLE,
        acl::lookup(NO_HANDLE, octets.as_ptr(), 4, &mut body, &mut error)
    );
    check_eq!((NO_HANDLE, 0), (body, error));
    Ok(())
}

fn acl_lookup_bad_result_pointer() -> Outcome {
    let list = opened()?;
    let octets = [10; 4];
    let (mut body, mut error) = (NO_HANDLE, 0);
    check_status!(
        INVALID_ARGUMENT,
        acl::lookup(list, octets.as_ptr(), 4, end_of_memory(), &mut error)
    );
    check_status!(
        BAD_ALIGNMENT,
        acl::lookup(
            list,
            octets.as_ptr(),
            4,
            &mut body,
            Misaligned::new().pointer()
        )
    );
    check_eq!((NO_HANDLE, 0), (body, error));
    Ok(())
}
