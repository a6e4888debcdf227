//! `fastly_http_cache`.

use super::*;

#[link(wasm_import_module = "fastly_http_cache")]
unsafe extern "C" {
    pub fn is_request_cacheable(request: Handle, out: *mut u32) -> Status;
    pub fn get_suggested_cache_key(
        request: Handle,
        key: *mut u8,
        key_len: usize,
        nwritten: *mut usize,
    ) -> Status;
    pub fn lookup(
        request: Handle,
        mask: u32,
        options: *const HttpCacheLookupOptions,
        handle: *mut Handle,
    ) -> Status;
    pub fn transaction_lookup(
        request: Handle,
        mask: u32,
        options: *const HttpCacheLookupOptions,
        handle: *mut Handle,
    ) -> Status;
    pub fn transaction_insert(
        handle: Handle,
        response: Handle,
        mask: u32,
        options: *const HttpCacheWriteOptions,
        body: *mut Handle,
    ) -> Status;
    pub fn transaction_insert_and_stream_back(
        handle: Handle,
        response: Handle,
        mask: u32,
        options: *const HttpCacheWriteOptions,
        body: *mut Handle,
        back: *mut Handle,
    ) -> Status;
    pub fn transaction_update(
        handle: Handle,
        response: Handle,
        mask: u32,
        options: *const HttpCacheWriteOptions,
    ) -> Status;
    pub fn transaction_update_and_return_fresh(
        handle: Handle,
        response: Handle,
        mask: u32,
        options: *const HttpCacheWriteOptions,
        fresh: *mut Handle,
    ) -> Status;
    pub fn transaction_choose_stale(handle: Handle) -> Status;
    pub fn transaction_record_not_cacheable(
        handle: Handle,
        mask: u32,
        options: *const HttpCacheWriteOptions,
    ) -> Status;
    pub fn transaction_abandon(handle: Handle) -> Status;
    pub fn close(handle: Handle) -> Status;
    pub fn get_suggested_backend_request(handle: Handle, request: *mut Handle) -> Status;
    pub fn get_suggested_cache_options(
        handle: Handle,
        response: Handle,
        mask: u32,
        options: *const HttpCacheWriteOptions,
        mask_out: *mut u32,
        options_out: *mut HttpCacheWriteOptions,
    ) -> Status;
    pub fn prepare_response_for_storage(
        handle: Handle,
        response: Handle,
        action: *mut u32,
        prepared: *mut Handle,
    ) -> Status;
    pub fn get_found_response(
        handle: Handle,
        transform_for_client: u32,
        response: *mut Handle,
        body: *mut Handle,
    ) -> Status;
    pub fn get_state(handle: Handle, out: *mut u32) -> Status;
    pub fn get_length(handle: Handle, out: *mut u64) -> Status;
    pub fn get_max_age_ns(handle: Handle, out: *mut u64) -> Status;
    pub fn get_stale_while_revalidate_ns(handle: Handle, out: *mut u64) -> Status;
    pub fn get_stale_if_error_ns(handle: Handle, out: *mut u64) -> Status;
    pub fn get_age_ns(handle: Handle, out: *mut u64) -> Status;
    pub fn get_hits(handle: Handle, out: *mut u64) -> Status;
    pub fn get_sensitive_data(handle: Handle, out: *mut u32) -> Status;
    pub fn get_surrogate_keys(
        handle: Handle,
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
    pub fn get_vary_rule(
        handle: Handle,
        buffer: *mut u8,
        buffer_len: usize,
        nwritten: *mut usize,
    ) -> Status;
}
