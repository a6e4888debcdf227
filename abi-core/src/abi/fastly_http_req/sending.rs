//! Sending requests to backends, and waiting for what becomes of them.

use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::handle::{BodyHandle, PendingRequestHandle, RequestHandle, ResponseHandle};
use crate::http::{HeaderEdits, OutcomeKind};
use crate::memory::GuestPtr;
use crate::table::Call;
use crate::table::types::SendErrorDetail;

use crate::abi::fastly_async_io::{SELECT_MAX, first_ready};
use crate::abi::send::{self, BodyMode, Cache, ResponseOut, Send};

/// Sends a request with its whole body and waits for the head of the response. Consumes both.
///
/// # Errors
///
/// [`Error::Send`] when the request was not answered, and [`Error::LimitExceeded`] when no more may be sent for this
/// client, both handles consumed; [`Error::BadHandle`], [`Error::Memory`].
pub async fn send(
    call: &mut Call<'_>,
    h: RequestHandle,
    b: BodyHandle,
    backend: GuestPtr<u8>,
    backend_len: u32,
    response_handle_out: GuestPtr<ResponseHandle>,
    body_handle_out: GuestPtr<BodyHandle>,
) -> Result<()> {
    let send = Send::new(h, b, (backend, backend_len), BodyMode::Whole, Cache::Use);
    let out = ResponseOut::new(response_handle_out, body_handle_out, None);
    send::send(call, send, out).await
}

/// [`send`], with the detail of a failure.
///
/// # Errors
///
/// Those of [`send`].
pub async fn send_v2(
    call: &mut Call<'_>,
    h: RequestHandle,
    b: BodyHandle,
    backend: GuestPtr<u8>,
    backend_len: u32,
    error_detail: GuestPtr<SendErrorDetail>,
    response_handle_out: GuestPtr<ResponseHandle>,
    body_handle_out: GuestPtr<BodyHandle>,
) -> Result<()> {
    let send = Send::new(h, b, (backend, backend_len), BodyMode::Whole, Cache::Use);
    let out = ResponseOut::new(response_handle_out, body_handle_out, Some(error_detail));
    send::send(call, send, out).await
}

/// [`send_v2`] past the host's cache: the guest caches by itself.
///
/// # Errors
///
/// Those of [`send`].
pub async fn send_v3(
    call: &mut Call<'_>,
    h: RequestHandle,
    b: BodyHandle,
    backend: GuestPtr<u8>,
    backend_len: u32,
    error_detail: GuestPtr<SendErrorDetail>,
    response_handle_out: GuestPtr<ResponseHandle>,
    body_handle_out: GuestPtr<BodyHandle>,
) -> Result<()> {
    let send = Send::new(h, b, (backend, backend_len), BodyMode::Whole, Cache::Bypass);
    let out = ResponseOut::new(response_handle_out, body_handle_out, Some(error_detail));
    send::send(call, send, out).await
}

/// Sends a request with its whole body, without waiting. Consumes both.
///
/// # Errors
///
/// [`Error::Send`] for an unknown backend, and [`Error::LimitExceeded`] when no more may be sent for this client, both
/// handles consumed; [`Error::BadHandle`], [`Error::Memory`].
pub fn send_async(
    call: &mut Call<'_>,
    h: RequestHandle,
    b: BodyHandle,
    backend: GuestPtr<u8>,
    backend_len: u32,
    pending_out: GuestPtr<PendingRequestHandle>,
) -> Result<()> {
    let send = Send::new(h, b, (backend, backend_len), BodyMode::Whole, Cache::Use);
    send::send_async(call, send, pending_out)
}

/// Sends a request past the host's cache, without waiting. With `streaming` 1 the body's handle becomes write-only and
/// the request goes on as the guest writes.
///
/// # Errors
///
/// Those of [`send_async`].
pub fn send_async_v2(
    call: &mut Call<'_>,
    h: RequestHandle,
    b: BodyHandle,
    backend: GuestPtr<u8>,
    backend_len: u32,
    streaming: u32,
    pending_out: GuestPtr<PendingRequestHandle>,
) -> Result<()> {
    let body_mode = if streaming == 1 {
        BodyMode::Streaming
    } else {
        BodyMode::Whole
    };
    let send = Send::new(h, b, (backend, backend_len), body_mode, Cache::Bypass);
    send::send_async(call, send, pending_out)
}

