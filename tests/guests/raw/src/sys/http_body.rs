//! `fastly_http_body`.

use super::*;

#[link(wasm_import_module = "fastly_http_body")]
unsafe extern "C" {
    pub fn append(destination: Handle, source: Handle) -> Status;
    pub fn new(body: *mut Handle) -> Status;
    pub fn read(body: Handle, buffer: *mut u8, buffer_len: usize, nread: *mut usize) -> Status;
    pub fn write(
        body: Handle,
        bytes: *const u8,
        bytes_len: usize,
        end: u32,
        nwritten: *mut usize,
    ) -> Status;
    pub fn close(body: Handle) -> Status;
    pub fn abandon(body: Handle) -> Status;
    pub fn trailer_append(
        body: Handle,
        name: *const u8,
        name_len: usize,
        value: *const u8,
        value_len: usize,
    ) -> Status;
    pub fn trailer_names_get(
        body: Handle,
        buffer: *mut u8,
        buffer_len: usize,
        cursor: u32,
        ending_cursor: *mut i64,
        nwritten: *mut usize,
    ) -> Status;
    pub fn trailer_value_get(
        body: Handle,
        name: *const u8,
        name_len: usize,
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
    pub fn trailer_values_get(
        body: Handle,
        name: *const u8,
        name_len: usize,
        buffer: *mut u8,
        buffer_len: usize,
        cursor: u32,
        ending_cursor: *mut i64,
        nwritten: *mut usize,
    ) -> Status;
    pub fn known_length(body: Handle, length: *mut u64) -> Status;
}
