//! `fastly_http_req`: what becomes of what was sent without waiting.

use super::cases;
use super::http_req_send::{check_echo, check_refused};
use crate::check::{Outcome, check, check_eq, check_status};
use crate::guest::{self, Misaligned, ORIGIN, REFUSED, end_of_memory};
use crate::sys::*;
use std::time::Duration;

cases![
    req_pending_poll,
    req_pending_poll_v2,
    req_pending_poll_refused,
    req_pending_poll_bad_handle,
    req_pending_poll_bad_result_pointer,
    req_pending_wait_v2,
    req_pending_wait_refused,
    req_pending_wait_bad_handle,
    req_pending_wait_bad_result_pointer,
    req_pending_select,
    req_pending_select_v2,
    req_pending_select_refused,
    req_pending_select_empty,
    req_pending_select_bad_arguments,
];

/// Asked too early, the host says so and gives no handles; asked in time, it gives them and the
/// pending request is used up.
fn req_pending_poll() -> Outcome {
    let pending = guest::start("/delay/200/poll", ORIGIN)?;
    let (mut done, mut response, mut body) = (u32::MAX, 0, 0);
    check_status!(
        OK,
        http_req::pending_req_poll(pending, &mut done, &mut response, &mut body)
    );
    check_eq!((0, NO_HANDLE, NO_HANDLE), (done, response, body));
    while done == 0 {
        std::thread::sleep(Duration::from_millis(5));
        check_status!(
            OK,
            http_req::pending_req_poll(pending, &mut done, &mut response, &mut body)
        );
    }
    check_eq!(1, done);
    check_eq!(200, guest::status_of(response)?);
    check_status!(
        BAD_HANDLE,
        http_req::pending_req_poll(pending, &mut done, &mut response, &mut body)
    );
    Ok(())
}

fn req_pending_poll_v2() -> Outcome {
    let pending = guest::start("/delay/200/poll", ORIGIN)?;
    let mut detail = SendErrorDetail::default();
    let (mut done, mut response, mut body) = (u32::MAX, 0, 0);
    check_status!(
        OK,
        http_req::pending_req_poll_v2(pending, &mut detail, &mut done, &mut response, &mut body)
    );
    check_eq!((0, NO_HANDLE, NO_HANDLE), (done, response, body));
    let mut index = 0;
    check_status!(OK, async_io::select(&pending, 1, 5000, &mut index));
    check_eq!(0, index);
    check_status!(
        OK,
        http_req::pending_req_poll_v2(pending, &mut detail, &mut done, &mut response, &mut body)
    );
    check_eq!(1, done);
    check_eq!(200, guest::status_of(response)?);
    check_status!(
        BAD_HANDLE,
        http_req::pending_req_poll_v2(pending, &mut detail, &mut done, &mut response, &mut body)
    );
    Ok(())
}

/// A request that failed says so when it is polled, once.
fn req_pending_poll_refused() -> Outcome {
    let pending = guest::start("/", REFUSED)?;
    let mut index = 0;
    check_status!(OK, async_io::select(&pending, 1, 5000, &mut index));
    check_eq!(0, index);
    let (mut done, mut response, mut body) = (0, NO_HANDLE, NO_HANDLE);
    check_status!(
        ERROR,
        http_req::pending_req_poll(pending, &mut done, &mut response, &mut body)
    );
    check_status!(
        BAD_HANDLE,
        http_req::pending_req_poll(pending, &mut done, &mut response, &mut body)
    );

    let pending = guest::start("/", REFUSED)?;
    check_status!(OK, async_io::select(&pending, 1, 5000, &mut index));
    let mut detail = SendErrorDetail::default();
    check_status!(
        ERROR,
        http_req::pending_req_poll_v2(pending, &mut detail, &mut done, &mut response, &mut body)
    );
    check_refused(&detail)
}

