//! The host's calls that this guest checks, declared as the WebAssembly imports they are. Every call
//! returns a status; pointers and lengths are 32-bit numbers.
//!
//! The modules have the names of the import modules, without the `fastly_` they all begin with.

// Calls of different modules share names (`close`, `write`), and `read` and `write` are names of the
// C library too. They do not meet: an import is known by its module and name together.
#![allow(clashing_extern_declarations)]

/// What every call returns.
pub type Status = u32;

/// What the host's objects are known by.
pub type Handle = u32;

/// The number that is never a handle.
pub const NO_HANDLE: Handle = 0xFFFF_FFFE;

/// What `select` reports in place of a position when the time is up.
pub const TIMED_OUT: u32 = u32::MAX;

pub const OK: Status = 0;
pub const ERROR: Status = 1;
pub const INVALID_ARGUMENT: Status = 2;
pub const BAD_HANDLE: Status = 3;
pub const BUFFER_TOO_SMALL: Status = 4;
pub const UNSUPPORTED: Status = 5;
pub const BAD_ALIGNMENT: Status = 6;
pub const NONE: Status = 10;
pub const LIMIT_EXCEEDED: Status = 13;
pub const AGAIN: Status = 14;

/// The ends of a body that bytes can be written to.
pub const BACK: u32 = 0;
pub const FRONT: u32 = 1;

/// The bits of a cache override.
pub const CACHE_PASS: u32 = 1 << 0;
pub const CACHE_TTL: u32 = 1 << 1;
pub const CACHE_STALE_WHILE_REVALIDATE: u32 = 1 << 2;
pub const CACHE_PCI: u32 = 1 << 3;
pub const CACHE_LOOKUP_TIMEOUT: u32 = 1 << 4;

/// The argument of `cache_override_v3_set`.
#[repr(C)]
pub struct CacheOverride {
    pub ttl: u32,
    pub stale_while_revalidate: u32,
    pub surrogate_keys: *const u8,
    pub surrogate_keys_len: usize,
    pub lookup_timeout_ms: u32,
}

/// What a failed send is described by. The host leaves it alone or fills it in.
#[repr(C)]
#[derive(Default)]
pub struct SendErrorDetail {
    pub tag: u32,
    pub mask: u32,
    pub dns_error_rcode: u16,
    pub dns_error_info_code: u16,
    pub tls_alert_id: u8,
    pub h2_error_frame: u8,
    pub h2_error_code: u32,
}

pub mod abi {
    use super::*;

    #[link(wasm_import_module = "fastly_abi")]
    unsafe extern "C" {
        pub fn init(version: u64) -> Status;
    }
}

pub mod log {
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
}

pub mod http_body {
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
}

pub mod http_resp {
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
}

pub mod http_req {
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
        pub fn downstream_tls_ja4(
            buffer: *mut u8,
            buffer_len: usize,
            nwritten: *mut usize,
        ) -> Status;
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
}

pub mod async_io {
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
}

pub mod dictionary {
    use super::*;

    #[link(wasm_import_module = "fastly_dictionary")]
    unsafe extern "C" {
        pub fn open(name: *const u8, name_len: usize, dictionary: *mut Handle) -> Status;
        pub fn get(
            dictionary: Handle,
            key: *const u8,
            key_len: usize,
            buffer: *mut u8,
            buffer_len: usize,
            nwritten: *mut usize,
        ) -> Status;
    }
}

pub mod config_store {
    use super::*;

    #[link(wasm_import_module = "fastly_config_store")]
    unsafe extern "C" {
        pub fn open(name: *const u8, name_len: usize, store: *mut Handle) -> Status;
        pub fn get(
            store: Handle,
            key: *const u8,
            key_len: usize,
            buffer: *mut u8,
            buffer_len: usize,
            nwritten: *mut usize,
        ) -> Status;
    }
}

pub mod backend {
    use super::*;

