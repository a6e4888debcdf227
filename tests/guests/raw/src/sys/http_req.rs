//! `fastly_http_req`.

use super::*;

#[link(wasm_import_module = "fastly_http_req")]
unsafe extern "C" {
    pub fn new(request: *mut Handle) -> Status;
    pub fn body_downstream_get(request: *mut Handle, body: *mut Handle) -> Status;
    pub fn pending_req_header_insert(
        pending: Handle,
        name: *const u8,
        name_len: usize,
        value: *const u8,
        value_len: usize,
        target: u32,
    ) -> Status;
    pub fn pending_req_header_append(
        pending: Handle,
        name: *const u8,
        name_len: usize,
        value: *const u8,
        value_len: usize,
        target: u32,
    ) -> Status;
    pub fn pending_req_header_remove(
        pending: Handle,
        name: *const u8,
        name_len: usize,
        target: u32,
    ) -> Status;
    pub fn upgrade_websocket(backend: *const u8, backend_len: usize) -> Status;
    pub fn redirect_to_websocket_proxy(backend: *const u8, backend_len: usize) -> Status;
    pub fn redirect_to_grip_proxy(backend: *const u8, backend_len: usize) -> Status;
    pub fn redirect_to_websocket_proxy_v2(
        request: Handle,
        backend: *const u8,
        backend_len: usize,
    ) -> Status;
    pub fn redirect_to_grip_proxy_v2(
        request: Handle,
        backend: *const u8,
        backend_len: usize,
    ) -> Status;
    pub fn register_dynamic_backend(
        name: *const u8,
        name_len: usize,
        target: *const u8,
        target_len: usize,
        options: u32,
        configuration: *const u32,
    ) -> Status;
    pub fn downstream_client_ip_addr(octets: *mut u8, nwritten: *mut usize) -> Status;
    pub fn downstream_client_h2_fingerprint(
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
    pub fn downstream_client_request_id(
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
    pub fn downstream_client_oh_fingerprint(
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
    pub fn downstream_tls_cipher_openssl_name(
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
    pub fn downstream_tls_protocol(
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
    pub fn downstream_tls_client_hello(
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
    pub fn downstream_tls_raw_client_certificate(
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
    pub fn downstream_tls_client_servername(
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
    pub fn downstream_tls_ja4(buffer: *mut u8, buffer_len: usize, nwritten: *mut usize) -> Status;
    pub fn downstream_compliance_region(
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
    pub fn downstream_tls_client_cert_verify_result(value: *mut u32) -> Status;
    pub fn downstream_client_ddos_detected(value: *mut u32) -> Status;
    pub fn fastly_key_is_valid(value: *mut u32) -> Status;
    pub fn downstream_tls_ja3_md5(octets: *mut u8, nwritten: *mut usize) -> Status;
    pub fn downstream_server_ip_addr(octets: *mut u8, nwritten: *mut usize) -> Status;
    pub fn inspect(
        request: Handle,
        body: Handle,
        mask: u32,
        info: *const InspectInfo,
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
    pub fn on_behalf_of(request: Handle, service: *const u8, service_len: usize) -> Status;
    pub fn header_names_get(
        request: Handle,
        buffer: *mut u8,
        buffer_len: usize,
        cursor: u32,
        ending_cursor: *mut i64,
        nwritten: *mut usize,
    ) -> Status;
    pub fn original_header_names_get(
        buffer: *mut u8,
        buffer_len: usize,
        cursor: u32,
        ending_cursor: *mut i64,
        nwritten: *mut usize,
    ) -> Status;
    pub fn original_header_count(count: *mut u32) -> Status;
    pub fn header_value_get(
        request: Handle,
        name: *const u8,
        name_len: usize,
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
    pub fn header_values_get(
        request: Handle,
        name: *const u8,
        name_len: usize,
        buffer: *mut u8,
        buffer_len: usize,
        cursor: u32,
        ending_cursor: *mut i64,
        nwritten: *mut usize,
    ) -> Status;
    pub fn header_values_set(
        request: Handle,
        name: *const u8,
        name_len: usize,
        values: *const u8,
        values_len: usize,
    ) -> Status;
    pub fn header_insert(
        request: Handle,
        name: *const u8,
        name_len: usize,
        value: *const u8,
        value_len: usize,
    ) -> Status;
    pub fn header_append(
        request: Handle,
        name: *const u8,
        name_len: usize,
        value: *const u8,
        value_len: usize,
    ) -> Status;
    pub fn header_remove(request: Handle, name: *const u8, name_len: usize) -> Status;
    pub fn method_get(
        request: Handle,
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
    pub fn method_set(request: Handle, method: *const u8, method_len: usize) -> Status;
    pub fn uri_get(
        request: Handle,
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
    pub fn uri_set(request: Handle, uri: *const u8, uri_len: usize) -> Status;
    pub fn version_get(request: Handle, version: *mut u32) -> Status;
    pub fn version_set(request: Handle, version: u32) -> Status;
    pub fn close(request: Handle) -> Status;
    pub fn cache_override_set(
        request: Handle,
        tag: u32,
        ttl: u32,
        stale_while_revalidate: u32,
    ) -> Status;
    pub fn cache_override_v2_set(
        request: Handle,
        tag: u32,
        ttl: u32,
        stale_while_revalidate: u32,
        surrogate_keys: *const u8,
        surrogate_keys_len: usize,
    ) -> Status;
    pub fn cache_override_v3_set(
        request: Handle,
        tag: u32,
        cache_override: *const CacheOverride,
    ) -> Status;
    pub fn framing_headers_mode_set(request: Handle, mode: u32) -> Status;
    pub fn auto_decompress_response_set(request: Handle, encodings: u32) -> Status;
    pub fn send(
        request: Handle,
        body: Handle,
        backend: *const u8,
        backend_len: usize,
        response: *mut Handle,
        response_body: *mut Handle,
    ) -> Status;
    pub fn send_v2(
        request: Handle,
        body: Handle,
        backend: *const u8,
        backend_len: usize,
        error_detail: *mut SendErrorDetail,
        response: *mut Handle,
        response_body: *mut Handle,
    ) -> Status;
    pub fn send_v3(
        request: Handle,
        body: Handle,
        backend: *const u8,
        backend_len: usize,
        error_detail: *mut SendErrorDetail,
        response: *mut Handle,
        response_body: *mut Handle,
    ) -> Status;
    pub fn send_async(
        request: Handle,
        body: Handle,
        backend: *const u8,
        backend_len: usize,
        pending: *mut Handle,
    ) -> Status;
    pub fn send_async_v2(
        request: Handle,
        body: Handle,
        backend: *const u8,
        backend_len: usize,
        streaming: u32,
        pending: *mut Handle,
    ) -> Status;
    pub fn send_async_streaming(
        request: Handle,
        body: Handle,
        backend: *const u8,
        backend_len: usize,
        pending: *mut Handle,
    ) -> Status;
    pub fn pending_req_poll(
        pending: Handle,
        done: *mut u32,
        response: *mut Handle,
        response_body: *mut Handle,
    ) -> Status;
    pub fn pending_req_poll_v2(
        pending: Handle,
        error_detail: *mut SendErrorDetail,
        done: *mut u32,
        response: *mut Handle,
        response_body: *mut Handle,
    ) -> Status;
    pub fn pending_req_wait(
        pending: Handle,
        response: *mut Handle,
        response_body: *mut Handle,
    ) -> Status;
    pub fn pending_req_wait_v2(
        pending: Handle,
        error_detail: *mut SendErrorDetail,
        response: *mut Handle,
        response_body: *mut Handle,
    ) -> Status;
    pub fn pending_req_select(
        pending: *const Handle,
        pending_len: usize,
        index: *mut u32,
        response: *mut Handle,
        response_body: *mut Handle,
    ) -> Status;
    pub fn pending_req_select_v2(
        pending: *const Handle,
        pending_len: usize,
        error_detail: *mut SendErrorDetail,
        index: *mut u32,
        response: *mut Handle,
        response_body: *mut Handle,
    ) -> Status;
}
