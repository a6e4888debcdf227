//! Modules whose start section is put off: what comes of them is another module exactly where they had one.
#![no_main]

use abi_core::start_section::deferred;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|wasm: &[u8]| {
    let changed = deferred(wasm, |_| true);
    assert_eq!(changed.export.is_none(), *changed.wasm == *wasm);
    if changed.export.is_some() {
        let again = deferred(&changed.wasm, |_| true);
        assert!(again.export.is_none());
    }
});
