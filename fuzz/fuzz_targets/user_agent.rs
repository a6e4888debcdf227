//! User agents of clients: taken apart, and the devices that are made of them.
#![no_main]

use abi_core::lookups::{DeviceDetection, DeviceTable, UserAgentParser};
use fastlike::DeviceSettings;
use fastlike::lookups::UserAgents;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    assert!(!UserAgents.parse(text).family.is_empty());
    let devices = DeviceSettings::new(DeviceTable::new()).with_user_agents();
    if let Some(data) = devices.lookup(text) {
        assert!(data.starts_with(b"{") && data.ends_with(b"}"));
    }
});
