//! `fastly_device_detection`.

use super::*;

#[link(wasm_import_module = "fastly_device_detection")]
unsafe extern "C" {
    pub fn lookup(
        user_agent: *const u8,
        user_agent_len: usize,
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
}
