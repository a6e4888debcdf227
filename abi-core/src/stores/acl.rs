//! Access control lists: what is to be done with the addresses of a network.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use prefix_trie::PrefixMap;
use serde_json::{Map, Value};

use super::ContentError;

/// The access control lists of a service.
pub trait Acls: Send + Sync {
    /// The list of this name.
    fn open(&self, name: &str) -> Option<Arc<dyn Acl>>;
}

impl Acls for HashMap<String, Arc<dyn Acl>> {
    fn open(&self, name: &str) -> Option<Arc<dyn Acl>> {
        self.get(name).cloned()
    }
}

/// One access control list.
pub trait Acl: Send + Sync {
    /// The entry of the smallest network that has this address in it.
    fn lookup(&self, address: IpAddr) -> Option<AclEntry>;
}

/// What is to be done with the addresses of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AclEntry {
    /// The network.
    pub prefix: IpNet,
    /// What is to be done: `ALLOW`, `BLOCK`, or any other text that means something to the program.
    pub action: Arc<str>,
}

impl AclEntry {
    /// The entry as guests get it.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::json!({ "action": &*self.action, "prefix": self.prefix.to_string() })
            .to_string()
    }
}

/// The entries of a list, in memory, as a trie of prefixes: a lookup takes as many steps as there are prefixes of the
/// address in the list, however many others there are.
#[derive(Clone, Debug, Default)]
pub struct AclEntries {
    v4: PrefixMap<Ipv4Net, Arc<str>>,
    v6: PrefixMap<Ipv6Net, Arc<str>>,
}

impl AclEntries {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an entry, or replaces the one of the same network. Bits of an address outside of its network do not count.
    pub fn insert(&mut self, prefix: IpNet, action: &str) {
        match prefix.trunc() {
            IpNet::V4(prefix) => drop(self.v4.insert(prefix, action.into())),
            IpNet::V6(prefix) => drop(self.v6.insert(prefix, action.into())),
        }
    }

    /// A list of the entries of a JSON document of the form
    /// `{ "entries": [{ "op": "create", "prefix": "192.0.2.0/24", "action": "BLOCK" }] }`. What `op` says does not
    /// count. Of two entries of the same network the later one counts. `allow` and `block` are written in capitals.
    ///
    /// # Errors
    ///
    /// [`ContentError`] when it has another form.
    pub fn from_json(json: &[u8]) -> Result<Self, ContentError> {
        let document: Value = serde_json::from_slice(json)
            .map_err(|error| ContentError(format!("this is not JSON: {error}")))?;
        let entries = document.get("entries").and_then(Value::as_array);
        let entries = entries.ok_or_else(|| {
            ContentError("this is not an object with the list `entries`".to_owned())
        })?;
        let mut list = Self::new();
        for (index, entry) in entries.iter().enumerate() {
            let (prefix, action) = parse_entry(entry)
                .map_err(|error| ContentError(format!("`entries[{index}]`: {error}")))?;
            list.insert(prefix, &action);
        }
        Ok(list)
    }

    /// How many networks it has.
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

fn parse_entry(entry: &Value) -> Result<(IpNet, String), String> {
    let entry = entry.as_object().ok_or("this is not an object")?;
    let prefix = text(entry, "prefix")?;
    let network: IpNet = prefix.parse().map_err(|_| {
        format!("`{prefix}` is not a network such as 192.0.2.0/24 or 2001:db8::/32")
    })?;
    if network.prefix_len() == 0 {
        return Err(format!(
            "the mask of `{prefix}` has to be at least 1: a list cannot have an entry for every address"
        ));
    }
    let action = text(entry, "action")?;
    let in_capitals = action.to_uppercase();
    Ok(match in_capitals.as_str() {
        "ALLOW" | "BLOCK" => (network, in_capitals),
        _ => (network, action.to_owned()),
    })
}

fn text<'a>(entry: &'a Map<String, Value>, key: &str) -> Result<&'a str, String> {
    let value = entry
        .get(key)
        .ok_or_else(|| format!("the key `{key}` is missing"))?;
    value
        .as_str()
        .ok_or_else(|| format!("`{key}` is not a string"))
}

impl Acl for AclEntries {
    fn lookup(&self, address: IpAddr) -> Option<AclEntry> {
        let (prefix, action) = match address {
            IpAddr::V4(address) => {
                let (prefix, action) = self.v4.get_lpm(&address.into())?;
                (prefix.into(), action)
            }
            IpAddr::V6(address) => {
                let (prefix, action) = self.v6.get_lpm(&address.into())?;
                (prefix.into(), action)
            }
        };
        Some(AclEntry {
            prefix,
            action: action.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(list: &AclEntries, address: &str) -> Option<String> {
        let entry = list.lookup(address.parse().unwrap())?;
        Some(format!("{} {}", entry.prefix, entry.action))
    }

    #[test]
    fn the_longest_prefix_counts_and_of_equal_ones_the_last() {
        let list = AclEntries::from_json(
            br#"{"entries": [
                {"op": "create", "prefix": "192.168.7.9/24", "action": "Block"},
                {"op": "create", "prefix": "192.168.0.0/16", "action": "allow"},
                {"op": "update", "prefix": "192.168.7.0/24", "action": "Other"},
                {"prefix": "FACE::/16", "action": "BLOCK"},
                {"prefix": "face:1::/32", "action": "ALLOW", "more": 1}
            ]}"#,
        )
        .unwrap();
        assert_eq!(list.len(), 4);
        assert_eq!(found(&list, "192.168.7.1").unwrap(), "192.168.7.0/24 Other");
        assert_eq!(found(&list, "192.168.8.1").unwrap(), "192.168.0.0/16 ALLOW");
        assert_eq!(found(&list, "192.169.8.1"), None);
        assert_eq!(found(&list, "face::1").unwrap(), "face::/16 BLOCK");
        assert_eq!(found(&list, "face:1::1").unwrap(), "face:1::/32 ALLOW");
        assert_eq!(found(&list, "fade::1"), None);
        assert_eq!(
            found(&list, "::ffff:192.168.7.1"),
            None,
            "another kind of address"
        );
        let entry = list.lookup("192.168.7.1".parse().unwrap()).unwrap();
        assert_eq!(
            entry.to_json(),
            r#"{"action":"Other","prefix":"192.168.7.0/24"}"#
        );
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        for (json, expected) in [
            ("", "this is not JSON"),
            ("[]", "the list `entries`"),
            (r#"{"entries": {}}"#, "the list `entries`"),
            (r#"{"entries": [1]}"#, "`entries[0]`: this is not an object"),
            (
                r#"{"entries": [{"action": "ALLOW"}]}"#,
                "the key `prefix` is missing",
            ),
            (
                r#"{"entries": [{"prefix": "10.0.0.0/8"}]}"#,
                "the key `action` is missing",
            ),
            (
                r#"{"entries": [{"prefix": "10.0.0.0/8", "action": 1}]}"#,
                "`action` is not a string",
            ),
            (
                r#"{"entries": [{"prefix": "10.0.0.0", "action": "x"}]}"#,
                "is not a network",
            ),
            (
                r#"{"entries": [{"prefix": "10.0.0.0/33", "action": "x"}]}"#,
                "is not a network",
            ),
            (
                r#"{"entries": [{"prefix": "0.0.0.0/0", "action": "x"}]}"#,
                "at least 1",
            ),
        ] {
            let error = AclEntries::from_json(json.as_bytes())
                .unwrap_err()
                .to_string();
            assert!(error.contains(expected), "{json}: {error}");
        }
    }
}
