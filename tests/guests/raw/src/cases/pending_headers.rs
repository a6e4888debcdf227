//! `fastly_http_req`: changing the headers of responses that are still to come.

use super::cases;
use crate::check::{Outcome, check_eq, check_status};
use crate::guest::{ORIGIN, end_of_memory, response_header, start, wait};
use crate::sys::*;

cases![pending_req_headers, pending_req_headers_bad_arguments];

const ANY: u32 = 0;
const RESPONSE: u32 = 1;
const ERROR_ONLY: u32 = 2;

type Change = unsafe extern "C" fn(Handle, *const u8, usize, *const u8, usize, u32) -> Status;

fn change(change: Change, pending: Handle, name: &str, value: &str, target: u32) -> Status {
    unsafe {
        change(
            pending,
            name.as_ptr(),
            name.len(),
            value.as_ptr(),
            value.len(),
            target,
        )
    }
}

fn remove(pending: Handle, name: &str, target: u32) -> Status {
    unsafe { http_req::pending_req_header_remove(pending, name.as_ptr(), name.len(), target) }
}

fn pending_req_headers() -> Outcome {
    let pending = start("/echo", ORIGIN)?;
    let insert = http_req::pending_req_header_insert;
    let append = http_req::pending_req_header_append;
    check_eq!(OK, change(insert, pending, "x-set", "1", ANY));
    check_eq!(OK, change(append, pending, "x-set", "2", RESPONSE));
    check_eq!(
        OK,
        change(insert, pending, "x-backend", "nobody", ERROR_ONLY)
    );
    check_eq!(OK, change(insert, pending, "x-gone", "1", ANY));
    check_eq!(OK, remove(pending, "x-gone", RESPONSE));
    check_eq!(OK, remove(pending, "x-never-there", ANY));
    let (response, _) = wait(pending)?;
    check_eq!("1", response_header(response, "x-set")?);
    check_eq!("origin", response_header(response, "x-backend")?);
    let (mut buffer, mut nwritten, mut cursor) = ([0; 64], 0, 0);
    let name = "x-set";
    check_status!(
        OK,
        http_resp::header_values_get(
            response,
            name.as_ptr(),
            name.len(),
            buffer.as_mut_ptr(),
            buffer.len(),
            0,
            &mut cursor,
            &mut nwritten
        )
    );
    check_eq!(b"1\x002\x00".as_slice(), &buffer[..nwritten]);
    let name = "x-gone";
    check_status!(
        INVALID_ARGUMENT,
        http_resp::header_value_get(
            response,
            name.as_ptr(),
            name.len(),
            buffer.as_mut_ptr(),
            buffer.len(),
            &mut nwritten
        )
    );
    Ok(())
}

fn pending_req_headers_bad_arguments() -> Outcome {
    let pending = start("/echo", ORIGIN)?;
    let insert = http_req::pending_req_header_insert;
    let append = http_req::pending_req_header_append;
    for call in [insert as Change, append] {
        check_eq!(BAD_HANDLE, change(call, NO_HANDLE, "x", "1", ANY));
        check_eq!(INVALID_ARGUMENT, change(call, pending, "x", "1", 3));
        check_eq!(ERROR, change(call, pending, "not a name", "1", ANY));
        check_eq!(ERROR, change(call, pending, "x", "not\na value", ANY));
        check_status!(
            INVALID_ARGUMENT,
            call(pending, end_of_memory::<u8>(), 1, "1".as_ptr(), 1, ANY)
        );
    }
    check_eq!(BAD_HANDLE, remove(NO_HANDLE, "x", ANY));
    check_eq!(INVALID_ARGUMENT, remove(pending, "x", 3));
    check_eq!(ERROR, remove(pending, "not a name", ANY));
    wait(pending).map(drop)
}
