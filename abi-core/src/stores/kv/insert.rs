//! What an insert makes of what was there before.

use std::time::Duration;

use bytes::Bytes;

use super::{KV_VALUE_BYTES_MAX, KvError, KvItem, KvValue};

/// The longest metadata, in bytes.
pub const KV_METADATA_BYTES_MAX: usize = 2000;

/// How a value goes with the one that is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum KvInsertMode {
    /// It takes its place.
    #[default]
    Overwrite,
    /// There must not be one.
    Add,
    /// It goes behind it.
    Append,
    /// It goes before it.
    Prepend,
}

/// A write.
#[derive(Clone, Debug, Default)]
pub struct KvInsert {
    /// The value.
    pub value: KvValue,
    /// How it goes with the one that is there.
    pub mode: KvInsertMode,
    /// What is said about the value. When nothing is said, a value that is appended or prepended to keeps its
    /// metadata, and any other one has none.
    pub metadata: Option<Bytes>,
    /// How long the item may be found. When nothing is said, a value that is appended or prepended to keeps its time,
    /// and any other one stays for ever.
    pub time_to_live: Option<Duration>,
    /// The generation that the item must have now.
    pub if_generation_match: Option<u64>,
}

impl KvInsert {
    /// Whether the value that is there becomes a part of the new one.
    #[must_use]
    pub fn keeps_value(&self) -> bool {
        matches!(self.mode, KvInsertMode::Append | KvInsertMode::Prepend)
    }

    /// The item that is to be there afterwards. `existing` is the one before, unless its time to live is over; its
    /// value counts only where this [`keeps_value`](Self::keeps_value).
    ///
    /// # Errors
    ///
    /// [`KvError::PreconditionFailed`], [`KvError::PayloadTooLarge`], [`KvError::BadRequest`].
    pub fn apply(
        self,
        existing: Option<&KvItem>,
        generation: u64,
        now: Duration,
    ) -> Result<KvItem, KvError> {
        let found = existing.map(|item| item.generation);
        if self.mode == KvInsertMode::Add && found.is_some()
            || self.if_generation_match.is_some() && self.if_generation_match != found
        {
            return Err(KvError::PreconditionFailed);
        }
        if self
            .metadata
            .as_ref()
            .is_some_and(|metadata| metadata.len() > KV_METADATA_BYTES_MAX)
        {
            return Err(KvError::BadRequest);
        }
        let kept = existing.filter(|_| self.keeps_value());
        let value = match (kept, self.mode) {
            (Some(kept), KvInsertMode::Prepend) => self.value.followed_by(&kept.value),
            (Some(kept), _) => kept.value.followed_by(&self.value),
            (None, _) => self.value,
        };
        if value.len() > KV_VALUE_BYTES_MAX {
            return Err(KvError::PayloadTooLarge);
        }
        Ok(KvItem {
            value,
            metadata: self
                .metadata
                .or_else(|| kept.map(|kept| kept.metadata.clone()))
                .unwrap_or_default(),
            generation,
            expires: match self.time_to_live {
                Some(time) => Some(now.saturating_add(time)),
                None => kept.and_then(|kept| kept.expires),
            },
        })
    }
}

/// The generation of a write at `now`, where the last write to the store, to whichever key, got `last`.
///
/// It is the time in nanoseconds, so that a key that was deleted and written again has a new one, and larger than the
/// last one also when the clock was set back.
#[must_use]
pub fn next_generation(last: u64, now: Duration) -> u64 {
    let nanoseconds = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
    nanoseconds.max(last.saturating_add(1))
}