    #[link(wasm_import_module = "fastly_backend")]
    unsafe extern "C" {
        pub fn exists(name: *const u8, name_len: usize, exists: *mut u32) -> Status;
        pub fn is_healthy(name: *const u8, name_len: usize, number: *mut u32) -> Status;
        pub fn is_dynamic(name: *const u8, name_len: usize, number: *mut u32) -> Status;
        pub fn get_connect_timeout_ms(name: *const u8, name_len: usize, number: *mut u32)
        -> Status;
        pub fn get_first_byte_timeout_ms(
            name: *const u8,
            name_len: usize,
            number: *mut u32,
        ) -> Status;
        pub fn get_between_bytes_timeout_ms(
            name: *const u8,
            name_len: usize,
            number: *mut u32,
        ) -> Status;
        pub fn get_http_keepalive_time(
            name: *const u8,
            name_len: usize,
            number: *mut u32,
        ) -> Status;
        pub fn get_tcp_keepalive_enable(
            name: *const u8,
            name_len: usize,
            number: *mut u32,
        ) -> Status;
        pub fn get_tcp_keepalive_interval(
            name: *const u8,
            name_len: usize,
            number: *mut u32,
        ) -> Status;
        pub fn get_tcp_keepalive_probes(
            name: *const u8,
            name_len: usize,
            number: *mut u32,
        ) -> Status;
        pub fn get_tcp_keepalive_time(name: *const u8, name_len: usize, number: *mut u32)
        -> Status;
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
}

pub mod shielding {
    use super::*;

    #[link(wasm_import_module = "fastly_shielding")]
    unsafe extern "C" {
        pub fn shield_info(
            name: *const u8,
            name_len: usize,
            buffer: *mut u8,
            buffer_len: usize,
            nwritten: *mut usize,
        ) -> Status;
        pub fn backend_for_shield(
            name: *const u8,
            name_len: usize,
            options: u32,
            configuration: *const u32,
            buffer: *mut u8,
            buffer_len: usize,
            nwritten: *mut usize,
        ) -> Status;
    }
}

pub mod secret_store {
    use super::*;

    #[link(wasm_import_module = "fastly_secret_store")]
    unsafe extern "C" {
        pub fn open(name: *const u8, name_len: usize, store: *mut Handle) -> Status;
        pub fn get(store: Handle, name: *const u8, name_len: usize, secret: *mut Handle) -> Status;
        pub fn plaintext(
            secret: Handle,
            buffer: *mut u8,
            buffer_len: usize,
            nwritten: *mut usize,
        ) -> Status;
        pub fn from_bytes(bytes: *const u8, bytes_len: usize, secret: *mut Handle) -> Status;
    }
}

/// How a KV operation ended.
pub const KV_OK: u32 = 1;
pub const KV_BAD_REQUEST: u32 = 2;
pub const KV_NOT_FOUND: u32 = 3;
pub const KV_PRECONDITION_FAILED: u32 = 4;

/// The bits of an insert's options.
pub const INSERT_BACKGROUND_FETCH: u32 = 1 << 1;
pub const INSERT_METADATA: u32 = 1 << 3;
pub const INSERT_TIME_TO_LIVE: u32 = 1 << 4;
pub const INSERT_IF_GENERATION_MATCH: u32 = 1 << 5;

/// The options of an insert.
#[repr(C)]
pub struct InsertConfig {
    pub mode: u32,
    pub unused: u32,
    pub metadata: *const u8,
    pub metadata_len: usize,
    pub time_to_live_sec: u32,
    pub if_generation_match: u64,
}

/// The bits of a listing's options.
pub const LIST_CURSOR: u32 = 1 << 1;
pub const LIST_LIMIT: u32 = 1 << 2;
pub const LIST_PREFIX: u32 = 1 << 3;

/// The options of a listing.
#[repr(C)]
pub struct ListConfig {
    pub mode: u32,
    pub cursor: *const u8,
    pub cursor_len: usize,
    pub limit: u32,
    pub prefix: *const u8,
    pub prefix_len: usize,
}

pub mod kv_store {
    use super::*;

