//! `fastly_http_body`: reading and writing bodies, whole and streaming.
//!
//! A streaming body is one whose message was sent before its end: the same number, from then on write-only.

use std::future::poll_fn;

use http::HeaderMap;

use crate::async_item::{AnyBody, AsyncItem};
use crate::body::Body;
use crate::error::{Error, Result};
use crate::handle::{BodyHandle, Handle};
use crate::http::headers;
use crate::memory::GuestPtr;
use crate::table::Call;

use super::buffer::{OutBuffer, OutList};

/// witx `body_write_end`: write behind what is there.
const END_BACK: u32 = 0;
/// witx `body_write_end`: write before what is there.
const END_FRONT: u32 = 1;

/// Moves all of `src`, trailers too, to the end of `dest`, and consumes it. Waits while a streaming `dest` is full.
///
/// # Errors
///
/// [`Error::BadHandle`], also when a body is to be appended to itself; [`Error::LimitExceeded`] when both have too many
/// trailers together; [`Error::Body`] when nobody reads `dest` any more.
pub async fn append(call: &mut Call<'_>, dest: BodyHandle, src: BodyHandle) -> Result<()> {
    let items = &mut call.session.items;
    if dest == src {
        return Err(bad_body(src));
    }
    let trailers = items.body_mut(src)?.trailers().len();
    headers::check_room(trailers_mut(items.any_body_mut(dest)?), trailers)?;
    let source = items.take_body(src)?;
    match items.any_body_mut(dest)? {
        AnyBody::Queue(body) => body.append(source),
        AnyBody::Streaming(writer) => {
            poll_fn(|cx| writer.poll_ready(cx)).await?;
            writer.append(source, &*call.session.platform.executor)?;
        }
    }
    Ok(())
}

/// Makes an empty body.
///
/// # Errors
///
/// [`Error::LimitExceeded`] and [`Error::Memory`].
pub fn new(call: &mut Call<'_>, out: GuestPtr<BodyHandle>) -> Result<()> {
    call.memory.check(out)?;
    let handle = call.session.items.insert_body(Body::empty())?;
    call.memory.write(out, handle)?;
    Ok(())
}

/// Waits for bytes and reads at most `buf_len` of them. No bytes means the end of the body, or an empty buffer.
///
/// # Errors
///
/// [`Error::BadHandle`], also for a streaming body; [`Error::Body`] when the body broke off; [`Error::Memory`].
pub async fn read(
    call: &mut Call<'_>,
    h: BodyHandle,
    buf: GuestPtr<u8>,
    buf_len: u32,
    nread_out: GuestPtr<u32>,
) -> Result<()> {
    call.memory.check_bytes(buf, buf_len)?;
    call.memory.check(nread_out)?;
    let body = call.session.items.body_mut(h)?;
    if buf_len == 0 {
        call.memory.write(nread_out, 0)?;
        return Ok(());
    }
    let bytes = body.read(buf_len as usize).await?.unwrap_or_default();
    // A read gives at most `buf_len` bytes.
    let length = bytes.len() as u32;
    call.memory.bytes_mut(buf, length)?.copy_from_slice(&bytes);
    call.memory.write(nread_out, length)?;
    Ok(())
}

/// Writes bytes at the back or the front of a body, and says how many. Waits while a streaming body is full; what does
/// not fit is left to the next write, so the number may be lower than `buf_len`.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for an `end` that is none; [`Error::BadHandle`], also for the front of a streaming body;
/// [`Error::LimitExceeded`] when the host holds as much for the guest as it may, 512 MiB, and nobody has taken it;
/// [`Error::Body`] when nobody reads the body any more; [`Error::Memory`].
pub async fn write(
    call: &mut Call<'_>,
    h: BodyHandle,
    buf: GuestPtr<u8>,
    buf_len: u32,
    end: u32,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    if end > END_FRONT {
        return Err(Error::InvalidArgument("a body has a back and a front"));
    }
    call.memory.check_bytes(buf, buf_len)?;
    call.memory.check(nwritten_out)?;
    let written = match call.session.items.any_body_mut(h)? {
        AnyBody::Queue(body) => {
            let bytes = call.session.held.copy(call.memory.bytes(buf, buf_len)?)?;
            if end == END_BACK {
                body.push_back(bytes);
            } else {
                body.push_front(bytes);
            }
            buf_len
        }
        AnyBody::Streaming(_) if end == END_FRONT => return Err(bad_body(h)),
        AnyBody::Streaming(writer) => {
            poll_fn(|cx| writer.poll_ready(cx)).await?;
            // A pipe takes at most what it is given.
            writer.write(call.memory.bytes(buf, buf_len)?)? as u32
        }
    };
    call.memory.write(nwritten_out, written)?;
    Ok(())
}

