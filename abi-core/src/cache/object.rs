//! Objects: a body with what was said about it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::content::Content;
use super::{Attachment, CacheKey, WriteOptions};
use crate::body::Body;
use crate::error::{Error, Result};

/// What an object takes beside its key, its metadata and its body: about what the structures around it are.
const OBJECT_BYTES: u64 = 512;

/// An object as it was written.
pub(super) struct Object {
    pub(super) id: u64,
    pub(super) key: CacheKey,
    /// What the request that wrote it had of the headers of the vary rule.
    pub(super) variant: Box<[u8]>,
    pub(super) inserted: Duration,
    pub(super) options: WriteOptions,
    pub(super) content: Arc<Content>,
    pub(super) hits: Arc<AtomicU64>,
    pub(super) soft_purged: AtomicBool,
    pub(super) purged: AtomicBool,
}

impl Object {
    pub(super) fn age(&self, now: Duration) -> Duration {
        let here = now.saturating_sub(self.inserted);
        here.saturating_add(self.options.initial_age)
    }

    pub(super) fn freshness(&self, now: Duration) -> Freshness {
        let age = self.age(now);
        let options = &self.options;
        let within = |time: Duration| age < options.max_age.saturating_add(time);
        let soft_purged = self.soft_purged.load(Ordering::Relaxed);
        // A guest that keeps objects of its own may use one until it has expired, with the word that it is stale. A
        // response that was never to be used stale is not.
        let is_response = !matches!(options.attachment, Attachment::None);
        let may = |time: Duration| within(time) && !(is_response && time.is_zero());
        if !soft_purged && within(Duration::ZERO) {
            Freshness::Fresh
        } else if may(options.stale_while_revalidate) {
            Freshness::StaleWhileRevalidate
        } else if may(options.stale_if_error) {
            Freshness::StaleIfError
        } else {
            Freshness::Expired
        }
    }

    /// When nobody has a use for it any more.
    pub(super) fn expires(&self) -> Duration {
        let options = &self.options;
        let stale = options.stale_while_revalidate.max(options.stale_if_error);
        let whole = options.max_age.saturating_add(stale);
        let left = whole.saturating_sub(options.initial_age);
        let left = left.saturating_add(options.retention);
        self.inserted.saturating_add(left)
    }

    /// What it takes, in bytes, as far as it was written.
    pub(super) fn weight(&self) -> u64 {
        let options = &self.options;
        let metadata = self.key.as_bytes().len()
            + 2 * self.variant.len()
            + options.vary.memory_bytes()
            + options.user_metadata.len()
            + options.surrogate_keys.memory_bytes()
            + options.attachment.bytes();
        OBJECT_BYTES + metadata as u64 + self.content.written()
    }
}

/// How far an object may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Freshness {
    /// As it is.
    Fresh,
    /// While it is revalidated.
    StaleWhileRevalidate,
    /// When revalidation fails.
    StaleIfError,
    /// For revalidation alone.
    Expired,
}

impl Freshness {
    /// Whether it may be used without knowing how revalidation went.
    #[must_use]
    pub fn is_usable(self) -> bool {
        self <= Self::StaleWhileRevalidate
    }
}

/// A part of a body, by bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByteRange {
    /// The first byte; without it, `to` counts from the end.
    pub from: Option<u64>,
    /// The last byte, inclusive; without `from`, how many bytes from the end.
    pub to: Option<u64>,
}

impl ByteRange {
    /// All bytes.
    pub const WHOLE: Self = Self {
        from: None,
        to: None,
    };

    /// Where it begins and before which byte it ends in a body of `length` bytes; nothing where it is not valid.
    fn within(self, length: u64) -> Option<(u64, u64)> {
        match (self.from, self.to) {
            (None, None) => Some((0, length)),
            (Some(from), None) => (from < length).then_some((from, length)),
            (None, Some(last)) => (1..=length)
                .contains(&last)
                .then(|| (length - last, length)),
            // `to` is below `length`, so that one more fits.
            (Some(from), Some(to)) => (from <= to && to < length).then(|| (from, to + 1)),
        }
    }
}

/// An object that a lookup has found.
///
/// It stays as it was then: one that has left the cache, or was replaced, can still be read.
#[derive(Clone)]
pub struct Found {
    pub(super) object: Arc<Object>,
    pub(super) hits: u64,
    pub(super) chosen_stale: bool,
}

impl Found {
    /// All that was said about it.
    #[must_use]
    pub fn options(&self) -> &WriteOptions {
        &self.object.options
    }

    /// How old it is.
    #[must_use]
    pub fn age(&self, now: Duration) -> Duration {
        self.object.age(now)
    }

    /// How far it may be used.
    #[must_use]
    pub fn freshness(&self, now: Duration) -> Freshness {
        self.object.freshness(now)
    }

    /// Whether a request that was to revalidate it has [chosen](super::Transaction::choose_stale) to use it as it is.
    #[must_use]
    pub fn is_chosen_stale(&self) -> bool {
        self.chosen_stale
    }

    /// How often it was found, this time included. An object that was just inserted has 0.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.hits
    }

    /// How many bytes its body has or will have, where that is known.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        self.object.content.known_length()
    }

    /// Whether all of its body is there.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.object.content.is_complete()
    }

    /// Its whole body. It shares the stored bytes; what is not written yet arrives when it is.
    #[must_use]
    pub fn whole_body(&self) -> Body {
        self.object.content.body(0, None)
    }

    /// A part of its body, as far as that can be told without waiting: a range that is not valid, or any where the length
    /// is not known, gives the whole body.
    pub(crate) fn part(&self, range: ByteRange) -> Body {
        let content = &self.object.content;
        if range != ByteRange::WHOLE
            && let Some(length) = content.known_length()
            && let Some((start, end)) = range.within(length)
        {
            return content.body(start, Some(end));
        }
        content.body(0, None)
    }

    /// A part of its body.
    ///
    /// Where the length is known, a range that is not valid gives the whole body. Where it is not known, so does every
    /// range, unless `always`: then this waits for the first byte of the range, and a body that ends before the range
    /// does breaks off.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a range that ends before it begins where the length is not known and `always`;
    /// [`Error::Body`] when the body was given up, or has no such byte.
    pub async fn body(&self, range: ByteRange, always: bool) -> Result<Body> {
        let content = &self.object.content;
        if !always || range == ByteRange::WHOLE || content.known_length().is_some() {
            return Ok(self.part(range));
        }
        match (range.from, range.to) {
            (Some(from), Some(to)) if to < from => {
                Err(Error::InvalidArgument("the range ends before it begins"))
            }
            (Some(from), to) => {
                let there = content.wait_for(from.saturating_add(1)).await?;
                if there <= from {
                    return Err(crate::body::BodyError::Incomplete.into());
                }
                Ok(content.body(from, to.map(|to| to.saturating_add(1))))
            }
            (None, _) => {
                let length = content.wait_for(u64::MAX).await?;
                Ok(match range.within(length) {
                    Some((start, end)) => content.body(start, Some(end)),
                    None => content.body(0, None),
                })
            }
        }
    }
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found")
            .field("key", &self.object.key)
            .field("hits", &self.hits)
            .finish_non_exhaustive()
    }
}
