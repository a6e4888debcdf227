//! Keys and cursors of KV stores.
#![no_main]

use abi_core::stores::{KvKey, decode_cursor};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = decode_cursor(bytes);
    if let Ok(text) = str::from_utf8(bytes)
        && let Ok(key) = KvKey::new(text)
    {
        assert_eq!(key.as_str(), text);
        assert!(!text.split('/').any(|part| part == "." || part == ".."));
    }
});