/// Gives a body up. A streaming one ends cleanly, with its trailers.
///
/// # Errors
///
/// [`Error::BadHandle`].
pub fn close(call: &mut Call<'_>, h: BodyHandle) -> Result<()> {
    if let AsyncItem::Streaming(writer) = call.session.items.take_any_body(h)? {
        writer.finish();
    }
    Ok(())
}

/// Gives a body up. A streaming one breaks off, so that the peer sees that it is not complete.
///
/// # Errors
///
/// [`Error::BadHandle`].
pub fn abandon(call: &mut Call<'_>, h: BodyHandle) -> Result<()> {
    call.session.items.take_any_body(h).map(drop)
}

/// Adds a trailer, to be sent behind the body.
///
/// # Errors
///
/// Those of [`headers::append`]; [`Error::LimitExceeded`] also when the host holds as much for the guest as it may;
/// [`Error::BadHandle`] and [`Error::Memory`].
pub fn trailer_append(
    call: &mut Call<'_>,
    h: BodyHandle,
    name: GuestPtr<u8>,
    name_len: u32,
    value: GuestPtr<u8>,
    value_len: u32,
) -> Result<()> {
    let name = call.memory.bytes(name, name_len)?;
    let value = call.memory.bytes(value, value_len)?;
    let value = call.session.held.copy_field(name, value)?;
    let trailers = trailers_mut(call.session.items.any_body_mut(h)?);
    headers::append(trailers, name, value)
}

/// Lists the names of the trailers.
///
/// # Errors
///
/// [`Error::Again`] until the body was read to its end; [`Error::InvalidArgument`] for a streaming body;
/// [`Error::BufferTooSmall`], [`Error::BadHandle`], [`Error::Memory`].
pub fn trailer_names_get(
    call: &mut Call<'_>,
    h: BodyHandle,
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
    let body = body_read_to_end(call.session.items.any_body_mut(h)?)?;
    let names = body.trailers().keys().map(|name| name.as_str().as_bytes());
    out.write(&mut call.memory, names)
}

/// Reads the first value of a trailer.
///
/// # Errors
///
/// Those of [`trailer_names_get`], and [`Error::InvalidArgument`] when there is no such trailer.
pub fn trailer_value_get(
    call: &mut Call<'_>,
    h: BodyHandle,
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
    }
    .check(&call.memory)?;
    let body = body_read_to_end(call.session.items.any_body_mut(h)?)?;
    let name = call.memory.bytes(name, name_len)?;
    let value = headers::first_value(body.trailers(), name)?;
    out.write(&mut call.memory, value.as_bytes())
}

/// Lists the values of a trailer.
///
/// # Errors
///
/// Those of [`trailer_names_get`].
pub fn trailer_values_get(
    call: &mut Call<'_>,
    h: BodyHandle,
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
    }
    .check(&call.memory)?;
    let body = body_read_to_end(call.session.items.any_body_mut(h)?)?;
    let name = headers::parse_name(call.memory.bytes(name, name_len)?)?;
    let values = body.trailers().get_all(name);
    out.write(
        &mut call.memory,
        values.iter().map(|value| value.as_bytes()),
    )
}

/// Writes how many bytes the body still has.
///
/// # Errors
///
/// [`Error::Absent`] when that is not known, as of a streaming body; [`Error::BadHandle`] and [`Error::Memory`].
pub fn known_length(call: &mut Call<'_>, h: BodyHandle, out: GuestPtr<u64>) -> Result<()> {
    call.memory.check(out)?;
    let length = match call.session.items.any_body_mut(h)? {
        AnyBody::Queue(body) => body.known_length(),
        AnyBody::Streaming(_) => None,
    };
    call.memory.write(out, length.ok_or(Error::Absent)?)?;
    Ok(())
}

fn trailers_mut(body: AnyBody<'_>) -> &mut HeaderMap {
    match body {
        AnyBody::Queue(body) => body.trailers_mut(),
        AnyBody::Streaming(writer) => writer.trailers_mut(),
    }
}

fn body_read_to_end(body: AnyBody<'_>) -> Result<&mut Body> {
    match body {
        AnyBody::Queue(body) if body.is_read_to_end() => Ok(body),
        AnyBody::Queue(_) => Err(Error::Again),
        AnyBody::Streaming(_) => Err(Error::InvalidArgument(
            "the trailers of a streaming body cannot be read",
        )),
    }
}

fn bad_body(handle: BodyHandle) -> Error {
    Error::BadHandle {
        kind: BodyHandle::KIND,
        number: handle.number(),
    }
}
