//! Images of a backend: whatever bytes they are, they are decoded within the limits or refused.
#![no_main]

use abi_core::images::Transform;
use fastlike::images::transform;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(image) = transform(bytes, &Transform::default()) {
        assert!(!image.bytes.is_empty());
        assert!(image.dimensions.0 > 0 && image.dimensions.1 > 0);
    }
});
