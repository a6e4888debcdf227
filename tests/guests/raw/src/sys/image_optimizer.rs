//! `fastly_image_optimizer`.

use super::*;

#[link(wasm_import_module = "fastly_image_optimizer")]
unsafe extern "C" {
    pub fn transform_image_optimizer_request(
        request: Handle,
        body: Handle,
        backend: *const u8,
        backend_len: usize,
        options: u32,
        configuration: *const u32,
        error_detail: *mut u32,
        response: *mut Handle,
        response_body: *mut Handle,
    ) -> Status;
}
