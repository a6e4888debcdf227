//! `fastly_http_downstream`.

use super::*;

#[link(wasm_import_module = "fastly_http_downstream")]
unsafe extern "C" {
    pub fn next_request(options: u32, timeout_ms: *const u64, promise: *mut Handle) -> Status;
    pub fn next_request_wait(promise: Handle, request: *mut Handle, body: *mut Handle) -> Status;
    pub fn next_request_abandon(promise: Handle) -> Status;
    pub fn downstream_client_h2_fingerprint(
        request: Handle,
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
    pub fn downstream_client_request_id(
        request: Handle,
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
    pub fn downstream_client_oh_fingerprint(
        request: Handle,
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
    pub fn downstream_tls_cipher_openssl_name(
        request: Handle,
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
    pub fn downstream_tls_protocol(
        request: Handle,
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
    pub fn downstream_tls_client_hello(
        request: Handle,
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
    pub fn downstream_tls_raw_client_certificate(
        request: Handle,
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
    pub fn downstream_tls_client_servername(
        request: Handle,
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
    pub fn downstream_tls_ja4(
        request: Handle,
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
    pub fn downstream_compliance_region(
        request: Handle,
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
    pub fn downstream_bot_name(
        request: Handle,
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
    pub fn downstream_bot_category(
        request: Handle,
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
    pub fn downstream_resvpnproxy_vpn_service_name(
        request: Handle,
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
    pub fn downstream_tls_client_cert_verify_result(request: Handle, value: *mut u32) -> Status;
    pub fn downstream_client_ddos_detected(request: Handle, value: *mut u32) -> Status;
    pub fn fastly_key_is_valid(request: Handle, value: *mut u32) -> Status;
    pub fn downstream_bot_analyzed(request: Handle, value: *mut u32) -> Status;
    pub fn downstream_bot_detected(request: Handle, value: *mut u32) -> Status;
    pub fn downstream_bot_category_kind(request: Handle, value: *mut u32) -> Status;
    pub fn downstream_bot_verified(request: Handle, value: *mut u32) -> Status;
    pub fn downstream_resvpnproxy_is_anonymous(request: Handle, value: *mut u32) -> Status;
    pub fn downstream_resvpnproxy_is_anonymous_vpn(request: Handle, value: *mut u32) -> Status;
    pub fn downstream_resvpnproxy_is_hosting_provider(request: Handle, value: *mut u32) -> Status;
    pub fn downstream_resvpnproxy_is_proxy_over_vpn(request: Handle, value: *mut u32) -> Status;
    pub fn downstream_resvpnproxy_is_public_proxy(request: Handle, value: *mut u32) -> Status;
    pub fn downstream_resvpnproxy_is_relay_proxy(request: Handle, value: *mut u32) -> Status;
    pub fn downstream_resvpnproxy_is_residential_proxy(request: Handle, value: *mut u32) -> Status;
    pub fn downstream_resvpnproxy_is_smart_dns_proxy(request: Handle, value: *mut u32) -> Status;
    pub fn downstream_resvpnproxy_is_tor_exit_node(request: Handle, value: *mut u32) -> Status;
    pub fn downstream_resvpnproxy_is_vpn_datacenter(request: Handle, value: *mut u32) -> Status;
    pub fn downstream_tls_ja3_md5(request: Handle, octets: *mut u8, nwritten: *mut usize)
    -> Status;
    pub fn downstream_client_ip_addr(
        request: Handle,
        octets: *mut u8,
        nwritten: *mut usize,
    ) -> Status;
    pub fn downstream_server_ip_addr(
        request: Handle,
        octets: *mut u8,
        nwritten: *mut usize,
    ) -> Status;
    pub fn downstream_visits_this_service(visits: *mut u32) -> Status;
    pub fn downstream_visits_this_pop(visits: *mut u32) -> Status;
    pub fn downstream_original_header_names(
        request: Handle,
        buffer: *mut u8,
        buffer_len: usize,
        cursor: u32,
        ending_cursor: *mut i64,
        nwritten: *mut usize,
    ) -> Status;
    pub fn downstream_original_header_count(request: Handle, count: *mut u32) -> Status;
}
