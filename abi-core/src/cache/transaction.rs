//! Transactions: lookups of which one at a time must insert what all of them ask for.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_channel::oneshot;
use http::HeaderMap;

use super::object::Found;
use super::overflow::Unstored;
use super::state::{Obligation, Resolution};
use super::storage::Cache;
use super::writer::BodyWriter;
use super::{CacheKey, RequestFields, WriteOptions};
use crate::error::{Error, Result};

/// A lookup that may have to wait for what another request inserts.
///
/// Dropping it lets the next one go on.
pub struct PendingLookup {
    cache: Cache,
    key: CacheKey,
    headers: RequestFields,
    state: PendingState,
}

enum PendingState {
    Waiting(u64),
    Ready(Transaction),
    Taken,
}

impl PendingLookup {
    pub(super) fn new(
        cache: Cache,
        key: CacheKey,
        headers: RequestFields,
        begun: Result<Resolution, u64>,
    ) -> Self {
        let mut pending = Self {
            cache,
            key,
            headers,
            state: PendingState::Taken,
        };
        pending.state = match begun {
            Ok(resolution) => PendingState::Ready(pending.transaction(resolution)),
            Err(waiter) => PendingState::Waiting(waiter),
        };
        pending
    }

    /// A lookup that need not wait, and is no transaction: it must not insert anything.
    #[must_use]
    pub fn ready(cache: Cache, key: CacheKey, found: Option<Found>) -> Self {
        let resolution = Resolution {
            found,
            obligation: None,
        };
        Self::new(cache, key, HeaderMap::new().into(), Ok(resolution))
    }

    fn transaction(&self, resolution: Resolution) -> Transaction {
        Transaction {
            cache: self.cache.clone(),
            key: self.key.clone(),
            headers: self.headers.clone(),
            found: resolution.found,
            obligation: resolution.obligation,
        }
    }

    /// Waits until the lookup need not wait.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let PendingState::Waiting(waiter) = self.state else {
            return Poll::Ready(());
        };
        let resolution = self
            .cache
            .locked(|state, deferred| state.poll_waiter(waiter, cx.waker(), deferred));
        match resolution {
            Some(resolution) => {
                self.state = PendingState::Ready(self.transaction(resolution));
                Poll::Ready(())
            }
            None => Poll::Pending,
        }
    }

    /// What the lookup has come to, once it need not wait.
    pub fn transaction_mut(&mut self) -> Option<&mut Transaction> {
        match &mut self.state {
            PendingState::Ready(transaction) => Some(transaction),
            PendingState::Waiting(_) | PendingState::Taken => None,
        }
    }

    /// Takes what the lookup has come to, once it need not wait.
    pub fn take(&mut self) -> Option<Transaction> {
        match std::mem::replace(&mut self.state, PendingState::Taken) {
            PendingState::Ready(transaction) => Some(transaction),
            other => {
                self.state = other;
                None
            }
        }
    }

    /// Waits for what the lookup comes to.
    pub async fn wait(mut self) -> Transaction {
        poll_fn(|cx| self.poll_ready(cx)).await;
        let transaction = self.take();
        // Only `take` makes it `Taken`, and it consumes neither twice nor what still waits.
        transaction.unwrap_or_else(|| {
            self.transaction(Resolution {
                found: None,
                obligation: None,
            })
        })
    }
}

impl Drop for PendingLookup {
    fn drop(&mut self) {
        if let PendingState::Waiting(waiter) = self.state {
            self.cache
                .locked(|state, deferred| state.forget_waiter(waiter, deferred));
        }
    }
}

impl fmt::Debug for PendingLookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingLookup")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// A lookup that need not wait: what it has found, and whether it must insert or update.
///
/// Dropping it gives up that duty, and whoever waits goes on.
pub struct Transaction {
    cache: Cache,
    key: CacheKey,
    headers: RequestFields,
    found: Option<Found>,
    obligation: Option<Obligation>,
}

const NO_OBLIGATION: Error =
    Error::NotObligated("this lookup need not insert or update anything, or has done so");

