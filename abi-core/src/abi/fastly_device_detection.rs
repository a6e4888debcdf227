//! `fastly_device_detection`: what device sends a user agent.

use super::buffer::OutBuffer;
use crate::error::{Error, Result};
use crate::memory::GuestPtr;
use crate::table::Call;

/// Writes what is known about the device that sends a user agent, as a JSON object.
///
/// # Errors
///
/// [`Error::Absent`] when nothing is known; [`Error::InvalidHttp`] for a user agent that is not UTF-8;
/// [`Error::BufferTooSmall`], [`Error::Memory`].
pub fn lookup(
    call: &mut Call<'_>,
    user_agent: GuestPtr<u8>,
    user_agent_len: u32,
    buf: GuestPtr<u8>,
    buf_len: u32,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    let user_agent = call.memory.bytes(user_agent, user_agent_len)?;
    let user_agent = std::str::from_utf8(user_agent)
        .map_err(|_| Error::InvalidHttp("the user agent is not UTF-8"))?;
    let out = OutBuffer {
        buffer: buf,
        capacity: buf_len,
        written_out: nwritten_out,
    }
    .check(&call.memory)?;
    let devices = &call.session.platform.lookups.devices;
    let device = devices.lookup(user_agent).ok_or(Error::Absent)?;
    out.write(&mut call.memory, &device)
}
