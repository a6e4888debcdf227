//! `fastly_object_store`.

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