    #[link(wasm_import_module = "fastly_kv_store")]
    unsafe extern "C" {
        pub fn open(name: *const u8, name_len: usize, store: *mut Handle) -> Status;
        pub fn open_v2(name: *const u8, name_len: usize, store: *mut Handle) -> Status;
        pub fn lookup(
            store: Handle,
            key: *const u8,
            key_len: usize,
            mask: u32,
            config: *const u32,
            lookup: *mut Handle,
        ) -> Status;
        pub fn lookup_v2(
            store: Handle,
            key: *const u8,
            key_len: usize,
            mask: u32,
            config: *const u32,
            lookup: *mut Handle,
        ) -> Status;
        pub fn lookup_wait(
            lookup: Handle,
            body: *mut Handle,
            metadata: *mut u8,
            metadata_len: usize,
            nwritten: *mut usize,
            generation: *mut u32,
            error: *mut u32,
        ) -> Status;
        pub fn lookup_wait_v2(
            lookup: Handle,
            body: *mut Handle,
            metadata: *mut u8,
            metadata_len: usize,
            nwritten: *mut usize,
            generation: *mut u64,
            error: *mut u32,
        ) -> Status;
        pub fn insert(
            store: Handle,
            key: *const u8,
            key_len: usize,
            body: Handle,
            mask: u32,
            config: *const InsertConfig,
            insert: *mut Handle,
        ) -> Status;
        pub fn insert_wait(insert: Handle, error: *mut u32) -> Status;
        pub fn delete(
            store: Handle,
            key: *const u8,
            key_len: usize,
            mask: u32,
            config: *const u32,
            delete: *mut Handle,
        ) -> Status;
        pub fn delete_wait(delete: Handle, error: *mut u32) -> Status;
        pub fn list(
            store: Handle,
            mask: u32,
            config: *const ListConfig,
            list: *mut Handle,
        ) -> Status;
        pub fn list_wait(list: Handle, body: *mut Handle, error: *mut u32) -> Status;
    }
}

pub mod object_store {
    use super::*;

    #[link(wasm_import_module = "fastly_object_store")]
    unsafe extern "C" {
        pub fn open(name: *const u8, name_len: usize, store: *mut Handle) -> Status;
        pub fn lookup(store: Handle, key: *const u8, key_len: usize, body: *mut Handle) -> Status;
        pub fn lookup_async(
            store: Handle,
            key: *const u8,
            key_len: usize,
            pending: *mut Handle,
        ) -> Status;
        pub fn pending_lookup_wait(pending: Handle, body: *mut Handle) -> Status;
        pub fn insert(store: Handle, key: *const u8, key_len: usize, body: Handle) -> Status;
        pub fn insert_async(
            store: Handle,
            key: *const u8,
            key_len: usize,
            body: Handle,
            pending: *mut Handle,
        ) -> Status;
        /// The later form. The earlier one has no second argument; a module has one or the other.
        pub fn pending_insert_wait(pending: Handle, error: *mut u32) -> Status;
        pub fn delete_async(
            store: Handle,
            key: *const u8,
            key_len: usize,
            pending: *mut Handle,
        ) -> Status;
        pub fn pending_delete_wait(pending: Handle) -> Status;
    }
}

pub mod acl {
    use super::*;

    #[link(wasm_import_module = "fastly_acl")]
    unsafe extern "C" {
        pub fn open(name: *const u8, name_len: usize, acl: *mut Handle) -> Status;
        pub fn lookup(
            acl: Handle,
            octets: *const u8,
            octets_len: usize,
            body: *mut Handle,
            error: *mut u32,
        ) -> Status;
    }
}

pub mod geo {
    use super::*;

