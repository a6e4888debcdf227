//! `fastly_config_store`.

use super::*;

#[link(wasm_import_module = "fastly_config_store")]
unsafe extern "C" {
    pub fn open(name: *const u8, name_len: usize, store: *mut Handle) -> Status;
    pub fn get(
        store: Handle,
        key: *const u8,
        key_len: usize,
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
}
