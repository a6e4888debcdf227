//! Who a client is: what it is claimed to be, and what its connection shows.
//!
//! * `settings`: what a configuration or an embedder says about clients; `claims`: that, for one request;
//! * `tls`: what a TLS connection shows; `hello`: its first message; `fingerprints`: JA3 and JA4 of that;
//! * `http2`: how an HTTP/2 connection begins.

#[cfg(test)]
mod captures;
mod claims;
mod fingerprints;
mod hello;
mod http2;
mod settings;
mod tls;

pub(crate) use hello::HELLO_BYTES_MAX;
pub(crate) use http2::{Http2Beginning, PREFACE};
pub(crate) use settings::region;
pub use settings::{ClientProfile, ClientSettings};
pub(crate) use tls::{shown, verify_result};