/// Sends a request that goes on as the guest writes its body, whose handle becomes write-only.
///
/// # Errors
///
/// Those of [`send_async`].
pub fn send_async_streaming(
    call: &mut Call<'_>,
    h: RequestHandle,
    b: BodyHandle,
    backend: GuestPtr<u8>,
    backend_len: u32,
    pending_out: GuestPtr<PendingRequestHandle>,
) -> Result<()> {
    let send = Send::new(
        h,
        b,
        (backend, backend_len),
        BodyMode::Streaming,
        Cache::Use,
    );
    send::send_async(call, send, pending_out)
}

/// Sets a header of the response that a pending request will have. `target` says of which: 0 of either, 1 of the
/// backend's, 2 of the one that the host makes up when there is none.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for a target that is none; those of [`HeaderEdits::insert`]; [`Error::LimitExceeded`] also when
/// the host holds as much for the guest as it may; [`Error::BadHandle`] and [`Error::Memory`].
pub fn pending_req_header_insert(
    call: &mut Call<'_>,
    h: PendingRequestHandle,
    name: GuestPtr<u8>,
    name_len: u32,
    value: GuestPtr<u8>,
    value_len: u32,
    target: u32,
) -> Result<()> {
    let (name, value) = ((name, name_len), (value, value_len));
    edit_pending(call, h, name, value, target, HeaderEdits::insert)
}

/// Adds a value to a header of the response that a pending request will have; see [`pending_req_header_insert`].
///
/// # Errors
///
/// Those of [`pending_req_header_insert`].
pub fn pending_req_header_append(
    call: &mut Call<'_>,
    h: PendingRequestHandle,
    name: GuestPtr<u8>,
    name_len: u32,
    value: GuestPtr<u8>,
    value_len: u32,
    target: u32,
) -> Result<()> {
    let (name, value) = ((name, name_len), (value, value_len));
    edit_pending(call, h, name, value, target, HeaderEdits::append)
}

/// Removes a header from the response that a pending request will have, if it will be there; see
/// [`pending_req_header_insert`].
///
/// # Errors
///
/// Those of [`pending_req_header_insert`].
pub fn pending_req_header_remove(
    call: &mut Call<'_>,
    h: PendingRequestHandle,
    name: GuestPtr<u8>,
    name_len: u32,
    target: u32,
) -> Result<()> {
    let none = (GuestPtr::new(0), 0);
    edit_pending(call, h, (name, name_len), none, target, HeaderEdits::remove)
}

fn edit_pending(
    call: &mut Call<'_>,
    h: PendingRequestHandle,
    name: (GuestPtr<u8>, u32),
    value: (GuestPtr<u8>, u32),
    target: u32,
    edit: impl FnOnce(&mut HeaderEdits, OutcomeKind, &[u8], Bytes) -> Result<()>,
) -> Result<()> {
    let kind = OutcomeKind::try_from(target)?;
    let name = call.memory.bytes(name.0, name.1)?;
    let value = call.memory.bytes(value.0, value.1)?;
    call.session.items.pending_mut(h)?;
    let value = call.session.held.copy_field(name, value)?;
    let pending = call.session.items.pending_mut(h)?;
    edit(pending.edits_mut(), kind, name, value)
}

/// Looks whether a request was answered, without waiting. While it was not, both handles are "none".
///
/// # Errors
///
/// [`Error::Send`] when it failed, the pending handle consumed; [`Error::BadHandle`] and [`Error::Memory`].
pub fn pending_req_poll(
    call: &mut Call<'_>,
    h: PendingRequestHandle,
    is_done_out: GuestPtr<u32>,
    response_handle_out: GuestPtr<ResponseHandle>,
    body_handle_out: GuestPtr<BodyHandle>,
) -> Result<()> {
    let out = ResponseOut::new(response_handle_out, body_handle_out, None);
    poll(call, h, is_done_out, out)
}

/// [`pending_req_poll`], with the detail of a failure.
///
/// # Errors
///
/// Those of [`pending_req_poll`].
pub fn pending_req_poll_v2(
    call: &mut Call<'_>,
    h: PendingRequestHandle,
    error_detail: GuestPtr<SendErrorDetail>,
    is_done_out: GuestPtr<u32>,
    response_handle_out: GuestPtr<ResponseHandle>,
    body_handle_out: GuestPtr<BodyHandle>,
) -> Result<()> {
    let out = ResponseOut::new(response_handle_out, body_handle_out, Some(error_detail));
    poll(call, h, is_done_out, out)
}

fn poll(
    call: &mut Call<'_>,
    h: PendingRequestHandle,
    is_done_out: GuestPtr<u32>,
    out: ResponseOut,
) -> Result<()> {
    let out = out.check(&call.memory)?;
    call.memory.check(is_done_out)?;
    let pending = call.session.items.pending_mut(h)?;
    let mut cx = Context::from_waker(Waker::noop());
    if pending.poll_ready(&mut cx).is_pending() {
        call.memory.write(is_done_out, 0)?;
        return out.write_none(&mut call.memory);
    }
    // One that there is no room for stays to be asked for again.
    call.session.check_room_for_response(1)?;
    call.memory.write(is_done_out, 1)?;
    let outcome = call.session.items.take_pending(h)?.into_outcome();
    out.write(call, outcome)
}

