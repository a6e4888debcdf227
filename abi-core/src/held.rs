//! What a guest has written to bodies, header fields and the like, which the host holds until somebody has taken it.
//!
//! A guest's own memory has a limit. Without one here it could have the host hold any number of bytes in its place, by
//! accident as well: a loop that writes to a body and does not end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::HeaderMap;

use crate::error::{Error, Result};
use crate::http::headers::{append_where_room, parse_value};

/// The most bytes of this kind that are held for one run, from one request of a client to the next.
pub(crate) const HELD_BYTES_MAX: usize = 512 * 1024 * 1024;

/// What each write takes beside its bytes, such as a place in a queue or a map.
const WRITE_BYTES: usize = 128;

/// The bytes that are held for one run.
#[derive(Debug)]
pub(crate) struct HeldBytes {
    max: usize,
    held: Arc<AtomicUsize>,
}

impl HeldBytes {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            max,
            held: Arc::default(),
        }
    }

    /// A copy of what the guest has written. It counts until the last part of it is dropped, wherever that is.
    ///
    /// # Errors
    ///
    /// [`Error::LimitExceeded`] when there would be more than may be held.
    pub(crate) fn copy(&self, bytes: &[u8]) -> Result<Bytes> {
        match bytes.is_empty() {
            true => Ok(Bytes::new()),
            false => self.copy_beside(bytes, 0),
        }
    }

    /// A copy of the value of a header field, whose name counts as well.
    ///
    /// # Errors
    ///
    /// Those of [`copy`](Self::copy).
    pub(crate) fn copy_field(&self, name: &[u8], value: &[u8]) -> Result<Bytes> {
        self.copy_beside(value, name.len())
    }

    /// A copy of header fields that the guest may change or drop without the others.
    ///
    /// # Errors
    ///
    /// Those of [`copy`](Self::copy).
    pub(crate) fn copy_headers(&self, headers: &HeaderMap) -> Result<HeaderMap> {
        let mut copies = HeaderMap::with_capacity(headers.keys_len());
        for (name, value) in headers {
            let bytes = self.copy_field(name.as_str().as_bytes(), value.as_bytes())?;
            let mut copy = parse_value(bytes)?;
            copy.set_sensitive(value.is_sensitive());
            append_where_room(&mut copies, name, copy);
        }
        Ok(copies)
    }

    fn copy_beside(&self, bytes: &[u8], beside: usize) -> Result<Bytes> {
        let beside = beside.saturating_add(WRITE_BYTES);
        let counted = bytes.len().saturating_add(beside);
        // Only the guest adds, and it does one thing at a time; what is dropped meanwhile makes it less.
        if self.held.load(Ordering::Relaxed).saturating_add(counted) > self.max {
            return Err(Error::LimitExceeded("held byte"));
        }
        self.held.fetch_add(counted, Ordering::Relaxed);
        Ok(Bytes::from_owner(Written {
            bytes: bytes.into(),
            counted,
            held: self.held.clone(),
        }))
    }
}

/// The bytes of one write.
struct Written {
    bytes: Box<[u8]>,
    counted: usize,
    held: Arc<AtomicUsize>,
}

impl AsRef<[u8]> for Written {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        self.held.fetch_sub(self.counted, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn what_is_held_has_a_bound_and_what_was_taken_makes_room() {
        let held = HeldBytes::new(3 * WRITE_BYTES);
        let first = held.copy(&[1; WRITE_BYTES]).unwrap();
        assert!(matches!(
            held.copy(&[2; WRITE_BYTES]),
            Err(Error::LimitExceeded(_))
        ));
        let part = first.slice(1..2);
        drop(first);
        assert!(held.copy(&[2; WRITE_BYTES]).is_err(), "a part keeps all");
        drop(part);
        assert_eq!(held.copy(&[2; WRITE_BYTES]).unwrap()[..], [2; WRITE_BYTES]);
    }

    #[test]
    fn small_writes_count_as_they_take_memory() {
        let held = HeldBytes::new(10 * WRITE_BYTES);
        let written: Vec<_> = std::iter::repeat_with(|| held.copy(b"x"))
            .map_while(Result::ok)
            .collect();
        assert_eq!(written.len(), 9);
        assert!(held.copy(b"").unwrap().is_empty());
        assert!(held.copy_field(b"", b"").is_err(), "a field takes a place");
    }

    #[test]
    fn every_field_of_a_copy_counts_until_it_is_dropped() {
        let held = HeldBytes::new(4 * WRITE_BYTES);
        let mut headers = HeaderMap::new();
        headers.append("a", HeaderValue::from_static("1"));
        headers.append("a", HeaderValue::from_static("2"));
        let mut copy = held.copy_headers(&headers).unwrap();
        assert_eq!(copy, headers);
        assert!(held.copy_headers(&headers).is_err());
        copy.remove("a");
        assert!(held.copy_headers(&headers).is_ok());
    }

    #[test]
    fn the_name_of_a_field_counts() {
        let held = HeldBytes::new(3 * WRITE_BYTES);
        let name = [b'n'; WRITE_BYTES];
        let value = held.copy_field(&name, &[b'v'; WRITE_BYTES]).unwrap();
        assert!(held.copy_field(b"", b"").is_err());
        drop(value);
        assert!(held.copy_field(&name, b"").is_ok());
    }
}