impl Transaction {
    /// The object that was found; it may be stale, or even expired.
    #[must_use]
    pub fn found(&self) -> Option<&Found> {
        self.found.as_ref()
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &CacheKey {
        &self.key
    }

    /// The headers of the request.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Whether others wait for this one, or will.
    #[must_use]
    pub fn must_insert_or_update(&self) -> bool {
        self.obligation.is_some()
    }

    /// Inserts the object. It is found from now on, also by those who wait; its body follows.
    ///
    /// # Errors
    ///
    /// [`Error::NotObligated`].
    pub fn insert(&mut self, options: WriteOptions, now: Duration) -> Result<BodyWriter> {
        self.insert_and_stream_back(options, now)
            .map(|(writer, _)| writer)
    }

    /// [`insert`](Self::insert), and finds the object at once.
    ///
    /// # Errors
    ///
    /// [`Error::NotObligated`].
    pub fn insert_and_stream_back(
        &mut self,
        options: WriteOptions,
        now: Duration,
    ) -> Result<(BodyWriter, Found)> {
        let obligation = self.obligation.take().ok_or(NO_OBLIGATION)?;
        Ok(self.write(options, Some(obligation), now))
    }

    /// [`insert_and_stream_back`](Self::insert_and_stream_back) for one who answers with the object while it is written:
    /// what is appended to it and has no room in the cache goes to the reader past it. An object of which it is known
    /// that it has no room is not inserted, and whoever waits goes on.
    ///
    /// # Errors
    ///
    /// [`Error::NotObligated`].
    pub(crate) fn insert_and_answer(
        &mut self,
        options: WriteOptions,
        now: Duration,
    ) -> Result<(BodyWriter, Found, oneshot::Receiver<Unstored>)> {
        let length = options.length;
        let fits = length.is_none_or(|length| length <= self.cache.object_bytes_max());
        let (writer, found) = match fits {
            true => self.insert_and_stream_back(options, now)?,
            false => {
                self.cancel()?;
                self.write_apart(options, now)
            }
        };
        let (writer, unstored) = writer.with_overflow(!fits);
        Ok((writer, found, unstored))
    }

    /// Writes an object that nobody else finds.
    fn write_apart(&self, options: WriteOptions, now: Duration) -> (BodyWriter, Found) {
        let content = self.cache.content(&options);
        let (key, headers, stored) = (self.key.clone(), &*self.headers, content.clone());
        let object = self.cache.locked(|state, deferred| {
            state.pass(now, deferred);
            state.object(key, headers, options, stored, Arc::default())
        });
        let found = Found {
            object: Arc::new(object),
            hits: 0,
            chosen_stale: false,
        };
        (BodyWriter::new(self.cache.clone(), content), found)
    }

    fn write(
        &self,
        options: WriteOptions,
        obligation: Option<Obligation>,
        now: Duration,
    ) -> (BodyWriter, Found) {
        let (key, headers) = (self.key.clone(), &*self.headers);
        let content = self.cache.content(&options);
        let stored = content.clone();
        let object = self.cache.locked(|state, deferred| {
            state.pass(now, deferred);
            state.insert(key, headers, options, stored, obligation, deferred)
        });
        let found = Found {
            object,
            hits: 0,
            chosen_stale: false,
        };
        (BodyWriter::new(self.cache.clone(), content), found)
    }

    /// Says new things about the object that was found, and keeps its body. Gives it as it is then.
    ///
    /// An object that was purged meanwhile does not come back into the cache.
    ///
    /// # Errors
    ///
    /// [`Error::NotObligated`], also when nothing was found.
    pub fn update(&mut self, options: WriteOptions, now: Duration) -> Result<Found> {
        let found = self.found.as_ref().ok_or(NO_OBLIGATION)?;
        let obligation = self.obligation.take().ok_or(NO_OBLIGATION)?;
        let object = self.cache.locked(|state, deferred| {
            state.pass(now, deferred);
            state.update(&found.object, &self.headers, options, obligation, deferred)
        });
        Ok(Found {
            object,
            hits: found.hits,
            chosen_stale: false,
        })
    }

    /// Uses the stale object that was found because it could not be revalidated, and has those who wait use it, too.
    ///
    /// # Errors
    ///
    /// [`Error::NotObligated`], also when nothing was found.
    pub fn choose_stale(&mut self) -> Result<()> {
        let found = self.found.as_mut().ok_or(NO_OBLIGATION)?;
        let obligation = self.obligation.take().ok_or(NO_OBLIGATION)?;
        found.chosen_stale = true;
        let object = &found.object;
        self.cache
            .locked(|state, deferred| state.choose_stale(obligation, object, deferred));
        Ok(())
    }

    /// Gives up the duty to insert or update; one of those who wait gets it.
    ///
    /// # Errors
    ///
    /// [`Error::NotObligated`].
    pub fn cancel(&mut self) -> Result<()> {
        let obligation = self.obligation.take().ok_or(NO_OBLIGATION)?;
        self.cache
            .locked(|state, deferred| state.release(obligation, deferred));
        Ok(())
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        // One without a duty has nothing to give up.
        let _ = self.cancel();
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction")
            .field("key", &self.key)
            .field("found", &self.found)
            .field("must_insert_or_update", &self.must_insert_or_update())
            .finish_non_exhaustive()
    }
}

/// How a replacement behaves towards others that are about to insert the same object. witx `cache_replace_strategy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ReplaceStrategy {
    /// Do not wait for others. The object is found until its replacement is inserted.
    #[default]
    Immediate,
    /// Do not wait for others. The object is not found any more; who asks for it waits for its replacement.
    ImmediateForceMiss,
    /// Wait until nobody else is about to insert the object.
    Wait,
}

/// A replacement under way: the object that there was, and the right to insert another one.
pub struct Replacement {
    lookup: PendingLookup,
}

impl Replacement {
    pub(super) fn new(lookup: PendingLookup) -> Self {
        Self { lookup }
    }

    /// Waits until the replacement need not wait for others.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.lookup.poll_ready(cx)
    }

    /// The object that there was, once the replacement need not wait.
    #[must_use]
    pub fn found(&mut self) -> Option<&Found> {
        self.lookup.transaction_mut()?.found()
    }

    /// Inserts the replacement, for the request headers given here or else those of the lookup, once it need not wait.
    ///
    /// # Errors
    ///
    /// [`Error::NotObligated`] while it has to wait.
    pub fn insert(
        mut self,
        headers: Option<HeaderMap>,
        options: WriteOptions,
        now: Duration,
    ) -> Result<BodyWriter> {
        let mut transaction = self.lookup.take().ok_or(NO_OBLIGATION)?;
        if let Some(headers) = headers {
            transaction.headers = headers.into();
        }
        let obligation = transaction.obligation.take();
        Ok(transaction.write(options, obligation, now).0)
    }
}

impl fmt::Debug for Replacement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Replacement").field(&self.lookup).finish()
    }
}
