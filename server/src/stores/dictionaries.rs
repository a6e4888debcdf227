//! Dictionaries and config stores.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use abi_core::platform::{ConfigStore, ConfigStores};
use bytes::Bytes;

use crate::config::{FileError, read_bounded};

/// The longest key, in characters.
const KEY_LENGTH_MAX: usize = 256;

/// The longest value, in characters.
const VALUE_LENGTH_MAX: usize = 8000;

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
    Items(Arc<Items>),
    File { path: PathBuf, latest: Mutex<Read> },
}

/// What a file held when it was last read.
#[derive(Clone, Debug)]
struct Read {
    state: FileState,
    items: Arc<Items>,
}

/// What changes when a file does.
type FileState = Option<(SystemTime, u64)>;

impl Dictionary {
    /// A dictionary of items that do not change.
    ///
    /// # Errors
    ///
    /// [`DictionaryError`] when a key or a value is too long.
    pub fn of_items(
        items: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, DictionaryError> {
        Items::new(items).map(|items| Self(Source::Items(Arc::new(items))))
    }

    /// A dictionary of what is in a file: a JSON object of strings. When the file changes, guests that open the
    /// dictionary afterwards see the change.
    ///
    /// # Errors
    ///
    /// [`DictionaryError`] when the file cannot be used.
    pub fn of_file(path: PathBuf) -> Result<Self, DictionaryError> {
        let state = file_state(&path);
        let items = Arc::new(read(&path)?);
        let latest = Mutex::new(Read { state, items });
        Ok(Self(Source::File { path, latest }))
    }

    fn items(&self) -> Arc<Items> {
        match &self.0 {
            Source::Items(items) => items.clone(),
            Source::File { path, latest } => {
                // A panic cannot leave it half written: it is replaced as a whole.
                let mut latest = latest.lock().unwrap_or_else(PoisonError::into_inner);
                let state = file_state(path);
                if state != latest.state {
                    latest.state = state;
                    match read(path) {
                        Ok(items) => latest.items = Arc::new(items),
                        Err(error) => tracing::warn!("{error}; its former contents are used"),
                    }
                }
                latest.items.clone()
            }
        }
    }
}

fn file_state(path: &Path) -> FileState {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn read(path: &Path) -> Result<Items, DictionaryError> {
    let bytes = read_bounded(path).map_err(|error| {
        DictionaryError(
            FileError {
                path: path.to_owned(),
                error,
            }
            .to_string(),
        )
    })?;
    let within = |error: &dyn fmt::Display| DictionaryError(format!("{}: {error}", path.display()));
    let items: BTreeMap<String, String> = serde_json::from_slice(&bytes).map_err(|error| {
        within(&format_args!(
            "this is not a JSON object of strings: {error}"
        ))
    })?;
    Items::new(items).map_err(|error| within(&error))
}

/// The items of a dictionary at one time.
#[derive(Debug)]
struct Items(HashMap<String, Bytes>);

impl Items {
    fn new(items: impl IntoIterator<Item = (String, String)>) -> Result<Self, DictionaryError> {
        let mut map = HashMap::new();
        for (key, value) in items {
            if key.chars().count() > KEY_LENGTH_MAX {
                return Err(DictionaryError(format!(
                    "the key `{key}` is longer than {KEY_LENGTH_MAX} characters"
                )));
            }
            if value.chars().count() > VALUE_LENGTH_MAX {
                return Err(DictionaryError(format!(
                    "the value of `{key}` is longer than {VALUE_LENGTH_MAX} characters"
                )));
            }
            map.insert(key, Bytes::from(value));
        }
        Ok(Self(map))
    }
}

impl ConfigStore for Items {
    fn get(&self, key: &str) -> Option<Bytes> {
        self.0.get(key).cloned()
    }
}

/// A dictionary that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DictionaryError(String);

impl fmt::Display for DictionaryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DictionaryError {}

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
    fn limits_are_kept() {
        assert!(Dictionary::of_items([item(&"k".repeat(256), &"v".repeat(8000))]).is_ok());
        assert!(Dictionary::of_items([item(&"k".repeat(257), "")]).is_err());
        assert!(Dictionary::of_items([item("k", &"ä".repeat(8001))]).is_err());
    }

    #[test]
    fn a_file_is_read_again_when_it_has_changed() {
        let folder = std::env::temp_dir().join(format!("fastlike-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("dictionary.json");
        std::fs::write(&path, r#"{"a": "1"}"#).unwrap();
        let dictionary = Dictionary::of_file(path.clone()).unwrap();
        let before = dictionary.items();
        std::fs::write(&path, r#"{"a": "two"}"#).unwrap();
        assert_eq!(dictionary.items().get("a").unwrap(), "two");
        assert_eq!(before.get("a").unwrap(), "1");
        std::fs::write(&path, "not JSON").unwrap();
        assert_eq!(dictionary.items().get("a").unwrap(), "two");
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_file_that_is_no_dictionary_is_named() {
        let path = PathBuf::from("no/such.json");
        let error = Dictionary::of_file(path).unwrap_err().to_string();
        assert!(error.starts_with("no/such.json cannot be read"), "{error}");
    }
}