fn req_pending_poll_bad_handle() -> Outcome {
    let mut detail = SendErrorDetail::default();
    let (mut done, mut response, mut body) = (0, NO_HANDLE, NO_HANDLE);
    check_status!(
        BAD_HANDLE,
        http_req::pending_req_poll(NO_HANDLE, &mut done, &mut response, &mut body)
    );
    check_status!(
        BAD_HANDLE,
        http_req::pending_req_poll_v2(NO_HANDLE, &mut detail, &mut done, &mut response, &mut body)
    );
    Ok(())
}

fn req_pending_poll_bad_result_pointer() -> Outcome {
    let (mut response, mut body) = (NO_HANDLE, NO_HANDLE);
    let pending = guest::start("/delay/200/poll", ORIGIN)?;
    check_status!(
        INVALID_ARGUMENT,
        http_req::pending_req_poll(pending, end_of_memory(), &mut response, &mut body)
    );
    check_status!(
        BAD_ALIGNMENT,
        http_req::pending_req_poll(
            pending,
            Misaligned::new().pointer(),
            &mut response,
            &mut body
        )
    );
    // A request that was not done cannot have been used up by these.
    guest::wait(pending)?;
    Ok(())
}

fn req_pending_wait_v2() -> Outcome {
    let pending = guest::start("/echo", ORIGIN)?;
    let mut detail = SendErrorDetail::default();
    let (mut response, mut body) = (NO_HANDLE, NO_HANDLE);
    check_status!(
        OK,
        http_req::pending_req_wait_v2(pending, &mut detail, &mut response, &mut body)
    );
    check_echo(response, body, b"")?;
    check_status!(
        BAD_HANDLE,
        http_req::pending_req_wait_v2(pending, &mut detail, &mut response, &mut body)
    );
    Ok(())
}

fn req_pending_wait_refused() -> Outcome {
    let (mut response, mut body) = (NO_HANDLE, NO_HANDLE);
    let pending = guest::start("/", REFUSED)?;
    check_status!(
        ERROR,
        http_req::pending_req_wait(pending, &mut response, &mut body)
    );
    check_status!(
        BAD_HANDLE,
        http_req::pending_req_wait(pending, &mut response, &mut body)
    );
    let pending = guest::start("/", REFUSED)?;
    let mut detail = SendErrorDetail::default();
    check_status!(
        ERROR,
        http_req::pending_req_wait_v2(pending, &mut detail, &mut response, &mut body)
    );
    check_refused(&detail)
}

fn req_pending_wait_bad_handle() -> Outcome {
    let mut detail = SendErrorDetail::default();
    let (mut response, mut body) = (NO_HANDLE, NO_HANDLE);
    check_status!(
        BAD_HANDLE,
        http_req::pending_req_wait(NO_HANDLE, &mut response, &mut body)
    );
    check_status!(
        BAD_HANDLE,
        http_req::pending_req_wait_v2(NO_HANDLE, &mut detail, &mut response, &mut body)
    );
    Ok(())
}

fn req_pending_wait_bad_result_pointer() -> Outcome {
    let mut body = NO_HANDLE;
    let pending = guest::start("/echo", ORIGIN)?;
    check_status!(
        BAD_ALIGNMENT,
        http_req::pending_req_wait(pending, Misaligned::new().pointer(), &mut body)
    );
    let pending = guest::start("/echo", ORIGIN)?;
    check_status!(
        INVALID_ARGUMENT,
        http_req::pending_req_wait(pending, end_of_memory(), &mut body)
    );
    Ok(())
}

/// The first of several to be answered wins. It is used up; the others are not, so that they can be
/// selected from in turn.
fn req_pending_select() -> Outcome {
    let middle = guest::start("/delay/400/middle", ORIGIN)?;
    let last = guest::start("/delay/700/last", ORIGIN)?;
    let first = guest::start("/delay/100/first", ORIGIN)?;
    let mut left = vec![middle, last, first];
    for expected in [first, middle, last] {
        let (mut index, mut response, mut body) = (u32::MAX, NO_HANDLE, NO_HANDLE);
        check_status!(
            OK,
            http_req::pending_req_select(
                left.as_ptr(),
                left.len(),
                &mut index,
                &mut response,
                &mut body
            )
        );
        check!((index as usize) < left.len());
        check_eq!(expected, left.remove(index as usize));
        check_eq!(200, guest::status_of(response)?);
        check_status!(
            BAD_HANDLE,
            http_req::pending_req_wait(expected, &mut response, &mut body)
        );
    }
    Ok(())
}

