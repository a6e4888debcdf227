//! The heads of requests and responses as messages, for whoever asks for them with `-v`.

use std::fmt;

use abi_core::http::{RequestHead, ResponseHead};
use http::HeaderMap;
use tracing::Level;

const TARGET: &str = "fastlike::heads";

/// A client, where a backend has its name.
pub(crate) const CLIENT: &str = "the client";

/// How many header fields of a head are written.
const FIELDS_MAX: usize = 64;

/// How much of the value of one is written.
const VALUE_BYTES_MAX: usize = 256;

/// Header fields whose values are left out. Whoever looks for a mistake shows messages to others.
const SECRET: [&str; 5] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "fastly-key",
];

/// Whether anybody wants to see them.
pub(crate) fn are_shown() -> bool {
    tracing::enabled!(target: TARGET, Level::DEBUG)
}

/// Writes the head of a request, which goes `direction` (from or to) `whom`.
pub(crate) fn request(direction: &str, whom: &str, head: &RequestHead) {
    let (method, uri, fields) = (&head.method, &head.uri, Fields(&head.headers));
    let whom = whom.escape_debug();
    tracing::debug!(target: TARGET, "{direction} {whom}: {method} {uri}{fields}");
}

/// Writes the head of a response, which goes `direction` (from or to) `whom`.
pub(crate) fn response(direction: &str, whom: &str, head: &ResponseHead) {
    let (status, fields) = (head.status.as_u16(), Fields(&head.headers));
    let whom = whom.escape_debug();
    tracing::debug!(target: TARGET, "{direction} {whom}: {status}{fields}");
}

/// Header fields, each in a line of its own.
struct Fields<'a>(&'a HeaderMap);

impl fmt::Display for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in self.0.iter().take(FIELDS_MAX) {
            let bytes = value.as_bytes();
            if SECRET.contains(&name.as_str()) || value.is_sensitive() {
                write!(f, "\n{name}: ({} bytes)", bytes.len())?;
                continue;
            }
            match bytes.get(..VALUE_BYTES_MAX) {
                Some(start) if bytes.len() > VALUE_BYTES_MAX => {
                    let start = String::from_utf8_lossy(start);
                    write!(f, "\n{name}: {start}… ({} bytes)", bytes.len())?;
                }
                _ => write!(f, "\n{name}: {}", String::from_utf8_lossy(bytes))?,
            }
        }
        match self.0.len().checked_sub(FIELDS_MAX) {
            None | Some(0) => Ok(()),
            Some(more) => write!(f, "\n… and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn text(fields: &[(&'static str, &str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        Fields(&headers).to_string()
    }

    #[test]
    fn fields_have_lines() {
        assert_eq!(text(&[]), "");
        let found = text(&[("accept", "a"), ("accept", "b"), ("host", "")]);
        assert_eq!(found, "\naccept: a\naccept: b\nhost: ");
    }

    #[test]
    fn what_others_must_not_see_is_left_out() {
        let found = text(&[("authorization", "Bearer x"), ("set-cookie", "a=b")]);
        assert_eq!(found, "\nauthorization: (8 bytes)\nset-cookie: (3 bytes)");
    }

    #[test]
    fn there_is_a_bound() {
        let found = text(&[("x", &"a".repeat(300))]);
        assert_eq!(found, format!("\nx: {}… (300 bytes)", "a".repeat(256)));
        let found = text(&[("x", "a"); 70]);
        assert!(found.ends_with("\nx: a\n… and 6 more"), "{found}");
        assert_eq!(found.lines().count(), 66);
    }
}
