//! JSON files of config stores and secret stores.
#![no_main]

use abi_core::stores::{ConfigItems, SecretItems};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = ConfigItems::from_json(bytes);
    let _ = SecretItems::from_json(bytes);
});
