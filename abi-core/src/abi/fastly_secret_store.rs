//! `fastly_secret_store`: secrets, which a program reads by name or makes of bytes of its own.

use crate::error::{Error, Result};
use crate::handle::{SecretHandle, SecretStoreHandle};
use crate::memory::GuestPtr;
use crate::stores::SECRET_BYTES_MAX;
use crate::table::Call;

use super::buffer::OutBuffer;

/// Opens a secret store by name.
///
/// # Errors
///
/// [`Error::Absent`] when there is none of this name; [`Error::LimitExceeded`], [`Error::Memory`].
pub fn open(
    call: &mut Call<'_>,
    name: GuestPtr<u8>,
    name_len: u32,
    out: GuestPtr<SecretStoreHandle>,
) -> Result<()> {
    let name = call.memory.text(name, name_len)?;
    call.memory.check(out)?;
    let store = call.session.platform.stores.secrets.open(name);
    let handle = call
        .session
        .secret_stores
        .insert(store.ok_or(Error::Absent)?)?;
    call.memory.write(out, handle)?;
    Ok(())
}

/// Finds a secret by name.
///
/// # Errors
///
/// [`Error::Absent`] when there is none of this name; [`Error::BadHandle`], [`Error::LimitExceeded`],
/// [`Error::Memory`].
pub fn get(
    call: &mut Call<'_>,
    h: SecretStoreHandle,
    key: GuestPtr<u8>,
    key_len: u32,
    out: GuestPtr<SecretHandle>,
) -> Result<()> {
    let name = call.memory.text(key, key_len)?;
    call.memory.check(out)?;
    let secret = call.session.secret_stores.get(h)?.get(name);
    let handle = call.session.secrets.insert(secret.ok_or(Error::Absent)?)?;
    call.memory.write(out, handle)?;
    Ok(())
}

/// Reads a secret.
///
/// # Errors
///
/// [`Error::BufferTooSmall`], [`Error::BadHandle`], [`Error::Memory`].
pub fn plaintext(
    call: &mut Call<'_>,
    secret: SecretHandle,
    buf: GuestPtr<u8>,
    buf_len: u32,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    let out = OutBuffer {
        buffer: buf,
        capacity: buf_len,
        written_out: nwritten_out,
    }
    .check(&call.memory)?;
    let secret = call.session.secrets.get(secret)?;
    out.write(&mut call.memory, secret)
}

/// Makes a secret of the guest's own bytes, at most [`SECRET_BYTES_MAX`].
///
/// # Errors
///
/// [`Error::InvalidArgument`] when there are more; [`Error::LimitExceeded`], [`Error::Memory`].
pub fn from_bytes(
    call: &mut Call<'_>,
    buf: GuestPtr<u8>,
    buf_len: u32,
    out: GuestPtr<SecretHandle>,
) -> Result<()> {
    if buf_len > SECRET_BYTES_MAX {
        return Err(Error::InvalidArgument("a secret has at most 65536 bytes"));
    }
    let secret = call.session.held.copy(call.memory.bytes(buf, buf_len)?)?;
    call.memory.check(out)?;
    let handle = call.session.secrets.insert(secret)?;
    call.memory.write(out, handle)?;
    Ok(())
}
