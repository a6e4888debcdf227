//! `fastly_shielding`.

use super::*;

#[link(wasm_import_module = "fastly_shielding")]
unsafe extern "C" {
    pub fn shield_info(
        name: *const u8,
        name_len: usize,
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
    pub fn backend_for_shield(
        name: *const u8,
        name_len: usize,
        options: u32,
        configuration: *const u32,
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
}
