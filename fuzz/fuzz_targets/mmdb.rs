//! Databases of places in the format of MaxMind: what is found is an object of JSON, whatever the file is made of.
#![no_main]

use abi_core::lookups::Geo;
use fastlike::GeoDatabase;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(database) = GeoDatabase::of_bytes(bytes.to_vec()) {
        for address in [
            "0.0.0.0",
            "192.0.2.77",
            "255.255.255.255",
            "::",
            "2001:db8::1",
        ] {
            if let Some(data) = database.lookup(address.parse().expect("it is an address")) {
                assert!(data.starts_with(b"{") && data.ends_with(b"}"));
            }
        }
    }
});