/// Waits until a request was answered, and consumes the pending handle.
///
/// # Errors
///
/// [`Error::Send`] when it failed; [`Error::BadHandle`] and [`Error::Memory`].
pub async fn pending_req_wait(
    call: &mut Call<'_>,
    h: PendingRequestHandle,
    response_handle_out: GuestPtr<ResponseHandle>,
    body_handle_out: GuestPtr<BodyHandle>,
) -> Result<()> {
    let out = ResponseOut::new(response_handle_out, body_handle_out, None);
    wait(call, h, out).await
}

/// [`pending_req_wait`], with the detail of a failure.
///
/// # Errors
///
/// Those of [`pending_req_wait`].
pub async fn pending_req_wait_v2(
    call: &mut Call<'_>,
    h: PendingRequestHandle,
    error_detail: GuestPtr<SendErrorDetail>,
    response_handle_out: GuestPtr<ResponseHandle>,
    body_handle_out: GuestPtr<BodyHandle>,
) -> Result<()> {
    let out = ResponseOut::new(response_handle_out, body_handle_out, Some(error_detail));
    wait(call, h, out).await
}

async fn wait(call: &mut Call<'_>, h: PendingRequestHandle, out: ResponseOut) -> Result<()> {
    let out = out.check(&call.memory)?;
    call.session.items.pending_mut(h)?;
    call.session.check_room_for_response(1)?;
    let pending = call.session.items.pending_mut(h)?;
    poll_fn(|cx| pending.poll_ready(cx)).await;
    let outcome = call.session.items.take_pending(h)?.into_outcome();
    out.write(call, outcome)
}

/// Waits until the first of several requests was answered or has failed, and consumes its handle. A failure is told by
/// handles that are "none", not by the status.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for an empty list, and for one of more than [`SELECT_MAX`]; [`Error::BadHandle`] and
/// [`Error::Memory`].
pub async fn pending_req_select(
    call: &mut Call<'_>,
    hs: GuestPtr<PendingRequestHandle>,
    hs_len: u32,
    done_idx_out: GuestPtr<u32>,
    response_handle_out: GuestPtr<ResponseHandle>,
    body_handle_out: GuestPtr<BodyHandle>,
) -> Result<()> {
    let out = ResponseOut::new(response_handle_out, body_handle_out, None);
    select(call, hs, hs_len, done_idx_out, out).await
}

/// [`pending_req_select`], with the detail of a failure.
///
/// # Errors
///
/// Those of [`pending_req_select`].
pub async fn pending_req_select_v2(
    call: &mut Call<'_>,
    hs: GuestPtr<PendingRequestHandle>,
    hs_len: u32,
    error_detail: GuestPtr<SendErrorDetail>,
    done_idx_out: GuestPtr<u32>,
    response_handle_out: GuestPtr<ResponseHandle>,
    body_handle_out: GuestPtr<BodyHandle>,
) -> Result<()> {
    let out = ResponseOut::new(response_handle_out, body_handle_out, Some(error_detail));
    select(call, hs, hs_len, done_idx_out, out).await
}

async fn select(
    call: &mut Call<'_>,
    hs: GuestPtr<PendingRequestHandle>,
    hs_len: u32,
    done_idx_out: GuestPtr<u32>,
    out: ResponseOut,
) -> Result<()> {
    if hs_len == 0 || hs_len > SELECT_MAX {
        return Err(Error::InvalidArgument("a list of 1 to 16384 requests"));
    }
    let out = out.check(&call.memory)?;
    call.memory.check(done_idx_out)?;
    let handles = call.memory.read_list(hs, hs_len)?;
    let items = &mut call.session.items;
    for handle in &handles {
        items.pending_mut(*handle)?;
    }
    call.session.check_room_for_response(1)?;
    let items = &mut call.session.items;
    let waiting: Vec<_> = handles.iter().copied().map(send::as_async_item).collect();
    let index = poll_fn(|cx| match first_ready(items, &waiting, cx) {
        Some(index) => Poll::Ready(index),
        None => Poll::Pending,
    })
    .await;
    let outcome = items.take_pending(handles[index as usize])?.into_outcome();
    call.memory.write(done_idx_out, index)?;
    match out.write(call, outcome) {
        Err(Error::Send(_)) => Ok(()),
        other => other,
    }
}
