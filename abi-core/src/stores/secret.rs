//! Secret stores: bytes that a program reads by name, and that are never written to a log.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::{ContentError, strings_of_json};

/// The longest name of a secret or of a secret store, in characters.
pub const SECRET_NAME_LENGTH_MAX: usize = 255;

/// The largest secret that a guest can make of bytes of its own.
pub const SECRET_BYTES_MAX: u32 = 64 * 1024;

/// The secret stores of a service.
pub trait SecretStores: Send + Sync {
    /// The store of this name.
    fn open(&self, name: &str) -> Option<Arc<dyn SecretStore>>;
}

impl SecretStores for HashMap<String, Arc<dyn SecretStore>> {
    fn open(&self, name: &str) -> Option<Arc<dyn SecretStore>> {
        self.get(name).cloned()
    }
}

/// One secret store.
pub trait SecretStore: Send + Sync {
    /// The secret of this name, in plain text.
    fn get(&self, name: &str) -> Option<Bytes>;
}

/// The secrets of a store, in memory. Its debugging text has their names only.
#[derive(Clone, Default)]
pub struct SecretItems(HashMap<String, Bytes>);

impl SecretItems {
    /// A store without secrets.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a secret, or replaces the one of the same name.
    ///
    /// # Errors
    ///
    /// [`ContentError`] when the name is not one that a secret can have.
    pub fn insert(&mut self, name: &str, secret: impl Into<Bytes>) -> Result<(), ContentError> {
        check_secret_name(name)?;
        self.0.insert(name.to_owned(), secret.into());
        Ok(())
    }

    /// A store of the secrets of a JSON object of strings.
    ///
    /// # Errors
    ///
    /// Those of [`insert`](Self::insert), and [`ContentError`] when it is something else.
    pub fn from_json(json: &[u8]) -> Result<Self, ContentError> {
        let mut items = Self::new();
        for (name, secret) in strings_of_json(json)? {
            items.insert(&name, secret)?;
        }
        Ok(items)
    }
}

impl SecretStore for SecretItems {
    fn get(&self, name: &str) -> Option<Bytes> {
        self.0.get(name).cloned()
    }
}

impl fmt::Debug for SecretItems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Checks the name of a secret, or of a secret store: 1 to [`SECRET_NAME_LENGTH_MAX`] ASCII letters, digits, `-`, `_`
/// and `.`.
///
/// # Errors
///
/// [`ContentError`] when it is something else.
pub fn check_secret_name(name: &str) -> Result<(), ContentError> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if (1..=SECRET_NAME_LENGTH_MAX).contains(&name.len()) && name.bytes().all(is_allowed) {
        return Ok(());
    }
    Err(ContentError(format!(
        "`{name}` is not the name of a secret or secret store; these have 1 to {SECRET_NAME_LENGTH_MAX} letters, \
         digits, `-`, `_` and `.`"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_an_alphabet_and_a_length() {
        for name in ["a", "A-b_c.9", &"x".repeat(255)] {
            assert_eq!(check_secret_name(name), Ok(()), "{name}");
        }
        for name in ["", "a b", "a/b", "ä", &"x".repeat(256)] {
            assert!(check_secret_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn secrets_do_not_show() {
        let items = SecretItems::from_json(br#"{"name": "hunter2"}"#).unwrap();
        assert_eq!(items.get("name").unwrap(), "hunter2");
        assert_eq!(format!("{items:?}"), r#"{"name"}"#);
    }
}
