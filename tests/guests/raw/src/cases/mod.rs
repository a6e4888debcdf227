//! The cases, a file for each import module.

mod abi;
mod acl;
mod async_io;
mod backend;
mod bad_pointers;
mod cache;
mod cache_override;
mod cache_refusals;
mod compute_runtime;
mod config_store;
mod dictionary;
mod erl;
mod hand_off;
mod header_lists;
mod header_refusals;
mod headers;
mod http_body;
mod http_body_streaming;
mod http_body_trailers;
mod http_cache;
mod http_cache_refusals;
mod http_downstream;
mod http_req;
mod http_req_async;
mod http_req_pending;
mod http_req_send;
mod http_resp;
pub mod identity;
mod image_optimizer;
mod kv_old_forms;
mod kv_store;
mod log;
mod lookups;
mod next_request;
mod object_store;
mod pending_headers;
mod secret_store;
mod shielding;
mod stores;
mod table_room;
mod wasi;

use crate::check::Outcome;

/// One case: the name it has in the path, and the function that runs it.
pub struct Case {
    pub name: &'static str,
    pub run: fn() -> Outcome,
}

/// All cases.
pub fn all() -> impl Iterator<Item = &'static Case> {
    [
        abi::CASES,
        log::CASES,
        http_body::CASES,
        http_body_trailers::CASES,
        http_body_streaming::CASES,
        http_resp::CASES,
        http_req::CASES,
        http_req_send::CASES,
        http_req_async::CASES,
        http_req_pending::CASES,
        async_io::CASES,
        dictionary::CASES,
        config_store::CASES,
        secret_store::CASES,
        kv_store::CASES,
        kv_old_forms::CASES,
        object_store::CASES,
        acl::CASES,
        erl::CASES,
        lookups::CASES,
        backend::CASES,
        cache::CASES,
        cache_refusals::CASES,
        http_cache::CASES,
        cache_override::CASES,
        http_cache_refusals::CASES,
        http_downstream::CASES,
        compute_runtime::CASES,
        wasi::CASES,
        shielding::CASES,
        hand_off::CASES,
        pending_headers::CASES,
        next_request::CASES,
        image_optimizer::CASES,
        bad_pointers::CASES,
        table_room::CASES,
    ]
    .into_iter()
    .flatten()
}

/// The list of a file's cases. A case is named after its function; where one function serves several
/// modules, its name is written before it.
macro_rules! cases {
    ($($name:ident $(= $function:expr)?),* $(,)?) => {
        pub const CASES: &[$crate::cases::Case] = &[
            $($crate::cases::Case {
                name: stringify!($name),
                run: $crate::cases::cases!(@function $name $($function)?),
            }),*
        ];
    };
    (@function $name:ident) => { $name };
    (@function $name:ident $function:expr) => { $function };
}

use cases;
