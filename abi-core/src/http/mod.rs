//! HTTP as a guest sees it: request and response heads, header lists, and what becomes of a request that is sent.

mod dynamic_backend;
pub mod headers;
mod message;
mod send;

pub use dynamic_backend::{Destination, DynamicBackend, DynamicTls};
pub use message::{
    CacheOverride, FramingMode, RequestHead, ResponseHead, parse_version, version_number,
};
pub use send::{BackendRequest, BackendResponse, SendError, SendErrorKind};
