//! `fastly_http_downstream`: what a guest can ask about the client, by the handle of its request.

use std::future::poll_fn;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::handle::{BodyHandle, RequestHandle, RequestPromiseHandle};
use crate::memory::GuestPtr;
use crate::session::Downstream;
use crate::table::Call;
use crate::table::types::NextRequestOptions;

use super::buffer::{OutBuffer, OutList, write_ip};

mod identity;

pub use identity::*;

/// The bits of witx `next_request_options_mask`; bit 0 is reserved, and ignored.
const NEXT_REQUEST_TIMEOUT: u32 = 1 << 1;

/// Asks for another client request, to be served by this same guest. There may be none: see
/// [`ReuseLimits`](crate::reuse::ReuseLimits).
///
/// # Errors
///
/// [`Error::LimitExceeded`] when one was asked for before and is still to come; [`Error::InvalidArgument`] for unknown
/// options; [`Error::Memory`].
pub fn next_request(
    call: &mut Call<'_>,
    options_mask: u32,
    options: GuestPtr<NextRequestOptions>,
    handle_out: GuestPtr<RequestPromiseHandle>,
) -> Result<()> {
    call.memory.check(handle_out)?;
    let timeout_ms = call.memory.read(options.cast::<u64>())?;
    if options_mask & !(NEXT_REQUEST_TIMEOUT | 1) != 0 {
        return Err(Error::InvalidArgument("there is no such option"));
    }
    let asked = (options_mask & NEXT_REQUEST_TIMEOUT != 0).then_some(timeout_ms);
    let handle = call
        .session
        .promise_request(asked.map(Duration::from_millis))?;
    call.memory.write(handle_out, handle)?;
    Ok(())
}

/// Waits for a request that was asked for, and writes its handles. From here on it is the one that the guest is to
/// answer.
///
/// # Errors
///
/// [`Error::Absent`] when there will be no request, the promise consumed; [`Error::Unsupported`] before the client of the
/// current request is answered, and [`Error::LimitExceeded`] without room for another one, the promise kept;
/// [`Error::BadHandle`], [`Error::Memory`].
pub async fn next_request_wait(
    call: &mut Call<'_>,
    handle: RequestPromiseHandle,
    request_handle_out: GuestPtr<RequestHandle>,
    body_handle_out: GuestPtr<BodyHandle>,
) -> Result<()> {
    call.memory.check(request_handle_out)?;
    call.memory.check(body_handle_out)?;
    call.session.items.promise_mut(handle)?;
    if !call.session.has_answered() {
        return Err(Error::Unsupported(
            "the client of the current request is to be answered first",
        ));
    }
    call.session.wait_for_request(call.memory.len() as u64);
    let promise = call.session.items.promise_mut(handle)?;
    poll_fn(|cx| promise.poll_ready(cx)).await;
    // A request that there is no room for stays to be waited for again. Its body gets the room of the promise.
    call.session.requests.check_room(1)?;
    let promise = call.session.take_promise(handle)?;
    let request = promise.into_request().ok_or(Error::Absent)?;
    call.session.begin_request(*request)?;
    let downstream = &call.session.downstream;
    call.memory.write(request_handle_out, downstream.request)?;
    call.memory.write(body_handle_out, downstream.body)?;
    Ok(())
}

/// Gives up a request that was asked for. One that has come meanwhile is served by another guest.
///
/// # Errors
///
/// [`Error::BadHandle`].
pub fn next_request_abandon(call: &mut Call<'_>, handle: RequestPromiseHandle) -> Result<()> {
    call.session.take_promise(handle).map(drop)
}

/// Lists the header names of the client's request as they were received, one for each field.
///
/// # Errors
///
/// [`Error::BufferTooSmall`]; [`Error::InvalidArgument`] for a request that is not the client's; [`Error::BadHandle`]
/// and [`Error::Memory`].
pub fn downstream_original_header_names(
    call: &mut Call<'_>,
    req: RequestHandle,
    buf: GuestPtr<u8>,
    buf_len: u32,
    cursor: u32,
    ending_cursor_out: GuestPtr<i64>,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    let out = OutList {
        buffer: buf,
        capacity: buf_len,
        cursor,
        ending_cursor_out,
        written_out: nwritten_out,
    }
    .check(&call.memory)?;
    let downstream = downstream(call, req)?;
    let names = downstream.original_header_names.clone();
    out.write(&mut call.memory, names.iter().map(|name| &name[..]))
}

/// Writes how many header fields the client's request had.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for a request that is not the client's; [`Error::BadHandle`] and [`Error::Memory`].
pub fn downstream_original_header_count(
    call: &mut Call<'_>,
    req: RequestHandle,
    out: GuestPtr<u32>,
) -> Result<()> {
    let count = downstream(call, req)?.original_header_names.len();
    // A head has far fewer fields than a `u32` can count.
    call.memory.write(out, count as u32)?;
    Ok(())
}

/// Writes the octets of the client's address, and how many there are: 4 or 16.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for a request that is not the client's; [`Error::BadHandle`] and [`Error::Memory`].
pub fn downstream_client_ip_addr(
    call: &mut Call<'_>,
    req: RequestHandle,
    addr_octets_out: GuestPtr<u8>,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    let address = downstream(call, req)?.client.ip();
    write_ip(&mut call.memory, address, addr_octets_out, nwritten_out)
}

/// Writes the octets of the address that the client connected to, and how many there are: 4 or 16.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for a request that is not the client's; [`Error::BadHandle`] and [`Error::Memory`].
pub fn downstream_server_ip_addr(
    call: &mut Call<'_>,
    req: RequestHandle,
    addr_octets_out: GuestPtr<u8>,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    let address = downstream(call, req)?.server.ip();
    write_ip(&mut call.memory, address, addr_octets_out, nwritten_out)
}

/// Writes the id of the client's request: 32 hexadecimal digits.
///
/// # Errors
///
/// [`Error::BufferTooSmall`]; [`Error::InvalidArgument`] for a request that is not the client's; [`Error::BadHandle`]
/// and [`Error::Memory`].
pub fn downstream_client_request_id(
    call: &mut Call<'_>,
    req: RequestHandle,
    reqid_out: GuestPtr<u8>,
    reqid_max_len: u32,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    let out = OutBuffer {
        buffer: reqid_out,
        capacity: reqid_max_len,
        written_out: nwritten_out,
    }
    .check(&call.memory)?;
    let id = hexadecimal(downstream(call, req)?.id);
    out.write(&mut call.memory, &id)
}

/// An id as all of its 32 hexadecimal digits. Guests of the SDKs ask for it before anything else.
fn hexadecimal(id: u128) -> [u8; 32] {
    let mut digits = [0; 32];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(id.to_be_bytes()) {
        let digit = |value: u8| b"0123456789abcdef"[usize::from(value)];
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 0xf)]);
    }
    digits
}

/// The client's side, by the handle of the client's request, which may be consumed by now.
fn downstream<'a>(call: &'a Call<'_>, handle: RequestHandle) -> Result<&'a Downstream> {
    let session = &*call.session;
    let mut clients = std::iter::once(&session.downstream).chain(&session.earlier);
    if let Some(client) = clients.find(|client| client.request == handle) {
        return Ok(client);
    }
    session.requests.get(handle)?;
    Err(Error::InvalidArgument("not the client's request"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_all_its_digits() {
        for id in [0, 1, 0x0123_4567_89ab_cdef, u128::MAX, u128::MAX / 3] {
            assert_eq!(hexadecimal(id), format!("{id:032x}").as_bytes());
        }
    }
}
