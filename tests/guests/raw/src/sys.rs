//! The host's calls that this guest checks, declared as the WebAssembly imports they are. Every call
//! returns a status; pointers and lengths are 32-bit numbers.
//!
//! The modules have the names of the import modules, without the `fastly_` they all begin with.

// Calls of different modules share names (`close`, `write`), and `read` and `write` are names of the
// C library too. They do not meet: an import is known by its module and name together.
#![allow(clashing_extern_declarations)]

pub mod abi;
pub mod acl;
pub mod async_io;
pub mod backend;
pub mod cache;
pub mod compute_runtime;
pub mod config_store;
pub mod device_detection;
pub mod dictionary;
pub mod erl;
pub mod geo;
pub mod http_body;
pub mod http_cache;
pub mod http_downstream;
pub mod http_req;
pub mod http_resp;
pub mod image_optimizer;
pub mod kv_store;
pub mod log;
pub mod object_store;
pub mod purge;
pub mod secret_store;
pub mod shielding;
pub mod uap;

/// What every call returns.
pub type Status = u32;

/// What the host's objects are known by.
pub type Handle = u32;

/// The number that is never a handle.
pub const NO_HANDLE: Handle = 0xFFFF_FFFE;

/// What `select` reports in place of a position when the time is up.
pub const TIMED_OUT: u32 = u32::MAX;

pub const OK: Status = 0;
pub const ERROR: Status = 1;
pub const INVALID_ARGUMENT: Status = 2;
pub const BAD_HANDLE: Status = 3;
pub const BUFFER_TOO_SMALL: Status = 4;
pub const UNSUPPORTED: Status = 5;
pub const BAD_ALIGNMENT: Status = 6;
pub const NONE: Status = 10;
pub const LIMIT_EXCEEDED: Status = 13;
pub const AGAIN: Status = 14;

/// The ends of a body that bytes can be written to.
pub const BACK: u32 = 0;
pub const FRONT: u32 = 1;

/// The bits of a cache override.
pub const CACHE_PASS: u32 = 1 << 0;
pub const CACHE_TTL: u32 = 1 << 1;
pub const CACHE_STALE_WHILE_REVALIDATE: u32 = 1 << 2;
pub const CACHE_PCI: u32 = 1 << 3;
pub const CACHE_LOOKUP_TIMEOUT: u32 = 1 << 4;

/// The argument of `cache_override_v3_set`.
#[repr(C)]
pub struct CacheOverride {
    pub ttl: u32,
    pub stale_while_revalidate: u32,
    pub surrogate_keys: *const u8,
    pub surrogate_keys_len: usize,
    pub lookup_timeout_ms: u32,
}

/// What a failed send is described by. The host leaves it alone or fills it in.
#[repr(C)]
#[derive(Default)]
pub struct SendErrorDetail {
    pub tag: u32,
    pub mask: u32,
    pub dns_error_rcode: u16,
    pub dns_error_info_code: u16,
    pub tls_alert_id: u8,
    pub h2_error_frame: u8,
    pub h2_error_code: u32,
}

/// How a KV operation ended.
pub const KV_OK: u32 = 1;
pub const KV_BAD_REQUEST: u32 = 2;
pub const KV_NOT_FOUND: u32 = 3;
pub const KV_PRECONDITION_FAILED: u32 = 4;

/// The bits of an insert's options.
pub const INSERT_BACKGROUND_FETCH: u32 = 1 << 1;
pub const INSERT_METADATA: u32 = 1 << 3;
pub const INSERT_TIME_TO_LIVE: u32 = 1 << 4;
pub const INSERT_IF_GENERATION_MATCH: u32 = 1 << 5;

/// The options of an insert.
#[repr(C)]
pub struct InsertConfig {
    pub mode: u32,
    pub unused: u32,
    pub metadata: *const u8,
    pub metadata_len: usize,
    pub time_to_live_sec: u32,
    pub if_generation_match: u64,
}

/// The bits of a listing's options.
pub const LIST_CURSOR: u32 = 1 << 1;
pub const LIST_LIMIT: u32 = 1 << 2;
pub const LIST_PREFIX: u32 = 1 << 3;

/// The options of a listing.
#[repr(C)]
pub struct ListConfig {
    pub mode: u32,
    pub cursor: *const u8,
    pub cursor_len: usize,
    pub limit: u32,
    pub prefix: *const u8,
    pub prefix_len: usize,
}

/// witx `cache_lookup_options`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct CacheLookupOptions {
    pub request_headers: Handle,
    pub service: usize,
    pub service_len: usize,
}

/// witx `cache_replace_options`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct CacheReplaceOptions {
    pub request_headers: Handle,
    pub replace_strategy: u32,
    pub service: usize,
    pub service_len: usize,
}

/// witx `cache_write_options`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct CacheWriteOptions {
    pub max_age_ns: u64,
    pub request_headers: Handle,
    pub vary_rule: usize,
    pub vary_rule_len: usize,
    pub initial_age_ns: u64,
    pub stale_while_revalidate_ns: u64,
    pub surrogate_keys: usize,
    pub surrogate_keys_len: usize,
    pub length: u64,
    pub user_metadata: usize,
    pub user_metadata_len: usize,
    pub edge_max_age_ns: u64,
    pub service: usize,
    pub service_len: usize,
}

/// witx `cache_get_body_options`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct CacheGetBodyOptions {
    pub from: u64,
    pub to: u64,
}

/// witx `http_cache_lookup_options`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct HttpCacheLookupOptions {
    pub override_key: usize,
    pub override_key_len: usize,
    pub backend_name: usize,
    pub backend_name_len: usize,
}

/// witx `http_cache_write_options`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct HttpCacheWriteOptions {
    pub max_age_ns: u64,
    pub vary_rule: usize,
    pub vary_rule_len: usize,
    pub initial_age_ns: u64,
    pub stale_while_revalidate_ns: u64,
    pub surrogate_keys: usize,
    pub surrogate_keys_len: usize,
    pub length: u64,
    pub stale_if_error_ns: u64,
}

/// witx `purge_options`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct PurgeOptions {
    pub ret_buf: usize,
    pub ret_buf_len: usize,
    pub ret_buf_nwritten_out: usize,
}

/// The bits of what `inspect` is told.
pub const INSPECT_CORP: u32 = 1 << 1;
pub const INSPECT_WORKSPACE: u32 = 1 << 2;
pub const INSPECT_OVERRIDE_CLIENT_IP: u32 = 1 << 3;

/// What `inspect` is told.
#[repr(C)]
pub struct InspectInfo {
    pub corp: *const u8,
    pub corp_len: usize,
    pub workspace: *const u8,
    pub workspace_len: usize,
    pub override_client_ip: *const u8,
    pub override_client_ip_len: usize,
}
