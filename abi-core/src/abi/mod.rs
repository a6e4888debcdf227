//! The functions behind the rows of the hostcall table, one file for each module that guests import.
//!
//! Every function has the same shape: **lift** its arguments (decode inputs, check output pointers), **work**, **lower**
//! its results. The check before the work is what keeps a bad output pointer from losing a handle that was just made.
//! Parameters are those of the row, which are those of the witx function of the same name.

#![allow(
    clippy::too_many_arguments,
    reason = "a hostcall has the parameters that the ABI gives it"
)]

mod buffer;
mod cache_items;
mod dynamic_backend;
pub mod fastly_abi;
pub mod fastly_acl;
pub mod fastly_async_io;
pub mod fastly_backend;
pub mod fastly_cache;
pub mod fastly_compute_runtime;
pub mod fastly_config_store;
pub mod fastly_device_detection;
pub mod fastly_dictionary;
pub mod fastly_erl;
pub mod fastly_geo;
pub mod fastly_http_body;
pub mod fastly_http_cache;
pub mod fastly_http_downstream;
pub mod fastly_http_req;
pub mod fastly_http_resp;
pub mod fastly_image_optimizer;
pub mod fastly_kv_store;
pub mod fastly_log;
pub mod fastly_object_store;
pub mod fastly_purge;
pub mod fastly_secret_store;
pub mod fastly_shielding;
pub mod fastly_uap;
mod hand_off;
mod http_cache_items;
mod http_cache_options;
mod kv_operations;
mod message_headers;
mod send;
pub mod wasi_snapshot_preview1;
mod wasi_subscriptions;

pub use cache_items::CacheItem;
pub use http_cache_items::HttpCacheItem;