    #[link(wasm_import_module = "fastly_geo")]
    unsafe extern "C" {
        pub fn lookup(
            octets: *const u8,
            octets_len: usize,
            buffer: *mut u8,
            buffer_len: usize,
            nwritten: *mut usize,
        ) -> Status;
    }
}

pub mod device_detection {
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
}

pub mod uap {
    use super::*;

    #[link(wasm_import_module = "fastly_uap")]
    unsafe extern "C" {
        pub fn parse(
            user_agent: *const u8,
            user_agent_len: usize,
            family: *mut u8,
            family_len: usize,
            family_nwritten: *mut usize,
            major: *mut u8,
            major_len: usize,
            major_nwritten: *mut usize,
            minor: *mut u8,
            minor_len: usize,
            minor_nwritten: *mut usize,
            patch: *mut u8,
            patch_len: usize,
            patch_nwritten: *mut usize,
        ) -> Status;
    }
}

pub mod erl {
    use super::*;

    #[link(wasm_import_module = "fastly_erl")]
    unsafe extern "C" {
        pub fn check_rate(
            counter: *const u8,
            counter_len: usize,
            entry: *const u8,
            entry_len: usize,
            delta: u32,
            window: u32,
            limit: u32,
            penalty_box: *const u8,
            penalty_box_len: usize,
            seconds: u32,
            refused: *mut u32,
        ) -> Status;
        pub fn ratecounter_increment(
            counter: *const u8,
            counter_len: usize,
            entry: *const u8,
            entry_len: usize,
            delta: u32,
        ) -> Status;
        pub fn ratecounter_lookup_rate(
            counter: *const u8,
            counter_len: usize,
            entry: *const u8,
            entry_len: usize,
            window: u32,
            rate: *mut u32,
        ) -> Status;
        pub fn ratecounter_lookup_count(
            counter: *const u8,
            counter_len: usize,
            entry: *const u8,
            entry_len: usize,
            seconds: u32,
            count: *mut u32,
        ) -> Status;
        pub fn penaltybox_add(
            penalty_box: *const u8,
            penalty_box_len: usize,
            entry: *const u8,
            entry_len: usize,
            seconds: u32,
        ) -> Status;
        pub fn penaltybox_has(
            penalty_box: *const u8,
            penalty_box_len: usize,
            entry: *const u8,
            entry_len: usize,
            has: *mut u32,
        ) -> Status;
    }
}

/// witx `cache_lookup_options`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct CacheLookupOptions {
    pub request_headers: Handle,
    pub service: usize,
    pub service_len: usize,
}

/// witx `cache_replace_options`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct CacheReplaceOptions {
    pub request_headers: Handle,
    pub replace_strategy: u32,
    pub service: usize,
    pub service_len: usize,
}

/// witx `cache_write_options`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct CacheWriteOptions {
    pub max_age_ns: u64,
    pub request_headers: Handle,
    pub vary_rule: usize,
    pub vary_rule_len: usize,
    pub initial_age_ns: u64,
    pub stale_while_revalidate_ns: u64,
    pub surrogate_keys: usize,
    pub surrogate_keys_len: usize,
    pub length: u64,
    pub user_metadata: usize,
    pub user_metadata_len: usize,
    pub edge_max_age_ns: u64,
    pub service: usize,
    pub service_len: usize,
}

/// witx `cache_get_body_options`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct CacheGetBodyOptions {
    pub from: u64,
    pub to: u64,
}

/// witx `purge_options`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct PurgeOptions {
    pub ret_buf: usize,
    pub ret_buf_len: usize,
    pub ret_buf_nwritten_out: usize,
}

pub mod cache {
    use super::*;

