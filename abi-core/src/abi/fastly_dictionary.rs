//! `fastly_dictionary`: the older name of config stores. Both open the same stores, under numbers of one space.

use crate::error::Result;
use crate::handle::{ConfigStoreHandle, DictionaryHandle};
use crate::memory::GuestPtr;
use crate::table::Call;

use super::fastly_config_store;

/// Opens a dictionary by name.
///
/// # Errors
///
/// Those of [`fastly_config_store::open`].
pub fn open(
    call: &mut Call<'_>,
    name: GuestPtr<u8>,
    name_len: u32,
    out: GuestPtr<DictionaryHandle>,
) -> Result<()> {
    fastly_config_store::open(call, name, name_len, out.cast())
}

/// Reads the value of a key.
///
/// # Errors
///
/// Those of [`fastly_config_store::get`].
pub fn get(
    call: &mut Call<'_>,
    h: DictionaryHandle,
    key: GuestPtr<u8>,
    key_len: u32,
    value: GuestPtr<u8>,
    value_max_len: u32,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    let h = ConfigStoreHandle(h.0);
    fastly_config_store::get(call, h, key, key_len, value, value_max_len, nwritten_out)
}
