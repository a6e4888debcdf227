//! `fastly_async_io`.

use super::cases;
use crate::check::{Outcome, check, check_eq, check_status};
use crate::guest::{self, Misaligned, ORIGIN, end_of_memory};
use crate::sys::*;
use std::time::{Duration, Instant};

cases![
    async_select_body,
    async_select_first_ready,
    async_select_pending_request,
    async_select_failed_request,
    async_select_streaming_body,
    async_select_timeout,
    async_select_empty,
    async_select_bad_handle,
    async_select_bad_pointer,
    async_select_bad_result_pointer,
    async_is_ready,
    async_is_ready_bad_handle,
    async_is_ready_bad_result_pointer,
];

fn select(handles: &[Handle], timeout_ms: u32) -> Result<u32, String> {
    let mut index = 0xAAAA_AAAA;
    check_status!(
        OK,
        async_io::select(handles.as_ptr(), handles.len(), timeout_ms, &mut index)
    );
    Ok(index)
}

fn is_ready(handle: Handle) -> Result<u32, String> {
    let mut ready = 0xAAAA_AAAA;
    check_status!(OK, async_io::is_ready(handle, &mut ready));
    Ok(ready)
}

/// A body is ready when it has bytes and also when it has come to its end.
fn async_select_body() -> Outcome {
    let body = guest::body_with(b"content")?;
    check_eq!(0, select(&[body], 0)?);
    // Selecting takes nothing from the body.
    check_eq!(b"content".to_vec(), guest::read_to_end(body)?);
    check_eq!(0, select(&[body], 0)?);
    let empty = guest::empty_body()?;
    check_eq!(0, select(&[empty], 0)?);
    Ok(())
}

/// The position is that of the handle which is ready, whatever its kind.
fn async_select_first_ready() -> Outcome {
    let slow = guest::start("/delay/1000/slow", ORIGIN)?;
    let slower = guest::start("/delay/1500/slower", ORIGIN)?;
    let body = guest::body_with(b"content")?;
    check_eq!(2, select(&[slow, slower, body], 0)?);
    check_eq!(1, select(&[slow, body, slower], 0)?);
    Ok(())
}

/// Selecting does not take the response: the pending request is still there to wait for.
fn async_select_pending_request() -> Outcome {
    let slow = guest::start("/delay/1000/slow", ORIGIN)?;
    let fast = guest::start("/delay/50/fast", ORIGIN)?;
    check_eq!(1, select(&[slow, fast], 0)?);
    let (response, _) = guest::wait(fast)?;
    check_eq!(200, guest::status_of(response)?);
    check_eq!(0, select(&[slow], 5000)?);
    guest::wait(slow)?;
    Ok(())
}

/// A request that has failed is as ready as one that was answered; the error comes with the wait.
fn async_select_failed_request() -> Outcome {
    let pending = guest::start("/", guest::REFUSED)?;
    check_eq!(0, select(&[pending], 0)?);
    let (mut response, mut body) = (NO_HANDLE, NO_HANDLE);
    check_status!(
        ERROR,
        http_req::pending_req_wait(pending, &mut response, &mut body)
    );
    Ok(())
}

/// A streaming body is ready while it takes writes.
fn async_select_streaming_body() -> Outcome {
    let (pending, body) = guest::start_streaming("/echo", ORIGIN)?;
    check_eq!(0, select(&[body, pending], 0)?);
    check_eq!(1, is_ready(body)?);
    check_status!(OK, http_body::close(body));
    guest::wait(pending)?;
    Ok(())
}

fn async_select_timeout() -> Outcome {
    let pending = guest::start("/delay/1000/slow", ORIGIN)?;
    let before = Instant::now();
    check_eq!(TIMED_OUT, select(&[pending], 30)?);
    check!(before.elapsed() >= Duration::from_millis(30));
    check!(before.elapsed() < Duration::from_millis(900));
    // The time being up ends nothing: the request is still under way.
    check_eq!(0, is_ready(pending)?);
    guest::wait(pending)?;
    Ok(())
}

/// Nothing to wait for and no time limit cannot be meant. With a limit, it is a pause.
fn async_select_empty() -> Outcome {
    let mut index = 0;
    let none: [Handle; 0] = [];
    check_status!(
        INVALID_ARGUMENT,
        async_io::select(none.as_ptr(), 0, 0, &mut index)
    );
    let before = Instant::now();
    check_eq!(TIMED_OUT, select(&none, 20)?);
    check!(before.elapsed() >= Duration::from_millis(20));
    Ok(())
}

fn async_select_bad_handle() -> Outcome {
    let body = guest::body_with(b"content")?;
    let closed = guest::empty_body()?;
    check_status!(OK, http_body::close(closed));
    for bad in [NO_HANDLE, closed] {
        let mut index = 0;
        check_status!(
            BAD_HANDLE,
            async_io::select([body, bad].as_ptr(), 2, 0, &mut index)
        );
    }
    // The good one has not been lost over the bad one.
    check_eq!(0, select(&[body], 0)?);
    check_eq!(b"content".to_vec(), guest::read_to_end(body)?);
    Ok(())
}

fn async_select_bad_pointer() -> Outcome {
    let body = guest::empty_body()?;
    let mut index = 0;
    check_status!(
        INVALID_ARGUMENT,
        async_io::select(end_of_memory(), 1, 0, &mut index)
    );
    check_status!(
        INVALID_ARGUMENT,
        async_io::select([body].as_ptr(), usize::MAX, 0, &mut index)
    );
    check_status!(
        BAD_ALIGNMENT,
        async_io::select(Misaligned::new().pointer(), 1, 0, &mut index)
    );
    Ok(())
}

fn async_select_bad_result_pointer() -> Outcome {
    let body = guest::empty_body()?;
    check_status!(
        INVALID_ARGUMENT,
        async_io::select([body].as_ptr(), 1, 0, end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        async_io::select([body].as_ptr(), 1, 0, Misaligned::new().pointer())
    );
    Ok(())
}

fn async_is_ready() -> Outcome {
    let body = guest::empty_body()?;
    check_eq!(1, is_ready(body)?);
    let pending = guest::start("/delay/200/later", ORIGIN)?;
    check_eq!(0, is_ready(pending)?);
    check_eq!(0, select(&[pending], 5000)?);
    check_eq!(1, is_ready(pending)?);
    // Asking does not use the answer up.
    check_eq!(1, is_ready(pending)?);
    guest::wait(pending)?;
    Ok(())
}

fn async_is_ready_bad_handle() -> Outcome {
    let mut ready = 0;
    check_status!(BAD_HANDLE, async_io::is_ready(NO_HANDLE, &mut ready));
    let pending = guest::start("/echo", ORIGIN)?;
    guest::wait(pending)?;
    check_status!(BAD_HANDLE, async_io::is_ready(pending, &mut ready));
    Ok(())
}

fn async_is_ready_bad_result_pointer() -> Outcome {
    let body = guest::empty_body()?;
    check_status!(INVALID_ARGUMENT, async_io::is_ready(body, end_of_memory()));
    check_status!(
        BAD_ALIGNMENT,
        async_io::is_ready(body, Misaligned::new().pointer())
    );
    Ok(())
}
