//! `fastly_purge`: removing objects from the cache by their surrogate keys.

use crate::cache::{Purge, SurrogateKey};
use crate::error::{Error, Result};
use crate::http::cache::purge_answer;
use crate::memory::GuestPtr;
use crate::table::Call;
use crate::table::types::PurgeOptions;

use super::buffer::OutBuffer;

/// The bits of witx `purge_options_mask`.
mod option {
    pub(super) const SOFT_PURGE: u32 = 1;
    pub(super) const RET_BUF: u32 = 1 << 1;
}

/// Removes all objects that have a surrogate key, or makes them stale. The record is read only where an answer is asked
/// for: that is a JSON object of an `id` and a `status`.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for a key that is none and for unknown options; [`Error::BufferTooSmall`] when there is no
/// room for the answer, and then nothing was purged; [`Error::Memory`].
pub fn purge_surrogate_key(
    call: &mut Call<'_>,
    surrogate_key: GuestPtr<u8>,
    surrogate_key_len: u32,
    options_mask: u32,
    options: GuestPtr<PurgeOptions>,
) -> Result<()> {
    if options_mask & !(option::SOFT_PURGE | option::RET_BUF) != 0 {
        return Err(Error::InvalidArgument("there is no such option"));
    }
    let key = SurrogateKey::new(call.memory.bytes(surrogate_key, surrogate_key_len)?)?;
    if options_mask & option::RET_BUF != 0 {
        let [buffer, capacity, written_out] = call.memory.read(options.cast::<[u32; 3]>())?;
        let out = OutBuffer {
            buffer: GuestPtr::new(buffer),
            capacity,
            written_out: GuestPtr::new(written_out),
        };
        let answer = purge_answer(&*call.session.platform.random);
        out.check(&call.memory)?
            .write(&mut call.memory, answer.as_bytes())?;
    }
    let purge = match options_mask & option::SOFT_PURGE {
        0 => Purge::Hard,
        _ => Purge::Soft,
    };
    call.session.platform.cache.purge(&key, purge);
    Ok(())
}
