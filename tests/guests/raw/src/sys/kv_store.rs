//! `fastly_kv_store`.

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
    pub fn list(store: Handle, mask: u32, config: *const ListConfig, list: *mut Handle) -> Status;
    pub fn list_wait(list: Handle, body: *mut Handle, error: *mut u32) -> Status;
}
