//! `fastly_geo`.

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
