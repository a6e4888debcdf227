//! The types that rows of the hostcall table use, in one place for a binder to import.

pub use crate::handle::*;
pub use crate::memory::GuestPtr;

use super::{Param, WasmType};

macro_rules! handle_params {
    ($($handle:ident)*) => {$(
        impl Param for $handle {
            type Wasm = u32;
            const TYPE: WasmType = WasmType::I32;

            fn lift(wasm: u32) -> Self {
                Self(wasm)
            }
        }
    )*};
}

handle_params! {
    AclHandle AsyncItemHandle BodyHandle CacheBusyHandle CacheHandle CacheReplaceHandle ConfigStoreHandle
    DictionaryHandle HttpCacheHandle KvStoreDeleteHandle KvStoreHandle KvStoreInsertHandle KvStoreListHandle
    KvStoreLookupHandle LogEndpointHandle ObjectStoreHandle PendingKvDeleteHandle PendingKvInsertHandle
    PendingKvLookupHandle PendingRequestHandle RequestHandle RequestPromiseHandle ResponseHandle SecretHandle
    SecretStoreHandle
}

macro_rules! records {
    ($($name:ident = $witx:literal, $size:literal;)*) => {$(
        #[doc = concat!("witx `", $witx, "`, a record of ", $size, " bytes, as the pointee of a [`GuestPtr`].")]
        #[derive(Clone, Copy, Debug)]
        pub enum $name {}
    )*};
}

records! {
    CacheGetBodyOptions = "cache_get_body_options", 16;
    CacheLookupOptions = "cache_lookup_options", 12;
    CacheOverride = "cache_override", 20;
    CacheReplaceOptions = "cache_replace_options", 16;
    CacheWriteOptions = "cache_write_options", 80;
    DynamicBackendConfig = "dynamic_backend_config", 108;
    HttpCacheLookupOptions = "http_cache_lookup_options", 16;
    HttpCacheWriteOptions = "http_cache_write_options", 56;
    ImageOptimizerErrorDetail = "image_optimizer_error_detail", 12;
    ImageOptimizerTransformConfig = "image_optimizer_transform_config", 8;
    InspectInfo = "inspect_info", 24;
    KvDeleteConfig = "kv_delete_config", 4;
    KvInsertConfig = "kv_insert_config", 32;
    KvListConfig = "kv_list_config", 24;
    KvLookupConfig = "kv_lookup_config", 4;
    NextRequestOptions = "next_request_options", 8;
    PurgeOptions = "purge_options", 12;
    SendErrorDetail = "send_error_detail", 20;
    ShieldBackendConfig = "shield_backend_config", 16;
}
