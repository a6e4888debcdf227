//! `fastly_acl`.

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
