//! `fastly_http_downstream`: what a guest can ask about the client, by the handle of its request.

use crate::error::{Error, Result};
use crate::handle::RequestHandle;
use crate::memory::GuestPtr;
use crate::session::Downstream;
use crate::table::Call;

use super::buffer::{OutBuffer, OutList, write_ip};

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

// What Fastly's network knows about a client and this host does not. The answers are those that guests get for a client
// of whom nothing is known: the Rust SDK asks for all of them before it sends the client's request on, and panics on
// UNSUPPORTED.

/// Would write the fingerprint of the client's HTTP/2 connection.
///
/// # Errors
///
/// [`Error::Absent`]; [`Error::InvalidArgument`] for a request that is not the client's; [`Error::BadHandle`].
pub fn downstream_client_h2_fingerprint(
    call: &mut Call<'_>,
    req: RequestHandle,
    _h2fp_out: GuestPtr<u8>,
    _h2fp_max_len: u32,
    _nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    downstream(call, req)?;
    Err(Error::Absent)
}

/// Would write the fingerprint of the client's header names.
///
/// # Errors
///
/// [`Error::Absent`]; [`Error::InvalidArgument`] for a request that is not the client's; [`Error::BadHandle`].
pub fn downstream_client_oh_fingerprint(
    call: &mut Call<'_>,
    req: RequestHandle,
    _ohfp_out: GuestPtr<u8>,
    _ohfp_max_len: u32,
    _nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    downstream(call, req)?;
    Err(Error::Absent)
}

/// Would write the client's TLS hello. Connections of clients are not encrypted.
///
/// # Errors
///
/// [`Error::Absent`]; [`Error::InvalidArgument`] for a request that is not the client's; [`Error::BadHandle`].
pub fn downstream_tls_client_hello(
    call: &mut Call<'_>,
    req: RequestHandle,
    _chello_out: GuestPtr<u8>,
    _chello_max_len: u32,
    _nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    downstream(call, req)?;
    Err(Error::Absent)
}

/// Would write the compliance region of the client's address.
///
/// # Errors
///
/// [`Error::Absent`]; [`Error::InvalidArgument`] for a request that is not the client's; [`Error::BadHandle`].
pub fn downstream_compliance_region(
    call: &mut Call<'_>,
    req: RequestHandle,
    _region_out: GuestPtr<u8>,
    _region_max_len: u32,
    _nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    downstream(call, req)?;
    Err(Error::Absent)
}

/// Would write whether the client's address is known to hide who the client is.
///
/// # Errors
///
/// [`Error::Absent`]; [`Error::InvalidArgument`] for a request that is not the client's; [`Error::BadHandle`].
pub fn downstream_resvpnproxy_is_anonymous(
    call: &mut Call<'_>,
    req: RequestHandle,
    _out: GuestPtr<u32>,
) -> Result<()> {
    downstream(call, req)?;
    Err(Error::Absent)
}

/// Writes whether the client's request is part of an attack: no.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for a request that is not the client's; [`Error::BadHandle`] and [`Error::Memory`].
pub fn downstream_client_ddos_detected(
    call: &mut Call<'_>,
    req: RequestHandle,
    out: GuestPtr<u32>,
) -> Result<()> {
    downstream(call, req)?;
    call.memory.write(out, 0)?;
    Ok(())
}

/// Writes whether the client has a valid key for purging: no.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for a request that is not the client's; [`Error::BadHandle`] and [`Error::Memory`].
pub fn fastly_key_is_valid(
    call: &mut Call<'_>,
    req: RequestHandle,
    out: GuestPtr<u32>,
) -> Result<()> {
    downstream(call, req)?;
    call.memory.write(out, 0)?;
    Ok(())
}

/// Writes whether anybody has found out if the client is a bot: no.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for a request that is not the client's; [`Error::BadHandle`] and [`Error::Memory`].
pub fn downstream_bot_analyzed(
    call: &mut Call<'_>,
    req: RequestHandle,
    out: GuestPtr<u32>,
) -> Result<()> {
    downstream(call, req)?;
    call.memory.write(out, 0)?;
    Ok(())
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
