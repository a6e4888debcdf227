//! Tables of places, compared with a list that is searched from one end to the other.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use abi_core::lookups::{Geo, GeoTable};
use ipnet::IpNet;
use proptest::prelude::*;
use serde_json::json;

/// Networks of few bits, so that many of them have addresses in common.
fn network() -> impl Strategy<Value = IpNet> {
    prop_oneof![
        (any::<u8>(), 0..=8_u8).prop_map(|(bits, length)| {
            let address = Ipv4Addr::from(u32::from(bits) << 24);
            IpNet::new(address.into(), length).unwrap()
        }),
        (any::<u8>(), 0..=8_u8).prop_map(|(bits, length)| {
            let address = Ipv6Addr::from(u128::from(bits) << 120);
            IpNet::new(address.into(), length).unwrap()
        }),
    ]
}

proptest! {
    #[test]
    fn the_smallest_network_counts_and_of_equal_ones_the_last(
        networks in prop::collection::vec(network(), 0..40),
        bits in any::<u8>(),
        default in any::<bool>(),
    ) {
        let mut table = GeoTable::new();
        table.use_default_loopback(false);
        if default {
            table.insert_by_key("default", &json!({})).unwrap();
        }
        for (index, network) in networks.iter().enumerate() {
            table.insert_by_key(&network.to_string(), &json!({ "area_code": index })).unwrap();
        }
        let addresses: [IpAddr; 2] = [
            Ipv4Addr::from(u32::from(bits) << 24).into(),
            Ipv6Addr::from(u128::from(bits) << 120).into(),
        ];
        for address in addresses {
            let expected = networks
                .iter()
                .enumerate()
                .filter(|(_, network)| network.contains(&address))
                .max_by_key(|(index, network)| (network.prefix_len(), *index))
                .map(|(index, _)| format!(r#"{{"area_code":{index}}}"#))
                .or(default.then(|| "{}".to_owned()));
            let found = table.lookup(address);
            prop_assert_eq!(found.as_deref(), expected.as_ref().map(String::as_bytes));
        }
    }

    #[test]
    fn any_json_is_a_table_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), key in ".{0,40}") {
        let _ = GeoTable::from_json(&bytes);
        let mut table = GeoTable::new();
        if table.insert_by_key(&key, &json!({})).is_ok() {
            prop_assert!(key == "default" || table.len() == 1);
        }
    }
}
