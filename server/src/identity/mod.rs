//! Who a client is: what it is claimed to be, and what its connection shows.
//!
//! * `settings`: what a configuration or an embedder says about clients; `claims`: that, for one request.

mod claims;
mod settings;

pub use settings::{ClientProfile, ClientSettings};
