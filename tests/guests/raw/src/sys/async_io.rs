//! `fastly_async_io`.

use super::*;

#[link(wasm_import_module = "fastly_async_io")]
unsafe extern "C" {
    pub fn select(
        handles: *const Handle,
        handles_len: usize,
        timeout_ms: u32,
        index: *mut u32,
    ) -> Status;
    pub fn is_ready(handle: Handle, ready: *mut u32) -> Status;
}
