//! Listing keys, page by page.

use std::fmt::Write;

use super::{KV_KEY_BYTES_MAX, KvError};

/// The most keys of one page, and the number where none is asked for.
pub const KV_LIST_LIMIT_MAX: u32 = 1000;

/// Which keys are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KvQuery {
    /// The text that they begin with; empty for all.
    pub prefix: String,
    /// The text that they come after, in the order of their bytes.
    pub after: Option<String>,
    /// How many at most, from 1 to [`KV_LIST_LIMIT_MAX`].
    pub limit: u32,
    /// Whether keys that were written or removed a moment ago may be missing or there still. A store that is in one
    /// place has no use for that.
    pub eventual: bool,
}

impl KvQuery {
    /// Whether a key begins as it should.
    #[must_use]
    pub fn has_prefix(&self, key: &str) -> bool {
        // To compare with an empty text takes longer than with any other: it is at an address where nothing is, which
        // vector instructions of the C library's `memcmp` are slow to find out. A page of all keys took five times as long.
        self.prefix.is_empty() || key.starts_with(&self.prefix)
    }
}

impl Default for KvQuery {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            after: None,
            limit: KV_LIST_LIMIT_MAX,
            eventual: false,
        }
    }
}

/// One page of keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KvPage {
    /// The keys, in the order of their bytes.
    pub keys: Vec<String>,
    /// Whether there are more behind them.
    pub has_more: bool,
}

impl KvPage {
    /// The first `limit` of these keys. Whether there are more is asked of one more key.
    pub fn take<'a>(keys: impl Iterator<Item = &'a str>, limit: u32) -> Self {
        let mut keys = keys;
        let taken = keys.by_ref().take(limit as usize);
        Self {
            keys: taken.map(str::to_owned).collect(),
            has_more: keys.next().is_some(),
        }
    }

    /// The page as guests get it, in answer to `query`.
    #[must_use]
    pub fn to_json(&self, query: &KvQuery) -> String {
        let mut meta = serde_json::Map::new();
        meta.insert("limit".to_owned(), query.limit.into());
        if !query.prefix.is_empty() {
            meta.insert("prefix".to_owned(), query.prefix.as_str().into());
        }
        if let Some(last) = self.keys.last().filter(|_| self.has_more) {
            meta.insert("next_cursor".to_owned(), cursor(last).into());
        }
        serde_json::json!({ "data": self.keys, "meta": meta }).to_string()
    }
}

/// The cursor to the keys behind `key`: its bytes in hexadecimal digits, which are safe in a URL.
fn cursor(key: &str) -> String {
    key.bytes().fold(String::new(), |mut digits, byte| {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

/// The key that a cursor, which a guest has got with a page, stands for.
///
/// # Errors
///
/// [`KvError::BadRequest`] when it is not a cursor.
pub fn decode_cursor(cursor: &[u8]) -> Result<String, KvError> {
    let (pairs, []) = cursor.as_chunks::<2>() else {
        return Err(KvError::BadRequest);
    };
    if pairs.len() > KV_KEY_BYTES_MAX {
        return Err(KvError::BadRequest);
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let bytes = pairs.iter().map(|[high, low]| {
        // Two digits are a byte.
        Some((digit(*high)? * 16 + digit(*low)?) as u8)
    });
    let bytes: Option<Vec<u8>> = bytes.collect();
    String::from_utf8(bytes.ok_or(KvError::BadRequest)?).map_err(|_| KvError::BadRequest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_what_was_asked_and_where_it_goes_on() {
        let query = KvQuery {
            prefix: "a\"".to_owned(),
            limit: 2,
            ..KvQuery::default()
        };
        let mut page = KvPage {
            keys: vec!["a\"1".to_owned(), "a\"ü\u{1}".to_owned()],
            has_more: false,
        };
        assert_eq!(
            page.to_json(&query),
            r#"{"data":["a\"1","a\"ü\u0001"],"meta":{"limit":2,"prefix":"a\""}}"#
        );
        page.has_more = true;
        let json: serde_json::Value = serde_json::from_str(&page.to_json(&query)).unwrap();
        let cursor = json["meta"]["next_cursor"].as_str().unwrap();
        assert_eq!(decode_cursor(cursor.as_bytes()).unwrap(), page.keys[1]);
        assert_eq!(
            KvPage::default().to_json(&KvQuery::default()),
            r#"{"data":[],"meta":{"limit":1000}}"#
        );
    }

    #[test]
    fn keys_begin_with_the_prefix() {
        let query = |prefix: &str| KvQuery {
            prefix: prefix.to_owned(),
            ..KvQuery::default()
        };
        for (prefix, key, expected) in [
            ("", "a", true),
            ("a", "a", true),
            ("a", "ab", true),
            ("ab", "a", false),
            ("b", "ab", false),
        ] {
            assert_eq!(query(prefix).has_prefix(key), expected, "{prefix} {key}");
        }
    }

    #[test]
    fn what_is_not_a_cursor_is_refused() {
        for wrong in ["6", "6g", "ff", "zz", &"61".repeat(1025)] {
            assert_eq!(decode_cursor(wrong.as_bytes()), Err(KvError::BadRequest));
        }
    }
}
