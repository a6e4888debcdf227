//! `fastly_backend`: what a guest can ask about a backend.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::http::{BackendInfo, Destination};
use crate::memory::{GuestPtr, GuestValue};
use crate::session::NO_BACKEND;
use crate::table::Call;

use super::buffer::OutBuffer;

/// Writes whether a request can be sent to the backend: 1 or 0.
///
/// # Errors
///
/// [`Error::Memory`].
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

/// Writes whether the guest has defined the backend itself: 1 or 0.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for an unknown backend; [`Error::Memory`].
pub fn is_dynamic(
    call: &mut Call<'_>,
    backend: GuestPtr<u8>,
    backend_len: u32,
    out: GuestPtr<u32>,
) -> Result<()> {
    call.memory.check(out)?;
    let name = call.memory.text(backend, backend_len)?;
    let destination = call.session.backend(name).ok_or(NO_BACKEND)?;
    let is_dynamic = matches!(destination, Destination::Dynamic(_));
    call.memory.write(out, u32::from(is_dynamic))?;
    Ok(())
}

/// Makes the hostcalls that write one number about a backend.
macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident: $ty:ty = |$info:ident| $value:expr;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        ///
        /// [`Error::InvalidArgument`] for an unknown backend; [`Error::Unsupported`] where the host tells nothing about
        /// its backends; [`Error::Memory`].
        pub fn $name(
            call: &mut Call<'_>,
            backend: GuestPtr<u8>,
            backend_len: u32,
            out: GuestPtr<$ty>,
        ) -> Result<()> {
            number(call, (backend, backend_len), out, |$info| Ok($value))
        }
    )*};
}

numbers! {
    /// Writes whether the backend answers: witx `backend_health`.
    is_healthy: u32 = |info| info.health.number();
    /// Writes the port of the backend, in two bytes.
    get_port: u16 = |info| info.port;
    /// Writes how long making a connection may take, in milliseconds; 0 is for ever.
    get_connect_timeout_ms: u32 = |info| milliseconds(info.connect_timeout);
    /// Writes how long the head of a response may take, in milliseconds; 0 is for ever.
    get_first_byte_timeout_ms: u32 = |info| milliseconds(info.first_byte_timeout);
    /// Writes how long a response body may pause, in milliseconds; 0 is for ever.
    get_between_bytes_timeout_ms: u32 = |info| milliseconds(info.between_bytes_timeout);
    /// Writes how long a connection may wait for its next request, in milliseconds.
    get_http_keepalive_time: u32 = |info| milliseconds(info.keepalive.http_idle);
    /// Writes whether the operating system probes idle connections: 1 or 0.
    get_tcp_keepalive_enable: u32 = |info| u32::from(info.keepalive.tcp_probes);
    /// Writes the time between two such probes, in seconds; 0 is what the operating system chooses.
    get_tcp_keepalive_interval: u32 = |info| seconds(info.keepalive.tcp_interval);
    /// Writes how many such probes may fail; 0 is what the operating system chooses.
    get_tcp_keepalive_probes: u32 = |info| info.keepalive.tcp_probe_count.unwrap_or(0);
    /// Writes how long a connection is silent before the first such probe, in seconds; 0 is what the operating system
    /// chooses.
    get_tcp_keepalive_time: u32 = |info| seconds(info.keepalive.tcp_idle);
    /// Writes whether connections to the backend are encrypted: 1 or 0.
    is_ssl: u32 = |info| u32::from(info.tls.is_some());
    /// Writes whether the backend's IPv6 addresses are tried first: 1 or 0.
    is_ipv6_preferred: u32 = |info| u32::from(!info.prefer_ipv4);
    /// Writes how many connections may be open; 0 is any number.
    get_max_connections: u32 = |info| info.pooling.max_connections.unwrap_or(0);
    /// Writes how many requests a connection may carry; 0 is any number.
    get_max_use: u32 = |info| info.pooling.max_use.unwrap_or(0);
    /// Writes how old a connection may get, in milliseconds; 0 is any age.
    get_max_lifetime_ms: u32 = |info| milliseconds(info.pooling.max_lifetime);
}

/// Writes the lowest version of TLS that is spoken: witx `tls_version`.
///
/// # Errors
///
/// [`Error::Absent`] when none was set; [`Error::InvalidArgument`] for an unknown backend; [`Error::Memory`].
pub fn get_ssl_min_version(
    call: &mut Call<'_>,
    backend: GuestPtr<u8>,
    backend_len: u32,
    out: GuestPtr<u32>,
) -> Result<()> {
    number(call, (backend, backend_len), out, |info| {
        info.tls
            .and_then(|tls| tls.min_version)
            .ok_or(Error::Absent)
    })
}

/// Writes the highest version of TLS that is spoken: witx `tls_version`.
///
/// # Errors
///
/// [`Error::Absent`] when none was set; [`Error::InvalidArgument`] for an unknown backend; [`Error::Memory`].
pub fn get_ssl_max_version(
    call: &mut Call<'_>,
    backend: GuestPtr<u8>,
    backend_len: u32,
    out: GuestPtr<u32>,
) -> Result<()> {
    number(call, (backend, backend_len), out, |info| {
        info.tls
            .and_then(|tls| tls.max_version)
            .ok_or(Error::Absent)
    })
}

/// Writes the host of the backend, without the port.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for an unknown backend; [`Error::BufferTooSmall`] and [`Error::Memory`].
pub fn get_host(
    call: &mut Call<'_>,
    backend: GuestPtr<u8>,
    backend_len: u32,
    value: GuestPtr<u8>,
    value_max_len: u32,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    let out = OutBuffer {
        buffer: value,
        capacity: value_max_len,
        written_out: nwritten_out,
    }
    .check(&call.memory)?;
    let info = info(call, (backend, backend_len))?;
    out.write(&mut call.memory, info.host.as_bytes())
}

/// Writes what the backend gets as `Host` in place of the request's own.
///
/// # Errors
///
/// [`Error::Absent`] when it gets the request's own; [`Error::InvalidArgument`] for an unknown backend;
/// [`Error::BufferTooSmall`] and [`Error::Memory`].
pub fn get_override_host(
    call: &mut Call<'_>,
    backend: GuestPtr<u8>,
    backend_len: u32,
    value: GuestPtr<u8>,
    value_max_len: u32,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    let out = OutBuffer {
        buffer: value,
        capacity: value_max_len,
        written_out: nwritten_out,
    }
    .check(&call.memory)?;
    let host = info(call, (backend, backend_len))?.override_host;
    out.write(&mut call.memory, host.ok_or(Error::Absent)?.as_bytes())
}

fn info(call: &Call<'_>, (name, length): (GuestPtr<u8>, u32)) -> Result<BackendInfo> {
    call.session.backend_info(call.memory.text(name, length)?)
}

fn number<T: GuestValue>(
    call: &mut Call<'_>,
    name: (GuestPtr<u8>, u32),
    out: GuestPtr<T>,
    of: impl FnOnce(BackendInfo) -> Result<T>,
) -> Result<()> {
    call.memory.check(out)?;
    let number = of(info(call, name)?)?;
    call.memory.write(out, number)?;
    Ok(())
}

fn milliseconds(duration: Option<Duration>) -> u32 {
    let milliseconds = duration.map_or(0, |duration| duration.as_millis());
    u32::try_from(milliseconds).unwrap_or(u32::MAX)
}

fn seconds(duration: Option<Duration>) -> u32 {
    let seconds = duration.map_or(0, |duration| duration.as_secs());
    u32::try_from(seconds).unwrap_or(u32::MAX)
}
