//! The stores that guests read and write, as far as they need files; the others are those of [`abi_core::stores`].

mod dictionaries;
mod error;

pub use abi_core::stores::SecretItems;
pub use dictionaries::{Dictionary, DictionarySet};
pub use error::StoreError;
pub(crate) use error::from_file;
