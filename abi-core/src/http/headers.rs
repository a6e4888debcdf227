//! Header lists as hostcalls address them: by name, by value, and by cursor.

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::error::{Error, Result};

/// The longest header name, in bytes. Longer ones are refused before they are parsed.
pub const NAME_LENGTH_MAX: usize = 65_535;

/// The most header fields that one message head or trailer section may have.
///
/// The map underneath has room for 32,768 and panics beyond it, so the limit is kept here.
pub const FIELDS_MAX: usize = 16_384;

/// Parses a header name; any case is accepted, lower case is kept.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for a name that is too long, [`Error::InvalidHttp`] for one that is not a token.
pub fn parse_name(name: &[u8]) -> Result<HeaderName> {
    if name.len() > NAME_LENGTH_MAX {
        return Err(Error::InvalidArgument("the header name is too long"));
    }
    HeaderName::from_bytes(name).map_err(|_| Error::InvalidHttp("the header name is not a token"))
}

/// Reads a header value: tab, and every byte from space on but DEL.
///
/// # Errors
///
/// [`Error::InvalidHttp`].
pub fn parse_value(value: Bytes) -> Result<HeaderValue> {
    HeaderValue::from_maybe_shared(value)
        .map_err(|_| Error::InvalidHttp("the header value has a control character"))
}

/// Sets `name` to one value.
///
/// # Errors
///
/// Those of [`parse_name`] and [`parse_value`], and [`Error::LimitExceeded`].
pub fn insert(headers: &mut HeaderMap, name: &[u8], value: Bytes) -> Result<()> {
    let (name, value) = (parse_name(name)?, parse_value(value)?);
    check_room(headers, 1)?;
    headers.insert(name, value);
    Ok(())
}

/// Adds a value to those of `name`.
///
/// # Errors
///
/// Those of [`parse_name`] and [`parse_value`], and [`Error::LimitExceeded`].
pub fn append(headers: &mut HeaderMap, name: &[u8], value: Bytes) -> Result<()> {
    let (name, value) = (parse_name(name)?, parse_value(value)?);
    check_room(headers, 1)?;
    headers.append(name, value);
    Ok(())
}

/// Removes every value of `name`.
///
/// # Errors
///
/// [`Error::InvalidArgument`] when there is none, which guests read as "absent".
pub fn remove(headers: &mut HeaderMap, name: &[u8]) -> Result<()> {
    let name = parse_name(name)?;
    match headers.remove(name) {
        Some(_) => Ok(()),
        None => Err(Error::InvalidArgument("there is no header of this name")),
    }
}

/// Replaces every value of `name` by those in `values`, each of which ends in a NUL, and is kept as `keep` says.
///
/// What follows the last NUL is dropped, and no values at all clear the header. The old values stay when one of the
/// new ones is not valid.
///
/// # Errors
///
/// Those of [`parse_name`], [`parse_value`] and `keep`, and [`Error::LimitExceeded`].
pub fn set_values(
    headers: &mut HeaderMap,
    name: &[u8],
    values: &[u8],
    mut keep: impl FnMut(&[u8]) -> Result<Bytes>,
) -> Result<()> {
    let name = parse_name(name)?;
    // Counted first: a guest's memory has room for far more NULs than a host has for values.
    check_room(headers, values.iter().filter(|byte| **byte == 0).count())?;
    let mut items = values.split(|byte| *byte == 0);
    items.next_back();
    let items = items.map(|item| parse_value(keep(item)?));
    let items = items.collect::<Result<Vec<_>>>()?;
    headers.remove(&name);
    for value in items {
        headers.append(name.clone(), value);
    }
    Ok(())
}

/// The first value of `name`.
///
/// # Errors
///
/// [`Error::InvalidArgument`] when there is none, which guests read as "absent".
pub fn first_value<'a>(headers: &'a HeaderMap, name: &[u8]) -> Result<&'a HeaderValue> {
    headers
        .get(parse_name(name)?)
        .ok_or(Error::InvalidArgument("there is no header of this name"))
}

/// Checks that there is room for so many more fields.
///
/// # Errors
///
/// [`Error::LimitExceeded`].
pub(crate) fn check_room(headers: &HeaderMap, more: usize) -> Result<()> {
    if headers.len() + more > FIELDS_MAX {
        return Err(Error::LimitExceeded("header"));
    }
    Ok(())
}

