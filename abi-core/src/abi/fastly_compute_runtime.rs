//! `fastly_compute_runtime`: what a guest can ask about its own run.

use crate::error::Result;
use crate::memory::GuestPtr;
use crate::table::Call;

/// Writes how long the guest itself has run, in milliseconds. Waiting does not count.
///
/// # Errors
///
/// [`Error::Memory`](crate::Error::Memory).
pub fn get_vcpu_ms(call: &mut Call<'_>, out: GuestPtr<u64>) -> Result<()> {
    let used = call.session.meter().used();
    // A run is stopped long before its milliseconds leave 64 bits.
    call.memory.write(out, used.as_millis() as u64)?;
    Ok(())
}

/// Writes the size of linear memory, in mebibytes, rounded up.
///
/// # Errors
///
/// [`Error::Memory`](crate::Error::Memory).
pub fn get_heap_mib(call: &mut Call<'_>, out: GuestPtr<u32>) -> Result<()> {
    let mebibytes = call.memory.len().div_ceil(1024 * 1024);
    // A 32-bit memory has at most 4,096 MiB.
    call.memory.write(out, mebibytes as u32)?;
    Ok(())
}
