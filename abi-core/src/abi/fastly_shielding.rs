//! `fastly_shielding`: the places where the requests of a service come together before they go to its backends.

use std::time::Duration;

use http::Uri;

use crate::error::{Error, Result};
use crate::http::{DynamicBackend, DynamicTls, ShieldSite};
use crate::memory::GuestPtr;
use crate::session::Session;
use crate::table::Call;
use crate::table::types::ShieldBackendConfig;

use super::buffer::OutBuffer;
use super::dynamic_backend;

/// Writes what is known about a shield: a byte that is 1 when this host is it, the URL of it without encryption, a NUL,
/// the one with encryption, a NUL.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for an unknown shield; [`Error::BufferTooSmall`] and [`Error::Memory`].
pub fn shield_info(
    call: &mut Call<'_>,
    name: GuestPtr<u8>,
    name_len: u32,
    info_block: GuestPtr<u8>,
    info_block_max_len: u32,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    let out = OutBuffer {
        buffer: info_block,
        capacity: info_block_max_len,
        written_out: nwritten_out,
    }
    .check(&call.memory)?;
    let name = call.memory.text(name, name_len)?;
    let site = call.session.platform.backends.shield(name);
    let site = site.ok_or(Error::InvalidArgument("there is no shield of this name"))?;
    let (is_local, plain, encrypted) = match &site {
        ShieldSite::Local => (1, "", ""),
        ShieldSite::Remote { plain, encrypted } => (0, plain.as_str(), encrypted.as_str()),
    };
    let mut block = vec![is_local];
    for url in [plain, encrypted] {
        block.extend_from_slice(url.as_bytes());
        block.push(0);
    }
    out.write(&mut call.memory, &block)
}

/// The bits of witx `shield_backend_options`.
mod option {
    pub(super) const USE_CACHE_KEY: u32 = 1 << 1;
    pub(super) const FIRST_BYTE_TIMEOUT: u32 = 1 << 2;
    pub(super) const BETWEEN_BYTES_TIMEOUT: u32 = 1 << 3;
    pub(super) const ALL: u32 = USE_CACHE_KEY | FIRST_BYTE_TIMEOUT | BETWEEN_BYTES_TIMEOUT;
}

/// Defines a backend that is a shield, by one of the URLs that [`shield_info`] gives, and writes its name. The same
/// shield with the same options has the same name.
///
/// A cache key is checked and has no effect: it is for the shield's own cache.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for text that is no URL and for unknown options; [`Error::LimitExceeded`] when the session
/// has defined too many backends; [`Error::BufferTooSmall`] and [`Error::Memory`].
pub fn backend_for_shield(
    call: &mut Call<'_>,
    shield_name: GuestPtr<u8>,
    shield_name_len: u32,
    backend_config_mask: u32,
    backend_configuration: GuestPtr<ShieldBackendConfig>,
    backend_name_out: GuestPtr<u8>,
    backend_name_max_len: u32,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    let out = OutBuffer {
        buffer: backend_name_out,
        capacity: backend_name_max_len,
        written_out: nwritten_out,
    }
    .check(&call.memory)?;
    let url = call.memory.text(shield_name, shield_name_len)?;
    let has = |option: u32| backend_config_mask & option != 0;
    if has(!option::ALL) {
        return Err(Error::InvalidArgument("there is no such shield option"));
    }
    let fields = backend_configuration.cast::<u32>();
    let fields = call.memory.read_list(fields, 4)?;
    let [key, key_len, first_byte_ms, between_bytes_ms] = fields[..] else {
        return Err(Error::InvalidArgument(
            "a shield's options have four fields",
        ));
    };
    if has(option::USE_CACHE_KEY) {
        call.memory.text(GuestPtr::new(key), key_len)?;
    }
    let timeout =
        |option, milliseconds: u32| has(option).then(|| Duration::from_millis(milliseconds.into()));
    let backend = DynamicBackend {
        first_byte_timeout: timeout(option::FIRST_BYTE_TIMEOUT, first_byte_ms),
        between_bytes_timeout: timeout(option::BETWEEN_BYTES_TIMEOUT, between_bytes_ms),
        ..at(url)?
    };
    // A name that does not fit must not define anything: the guest comes again.
    let name = name(&backend);
    out.write(&mut call.memory, name.as_bytes())?;
    define(call.session, DynamicBackend { name, ..backend })
}

/// A backend at a URL.
fn at(url: &str) -> Result<DynamicBackend> {
    const INVALID: Error = Error::InvalidArgument("a shield is named by one of its URLs");
    let uri: Uri = url.parse().map_err(|_| INVALID)?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(INVALID);
    };
    let tls = match scheme {
        "http" => None,
        "https" => Some(DynamicTls::default()),
        _ => return Err(INVALID),
    };
    let prefix = uri.path().trim_end_matches('/');
    Ok(DynamicBackend {
        target: format!("{authority}{prefix}"),
        tls,
        ..DynamicBackend::default()
    })
}

fn name(backend: &DynamicBackend) -> String {
    let scheme = if backend.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let mut name = format!("shield {scheme}://{}", backend.target);
    for (what, timeout) in [
        ("first byte", backend.first_byte_timeout),
        ("between bytes", backend.between_bytes_timeout),
    ] {
        if let Some(timeout) = timeout {
            name.push_str(&format!(" {what} {} ms", timeout.as_millis()));
        }
    }
    name
}

fn define(session: &mut Session, backend: DynamicBackend) -> Result<()> {
    match session.dynamic_backends.get(&backend.name) {
        Some(same) if **same == backend => Ok(()),
        _ => dynamic_backend::register(session, backend),
    }
}
