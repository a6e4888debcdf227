//! Changes to the headers of a response that is still to come.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::headers::{FIELDS_MAX, parse_name, parse_value};
use crate::error::{Error, Result};

/// Which outcome of a request a change is for. witx `pending_response_kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutcomeKind {
    /// Either.
    Any,
    /// A response from the backend.
    Response,
    /// The response that the host makes up where there is none.
    Error,
}

impl TryFrom<u32> for OutcomeKind {
    type Error = Error;

    fn try_from(kind: u32) -> Result<Self> {
        match kind {
            0 => Ok(Self::Any),
            1 => Ok(Self::Response),
            2 => Ok(Self::Error),
            _ => Err(Error::InvalidArgument("there is no such kind of response")),
        }
    }
}

/// Changes to make, in the order in which they were asked for.
#[derive(Clone, Debug, Default)]
pub struct HeaderEdits {
    response: Vec<Edit>,
    error: Vec<Edit>,
}

#[derive(Clone, Debug)]
enum Edit {
    Insert(HeaderName, HeaderValue),
    Append(HeaderName, HeaderValue),
    Remove {
        name: HeaderName,
        /// What counts for the name.
        _held: Bytes,
    },
}

impl HeaderEdits {
    /// Sets a header to one value.
    ///
    /// # Errors
    ///
    /// Those of [`parse_name`] and [`parse_value`], and [`Error::LimitExceeded`].
    pub fn insert(&mut self, kind: OutcomeKind, name: &[u8], value: Bytes) -> Result<()> {
        self.push(kind, Edit::Insert(parse_name(name)?, parse_value(value)?))
    }

    /// Adds a value to a header.
    ///
    /// # Errors
    ///
    /// Those of [`parse_name`] and [`parse_value`], and [`Error::LimitExceeded`].
    pub fn append(&mut self, kind: OutcomeKind, name: &[u8], value: Bytes) -> Result<()> {
        self.push(kind, Edit::Append(parse_name(name)?, parse_value(value)?))
    }

    /// Removes a header. Whether there will be one is not known yet, so none is no error. `held` is kept as long as the
    /// change is.
    ///
    /// # Errors
    ///
    /// Those of [`parse_name`], and [`Error::LimitExceeded`].
    pub fn remove(&mut self, kind: OutcomeKind, name: &[u8], held: Bytes) -> Result<()> {
        let edit = Edit::Remove {
            name: parse_name(name)?,
            _held: held,
        };
        self.push(kind, edit)
    }

    fn push(&mut self, kind: OutcomeKind, edit: Edit) -> Result<()> {
        if self.response.len().max(self.error.len()) >= FIELDS_MAX {
            return Err(Error::LimitExceeded("header"));
        }
        if kind != OutcomeKind::Response {
            self.error.push(edit.clone());
        }
        if kind != OutcomeKind::Error {
            self.response.push(edit);
        }
        Ok(())
    }

    /// Makes the changes that are for a response from the backend.
    pub fn apply_to_response(self, headers: &mut HeaderMap) {
        apply(self.response, headers);
    }

    /// Makes the changes that are for a response that the host makes up.
    pub fn apply_to_error(self, headers: &mut HeaderMap) {
        apply(self.error, headers);
    }
}

fn apply(edits: Vec<Edit>, headers: &mut HeaderMap) {
    for edit in edits {
        let made = match edit {
            Edit::Insert(name, value) => headers.try_insert(name, value).map(drop),
            Edit::Append(name, value) => headers.try_append(name, value).map(drop),
            Edit::Remove { name, .. } => {
                headers.remove(name);
                Ok(())
            }
        };
        if made.is_err() {
            tracing::debug!("a response has no room for all headers that its guest adds");
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_made_in_order_where_they_belong() {
        let mut edits = HeaderEdits::default();
        let (one, two) = (Bytes::from_static(b"1"), Bytes::from_static(b"2"));
        edits.insert(OutcomeKind::Any, b"a", one).unwrap();
        edits.append(OutcomeKind::Response, b"a", two).unwrap();
        edits
            .remove(OutcomeKind::Error, b"b", Bytes::new())
            .unwrap();
        let mut before = HeaderMap::new();
        before.insert("a", HeaderValue::from_static("0"));
        before.insert("b", HeaderValue::from_static("0"));

        let mut response = before.clone();
        edits.clone().apply_to_response(&mut response);
        let values: Vec<_> = response.get_all("a").iter().collect();
        assert_eq!(values, ["1", "2"]);
        assert!(response.contains_key("b"));

        edits.apply_to_error(&mut before);
        assert_eq!(before["a"], "1");
        assert!(!before.contains_key("b"));
    }

    #[test]
    fn there_is_a_bound_to_them() {
        let mut edits = HeaderEdits::default();
        for _ in 0..FIELDS_MAX {
            edits.remove(OutcomeKind::Any, b"a", Bytes::new()).unwrap();
        }
        let one_more = edits.remove(OutcomeKind::Error, b"a", Bytes::new());
        assert!(matches!(one_more, Err(Error::LimitExceeded(_))));
    }
}
