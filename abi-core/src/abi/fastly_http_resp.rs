//! `fastly_http_resp`: response heads, and answering the client.

use std::future::poll_fn;

use http::StatusCode;

use crate::body::Body;
use crate::error::{Error, Result};
use crate::handle::{BodyHandle, PendingRequestHandle, ResponseHandle};
use crate::http::{
    BackendResponse, FramingMode, ResponseHead, SendError, SendErrorKind, headers, parse_version,
    version_number,
};
use crate::memory::GuestPtr;
use crate::session::{ClientResponse, Session};
use crate::table::Call;

use super::buffer::{OutBuffer, OutList, write_ip};
use super::message_headers;

/// Makes a response head: `HTTP/1.1 200` without headers.
///
/// # Errors
///
/// [`Error::LimitExceeded`] and [`Error::Memory`].
pub fn new(call: &mut Call<'_>, out: GuestPtr<ResponseHandle>) -> Result<()> {
    call.memory.check(out)?;
    let handle = call.session.responses.insert(ResponseHead::new())?;
    call.memory.write(out, handle)?;
    Ok(())
}

/// Lists the header names, each once.
///
/// # Errors
///
/// [`Error::BufferTooSmall`], [`Error::BadHandle`], [`Error::Memory`].
pub fn header_names_get(
    call: &mut Call<'_>,
    h: ResponseHandle,
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
    };
    message_headers::names_get(call, h, out)
}

/// Reads the first value of a header.
///
/// # Errors
///
/// Those of [`headers::first_value`], [`Error::BufferTooSmall`], [`Error::BadHandle`], [`Error::Memory`].
pub fn header_value_get(
    call: &mut Call<'_>,
    h: ResponseHandle,
    name: GuestPtr<u8>,
    name_len: u32,
    value: GuestPtr<u8>,
    value_max_len: u32,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    let out = OutBuffer {
        buffer: value,
        capacity: value_max_len,
        written_out: nwritten_out,
    };
    message_headers::value_get(call, h, name, name_len, out)
}

/// Lists the values of a header; none is an empty list.
///
/// # Errors
///
/// Those of [`headers::parse_name`], [`Error::BufferTooSmall`], [`Error::BadHandle`], [`Error::Memory`].
pub fn header_values_get(
    call: &mut Call<'_>,
    h: ResponseHandle,
    name: GuestPtr<u8>,
    name_len: u32,
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
    };
    message_headers::values_get(call, h, name, name_len, out)
}

/// Replaces all values of a header.
///
/// # Errors
///
/// Those of [`headers::set_values`], [`Error::BadHandle`], [`Error::Memory`].
pub fn header_values_set(
    call: &mut Call<'_>,
    h: ResponseHandle,
    name: GuestPtr<u8>,
    name_len: u32,
    values: GuestPtr<u8>,
    values_len: u32,
) -> Result<()> {
    let (name, values) = ((name, name_len), (values, values_len));
    message_headers::values_set(call, h, name, values)
}

/// Sets a header to one value.
///
/// # Errors
///
/// Those of [`headers::insert`], [`Error::BadHandle`], [`Error::Memory`].
pub fn header_insert(
    call: &mut Call<'_>,
    h: ResponseHandle,
    name: GuestPtr<u8>,
    name_len: u32,
    value: GuestPtr<u8>,
    value_len: u32,
) -> Result<()> {
    let (name, value) = ((name, name_len), (value, value_len));
    message_headers::change(call, h, name, value, headers::insert)
}

/// Adds a value to a header.
///
/// # Errors
///
/// Those of [`headers::append`], [`Error::BadHandle`], [`Error::Memory`].
pub fn header_append(
    call: &mut Call<'_>,
    h: ResponseHandle,
    name: GuestPtr<u8>,
    name_len: u32,
    value: GuestPtr<u8>,
    value_len: u32,
) -> Result<()> {
    let (name, value) = ((name, name_len), (value, value_len));
    message_headers::change(call, h, name, value, headers::append)
}

/// Removes all values of a header.
///
/// # Errors
///
/// Those of [`headers::remove`], [`Error::BadHandle`], [`Error::Memory`].
pub fn header_remove(
    call: &mut Call<'_>,
    h: ResponseHandle,
    name: GuestPtr<u8>,
    name_len: u32,
) -> Result<()> {
    message_headers::remove(call, h, name, name_len)
}

/// Writes the HTTP version of a response.
///
/// # Errors
///
/// [`Error::BadHandle`] and [`Error::Memory`].
pub fn version_get(
    call: &mut Call<'_>,
    h: ResponseHandle,
    version_out: GuestPtr<u32>,
) -> Result<()> {
    let version = version_number(call.session.responses.get(h)?.version)?;
    call.memory.write(version_out, version)?;
    Ok(())
}

/// Sets the HTTP version that the guest sees. The client's connection decides what is sent.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for a version that is none; [`Error::BadHandle`].
pub fn version_set(call: &mut Call<'_>, h: ResponseHandle, version: u32) -> Result<()> {
    let version = parse_version(version)?;
    call.session.responses.get_mut(h)?.version = version;
    Ok(())
}

/// Answers the client with a response, and consumes it. With `streaming` 1 the body's handle becomes write-only and the
/// answer goes on as the guest writes; with any other value the body is sent whole, and consumed.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for an interim status other than 103; [`Error::OutOfTurn`] for a second final answer;
/// [`Error::BadHandle`].
pub fn send_downstream(
    call: &mut Call<'_>,
    h: ResponseHandle,
    body_handle: BodyHandle,
    streaming: u32,
) -> Result<()> {
    let session = &mut *call.session;
    session.items.body_mut(body_handle)?;
    let head = session.responses.remove(h)?;
    if head.status.is_informational() {
        drop(session.items.take_body(body_handle)?);
        return early_hints(session, head.status, &head);
    }
    let body = if streaming == 1 {
        session.items.begin_streaming(body_handle)?
    } else {
        session.items.take_whole(body_handle)?
    };
    session.answer(ClientResponse::new(head, body))
}

