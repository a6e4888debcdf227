//! What objects are found by, and what they are purged by.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::{Error, Result};

/// The longest cache key, in bytes.
pub const CACHE_KEY_BYTES_MAX: usize = 4096;

/// The longest surrogate key, in bytes.
pub const SURROGATE_KEY_BYTES_MAX: usize = 1024;

/// The longest list of surrogate keys, in bytes.
pub const SURROGATE_KEYS_BYTES_MAX: usize = 16 * 1024;

/// What a surrogate key takes beside its text: an entry of the directory, and a set of objects with at least one.
const KEY_BYTES: usize = 256;

/// Whose keys these are: one interface does not find the objects of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CacheSpace {
    /// Objects that guests insert by keys of their own.
    Core,
    /// Responses to HTTP requests.
    Http,
}

/// What an object is found by, beside the request headers of its vary rule.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CacheKey {
    space: CacheSpace,
    bytes: Bytes,
}

impl CacheKey {
    /// A key of at most [`CACHE_KEY_BYTES_MAX`] bytes.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a longer one.
    pub fn new(space: CacheSpace, bytes: &[u8]) -> Result<Self> {
        if bytes.len() > CACHE_KEY_BYTES_MAX {
            return Err(Error::InvalidArgument("a cache key has at most 4096 bytes"));
        }
        Ok(Self {
            space,
            bytes: Bytes::copy_from_slice(bytes),
        })
    }

    /// Whose key it is.
    #[must_use]
    pub fn space(&self) -> CacheSpace {
        self.space
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.space, self.bytes.escape_ascii())
    }
}

/// What many objects can be purged by at once: visible ASCII without spaces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SurrogateKey(Arc<str>);

impl SurrogateKey {
    /// A surrogate key of 1 to [`SURROGATE_KEY_BYTES_MAX`] visible ASCII characters.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for anything else.
    pub fn new(key: &[u8]) -> Result<Self> {
        let is_allowed = (1..=SURROGATE_KEY_BYTES_MAX).contains(&key.len())
            && key.iter().all(u8::is_ascii_graphic);
        match std::str::from_utf8(key) {
            Ok(key) if is_allowed => Ok(Self(key.into())),
            _ => Err(Error::InvalidArgument(
                "a surrogate key has 1 to 1024 visible ASCII characters",
            )),
        }
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The surrogate keys of an object: each once, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SurrogateKeys(Vec<SurrogateKey>);

impl SurrogateKeys {
    /// Reads a list separated by spaces, of at most [`SURROGATE_KEYS_BYTES_MAX`] bytes.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a longer one, and where one of the keys is none.
    pub fn parse(list: &[u8]) -> Result<Self> {
        if list.len() > SURROGATE_KEYS_BYTES_MAX {
            return Err(Error::InvalidArgument(
                "surrogate keys have at most 16384 bytes together",
            ));
        }
        let keys = list.split(|byte| *byte == b' ');
        keys.filter(|key| !key.is_empty())
            .map(SurrogateKey::new)
            .collect()
    }

    /// Reads lists separated by white space, as backends give them. What is no key is left out, and so is what goes beyond
    /// [`SURROGATE_KEYS_BYTES_MAX`] bytes.
    #[must_use]
    pub fn from_lists<'a>(lists: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut room = SURROGATE_KEYS_BYTES_MAX;
        let lists = lists.into_iter();
        lists
            .flat_map(|list| list.split(u8::is_ascii_whitespace))
            .filter_map(|key| SurrogateKey::new(key).ok())
            .take_while(|key| {
                let rest = room.checked_sub(key.as_str().len() + 1);
                room = rest.unwrap_or(0);
                rest.is_some()
            })
            .collect()
    }

    /// The keys.
    pub fn iter(&self) -> impl Iterator<Item = &SurrogateKey> {
        self.0.iter()
    }

    /// About how much memory they take, in bytes, with what finds an object by them.
    pub(super) fn memory_bytes(&self) -> usize {
        let keys = self.0.iter();
        keys.map(|key| key.0.len() + KEY_BYTES).sum()
    }
}

impl FromIterator<SurrogateKey> for SurrogateKeys {
    fn from_iter<I: IntoIterator<Item = SurrogateKey>>(keys: I) -> Self {
        let mut keys: Vec<_> = keys.into_iter().collect();
        keys.sort();
        keys.dedup();
        Self(keys)
    }
}

impl fmt::Display for SurrogateKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, key) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(&key.0)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_surrogate_keys() {
        let keys = SurrogateKeys::parse(b" b  a b ").unwrap();
        assert_eq!(keys.to_string(), "a b");
        assert_eq!(SurrogateKeys::parse(b"").unwrap().iter().count(), 0);
        assert!(SurrogateKeys::parse(b"a\tb").is_err());
        assert!(SurrogateKeys::parse(&[b'k'; SURROGATE_KEY_BYTES_MAX]).is_ok());
        assert!(SurrogateKeys::parse(&[b'k'; SURROGATE_KEY_BYTES_MAX + 1]).is_err());
        assert!(SurrogateKeys::parse(&[b' '; SURROGATE_KEYS_BYTES_MAX]).is_ok());
        assert!(SurrogateKeys::parse(&[b' '; SURROGATE_KEYS_BYTES_MAX + 1]).is_err());
    }

    #[test]
    fn keys_have_a_bound() {
        assert!(CacheKey::new(CacheSpace::Core, &[0; CACHE_KEY_BYTES_MAX]).is_ok());
        assert!(CacheKey::new(CacheSpace::Core, &[0; CACHE_KEY_BYTES_MAX + 1]).is_err());
    }
}
