//! `fastly_uap`.

use super::*;

#[link(wasm_import_module = "fastly_uap")]
unsafe extern "C" {
    pub fn parse(
        user_agent: *const u8,
        user_agent_len: usize,
        family: *mut u8,
        family_len: usize,
        family_nwritten: *mut usize,
        major: *mut u8,
        major_len: usize,
        major_nwritten: *mut usize,
        minor: *mut u8,
        minor_len: usize,
        minor_nwritten: *mut usize,
        patch: *mut u8,
        patch_len: usize,
        patch_nwritten: *mut usize,
    ) -> Status;
}
