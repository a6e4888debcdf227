//! `fastly_log`: lines for named endpoints.

use crate::error::{Error, Result};
use crate::handle::LogEndpointHandle;
use crate::memory::GuestPtr;
use crate::platform::{LogSource, is_reserved_endpoint};
use crate::table::Call;

/// The longest name of an endpoint, in bytes. It is written beside every message.
const NAME_MAX: usize = 1024;

/// Opens a log endpoint. The same name always gives the same handle.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for a name of more than 1024 bytes, and for a reserved one: `stdout`, `stderr`, and what
/// begins with `fst_managed_`; [`Error::Memory`].
pub fn endpoint_get(
    call: &mut Call<'_>,
    name: GuestPtr<u8>,
    name_len: u32,
    out: GuestPtr<LogEndpointHandle>,
) -> Result<()> {
    let name = call.memory.text(name, name_len)?;
    call.memory.check(out)?;
    if name.len() > NAME_MAX {
        return Err(Error::InvalidArgument("the endpoint's name is too long"));
    }
    if is_reserved_endpoint(name) {
        return Err(Error::InvalidArgument("the endpoint's name is reserved"));
    }
    let endpoints = &mut call.session.log_endpoints;
    let handle = match endpoints.find(|endpoint| endpoint == name) {
        Some(handle) => handle,
        None => endpoints.insert(name.to_owned())?,
    };
    call.memory.write(out, handle)?;
    Ok(())
}

/// Writes one message, and says that all of it was written. A line break at its end is dropped, those inside are
/// escaped, and an empty message is left out.
///
/// # Errors
///
/// [`Error::BadHandle`] and [`Error::Memory`].
pub fn write(
    call: &mut Call<'_>,
    h: LogEndpointHandle,
    msg: GuestPtr<u8>,
    msg_len: u32,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    let endpoint = call.session.log_endpoints.get(h)?;
    let message = call.memory.bytes(msg, msg_len)?;
    call.memory.check(nwritten_out)?;
    let line = message.strip_suffix(b"\n").unwrap_or(message);
    if !line.is_empty() {
        let logs = &call.session.platform.logs;
        let source = LogSource::Endpoint(endpoint);
        if line.contains(&b'\n') {
            logs.write(
                source,
                &line
                    .split(|byte| *byte == b'\n')
                    .collect::<Vec<_>>()
                    .join(&b"\\n"[..]),
            );
        } else {
            logs.write(source, line);
        }
    }
    call.memory.write(nwritten_out, msg_len)?;
    Ok(())
}