/// Sends the header fields of a response to the client before the final response, which is still to come. The response
/// stays the guest's.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for a status other than 103; [`Error::OutOfTurn`] after the final answer;
/// [`Error::BadHandle`].
pub fn send_informational_response(
    call: &mut Call<'_>,
    resp_handle: ResponseHandle,
    status: u32,
) -> Result<()> {
    let head = call.session.responses.get(resp_handle)?;
    let status = u16::try_from(status).ok();
    let status = status
        .and_then(|status| StatusCode::from_u16(status).ok())
        .ok_or(NO_EARLY_HINTS)?;
    early_hints(call.session, status, head)
}

/// An interim response. 103 may come any number of times before the final one (RFC 8297); no other is the guest's.
fn early_hints(session: &Session, status: StatusCode, head: &ResponseHead) -> Result<()> {
    if status != StatusCode::EARLY_HINTS {
        return Err(NO_EARLY_HINTS);
    }
    session.early_hints(&head.headers)
}

const NO_EARLY_HINTS: Error =
    Error::InvalidArgument("of the interim responses only 103 can be sent");

/// Answers the client with whatever a pending request will be answered with, without waiting for it. A request that fails
/// becomes an empty 502, or 504 when it took too long.
///
/// # Errors
///
/// [`Error::OutOfTurn`] for a second final answer; [`Error::BadHandle`].
pub fn send_downstream_pending(call: &mut Call<'_>, pending: PendingRequestHandle) -> Result<()> {
    let session = &mut *call.session;
    let mut pending = session.items.take_pending(pending)?;
    let answer = session.take_answer()?;
    session.platform.executor.spawn(Box::pin(async move {
        poll_fn(|cx| pending.poll_ready(cx)).await;
        let response = pending.into_response(|error| BackendResponse {
            head: bad_gateway(&error),
            body: Body::empty(),
        });
        // A client that is gone needs no answer.
        drop(answer.send(ClientResponse::new(response.head, response.body)));
    }));
    Ok(())
}

fn bad_gateway(error: &SendError) -> ResponseHead {
    let mut head = ResponseHead::new();
    head.status = match error.kind {
        SendErrorKind::HttpResponseTimeout | SendErrorKind::ConnectionTimeout => {
            StatusCode::GATEWAY_TIMEOUT
        }
        _ => StatusCode::BAD_GATEWAY,
    };
    head
}

/// Writes the status of a response, in two bytes.
///
/// # Errors
///
/// [`Error::BadHandle`] and [`Error::Memory`].
pub fn status_get(call: &mut Call<'_>, h: ResponseHandle, out: GuestPtr<u16>) -> Result<()> {
    let status = call.session.responses.get(h)?.status;
    call.memory.write(out, status.as_u16())?;
    Ok(())
}

/// Sets the status of a response.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for a status outside of 100 to 999; [`Error::BadHandle`].
pub fn status_set(call: &mut Call<'_>, h: ResponseHandle, status: u32) -> Result<()> {
    let head = call.session.responses.get_mut(h)?;
    let status = u16::try_from(status).ok();
    head.status = status
        .and_then(|status| StatusCode::from_u16(status).ok())
        .ok_or(Error::InvalidArgument("a status is 100 to 999"))?;
    Ok(())
}

/// Gives a response head up.
///
/// # Errors
///
/// [`Error::BadHandle`].
pub fn close(call: &mut Call<'_>, h: ResponseHandle) -> Result<()> {
    call.session.responses.remove(h).map(drop)
}

/// Says who frames the body.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for a mode that is none; [`Error::BadHandle`].
pub fn framing_headers_mode_set(call: &mut Call<'_>, h: ResponseHandle, mode: u32) -> Result<()> {
    let mode = FramingMode::try_from(mode)?;
    call.session.responses.get_mut(h)?.framing = mode;
    Ok(())
}

/// Says whether the client's connection may serve another request after this response: 0 yes, 1 no.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for a mode that is none; [`Error::BadHandle`].
pub fn http_keepalive_mode_set(call: &mut Call<'_>, h: ResponseHandle, mode: u32) -> Result<()> {
    let close = match mode {
        0 => false,
        1 => true,
        _ => return Err(Error::InvalidArgument("there is no such keepalive mode")),
    };
    call.session.responses.get_mut(h)?.close_connection = close;
    Ok(())
}

/// Writes the octets of the address of the backend that sent this response, and how many there are: 4 or 16.
///
/// # Errors
///
/// [`Error::Absent`] for a response that no backend sent; [`Error::BadHandle`] and [`Error::Memory`].
pub fn get_addr_dest_ip(
    call: &mut Call<'_>,
    h: ResponseHandle,
    addr_octets_out: GuestPtr<u8>,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    let address = call.session.responses.get(h)?.backend_address;
    let address = address.ok_or(Error::Absent)?.ip();
    write_ip(&mut call.memory, address, addr_octets_out, nwritten_out)
}

/// Writes the port of the backend that sent this response, in two bytes.
///
/// # Errors
///
/// [`Error::Absent`] for a response that no backend sent; [`Error::BadHandle`] and [`Error::Memory`].
pub fn get_addr_dest_port(
    call: &mut Call<'_>,
    h: ResponseHandle,
    port_out: GuestPtr<u16>,
) -> Result<()> {
    let address = call.session.responses.get(h)?.backend_address;
    let port = address.ok_or(Error::Absent)?.port();
    call.memory.write(port_out, port)?;
    Ok(())
}
