//! `fastly_uap`: what a user agent is made of.

use super::buffer::OutBuffer;
use crate::error::{Error, Result};
use crate::memory::GuestPtr;
use crate::table::Call;

/// Writes the family of a user agent, and the first three parts of its version. The family of what is not known is
/// `Other`; a part that is not known is empty.
///
/// # Errors
///
/// [`Error::BufferTooSmall`] when one of them does not fit: the others are written, and the size that this one needs;
/// [`Error::Memory`], also for a user agent that is not UTF-8.
pub fn parse(
    call: &mut Call<'_>,
    user_agent: GuestPtr<u8>,
    user_agent_len: u32,
    family: GuestPtr<u8>,
    family_len: u32,
    family_nwritten_out: GuestPtr<u32>,
    major: GuestPtr<u8>,
    major_len: u32,
    major_nwritten_out: GuestPtr<u32>,
    minor: GuestPtr<u8>,
    minor_len: u32,
    minor_nwritten_out: GuestPtr<u32>,
    patch: GuestPtr<u8>,
    patch_len: u32,
    patch_nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    let user_agent = call.memory.text(user_agent, user_agent_len)?;
    let outs = [
        (family, family_len, family_nwritten_out),
        (major, major_len, major_nwritten_out),
        (minor, minor_len, minor_nwritten_out),
        (patch, patch_len, patch_nwritten_out),
    ]
    .map(|(buffer, capacity, written_out)| OutBuffer {
        buffer,
        capacity,
        written_out,
    });
    for out in outs {
        out.check(&call.memory)?;
    }
    let parsed = call.session.platform.lookups.user_agents.parse(user_agent);
    let parts = [parsed.family, parsed.major, parsed.minor, parsed.patch];
    let mut all_fit = Ok(());
    for (out, part) in outs.into_iter().zip(parts) {
        match out.write(&mut call.memory, part.as_bytes()) {
            Err(Error::BufferTooSmall) => all_fit = Err(Error::BufferTooSmall),
            other => other?,
        }
    }
    all_fit
}
