//! `fastly_config_store`: settings that a program reads by key.

use crate::error::{Error, Result};
use crate::handle::{ConfigStoreHandle, Handle};
use crate::memory::GuestPtr;
use crate::table::Call;

use super::buffer::OutBuffer;

/// Opens a config store by name.
///
/// # Errors
///
/// [`Error::BadHandle`] when there is none of this name, which is how the ABI says so; [`Error::Memory`].
pub fn open(
    call: &mut Call<'_>,
    name: GuestPtr<u8>,
    name_len: u32,
    out: GuestPtr<ConfigStoreHandle>,
) -> Result<()> {
    let name = call.memory.text(name, name_len)?;
    call.memory.check(out)?;
    let store = call.session.platform.stores.config.open(name);
    let store = store.ok_or(Error::BadHandle {
        kind: ConfigStoreHandle::KIND,
        number: ConfigStoreHandle::NONE.number(),
    })?;
    let handle = call.session.config_stores.insert(store)?;
    call.memory.write(out, handle)?;
    Ok(())
}

/// Reads the value of a key.
///
/// # Errors
///
/// [`Error::Absent`] when there is no such key, [`Error::BufferTooSmall`], [`Error::BadHandle`], [`Error::Memory`].
pub fn get(
    call: &mut Call<'_>,
    h: ConfigStoreHandle,
    key: GuestPtr<u8>,
    key_len: u32,
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
    let store = call.session.config_stores.get(h)?;
    let key = call.memory.text(key, key_len)?;
    let value = store.get(key).ok_or(Error::Absent)?;
    out.write(&mut call.memory, &value)
}
