//! `fastly_backend`: what a guest can ask about a backend.

use crate::error::Result;
use crate::memory::GuestPtr;
use crate::table::Call;

/// Writes whether a request can be sent to the backend: 1 or 0.
///
/// # Errors
///
/// [`Error::Memory`](crate::Error::Memory).
pub fn exists(
    call: &mut Call<'_>,
    backend: GuestPtr<u8>,
    backend_len: u32,
    out: GuestPtr<u32>,
) -> Result<()> {
    let name = call.memory.text(backend, backend_len)?;
    let exists = call.session.backend(name).is_some();
    call.memory.write(out, u32::from(exists))?;
    Ok(())
}
