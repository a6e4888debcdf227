//! `fastly_acl`: what is to be done with an address.

use bytes::Bytes;

use super::buffer::address;
use crate::body::Body;
use crate::error::{Error, Result};
use crate::handle::{AclHandle, BodyHandle};
use crate::memory::GuestPtr;
use crate::table::Call;

/// witx `acl_error`: there is an entry.
const FOUND: u32 = 1;
/// witx `acl_error`: there is no entry.
const NO_CONTENT: u32 = 2;

/// Opens an access control list by name.
///
/// # Errors
///
/// [`Error::Absent`] when there is none of this name; [`Error::LimitExceeded`], [`Error::Memory`].
pub fn open(
    call: &mut Call<'_>,
    name: GuestPtr<u8>,
    name_len: u32,
    out: GuestPtr<AclHandle>,
) -> Result<()> {
    let name = call.memory.text(name, name_len)?;
    call.memory.check(out)?;
    let list = call.session.platform.stores.acls.open(name);
    let handle = call.session.acls.insert(list.ok_or(Error::Absent)?)?;
    call.memory.write(out, handle)?;
    Ok(())
}

/// Finds the entry of the smallest network that has an address in it, and writes it as a body of JSON. Where there is
/// none, only `acl_error_out` is written.
///
/// # Errors
///
/// [`Error::InvalidArgument`] when the address has neither 4 nor 16 octets; [`Error::BadHandle`],
/// [`Error::LimitExceeded`], [`Error::Memory`].
pub fn lookup(
    call: &mut Call<'_>,
    acl: AclHandle,
    ip_octets: GuestPtr<u8>,
    ip_len: u32,
    body_handle_out: GuestPtr<BodyHandle>,
    acl_error_out: GuestPtr<u32>,
) -> Result<()> {
    let list = call.session.acls.get(acl)?;
    let address = address(call.memory.bytes(ip_octets, ip_len)?)?;
    call.memory.check(body_handle_out)?;
    call.memory.check(acl_error_out)?;
    let Some(entry) = list.lookup(address) else {
        call.memory.write(acl_error_out, NO_CONTENT)?;
        return Ok(());
    };
    let body = Body::from(Bytes::from(entry.to_json()));
    let body = call.session.items.insert_body(body)?;
    call.memory.write(body_handle_out, body)?;
    call.memory.write(acl_error_out, FOUND)?;
    Ok(())
}
