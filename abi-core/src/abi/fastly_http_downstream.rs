//! `fastly_http_downstream`: what a guest can ask about the client, by the handle of its request.

use crate::error::{Error, Result};
use crate::handle::RequestHandle;
use crate::memory::GuestPtr;
use crate::session::Downstream;
use crate::table::Call;

use super::buffer::{OutBuffer, OutList, write_ip};

mod identity;

pub use identity::*;

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
    let id = format!("{:032x}", downstream(call, req)?.id);
    out.write(&mut call.memory, id.as_bytes())
}

/// The client's side, by the handle of the client's request, which may be consumed by now.
fn downstream<'a>(call: &'a Call<'_>, handle: RequestHandle) -> Result<&'a Downstream> {
    let session = &*call.session;
    if handle == session.downstream.request {
        return Ok(&session.downstream);
    }
    session.requests.get(handle)?;
    Err(Error::InvalidArgument("not the client's request"))
}
