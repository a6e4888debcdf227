//! `fastly_http_downstream`: asking for another request. What becomes of one is told by a route of its own.

use super::cases;
use crate::check::{Outcome, check_eq, check_status};
use crate::guest::{Misaligned, end_of_memory};
use crate::sys::*;

cases![next_request_before_the_answer, next_request_bad_arguments];

fn next_request_before_the_answer() -> Outcome {
    let (mut promise, mut other) = (NO_HANDLE, NO_HANDLE);
    let timeout_ms = 10;
    check_status!(
        OK,
        http_downstream::next_request(0, &timeout_ms, &mut promise)
    );
    check_status!(
        LIMIT_EXCEEDED,
        http_downstream::next_request(0, &timeout_ms, &mut other)
    );
    let (mut request, mut body) = (NO_HANDLE, NO_HANDLE);
    // The client of this request is still to be answered. The promise stays.
    check_status!(
        UNSUPPORTED,
        http_downstream::next_request_wait(promise, &mut request, &mut body)
    );
    check_eq!((NO_HANDLE, NO_HANDLE), (request, body));
    check_status!(OK, http_downstream::next_request_abandon(promise));
    check_status!(BAD_HANDLE, http_downstream::next_request_abandon(promise));
    check_status!(
        BAD_HANDLE,
        http_downstream::next_request_wait(promise, &mut request, &mut body)
    );
    // One that was given up makes room for another. The reserved bit counts for nothing.
    check_status!(
        OK,
        http_downstream::next_request(3, &timeout_ms, &mut promise)
    );
    // Nobody asks for anything, so that its time is up at once.
    let mut index = 0;
    check_status!(OK, async_io::select(&promise, 1, 0, &mut index));
    check_eq!(0, index);
    let mut ready = 0;
    check_status!(OK, async_io::is_ready(promise, &mut ready));
    check_eq!(1, ready);
    check_status!(OK, http_downstream::next_request_abandon(promise));
    Ok(())
}

fn next_request_bad_arguments() -> Outcome {
    let (mut promise, timeout_ms) = (NO_HANDLE, 10);
    check_status!(
        INVALID_ARGUMENT,
        http_downstream::next_request(4, &timeout_ms, &mut promise)
    );
    check_status!(
        INVALID_ARGUMENT,
        http_downstream::next_request(0, end_of_memory(), &mut promise)
    );
    check_status!(
        INVALID_ARGUMENT,
        http_downstream::next_request(0, &timeout_ms, end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        http_downstream::next_request(0, &timeout_ms, Misaligned::new().pointer())
    );
    check_eq!(NO_HANDLE, promise);
    Ok(())
}
