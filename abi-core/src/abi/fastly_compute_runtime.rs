//! `fastly_compute_runtime`: what a guest can ask about its own run.

use crate::error::{Error, Result};
use crate::memory::GuestPtr;
use crate::session::Products;
use crate::table::Call;

use super::buffer::OutBuffer;

/// Writes how long the guest itself has run, in milliseconds. Waiting does not count.
///
/// # Errors
///
/// [`Error::Memory`].
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
/// [`Error::Memory`].
pub fn get_heap_mib(call: &mut Call<'_>, out: GuestPtr<u32>) -> Result<()> {
    let mebibytes = call.memory.len().div_ceil(1024 * 1024);
    // A 32-bit memory has at most 4,096 MiB.
    call.memory.write(out, mebibytes as u32)?;
    Ok(())
}

/// Writes whether the service has statistics by domain: 1 or 0.
///
/// # Errors
///
/// [`Error::Memory`].
pub fn has_domain_inspector(call: &mut Call<'_>, out: GuestPtr<u32>) -> Result<()> {
    product(call, out, |products| products.domain_inspector)
}

/// Writes whether the service has the image optimizer: 1 or 0.
///
/// # Errors
///
/// [`Error::Memory`].
pub fn has_image_optimizer(call: &mut Call<'_>, out: GuestPtr<u32>) -> Result<()> {
    let can = call.session.platform.images.is_some();
    let has = call.session.environment.products.image_optimizer;
    call.memory.write(out, u32::from(has.unwrap_or(can)))?;
    Ok(())
}

/// Writes whether the service has statistics by backend: 1 or 0.
///
/// # Errors
///
/// [`Error::Memory`].
pub fn has_origin_inspector(call: &mut Call<'_>, out: GuestPtr<u32>) -> Result<()> {
    product(call, out, |products| products.origin_inspector)
}

fn product(call: &mut Call<'_>, out: GuestPtr<u32>, has: fn(&Products) -> bool) -> Result<()> {
    let has = has(&call.session.environment.products);
    call.memory.write(out, u32::from(has))?;
    Ok(())
}

/// Writes the id of this run: 32 hexadecimal digits. It is that of the first request of the run.
///
/// # Errors
///
/// [`Error::BufferTooSmall`] and [`Error::Memory`].
pub fn get_sandbox_id(
    call: &mut Call<'_>,
    buf: GuestPtr<u8>,
    buf_len: u32,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    let id = format!("{:032x}", call.session.id());
    text(call, (buf, buf_len, nwritten_out), Some(&id))
}

/// Writes the id by which traces know this run: what `FASTLY_TRACE_ID` is in its environment.
///
/// # Errors
///
/// [`Error::BufferTooSmall`] and [`Error::Memory`].
pub fn get_trace_id(
    call: &mut Call<'_>,
    buf: GuestPtr<u8>,
    buf_len: u32,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    get_sandbox_id(call, buf, buf_len, nwritten_out)
}

/// Writes the name of the machine: what `FASTLY_HOSTNAME` is in the environment.
///
/// # Errors
///
/// [`Error::Absent`] when it is not set; [`Error::BufferTooSmall`] and [`Error::Memory`].
pub fn get_hostname(
    call: &mut Call<'_>,
    buf: GuestPtr<u8>,
    buf_len: u32,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    let environment = call.session.environment.clone();
    let name = environment.variable("FASTLY_HOSTNAME");
    text(call, (buf, buf_len, nwritten_out), name)
}

/// Writes the version of the service: what `FASTLY_SERVICE_VERSION` is in the environment.
///
/// # Errors
///
/// [`Error::Absent`] when it is not set; [`Error::BufferTooSmall`] and [`Error::Memory`].
pub fn get_service_version(
    call: &mut Call<'_>,
    buf: GuestPtr<u8>,
    buf_len: u32,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    let environment = call.session.environment.clone();
    let version = environment.variable("FASTLY_SERVICE_VERSION");
    text(call, (buf, buf_len, nwritten_out), version)
}

fn text(
    call: &mut Call<'_>,
    (buffer, capacity, written_out): (GuestPtr<u8>, u32, GuestPtr<u32>),
    text: Option<&str>,
) -> Result<()> {
    let out = OutBuffer {
        buffer,
        capacity,
        written_out,
    }
    .check(&call.memory)?;
    let text = text.ok_or(Error::Absent)?;
    out.write(&mut call.memory, text.as_bytes())
}
