//! What the handles of the HTTP cache name.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use futures_channel::oneshot;
use http::StatusCode;
use http::header::CONTENT_LENGTH;

use crate::async_item::AsyncItem;
use crate::body::Body;
use crate::cache::{
    Attachment, ByteRange, Cache, CacheKey, Found, Freshness, Overflowing, PendingLookup,
    Transaction, Unstored, WriteOptions,
};
use crate::cached::CacheOutcome;
use crate::error::{Error, Result};
use crate::handle::{AsyncItemHandle, Handle, HttpCacheHandle, ResponseHandle, Table};
use crate::http::cache::{ClientAnswer, StorageAction, StoragePolicy, for_client};
use crate::http::{RequestHead, ResponseHead};
use crate::sent::Sent;
use crate::table::Call;

use super::cache_items::now;

const NO_STALE_RESPONSE: Error = Error::NotObligated("there is no stale response that may be used");

/// A lookup of a response, or a transaction, as a handle names it.
#[derive(Debug)]
pub struct HttpCacheItem {
    lookup: PendingLookup,
    asked: Arc<RequestHead>,
    /// The backend that the guest has named for a miss, where there is none of that name, for the report.
    missing_backend: Option<Arc<Sent>>,
    /// What the lookup has come to, from when it needs no more waiting. Only what the guest does changes that.
    outcome: Option<Outcome>,
    /// The guest was told that a response renews the stored one.
    is_update: bool,
    /// The response that the guest has stored.
    consumed: Option<ResponseHandle>,
    /// It was noted what the lookup has come to.
    is_noted: bool,
    /// What the guest has written and the cache has no room for.
    unstored: Option<oneshot::Receiver<Unstored>>,
}

#[derive(Debug)]
enum Outcome {
    /// There is nothing to answer with, and nobody to ask.
    Failed,
    /// No response is stored.
    Nothing,
    /// What is asked for is known to have no responses that are stored.
    Uncacheable,
    Stored(Stored),
}

/// A stored response that was found.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub head: Arc<ResponseHead>,
    pub found: Found,
    usability: Usability,
}

/// What a stored response is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Usability {
    /// An answer.
    Usable,
    /// An answer, while it is revalidated.
    WhileRevalidated,
    /// An answer, because revalidation has failed.
    InPlaceOfError,
    /// An answer if revalidation fails.
    IfError,
    /// Nothing but revalidation.
    ForRevalidation,
}

impl Stored {
    fn of(found: &Found, now: Duration) -> Option<Self> {
        let Attachment::Response(head) = &found.options().attachment else {
            return None;
        };
        let usability = match found.freshness(now) {
            _ if found.is_chosen_stale() => Usability::InPlaceOfError,
            Freshness::Fresh => Usability::Usable,
            Freshness::StaleWhileRevalidate => Usability::WhileRevalidated,
            Freshness::StaleIfError => Usability::IfError,
            Freshness::Expired => Usability::ForRevalidation,
        };
        Some(Self {
            head: head.clone(),
            found: found.clone(),
            usability,
        })
    }

    fn is_usable(&self) -> bool {
        use Usability::{InPlaceOfError, Usable, WhileRevalidated};
        matches!(self.usability, Usable | WhileRevalidated | InPlaceOfError)
    }

    /// The response as it is stored, or as an answer to `asked`, and what of the body goes with it.
    fn answer(&self, asked: Option<&RequestHead>, now: Duration) -> ClientAnswer {
        let length = self.found.length();
        let mut head = ResponseHead::clone(&self.head);
        let is_bodiless = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&head.status);
        if let Some(length) = length.filter(|_| !is_bodiless) {
            head.headers.insert(CONTENT_LENGTH, length.into());
        }
        let Some(asked) = asked else {
            let body = Some(ByteRange::WHOLE);
            return ClientAnswer { head, body };
        };
        // One that was just stored has not been in the cache for any time.
        let age = (self.found.hits() > 0).then(|| self.found.age(now));
        for_client(asked, head, length, age)
    }
}

impl HttpCacheItem {
    /// A lookup for a request. `missing_backend` is where a miss would go, if there is no such backend.
    pub(super) fn new(
        lookup: PendingLookup,
        asked: Arc<RequestHead>,
        missing_backend: Option<Arc<Sent>>,
    ) -> Self {
        Self {
            lookup,
            asked,
            missing_backend,
            outcome: None,
            is_update: false,
            consumed: None,
            is_noted: false,
            unstored: None,
        }
    }

    /// What the guest has just stored, for it to answer with, however short it is fresh.
    pub(super) fn written(
        cache: Cache,
        key: CacheKey,
        asked: Arc<RequestHead>,
        found: Found,
    ) -> Self {
        let stored = Stored::of(&found, Duration::ZERO).map(|stored| Stored {
            usability: Usability::Usable,
            ..stored
        });
        Self {
            lookup: PendingLookup::ready(cache, key, Some(found)),
            asked,
            missing_backend: None,
            outcome: stored.map(Outcome::Stored),
            is_update: false,
            consumed: None,
            // What was stored was noted.
            is_noted: true,
            unstored: None,
        }
    }

