//! Where addresses are.

use std::net::IpAddr;

use bytes::Bytes;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use prefix_trie::PrefixMap;
use serde_json::{Map, Value};

use crate::stores::ContentError;

/// What is said about a loopback address, or one of a private network, where nothing else is known.
pub const LOOPBACK_GEO: &str = r#"{"as_name":"Fastly, Inc","as_number":54113,"area_code":415,"city":"San Francisco","conn_speed":"broadband","conn_type":"wired","continent":"NA","country_code":"US","country_code3":"USA","country_name":"United States of America","latitude":37.77869,"longitude":-122.39557,"metro_code":0,"postal_code":"94107","proxy_description":"?","proxy_type":"?","region":"CA","utc_offset":-700}"#;

/// Says where addresses are.
pub trait Geo: Send + Sync {
    /// What is known about this address, as a JSON object.
    ///
    /// An address of IPv4 never comes as one of IPv6.
    fn lookup(&self, address: IpAddr) -> Option<Bytes>;
}

/// What is known about networks, in memory, as a trie of prefixes: a lookup takes as many steps as there are prefixes of
/// the address in the table, however many others there are.
#[derive(Clone, Debug)]
pub struct GeoTable {
    v4: PrefixMap<Ipv4Net, Bytes>,
    v6: PrefixMap<Ipv6Net, Bytes>,
    default: Option<Bytes>,
    loopback: bool,
}

impl Default for GeoTable {
    fn default() -> Self {
        Self::new()
    }
}

impl GeoTable {
    /// An empty table, which knows loopback addresses and those of private networks all the same: [`LOOPBACK_GEO`].
    #[must_use]
    pub fn new() -> Self {
        Self {
            v4: PrefixMap::new(),
            v6: PrefixMap::new(),
            default: None,
            loopback: true,
        }
    }

    /// Whether loopback addresses, and those of private networks, that are in no network of the table have data all the
    /// same.
    pub fn use_default_loopback(&mut self, loopback: bool) {
        self.loopback = loopback;
    }

    /// Says something about every address of a network that is in no smaller one; replaces what was said about it before.
    /// Bits of an address outside of its network do not count.
    pub fn insert(&mut self, network: IpNet, data: &Map<String, Value>) {
        let data = json(data);
        match canonical(network).trunc() {
            IpNet::V4(network) => drop(self.v4.insert(network, data)),
            IpNet::V6(network) => drop(self.v6.insert(network, data)),
        }
    }

    /// Says something about every address that is in no network of the table, loopback addresses included.
    pub fn set_default(&mut self, data: &Map<String, Value>) {
        self.default = Some(json(data));
    }

    /// Adds an entry by its key in a configuration: an address, a network, or `default`.
    ///
    /// # Errors
    ///
    /// [`ContentError`] when the key is none of these, or the data is not an object.
    pub fn insert_by_key(&mut self, key: &str, data: &Value) -> Result<(), ContentError> {
        let data = data
            .as_object()
            .ok_or_else(|| ContentError(format!("`{key}`: this is not an object")))?;
        if key == "default" {
            self.set_default(data);
            return Ok(());
        }
        self.insert(parse_network(key)?, data);
        Ok(())
    }

    /// A table of a JSON object, by addresses such as `192.0.2.1`, networks such as `2001:db8::/32`, and `default`.
    ///
    /// # Errors
    ///
    /// [`ContentError`] when it is something else.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ContentError> {
        let document: Map<String, Value> = serde_json::from_slice(bytes).map_err(|error| {
            ContentError(format!("this is not a JSON object of addresses: {error}"))
        })?;
        let mut table = Self::new();
        for (key, data) in &document {
            table.insert_by_key(key, data)?;
        }
        Ok(table)
    }

    /// How many addresses and networks it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }
}

/// How long the prefix `::ffff:0:0/96` is, in which IPv6 has the addresses of IPv4 (RFC 4291 section 2.5.5.2).
const MAPPED_PREFIX: u8 = 96;

/// A network of IPv4 that is written as one of IPv6, as what it is: addresses are looked up as what they are.
fn canonical(network: IpNet) -> IpNet {
    let mapped = network.prefix_len().checked_sub(MAPPED_PREFIX);
    match (network.addr().to_canonical(), mapped) {
        (IpAddr::V4(address), Some(length)) if network.addr().is_ipv6() => {
            // No prefix of IPv6 has more than 128 bits, which leaves at most 32.
            Ipv4Net::new(address, length).map_or(network, IpNet::V4)
        }
        _ => network,
    }
}