/// Adds a field of another section, where two sections become one and nobody can be told that they are too long: beyond
/// [`FIELDS_MAX`] it is left out.
pub(crate) fn append_where_room(headers: &mut HeaderMap, name: &HeaderName, value: HeaderValue) {
    if headers.len() < FIELDS_MAX {
        headers.append(name, value);
    } else {
        tracing::debug!("a header or trailer section has no room for {name}");
    }
}

/// What [`write_list`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListWritten {
    /// The items from the cursor on were written, as many as fit.
    Fitted {
        /// Bytes used in the buffer, NULs included.
        written: u32,
        /// The cursor of the first item that did not fit; `None` when all did.
        next: Option<u32>,
    },
    /// Not even one item fits.
    TooSmall {
        /// The size the first item needs, its NUL included; 0 when that is no `u32`.
        needed: u32,
    },
}

/// Packs items, each followed by a NUL, into `buffer`, skipping the first `cursor` of them.
///
/// This is the multi-value protocol of the ABI: whole items only; a cursor past the end gives an empty list.
pub fn write_list<'a>(
    items: impl Iterator<Item = &'a [u8]>,
    buffer: &mut [u8],
    cursor: u32,
) -> ListWritten {
    let mut written = 0;
    for (index, item) in (0_u32..).zip(items).skip(cursor as usize) {
        let end = written + item.len() + 1;
        let Some(room) = buffer.get_mut(written..end) else {
            if written == 0 {
                let needed = u32::try_from(item.len() + 1).unwrap_or(0);
                return ListWritten::TooSmall { needed };
            }
            return ListWritten::Fitted {
                written: written as u32,
                next: Some(index),
            };
        };
        room[..item.len()].copy_from_slice(item);
        room[item.len()] = 0;
        written = end;
    }
    ListWritten::Fitted {
        written: written as u32,
        next: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(value: &[u8]) -> Result<Bytes> {
        Ok(Bytes::copy_from_slice(value))
    }

    #[test]
    fn a_list_is_written_in_as_many_calls_as_it_needs() {
        let items = [&b"one"[..], b"two", b"three"];
        let mut buffer = [0xff; 9];
        let first = write_list(items.into_iter(), &mut buffer, 0);
        assert_eq!(
            first,
            ListWritten::Fitted {
                written: 8,
                next: Some(2)
            }
        );
        assert_eq!(&buffer, b"one\0two\0\xff");
        let second = write_list(items.into_iter(), &mut buffer, 2);
        assert_eq!(
            second,
            ListWritten::Fitted {
                written: 6,
                next: None
            }
        );
        assert_eq!(
            write_list(items.into_iter(), &mut buffer[..5], 2),
            ListWritten::TooSmall { needed: 6 }
        );
        assert_eq!(
            write_list(items.into_iter(), &mut buffer, 9),
            ListWritten::Fitted {
                written: 0,
                next: None
            }
        );
    }

    #[test]
    fn values_that_are_not_valid_leave_the_old_ones() {
        let mut headers = HeaderMap::new();
        insert(&mut headers, b"A", "1".into()).unwrap();
        assert!(set_values(&mut headers, b"a", b"2\0\x01\0", keep).is_err());
        assert_eq!(headers["a"], "1");
        set_values(&mut headers, b"a", b"2\x003\0dropped", keep).unwrap();
        let values: Vec<_> = headers.get_all("a").iter().collect();
        assert_eq!(values, ["2", "3"]);
        set_values(&mut headers, b"a", b"", keep).unwrap();
        assert!(headers.is_empty());
    }

    #[test]
    fn a_full_head_refuses_more() {
        let mut headers = HeaderMap::new();
        for _ in 0..FIELDS_MAX {
            append(&mut headers, b"a", "1".into()).unwrap();
        }
        assert!(matches!(
            append(&mut headers, b"a", "1".into()),
            Err(Error::LimitExceeded(_))
        ));
    }

    #[test]
    fn more_values_than_there_is_room_for_are_not_even_read() {
        let mut headers = HeaderMap::new();
        let mut values = b"\x01\0".repeat(FIELDS_MAX);
        let error = set_values(&mut headers, b"a", &values, keep).unwrap_err();
        assert!(matches!(error, Error::InvalidHttp(_)));
        values.push(0);
        let error = set_values(&mut headers, b"a", &values, keep).unwrap_err();
        assert!(matches!(error, Error::LimitExceeded(_)));
    }
}
