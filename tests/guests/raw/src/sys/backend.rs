//! `fastly_backend`.

use super::*;

#[link(wasm_import_module = "fastly_backend")]
unsafe extern "C" {
    pub fn exists(name: *const u8, name_len: usize, exists: *mut u32) -> Status;
    pub fn is_healthy(name: *const u8, name_len: usize, number: *mut u32) -> Status;
    pub fn is_dynamic(name: *const u8, name_len: usize, number: *mut u32) -> Status;
    pub fn get_connect_timeout_ms(name: *const u8, name_len: usize, number: *mut u32) -> Status;
    pub fn get_first_byte_timeout_ms(name: *const u8, name_len: usize, number: *mut u32) -> Status;
    pub fn get_between_bytes_timeout_ms(
        name: *const u8,
        name_len: usize,
        number: *mut u32,
    ) -> Status;
    pub fn get_http_keepalive_time(name: *const u8, name_len: usize, number: *mut u32) -> Status;
    pub fn get_tcp_keepalive_enable(name: *const u8, name_len: usize, number: *mut u32) -> Status;
    pub fn get_tcp_keepalive_interval(name: *const u8, name_len: usize, number: *mut u32)
    -> Status;
    pub fn get_tcp_keepalive_probes(name: *const u8, name_len: usize, number: *mut u32) -> Status;
    pub fn get_tcp_keepalive_time(name: *const u8, name_len: usize, number: *mut u32) -> Status;
    pub fn is_ssl(name: *const u8, name_len: usize, number: *mut u32) -> Status;
    pub fn get_ssl_min_version(name: *const u8, name_len: usize, number: *mut u32) -> Status;
    pub fn get_ssl_max_version(name: *const u8, name_len: usize, number: *mut u32) -> Status;
    pub fn is_ipv6_preferred(name: *const u8, name_len: usize, number: *mut u32) -> Status;
    pub fn get_max_connections(name: *const u8, name_len: usize, number: *mut u32) -> Status;
    pub fn get_max_use(name: *const u8, name_len: usize, number: *mut u32) -> Status;
    pub fn get_max_lifetime_ms(name: *const u8, name_len: usize, number: *mut u32) -> Status;
    pub fn get_host(
        name: *const u8,
        name_len: usize,
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
    pub fn get_override_host(
        name: *const u8,
        name_len: usize,
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
    pub fn get_port(name: *const u8, name_len: usize, port: *mut u16) -> Status;
}