    /// Has the first answer go on with what the cache has no room for.
    pub(super) fn with_unstored(mut self, unstored: oneshot::Receiver<Unstored>) -> Self {
        self.unstored = Some(unstored);
        self
    }

    /// Waits until the lookup need not wait for what others insert.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.lookup.poll_ready(cx)
    }

    /// Takes note of what the lookup has come to, once it need not wait.
    fn settle(&mut self, now: Duration) -> Result<()> {
        if self.outcome.is_none()
            && let Some(transaction) = self.lookup.transaction_mut()
        {
            let found = transaction.found();
            let is_uncacheable = found
                .is_some_and(|found| matches!(found.options().attachment, Attachment::Uncacheable));
            let stored = found.and_then(|found| Stored::of(found, now));
            let has_answer = stored.as_ref().is_some_and(Stored::is_usable);
            self.outcome = Some(match stored {
                _ if self.missing_backend.is_some() && !has_answer => {
                    // Others who ask for it may know a backend. One without a duty has none to give up.
                    drop(transaction.cancel());
                    Outcome::Failed
                }
                Some(stored) => Outcome::Stored(stored),
                None if is_uncacheable => Outcome::Uncacheable,
                None => Outcome::Nothing,
            });
        }
        match self.outcome {
            Some(Outcome::Failed) => Err(Error::InvalidArgument(
                "a lookup that found nothing was given a backend that there is not",
            )),
            _ => Ok(()),
        }
    }

    /// The backend that was missed, once.
    fn take_missed_backend(&mut self) -> Option<Arc<Sent>> {
        match self.outcome {
            Some(Outcome::Failed) => self.missing_backend.take(),
            _ => None,
        }
    }

    /// The request that was looked up.
    pub(super) fn asked(&self) -> &Arc<RequestHead> {
        &self.asked
    }

    /// The stored response, also one that is good for revalidation alone.
    pub(super) fn stored(&self) -> Option<&Stored> {
        match &self.outcome {
            Some(Outcome::Stored(stored)) => Some(stored),
            _ => None,
        }
    }

    /// The stored response that may be used.
    pub(super) fn usable(&self) -> Result<&Stored> {
        let stored = self.stored().filter(|stored| stored.is_usable());
        stored.ok_or(Error::Absent)
    }

    /// What the cache has done for the guest, if the guest need not do anything itself.
    pub(super) fn cache_outcome(&mut self) -> Option<CacheOutcome> {
        let has_duty = self.must_insert_or_update();
        match &self.outcome {
            Some(Outcome::Stored(stored)) if stored.is_usable() => Some(match stored.usability {
                Usability::Usable => CacheOutcome::Hit,
                _ => CacheOutcome::Stale,
            }),
            Some(Outcome::Uncacheable) if !has_duty => Some(CacheOutcome::Pass),
            _ => None,
        }
    }

    /// The response that may be used: as it is stored, or as an answer to the request.
    pub(super) fn answer(&self, for_client: bool, now: Duration) -> Result<ClientAnswer> {
        let asked = for_client.then_some(&*self.asked);
        Ok(self.usable()?.answer(asked, now))
    }

    /// The whole body of what was found.
    pub(super) fn whole_body(&mut self, found: &Found) -> Body {
        let body = found.whole_body();
        match self.unstored.take() {
            Some(unstored) if !found.is_complete() => {
                Body::from_stream(Box::pin(Overflowing::new(body, unstored)))
            }
            _ => body,
        }
    }

    fn must_insert_or_update(&mut self) -> bool {
        let transaction = self.lookup.transaction_mut();
        transaction.is_some_and(|transaction| transaction.must_insert_or_update())
    }

    /// The bits of witx `cache_lookup_state`. What may be used only if revalidation fails is not called found.
    pub(super) fn state(&mut self) -> u32 {
        const FOUND: u32 = 1;
        const USABLE: u32 = 1 << 1;
        const STALE: u32 = 1 << 2;
        const MUST_INSERT_OR_UPDATE: u32 = 1 << 3;
        const USABLE_IF_ERROR: u32 = 1 << 4;
        let duty = match self.must_insert_or_update() {
            true => MUST_INSERT_OR_UPDATE,
            false => 0,
        };
        let usability = self.stored().map(|stored| stored.usability);
        let stored = usability.map_or(0, |usability| match usability {
            Usability::Usable => FOUND | USABLE,
            Usability::WhileRevalidated => FOUND | USABLE | STALE,
            Usability::InPlaceOfError => FOUND | USABLE | STALE | USABLE_IF_ERROR,
            Usability::IfError => STALE | USABLE_IF_ERROR,
            Usability::ForRevalidation => STALE,
        });
        duty | stored
    }

    /// The transaction, if it has yet to insert or update.
    pub(super) fn duty(&mut self) -> Result<&mut Transaction> {
        let transaction = self.lookup.transaction_mut();
        let transaction = transaction.filter(|transaction| transaction.must_insert_or_update());
        transaction.ok_or(Error::NotObligated(
            "this lookup need not insert or update anything, or has done so",
        ))
    }

    /// Takes note of the response that the guest has stored.
    pub(super) fn consume(&mut self, response: ResponseHandle) {
        self.consumed = Some(response);
    }

    /// The response that the guest has stored.
    pub(super) fn consumed(&self) -> Option<ResponseHandle> {
        self.consumed
    }

    /// Uses the stale response in place of an error, for all who wait as well.
    pub(super) fn choose_stale(&mut self) -> Result<()> {
        let Some(Outcome::Stored(stored)) = &mut self.outcome else {
            return Err(NO_STALE_RESPONSE);
        };
        if stored.usability == Usability::ForRevalidation {
            return Err(NO_STALE_RESPONSE);
        }
        let transaction = self.lookup.transaction_mut().ok_or(NO_STALE_RESPONSE)?;
        transaction.choose_stale()?;
        stored.usability = Usability::InPlaceOfError;
        Ok(())
    }

    /// Says what becomes of a response. A 304 renews the stored one, whatever else it says.
    pub(super) fn action(
        &mut self,
        response: &ResponseHead,
        policy: &StoragePolicy,
    ) -> StorageAction {
        self.is_update = self.stored().is_some() && response.status == StatusCode::NOT_MODIFIED;
        match self.is_update {
            true => StorageAction::Update,
            false => policy.action,
        }
    }

    /// For how long and under what a response is to be stored. One that was good until now, and is not to be stored any
    /// longer, is stale from now on.
    pub(super) fn suggestion(&self, policy: StoragePolicy) -> WriteOptions {
        let StoragePolicy { action, options } = policy;
        if !self.is_update || action == StorageAction::Insert {
            return options;
        }
        WriteOptions {
            max_age: options.initial_age,
            stale_while_revalidate: Duration::ZERO,
            stale_if_error: Duration::ZERO,
            ..options
        }
    }
}

