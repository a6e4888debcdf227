//! Which texts are keys.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use crate::stores::ContentError;

/// The longest key, in bytes.
pub const KV_KEY_BYTES_MAX: usize = 1024;

/// A prefix that no key has, because the paths below it belong to the issuers of certificates.
const RESERVED_PREFIX: &str = ".well-known/acme-challenge";

/// A key of a KV store. Clones share its text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KvKey(Arc<str>);

impl KvKey {
    /// Checks a text, and makes a key of it.
    ///
    /// # Errors
    ///
    /// [`ContentError`] when it has not 1 to [`KV_KEY_BYTES_MAX`] bytes; has one of the characters CR, LF, `#`, `;`,
    /// `?`, `^`, `|`; is, begins, ends or goes on with a `.` or `..` as part of a path; is a single character that
    /// does not show; or begins with `.well-known/acme-challenge`.
    pub fn new(text: &str) -> Result<Self, ContentError> {
        match complaint(text) {
            None => Ok(Self(text.into())),
            Some(complaint) => Err(ContentError(format!(
                "`{}` cannot be a key: {complaint}",
                text.escape_debug()
            ))),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for KvKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for KvKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// What is wrong with a text that is to be a key.
fn complaint(text: &str) -> Option<&'static str> {
    let mut characters = text.chars();
    let single = characters.next().filter(|_| characters.next().is_none());
    let is_blank = |character| matches!(character, '\0'..=' ' | '\u{FFFE}' | '\u{FFFF}');
    if text.is_empty() {
        Some("it is empty")
    } else if text.len() > KV_KEY_BYTES_MAX {
        Some("it has more than 1024 bytes")
    } else if text.contains(['\r', '\n', '#', ';', '?', '^', '|']) {
        Some("line breaks and # ; ? ^ | are not allowed")
    } else if matches!(text, "." | "..")
        || text.contains("./")
        || text.ends_with("/.")
        || text.ends_with("/..")
    {
        Some("`.` and `..` are not allowed as parts of a path")
    } else if text.starts_with(RESERVED_PREFIX) {
        Some("`.well-known/acme-challenge` is reserved")
    } else if single.is_some_and(is_blank) {
        Some("a single character that does not show is not allowed")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_follow_the_rules() {
        let long = "ä".repeat(512);
        for text in [
            "a", "a/b", "a b", "...", "..a", ".a", "a.", "a/.b", "a/..b", "ü", "a\tb", "  ",
            "{}*&%", &long,
        ] {
            assert_eq!(KvKey::new(text).unwrap().as_str(), text);
        }
        let longer = "ä".repeat(512) + "a";
        for text in [
            "",
            ".",
            "..",
            "a/.",
            "a/..",
            "./a",
            "../a",
            "a/./b",
            "a/../b",
            "a./b",
            "a\rb",
            "a\nb",
            "a#",
            ";",
            "?",
            "^",
            "|",
            "\0",
            " ",
            "\u{1f}",
            "\u{FFFE}",
            "\u{FFFF}",
            ".well-known/acme-challenge",
            ".well-known/acme-challenge/x",
            &longer,
        ] {
            let error = KvKey::new(text).unwrap_err().to_string();
            assert!(error.contains("cannot be a key"), "{text:?}: {error}");
        }
    }
}
