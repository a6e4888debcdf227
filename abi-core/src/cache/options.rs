//! What is said about an object when it is written.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{SurrogateKeys, VaryRule};
use crate::http::ResponseHead;

/// All that is said about an object when it is inserted or updated.
#[derive(Clone, Debug, Default)]
pub struct WriteOptions {
    /// How long it is fresh, from the beginning of its age.
    pub max_age: Duration,
    /// How old it is already.
    pub initial_age: Duration,
    /// How long, after that, it may be used while it is revalidated.
    pub stale_while_revalidate: Duration,
    /// How long, after it was fresh, it may be used when revalidation fails.
    pub stale_if_error: Duration,
    /// How long, after all that, it is kept for revalidation alone.
    pub retention: Duration,
    /// Which headers of the request it depends on.
    pub vary: VaryRule,
    /// What it can be purged by.
    pub surrogate_keys: SurrogateKeys,
    /// How long its body will be, where that is known. A body of another length is not complete.
    pub length: Option<u64>,
    /// Bytes that mean something to the guest.
    pub user_metadata: Bytes,
    /// What the interface that wrote it keeps beside its body.
    pub attachment: Attachment,
    /// It must not be written to a disk. This cache is in memory.
    pub sensitive_data: bool,
}

impl WriteOptions {
    /// An object that is fresh for `max_age`, and of which nothing else is said.
    #[must_use]
    pub fn new(max_age: Duration) -> Self {
        Self {
            max_age,
            ..Self::default()
        }
    }
}

/// What an interface keeps beside the body of an object.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Attachment {
    /// Nothing.
    #[default]
    None,
    /// The head of the response that the body belongs to.
    Response(Arc<ResponseHead>),
    /// A mark that responses for this key are not to be stored: requests do not wait for each other.
    Uncacheable,
}

impl Attachment {
    /// About how much memory it takes, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::None | Self::Uncacheable => 0,
            Self::Response(head) => {
                let fields = head.headers.iter();
                let fields: usize = fields
                    .map(|(name, value)| name.as_str().len() + value.len() + FIELD_BYTES)
                    .sum();
                size_of::<ResponseHead>() + fields
            }
        }
    }
}

/// What a header field takes beside its name and value.
const FIELD_BYTES: usize = 96;
