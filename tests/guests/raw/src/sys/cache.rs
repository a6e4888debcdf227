//! `fastly_cache`.

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
