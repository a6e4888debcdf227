//! HTTP as a guest sees it: request and response heads, header lists, and what becomes of a request that is sent.

mod backend_info;
pub mod cache;
mod dynamic_backend;
mod hand_off;
mod header_edits;
pub mod headers;
mod hop_by_hop;
mod message;
mod send;

pub use backend_info::{
    BackendHealth, BackendInfo, BackendTlsInfo, Healthcheck, Keepalive, PoolingLimits, ShieldSite,
};
pub use dynamic_backend::{ClientIdentity, Destination, DynamicBackend, DynamicTls};
pub(crate) use hand_off::for_connection;
pub use hand_off::{HandOff, HandOffTarget};
pub use header_edits::{HeaderEdits, OutcomeKind};
pub use hop_by_hop::remove_hop_by_hop;
pub use message::{
    CacheOverride, FramingMode, RequestHead, ResponseHead, parse_version, version_number,
};
pub use send::{BackendRequest, BackendResponse, SendError, SendErrorKind};
