//! `fastly_http_resp`.

use super::*;

#[link(wasm_import_module = "fastly_http_resp")]
unsafe extern "C" {
    pub fn new(response: *mut Handle) -> Status;
    pub fn header_names_get(
        response: Handle,
        buffer: *mut u8,
        buffer_len: usize,
        cursor: u32,
        ending_cursor: *mut i64,
        nwritten: *mut usize,
    ) -> Status;
    pub fn header_value_get(
        response: Handle,
        name: *const u8,
        name_len: usize,
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
    pub fn header_values_get(
        response: Handle,
        name: *const u8,
        name_len: usize,
        buffer: *mut u8,
        buffer_len: usize,
        cursor: u32,
        ending_cursor: *mut i64,
        nwritten: *mut usize,
    ) -> Status;
    pub fn header_values_set(
        response: Handle,
        name: *const u8,
        name_len: usize,
        values: *const u8,
        values_len: usize,
    ) -> Status;
    pub fn header_insert(
        response: Handle,
        name: *const u8,
        name_len: usize,
        value: *const u8,
        value_len: usize,
    ) -> Status;
    pub fn header_append(
        response: Handle,
        name: *const u8,
        name_len: usize,
        value: *const u8,
        value_len: usize,
    ) -> Status;
    pub fn header_remove(response: Handle, name: *const u8, name_len: usize) -> Status;
    pub fn version_get(response: Handle, version: *mut u32) -> Status;
    pub fn version_set(response: Handle, version: u32) -> Status;
    pub fn send_downstream(response: Handle, body: Handle, streaming: u32) -> Status;
    pub fn send_downstream_pending(pending: Handle) -> Status;
    pub fn status_get(response: Handle, status: *mut u16) -> Status;
    pub fn status_set(response: Handle, status: u32) -> Status;
    pub fn close(response: Handle) -> Status;
    pub fn framing_headers_mode_set(response: Handle, mode: u32) -> Status;
    pub fn http_keepalive_mode_set(response: Handle, mode: u32) -> Status;
    pub fn get_addr_dest_ip(response: Handle, octets: *mut u8, nwritten: *mut usize) -> Status;
    pub fn get_addr_dest_port(response: Handle, port: *mut u16) -> Status;
    pub fn send_informational_response(response: Handle, status: u32) -> Status;
}