    #[link(wasm_import_module = "fastly_cache")]
    unsafe extern "C" {
        pub fn lookup(
            key: *const u8,
            key_len: usize,
            mask: u32,
            options: *const CacheLookupOptions,
            handle: *mut Handle,
        ) -> Status;
        pub fn insert(
            key: *const u8,
            key_len: usize,
            mask: u32,
            options: *const CacheWriteOptions,
            body: *mut Handle,
        ) -> Status;
        pub fn replace(
            key: *const u8,
            key_len: usize,
            mask: u32,
            options: *const CacheReplaceOptions,
            handle: *mut Handle,
        ) -> Status;
        pub fn replace_insert(
            handle: Handle,
            mask: u32,
            options: *const CacheWriteOptions,
            body: *mut Handle,
        ) -> Status;
        pub fn replace_get_age_ns(handle: Handle, out: *mut u64) -> Status;
        pub fn replace_get_body(
            handle: Handle,
            mask: u32,
            options: *const CacheGetBodyOptions,
            body: *mut Handle,
        ) -> Status;
        pub fn replace_get_hits(handle: Handle, out: *mut u64) -> Status;
        pub fn replace_get_length(handle: Handle, out: *mut u64) -> Status;
        pub fn replace_get_max_age_ns(handle: Handle, out: *mut u64) -> Status;
        pub fn replace_get_stale_while_revalidate_ns(handle: Handle, out: *mut u64) -> Status;
        pub fn replace_get_state(handle: Handle, out: *mut u32) -> Status;
        pub fn replace_get_user_metadata(
            handle: Handle,
            buffer: *mut u8,
            buffer_len: usize,
            nwritten: *mut usize,
        ) -> Status;
        pub fn transaction_lookup(
            key: *const u8,
            key_len: usize,
            mask: u32,
            options: *const CacheLookupOptions,
            handle: *mut Handle,
        ) -> Status;
        pub fn transaction_lookup_async(
            key: *const u8,
            key_len: usize,
            mask: u32,
            options: *const CacheLookupOptions,
            busy: *mut Handle,
        ) -> Status;
        pub fn cache_busy_handle_wait(busy: Handle, handle: *mut Handle) -> Status;
        pub fn transaction_insert(
            handle: Handle,
            mask: u32,
            options: *const CacheWriteOptions,
            body: *mut Handle,
        ) -> Status;
        pub fn transaction_insert_and_stream_back(
            handle: Handle,
            mask: u32,
            options: *const CacheWriteOptions,
            body: *mut Handle,
            back: *mut Handle,
        ) -> Status;
        pub fn transaction_update(
            handle: Handle,
            mask: u32,
            options: *const CacheWriteOptions,
        ) -> Status;
        pub fn transaction_cancel(handle: Handle) -> Status;
        pub fn close_busy(busy: Handle) -> Status;
        pub fn close(handle: Handle) -> Status;
        pub fn get_state(handle: Handle, out: *mut u32) -> Status;
        pub fn get_user_metadata(
            handle: Handle,
            buffer: *mut u8,
            buffer_len: usize,
            nwritten: *mut usize,
        ) -> Status;
        pub fn get_body(
            handle: Handle,
            mask: u32,
            options: *const CacheGetBodyOptions,
            body: *mut Handle,
        ) -> Status;
        pub fn get_length(handle: Handle, out: *mut u64) -> Status;
        pub fn get_max_age_ns(handle: Handle, out: *mut u64) -> Status;
        pub fn get_stale_while_revalidate_ns(handle: Handle, out: *mut u64) -> Status;
        pub fn get_age_ns(handle: Handle, out: *mut u64) -> Status;
        pub fn get_hits(handle: Handle, out: *mut u64) -> Status;
    }
}

pub mod purge {
    use super::*;

    #[link(wasm_import_module = "fastly_purge")]
    unsafe extern "C" {
        pub fn purge_surrogate_key(
            key: *const u8,
            key_len: usize,
            mask: u32,
            options: *const PurgeOptions,
        ) -> Status;
    }
}

pub mod http_downstream {
    use super::*;

