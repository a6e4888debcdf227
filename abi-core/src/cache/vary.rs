//! Vary rules: which headers of a request decide between the objects of a key.

use std::fmt;
use std::sync::Arc;

use http::header::ACCEPT_LANGUAGE;
use http::{HeaderMap, HeaderName};

use crate::error::{Error, Result};

/// The most header names of a vary rule.
pub const VARY_NAMES_MAX: usize = 64;

/// Names of request headers, each once and in order. An object is found by requests that have the same values of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VaryRule(Arc<[HeaderName]>);

impl VaryRule {
    /// Reads a list of names separated by spaces or commas. An empty one makes no difference between requests.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] when one of them is no header name, or there are more than [`VARY_NAMES_MAX`].
    pub fn parse(list: &str) -> Result<Self> {
        let names = list.split([' ', ',']).filter(|name| !name.is_empty());
        let names: Result<Vec<_>, _> = names.map(|name| name.parse::<HeaderName>()).collect();
        let names = names.map_err(|_| {
            Error::InvalidArgument("a vary rule is a list of header names separated by spaces")
        })?;
        Self::from_names(names)
    }

    /// A rule of these names.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] when there are more than [`VARY_NAMES_MAX`].
    pub fn from_names(names: impl IntoIterator<Item = HeaderName>) -> Result<Self> {
        let mut names: Vec<_> = names.into_iter().collect();
        names.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        names.dedup();
        if names.len() > VARY_NAMES_MAX {
            return Err(Error::InvalidArgument(
                "a vary rule has at most 64 header names",
            ));
        }
        Ok(Self(names.into()))
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &HeaderName> {
        self.0.iter()
    }

    /// About how much memory it takes, in bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        let names = self.0.iter();
        names
            .map(|name| name.as_str().len() + size_of::<HeaderName>())
            .sum()
    }

    /// What `headers` have of this rule, such that what differs in meaning gives different bytes.
    ///
    /// Values that mean the same give the same bytes, as far as that can be told of any header field (RFC 9111 section
    /// 4.1): a list may be on several lines, and there may be spaces around its commas. The case of language tags makes no
    /// difference either (RFC 4647 section 2.1); their order may.
    pub(super) fn variant(&self, headers: &HeaderMap) -> Box<[u8]> {
        let mut variant = Vec::new();
        for name in &*self.0 {
            let mut values = headers.get_all(name).iter();
            let Some(first) = values.next() else {
                variant.push(0);
                continue;
            };
            variant.push(1);
            // How long it is comes before it, so that values of two headers cannot be taken for one.
            let length_at = variant.len();
            variant.extend([0; size_of::<usize>()]);
            let start = variant.len();
            normalize(first.as_bytes(), &mut variant);
            for value in values {
                variant.push(b',');
                normalize(value.as_bytes(), &mut variant);
            }
            if *name == ACCEPT_LANGUAGE {
                variant[start..].make_ascii_lowercase();
            }
            let length = variant.len() - start;
            variant[length_at..start].copy_from_slice(&length.to_le_bytes());
        }
        variant.into()
    }
}

/// Appends a value without the spaces at its ends and around commas that are in no quoted string.
fn normalize(value: &[u8], out: &mut Vec<u8>) {
    let (mut is_quoted, mut is_escaped, mut after_comma) = (false, false, true);
    for byte in value.trim_ascii_end() {
        let is_space = matches!(byte, b' ' | b'\t');
        if is_space && after_comma {
            continue;
        }
        let was_escaped = std::mem::take(&mut is_escaped);
        match byte {
            _ if was_escaped => {}
            b'"' => is_quoted = !is_quoted,
            b'\\' => is_escaped = is_quoted,
            b',' if !is_quoted => {
                while out.last().is_some_and(|last| matches!(last, b' ' | b'\t')) {
                    out.pop();
                }
            }
            _ => {}
        }
        after_comma = *byte == b',' && !is_quoted;
        out.push(*byte);
    }
}

impl fmt::Display for VaryRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(name.as_str())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_gives_different_variants() {
        let rule = VaryRule::parse("B a").unwrap();
        assert_eq!(rule, VaryRule::parse("a,b A").unwrap());
        assert_eq!(rule.to_string(), "a b");
        let headers = |list: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in list {
                headers.append(HeaderName::from_static(name), value.parse().unwrap());
            }
            rule.variant(&headers)
        };
        let all = [
            headers(&[]),
            headers(&[("a", "")]),
            headers(&[("b", "")]),
            headers(&[("a", "1")]),
            headers(&[("a", "1"), ("a", "")]),
            headers(&[("a", "1"), ("b", "1")]),
            headers(&[("a", "1 2")]),
            headers(&[("a", "1  2")]),
            headers(&[("a", "12")]),
            headers(&[("a", "1,2")]),
            headers(&[("a", "2,1")]),
            headers(&[("a", "x")]),
            headers(&[("a", "X")]),
            headers(&[("a", "\"1,2\"")]),
            headers(&[("a", "\"1, 2\"")]),
            headers(&[("a", "\"\\\", 2\"")]),
            headers(&[("a", "\"\\\",2\"")]),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[index + 1..].contains(one), "{index}");
        }
        assert_eq!(headers(&[("c", "1")]), all[0]);
        let list = headers(&[("a", "1,2")]);
        for same in [
            headers(&[("a", "1"), ("a", "2")]),
            headers(&[("a", " 1 ,\t2 ")]),
            headers(&[("a", "1, 2")]),
        ] {
            assert_eq!(same, list);
        }
        assert!(VaryRule::parse("a b\u{e9}").is_err());
        assert_eq!(VaryRule::parse("").unwrap(), VaryRule::default());
    }

    #[test]
    fn the_case_of_languages_makes_no_difference_and_their_order_does() {
        let rule = VaryRule::parse("accept-language").unwrap();
        let variant = |value: &'static str| {
            let value = http::HeaderValue::from_static(value);
            rule.variant(&HeaderMap::from_iter([(ACCEPT_LANGUAGE, value)]))
        };
        assert_eq!(variant("en, DE-at;q=0.5"), variant("EN,de-AT;q=0.5"));
        assert_ne!(variant("en, de"), variant("de, en"));
    }
}