impl Table<AsyncItemHandle, AsyncItem> {
    pub(super) fn insert_http_cache(&mut self, item: HttpCacheItem) -> Result<HttpCacheHandle> {
        Ok(HttpCacheHandle(
            self.insert(AsyncItem::HttpCache(Box::new(item)))?.0,
        ))
    }

    pub(super) fn http_cache_mut(&mut self, handle: HttpCacheHandle) -> Result<&mut HttpCacheItem> {
        match self.get_mut(AsyncItemHandle(handle.0)) {
            Ok(AsyncItem::HttpCache(item)) => Ok(item),
            _ => Err(bad(handle)),
        }
    }

    /// Takes a lookup, also one that waits. A duty is given up when it is dropped.
    pub(super) fn take_http_cache(
        &mut self,
        handle: HttpCacheHandle,
    ) -> Result<Box<HttpCacheItem>> {
        self.http_cache_mut(handle)?;
        match self.remove(AsyncItemHandle(handle.0)) {
            Ok(AsyncItem::HttpCache(item)) => Ok(item),
            _ => Err(bad(handle)),
        }
    }
}

fn bad(handle: HttpCacheHandle) -> Error {
    Error::BadHandle {
        kind: HttpCacheHandle::KIND,
        number: handle.0,
    }
}

/// Waits until a lookup need not wait for what others insert, and gives it.
///
/// # Errors
///
/// [`Error::BadHandle`]; what was wrong with the lookup.
pub(super) async fn settled<'a>(
    call: &'a mut Call<'_>,
    handle: HttpCacheHandle,
) -> Result<&'a mut HttpCacheItem> {
    let item = call.session.items.http_cache_mut(handle)?;
    poll_fn(|cx| item.poll_ready(cx)).await;
    let now = now(call);
    let item = call.session.items.http_cache_mut(handle)?;
    let settled = item.settle(now);
    if let Some(missed) = item.take_missed_backend() {
        call.session.requests_of_run().note_sent(missed);
    }
    settled?;
    call.session.items.http_cache_mut(handle)
}

/// Notes what a lookup has come to, for the report about the request. What is noted first counts.
///
/// # Errors
///
/// [`Error::BadHandle`].
pub(super) fn note(
    call: &mut Call<'_>,
    handle: HttpCacheHandle,
    outcome: CacheOutcome,
) -> Result<()> {
    let item = call.session.items.http_cache_mut(handle)?;
    if !std::mem::replace(&mut item.is_noted, true) {
        call.session.requests_of_run().note_cache(outcome);
    }
    Ok(())
}

/// What the platform does with a response to `asked`.
pub(super) fn policy(
    call: &Call<'_>,
    asked: &RequestHead,
    response: &ResponseHead,
) -> StoragePolicy {
    let platform = &call.session.platform;
    let wall = SystemTime::UNIX_EPOCH + platform.clock.wall();
    StoragePolicy::of(&asked.headers, response, &platform.http_cache, wall)
}
