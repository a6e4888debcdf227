//! Vary rules: which headers of a request decide between the objects of a key.

use std::fmt;
use std::sync::Arc;

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

    /// What `headers` have of this rule, such that what differs gives different bytes.
    pub(super) fn variant(&self, headers: &HeaderMap) -> Box<[u8]> {
        let mut variant = Vec::new();
        for name in &*self.0 {
            let values = headers.get_all(name);
            variant.extend(values.iter().count().to_le_bytes());
            for value in values {
                variant.extend(value.len().to_le_bytes());
                variant.extend(value.as_bytes());
            }
        }
        variant.into()
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
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[index + 1..].contains(one), "{index}");
        }
        assert_eq!(headers(&[("c", "1")]), all[0]);
        assert!(VaryRule::parse("a b\u{e9}").is_err());
        assert_eq!(VaryRule::parse("").unwrap(), VaryRule::default());
    }
}
