//! `fastly_log`.

use super::*;

#[link(wasm_import_module = "fastly_log")]
unsafe extern "C" {
    pub fn endpoint_get(name: *const u8, name_len: usize, endpoint: *mut Handle) -> Status;
    pub fn write(
        endpoint: Handle,
        message: *const u8,
        message_len: usize,
        nwritten: *mut usize,
    ) -> Status;
}
