//! [`RequestFields`]: the header fields of the request that a lookup is for.

use std::ops::Deref;
use std::sync::Arc;

use http::HeaderMap;

use crate::http::RequestHead;

/// The header fields of the request that a lookup is for, as they were then. They decide between the objects of a key for as
/// long as the lookup lasts; clones share them.
#[derive(Clone, Debug)]
pub enum RequestFields {
    /// Fields alone.
    Fields(Arc<HeaderMap>),
    /// Those of a request that others hold as well.
    Request(Arc<RequestHead>),
}

impl Deref for RequestFields {
    type Target = HeaderMap;

    fn deref(&self) -> &HeaderMap {
        match self {
            Self::Fields(fields) => fields,
            Self::Request(request) => &request.headers,
        }
    }
}

impl From<HeaderMap> for RequestFields {
    fn from(fields: HeaderMap) -> Self {
        Self::Fields(Arc::new(fields))
    }
}

impl From<Arc<RequestHead>> for RequestFields {
    fn from(request: Arc<RequestHead>) -> Self {
        Self::Request(request)
    }
}
