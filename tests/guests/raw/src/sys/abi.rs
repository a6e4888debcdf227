//! `fastly_abi`.

use super::*;

#[link(wasm_import_module = "fastly_abi")]
unsafe extern "C" {
    pub fn init(version: u64) -> Status;
}
