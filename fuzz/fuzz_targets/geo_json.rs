//! JSON files of places and devices: what is found is an object of JSON.
#![no_main]

use abi_core::lookups::{DeviceDetection, DeviceTable, Geo, GeoTable};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(table) = GeoTable::from_json(bytes) {
        for address in ["10.0.0.1", "127.0.0.1", "2001:db8::1"] {
            if let Some(data) = table.lookup(address.parse().expect("it is an address")) {
                assert!(data.starts_with(b"{") && data.ends_with(b"}"));
            }
        }
    }
    if let Ok(table) = DeviceTable::from_json(bytes) {
        let _ = table.lookup("agent");
    }
});
