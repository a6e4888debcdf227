//! JSON files of access control lists: an entry that was read is found by its first address.
#![no_main]

use abi_core::stores::{Acl, AclEntries};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(list) = AclEntries::from_json(bytes) {
        for address in ["10.0.0.1", "2001:db8::1"] {
            if let Some(entry) = list.lookup(address.parse().expect("it is an address")) {
                assert!(
                    entry
                        .prefix
                        .contains(&address.parse::<std::net::IpAddr>().expect("it is"))
                );
                assert!(entry.to_json().starts_with('{'));
            }
        }
    }
});
