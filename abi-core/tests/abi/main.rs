//! Tests of the ABI on [`abi_core::ByteMemory`], with a scripted platform and no engine.

mod backend;
mod body;
mod cache;
mod fixture;
mod http_cache;
mod identity;
mod images;
mod kv;
mod limits;
mod lookups;
mod readthrough;
mod request;
mod response;
mod reuse;
mod reuse_runs;
mod room;
mod stores;
mod table;
mod wait;
mod wasi;
