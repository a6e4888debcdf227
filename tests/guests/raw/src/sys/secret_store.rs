//! `fastly_secret_store`.

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
