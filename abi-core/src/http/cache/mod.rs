//! Caching of HTTP responses (RFC 9111), as the platform does it: which requests a cache may answer, what becomes of a
//! response, and what a client gets of a stored one. All of it is values in, values out; [`Readthrough`] is where they
//! meet storage, backends and time.
//!
//! * [`is_cacheable`], [`suggested_key`], [`backend_request`]: a request before it is sent;
//! * [`StoragePolicy`]: how long a response is fresh, and whether it is stored at all;
//! * [`prepare_for_storage`]: what of a response is kept, and what a 304 changes about it;
//! * [`purge_url`]: PURGE requests;
//! * [`for_client`]: conditional answers, ranges and HEAD from a stored response.

mod answer;
mod date;
mod directives;
mod policy;
mod purge;
mod readthrough;
mod request;
mod stored;

pub use answer::{ClientAnswer, for_client};
pub(crate) use policy::retention;
pub use policy::{HttpCacheSettings, StorageAction, StoragePolicy, UNCACHEABLE_TIME_MIN};
pub(crate) use purge::purge_answer;
pub use purge::{is_purge, purge_url};
pub use readthrough::Readthrough;
pub(crate) use readthrough::{Sending, uncacheable};
pub use request::{backend_request, is_cacheable, lookup_key, purge_key, suggested_key};
pub use stored::prepare_for_storage;
