//! The stores that guests read from.

mod dictionaries;

pub use dictionaries::{Dictionary, DictionaryError, DictionarySet};
