//! Dictionaries and config stores.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use abi_core::stores::{ConfigItems, ConfigStore, ConfigStores};

use super::error::StoreError;
use super::reread::Reread;

/// The dictionaries of a service, by name.
#[derive(Debug, Default)]
pub struct DictionarySet(HashMap<String, Dictionary>);

impl FromIterator<(String, Dictionary)> for DictionarySet {
    fn from_iter<I: IntoIterator<Item = (String, Dictionary)>>(dictionaries: I) -> Self {
        Self(dictionaries.into_iter().collect())
    }
}

impl ConfigStores for DictionarySet {
    fn open(&self, name: &str) -> Option<Arc<dyn ConfigStore>> {
        let dictionary = self.0.get(name)?;
        Some(dictionary.items())
    }
}

/// One dictionary: strings by their keys.
#[derive(Debug)]
pub struct Dictionary(Source);

#[derive(Debug)]
enum Source {
    Items(Arc<ConfigItems>),
    File(Reread<ConfigItems>),
}

impl Dictionary {
    /// A dictionary of items that do not change.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when a key or a value is too long.
    pub fn of_items(items: impl IntoIterator<Item = (String, String)>) -> Result<Self, StoreError> {
        let items = ConfigItems::new(items)?;
        Ok(Self(Source::Items(Arc::new(items))))
    }

    /// A dictionary of what is in a file: a JSON object of strings. When the file changes, guests that open the
    /// dictionary a tenth of a second later see the change.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the file cannot be used.
    pub fn of_file(path: PathBuf) -> Result<Self, StoreError> {
        let file = Reread::new(path, |bytes| Ok(ConfigItems::from_json(bytes)?))?;
        Ok(Self(Source::File(file)))
    }

    fn items(&self) -> Arc<ConfigItems> {
        match &self.0 {
            Source::Items(items) => items.clone(),
            Source::File(file) => file.latest(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn items_are_found_by_key() {
        let dictionary = Dictionary::of_items([item("a", "1"), item("b", "")]).unwrap();
        let stores = DictionarySet::from_iter([("d".to_owned(), dictionary)]);
        let store = stores.open("d").unwrap();
        assert_eq!(store.get("a").unwrap(), "1");
        assert_eq!(store.get("b").unwrap(), "");
        assert!(store.get("c").is_none());
        assert!(stores.open("e").is_none());
    }

    #[test]
    fn a_file_is_read_again_when_it_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dictionary.json");
        std::fs::write(&path, r#"{"a": "1"}"#).unwrap();
        let dictionary = Dictionary::of_file(path.clone()).unwrap();
        let before = dictionary.items();
        std::fs::write(&path, r#"{"a": "two"}"#).unwrap();
        let began = std::time::Instant::now();
        while dictionary.items().get("a").unwrap() != "two" {
            assert!(began.elapsed().as_secs() < 60, "the change is not seen");
            std::thread::yield_now();
        }
        assert_eq!(before.get("a").unwrap(), "1");
    }

    #[test]
    fn a_file_that_is_no_dictionary_is_named() {
        let path = PathBuf::from("no/such.json");
        let error = Dictionary::of_file(path).unwrap_err().to_string();
        assert!(error.starts_with("no/such.json cannot be read"), "{error}");
    }
}
