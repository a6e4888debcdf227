//! `fastly_compute_runtime`.

use super::*;

#[link(wasm_import_module = "fastly_compute_runtime")]
unsafe extern "C" {
    pub fn get_sandbox_id(buffer: *mut u8, buffer_len: usize, nwritten: *mut usize) -> Status;
    pub fn get_trace_id(buffer: *mut u8, buffer_len: usize, nwritten: *mut usize) -> Status;
    pub fn get_hostname(buffer: *mut u8, buffer_len: usize, nwritten: *mut usize) -> Status;
    pub fn get_service_version(buffer: *mut u8, buffer_len: usize, nwritten: *mut usize) -> Status;
    pub fn has_domain_inspector(value: *mut u32) -> Status;
    pub fn has_image_optimizer(value: *mut u32) -> Status;
    pub fn has_origin_inspector(value: *mut u32) -> Status;
    pub fn get_heap_mib(value: *mut u32) -> Status;
    pub fn get_vcpu_ms(value: *mut u64) -> Status;
}