fn req_pending_select_v2() -> Outcome {
    let slow = guest::start("/delay/500/slow", ORIGIN)?;
    let fast = guest::start("/delay/50/fast", ORIGIN)?;
    let mut detail = SendErrorDetail::default();
    let (mut index, mut response, mut body) = (u32::MAX, NO_HANDLE, NO_HANDLE);
    check_status!(
        OK,
        http_req::pending_req_select_v2(
            [slow, fast].as_ptr(),
            2,
            &mut detail,
            &mut index,
            &mut response,
            &mut body
        )
    );
    check_eq!(1, index);
    check_eq!(200, guest::status_of(response)?);
    check_status!(
        BAD_HANDLE,
        http_req::pending_req_wait(fast, &mut response, &mut body)
    );
    guest::wait(slow)?;
    Ok(())
}

/// A winner that failed is a winner: the call succeeds, and there are no handles.
fn req_pending_select_refused() -> Outcome {
    let slow = guest::start("/delay/1000/slow", ORIGIN)?;
    let refused = guest::start("/", REFUSED)?;
    let (mut index, mut response, mut body) = (u32::MAX, 0, 0);
    check_status!(
        OK,
        http_req::pending_req_select(
            [slow, refused].as_ptr(),
            2,
            &mut index,
            &mut response,
            &mut body
        )
    );
    check_eq!((1, NO_HANDLE, NO_HANDLE), (index, response, body));
    check_status!(
        BAD_HANDLE,
        http_req::pending_req_wait(refused, &mut response, &mut body)
    );

    let refused = guest::start("/", REFUSED)?;
    let mut detail = SendErrorDetail::default();
    (index, response, body) = (u32::MAX, 0, 0);
    check_status!(
        OK,
        http_req::pending_req_select_v2(
            [slow, refused].as_ptr(),
            2,
            &mut detail,
            &mut index,
            &mut response,
            &mut body
        )
    );
    check_eq!((1, NO_HANDLE, NO_HANDLE), (index, response, body));
    check_refused(&detail)?;
    guest::wait(slow)?;
    Ok(())
}

fn req_pending_select_empty() -> Outcome {
    let none: [Handle; 0] = [];
    let mut detail = SendErrorDetail::default();
    let (mut index, mut response, mut body) = (0, NO_HANDLE, NO_HANDLE);
    check_status!(
        INVALID_ARGUMENT,
        http_req::pending_req_select(none.as_ptr(), 0, &mut index, &mut response, &mut body)
    );
    check_status!(
        INVALID_ARGUMENT,
        http_req::pending_req_select_v2(
            none.as_ptr(),
            0,
            &mut detail,
            &mut index,
            &mut response,
            &mut body
        )
    );
    Ok(())
}

fn req_pending_select_bad_arguments() -> Outcome {
    let pending = guest::start("/delay/100/select", ORIGIN)?;
    let mut detail = SendErrorDetail::default();
    let (mut index, mut response, mut body) = (0, NO_HANDLE, NO_HANDLE);
    check_status!(
        BAD_HANDLE,
        http_req::pending_req_select(
            [pending, NO_HANDLE].as_ptr(),
            2,
            &mut index,
            &mut response,
            &mut body
        )
    );
    check_status!(
        BAD_HANDLE,
        http_req::pending_req_select_v2(
            [NO_HANDLE, pending].as_ptr(),
            2,
            &mut detail,
            &mut index,
            &mut response,
            &mut body
        )
    );
    check_status!(
        INVALID_ARGUMENT,
        http_req::pending_req_select(end_of_memory(), 1, &mut index, &mut response, &mut body)
    );
    check_status!(
        BAD_ALIGNMENT,
        http_req::pending_req_select(
            Misaligned::new().pointer(),
            1,
            &mut index,
            &mut response,
            &mut body
        )
    );
    // The good one has not been lost over any of these.
    guest::wait(pending)?;
    Ok(())
}
