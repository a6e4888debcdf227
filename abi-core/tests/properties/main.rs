//! What holds for every input: the stores beside models that are too simple to be wrong, and parsers that meet bytes
//! from anywhere.

mod cache;
mod http_cache;
mod kv;
mod parsers;
mod places;
mod rates;
