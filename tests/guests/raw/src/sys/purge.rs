//! `fastly_purge`.

use super::*;

#[link(wasm_import_module = "fastly_purge")]
unsafe extern "C" {
    pub fn purge_surrogate_key(
        key: *const u8,
        key_len: usize,
        mask: u32,
        options: *const PurgeOptions,
    ) -> Status;
}
