//! `fastly_geo`: where an address is.

use super::buffer::{OutBuffer, address};
use crate::error::Result;
use crate::memory::GuestPtr;
use crate::table::Call;

/// Writes what is known about an address, as a JSON object. Where nothing is known, the text is empty.
///
/// # Errors
///
/// [`Error::InvalidArgument`](crate::Error::InvalidArgument) when the address has neither 4 nor 16 octets;
/// [`Error::BufferTooSmall`](crate::Error::BufferTooSmall), [`Error::Memory`](crate::Error::Memory).
pub fn lookup(
    call: &mut Call<'_>,
    addr_octets: GuestPtr<u8>,
    addr_len: u32,
    buf: GuestPtr<u8>,
    buf_len: u32,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    let address = address(call.memory.bytes(addr_octets, addr_len)?)?;
    let out = OutBuffer {
        buffer: buf,
        capacity: buf_len,
        written_out: nwritten_out,
    }
    .check(&call.memory)?;
    let geo = &call.session.platform.lookups.geo;
    let data = geo.lookup(address.to_canonical()).unwrap_or_default();
    out.write(&mut call.memory, &data)
}