    #[link(wasm_import_module = "fastly_http_downstream")]
    unsafe extern "C" {
        pub fn next_request(options: u32, timeout_ms: *const u64, promise: *mut Handle) -> Status;
        pub fn next_request_wait(
            promise: Handle,
            request: *mut Handle,
            body: *mut Handle,
        ) -> Status;
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
        pub fn downstream_tls_client_cert_verify_result(request: Handle, value: *mut u32)
        -> Status;
        pub fn downstream_client_ddos_detected(request: Handle, value: *mut u32) -> Status;
        pub fn fastly_key_is_valid(request: Handle, value: *mut u32) -> Status;
        pub fn downstream_bot_analyzed(request: Handle, value: *mut u32) -> Status;
        pub fn downstream_bot_detected(request: Handle, value: *mut u32) -> Status;
        pub fn downstream_bot_category_kind(request: Handle, value: *mut u32) -> Status;
        pub fn downstream_bot_verified(request: Handle, value: *mut u32) -> Status;
        pub fn downstream_resvpnproxy_is_anonymous(request: Handle, value: *mut u32) -> Status;
        pub fn downstream_resvpnproxy_is_anonymous_vpn(request: Handle, value: *mut u32) -> Status;
        pub fn downstream_resvpnproxy_is_hosting_provider(
            request: Handle,
            value: *mut u32,
        ) -> Status;
        pub fn downstream_resvpnproxy_is_proxy_over_vpn(request: Handle, value: *mut u32)
        -> Status;
        pub fn downstream_resvpnproxy_is_public_proxy(request: Handle, value: *mut u32) -> Status;
        pub fn downstream_resvpnproxy_is_relay_proxy(request: Handle, value: *mut u32) -> Status;
        pub fn downstream_resvpnproxy_is_residential_proxy(
            request: Handle,
            value: *mut u32,
        ) -> Status;
        pub fn downstream_resvpnproxy_is_smart_dns_proxy(
            request: Handle,
            value: *mut u32,
        ) -> Status;
        pub fn downstream_resvpnproxy_is_tor_exit_node(request: Handle, value: *mut u32) -> Status;
        pub fn downstream_resvpnproxy_is_vpn_datacenter(request: Handle, value: *mut u32)
        -> Status;
        pub fn downstream_tls_ja3_md5(
            request: Handle,
            octets: *mut u8,
            nwritten: *mut usize,
        ) -> Status;
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
}

/// The bits of what `inspect` is told.
pub const INSPECT_CORP: u32 = 1 << 1;
pub const INSPECT_WORKSPACE: u32 = 1 << 2;
pub const INSPECT_OVERRIDE_CLIENT_IP: u32 = 1 << 3;

/// What `inspect` is told.
#[repr(C)]
pub struct InspectInfo {
    pub corp: *const u8,
    pub corp_len: usize,
    pub workspace: *const u8,
    pub workspace_len: usize,
    pub override_client_ip: *const u8,
    pub override_client_ip_len: usize,
}

pub mod compute_runtime {
    use super::*;

    #[link(wasm_import_module = "fastly_compute_runtime")]
    unsafe extern "C" {
        pub fn get_sandbox_id(buffer: *mut u8, buffer_len: usize, nwritten: *mut usize) -> Status;
        pub fn get_trace_id(buffer: *mut u8, buffer_len: usize, nwritten: *mut usize) -> Status;
        pub fn get_hostname(buffer: *mut u8, buffer_len: usize, nwritten: *mut usize) -> Status;
        pub fn get_service_version(
            buffer: *mut u8,
            buffer_len: usize,
            nwritten: *mut usize,
        ) -> Status;
        pub fn has_domain_inspector(value: *mut u32) -> Status;
        pub fn has_image_optimizer(value: *mut u32) -> Status;
        pub fn has_origin_inspector(value: *mut u32) -> Status;
        pub fn get_heap_mib(value: *mut u32) -> Status;
        pub fn get_vcpu_ms(value: *mut u64) -> Status;
    }
}
