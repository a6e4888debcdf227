//! Config stores, which are dictionaries too: strings by their keys.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::{ContentError, strings_of_json};

/// The longest key of a config store, in characters.
pub const CONFIG_KEY_LENGTH_MAX: usize = 256;

/// The longest value of a config store, in characters.
pub const CONFIG_VALUE_LENGTH_MAX: usize = 8000;

/// The dictionaries and config stores of a service.
pub trait ConfigStores: Send + Sync {
    /// The store of this name.
    fn open(&self, name: &str) -> Option<Arc<dyn ConfigStore>>;
}

impl ConfigStores for HashMap<String, Arc<dyn ConfigStore>> {
    fn open(&self, name: &str) -> Option<Arc<dyn ConfigStore>> {
        self.get(name).cloned()
    }
}

/// One dictionary or config store, as it was when it was opened.
pub trait ConfigStore: Send + Sync {
    /// The value of `key`.
    fn get(&self, key: &str) -> Option<Bytes>;
}

/// The items of a config store, in memory.
#[derive(Clone, Debug, Default)]
pub struct ConfigItems(HashMap<String, Bytes>);

impl ConfigItems {
    /// A store of these items. Of two with the same key the later one counts.
    ///
    /// # Errors
    ///
    /// [`ContentError`] when a key is longer than [`CONFIG_KEY_LENGTH_MAX`], or a value than
    /// [`CONFIG_VALUE_LENGTH_MAX`].
    pub fn new(items: impl IntoIterator<Item = (String, String)>) -> Result<Self, ContentError> {
        let mut map = HashMap::new();
        for (key, value) in items {
            if key.chars().count() > CONFIG_KEY_LENGTH_MAX {
                return Err(ContentError(format!(
                    "the key `{key}` is longer than {CONFIG_KEY_LENGTH_MAX} characters"
                )));
            }
            if value.chars().count() > CONFIG_VALUE_LENGTH_MAX {
                return Err(ContentError(format!(
                    "the value of `{key}` is longer than {CONFIG_VALUE_LENGTH_MAX} characters"
                )));
            }
            map.insert(key, Bytes::from(value));
        }
        Ok(Self(map))
    }

    /// A store of the items of a JSON object of strings.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new), and [`ContentError`] when it is something else.
    pub fn from_json(json: &[u8]) -> Result<Self, ContentError> {
        Self::new(strings_of_json(json)?)
    }
}

impl ConfigStore for ConfigItems {
    fn get(&self, key: &str) -> Option<Bytes> {
        self.0.get(key).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(key: &str, value: &str) -> Result<ConfigItems, ContentError> {
        ConfigItems::new([(key.to_owned(), value.to_owned())])
    }

    #[test]
    fn limits_are_kept_in_characters() {
        assert!(of(&"k".repeat(256), &"v".repeat(8000)).is_ok());
        assert!(of(&"ü".repeat(256), &"ä".repeat(8000)).is_ok());
        assert!(of(&"k".repeat(257), "").is_err());
        assert!(of("k", &"ä".repeat(8001)).is_err());
    }

    #[test]
    fn json_is_an_object_of_strings() {
        let items = ConfigItems::from_json(br#"{"a": "1", "b": "\u00fc", "a": "2"}"#).unwrap();
        assert_eq!(items.get("a").unwrap(), "2");
        assert_eq!(items.get("b").unwrap(), "ü");
        assert!(items.get("c").is_none());
        for wrong in [
            "",
            "[]",
            "{\"a\": 1}",
            "{\"a\": \"1\"} x",
            "{\"a\": \"\\x\"}",
        ] {
            let error = ConfigItems::from_json(wrong.as_bytes()).unwrap_err();
            assert!(
                error.to_string().starts_with("this is not a JSON"),
                "{wrong}: {error}"
            );
        }
    }
}
