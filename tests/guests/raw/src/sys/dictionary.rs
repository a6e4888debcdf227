//! `fastly_dictionary`.

use super::*;

#[link(wasm_import_module = "fastly_dictionary")]
unsafe extern "C" {
    pub fn open(name: *const u8, name_len: usize, dictionary: *mut Handle) -> Status;
    pub fn get(
        dictionary: Handle,
        key: *const u8,
        key_len: usize,
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
}