fn json(data: &Map<String, Value>) -> Bytes {
    // Objects that are made of JSON values can be written.
    serde_json::to_vec(data).unwrap_or_default().into()
}

fn parse_network(key: &str) -> Result<IpNet, ContentError> {
    if let Ok(address) = key.parse::<IpAddr>() {
        return Ok(address.into());
    }
    key.parse().map_err(|_| {
        ContentError(format!(
            "`{key}` is neither an address such as 192.0.2.1, nor a network such as 192.0.2.0/24 or 2001:db8::/32, nor \
             `default`"
        ))
    })
}

/// Whether an address is that of a client on the machine of its user. To a host in a container such a client is one of the
/// container's private network (RFC 1918, RFC 4193).
fn is_nearby(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local(),
    }
}

impl Geo for GeoTable {
    fn lookup(&self, address: IpAddr) -> Option<Bytes> {
        let found = match address {
            IpAddr::V4(v4) => self.v4.get_lpm(&v4.into()).map(|(_, data)| data),
            IpAddr::V6(v6) => self.v6.get_lpm(&v6.into()).map(|(_, data)| data),
        };
        if let Some(data) = found.or(self.default.as_ref()) {
            return Some(data.clone());
        }
        let known = self.loopback && is_nearby(address);
        known.then(|| Bytes::from_static(LOOPBACK_GEO.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(table: &GeoTable, address: &str) -> Option<String> {
        let data = table.lookup(address.parse().unwrap())?;
        let data: Value = serde_json::from_slice(&data).unwrap();
        Some(data["city"].as_str().unwrap().to_owned())
    }

    #[test]
    fn the_smallest_network_counts() {
        let mut table = GeoTable::from_json(
            br#"{"10.0.0.0/8": {"city": "a"}, "10.1.0.0/16": {"city": "b"}, "10.1.2.3": {"city": "c"},
                "2001:db8::/32": {"city": "d"}, "::ffff:192.0.2.1": {"city": "e"},
                "::ffff:198.51.100.0/120": {"city": "f"}}"#,
        )
        .unwrap();
        assert_eq!(table.len(), 6);
        for (address, city) in [
            ("10.9.9.9", "a"),
            ("10.1.9.9", "b"),
            ("10.1.2.3", "c"),
            ("2001:db8::1", "d"),
            ("192.0.2.1", "e"),
            ("198.51.100.7", "f"),
        ] {
            assert_eq!(found(&table, address).as_deref(), Some(city), "{address}");
        }
        assert_eq!(found(&table, "11.0.0.1"), None);
        assert_eq!(found(&table, "127.0.0.1").unwrap(), "San Francisco");
        assert_eq!(found(&table, "::1").unwrap(), "San Francisco");
        for of_a_container in ["172.17.0.1", "192.168.65.1", "fd00::1"] {
            assert_eq!(found(&table, of_a_container).unwrap(), "San Francisco");
        }
        assert_eq!(found(&table, "172.32.0.1"), None);
        assert_eq!(found(&table, "2001:db9::1"), None);
        table.use_default_loopback(false);
        assert_eq!(found(&table, "127.0.0.1"), None);
        assert_eq!(found(&table, "172.17.0.1"), None);
        let default = serde_json::json!({"city": "z"});
        table.set_default(default.as_object().unwrap());
        assert_eq!(found(&table, "11.0.0.1").unwrap(), "z");
        assert_eq!(found(&table, "::2").unwrap(), "z");
        table.use_default_loopback(true);
        assert_eq!(found(&table, "127.0.0.1").unwrap(), "z");
    }

    #[test]
    fn mistakes_are_told() {
        for (json, expected) in [
            ("[]", "this is not a JSON object"),
            (r#"{"10.0.0.0/33": {}}"#, "nor a network such as"),
            (r#"{"x": {}}"#, "`x` is neither an address"),
            (r#"{"10.0.0.1": 1}"#, "`10.0.0.1`: this is not an object"),
        ] {
            let error = GeoTable::from_json(json.as_bytes()).unwrap_err();
            assert!(error.to_string().contains(expected), "{json}: {error}");
        }
    }
}
