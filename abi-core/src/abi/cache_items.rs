//! What the hostcalls of the cache have in common: the things that their handles name, and the records of options.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;

use crate::async_item::AsyncItem;
use crate::cache::{
    ByteRange, CacheKey, CacheSpace, Found, Freshness, PendingLookup, ReplaceStrategy, Replacement,
    SurrogateKeys, Transaction, VaryRule, WriteOptions,
};
use crate::error::{Error, Result};
use crate::handle::{
    AsyncItemHandle, BodyHandle, CacheBusyHandle, CacheHandle, CacheReplaceHandle, Handle,
    RequestHandle, Table,
};
use crate::memory::GuestPtr;
use crate::table::Call;
use crate::table::types::{
    CacheGetBodyOptions, CacheLookupOptions, CacheReplaceOptions, CacheWriteOptions,
};

/// A lookup in the cache, a transaction, or a replacement, as a handle names it.
#[derive(Debug)]
pub struct CacheItem {
    lookup: Lookup,
    always_use_requested_range: bool,
    /// What was found and may be used, from when the lookup needs no more waiting: that does not change under the guest.
    usable: Option<Option<Found>>,
    /// The last body that was taken of what was found.
    body: Option<BodyHandle>,
}

#[derive(Debug)]
pub(super) enum Lookup {
    Done(PendingLookup),
    Busy(PendingLookup),
    Replace(Replacement),
}

impl CacheItem {
    fn new(lookup: Lookup, always_use_requested_range: bool) -> Self {
        Self {
            lookup,
            always_use_requested_range,
            usable: None,
            body: None,
        }
    }

    /// Waits until the lookup need not wait for what others insert.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.lookup {
            Lookup::Done(lookup) | Lookup::Busy(lookup) => lookup.poll_ready(cx),
            Lookup::Replace(replacement) => replacement.poll_ready(cx),
        }
    }

    fn usable(&mut self, now: Duration) -> Option<&Found> {
        if self.usable.is_none() {
            let found = match &mut self.lookup {
                Lookup::Done(lookup) | Lookup::Busy(lookup) => lookup
                    .transaction_mut()
                    .and_then(|transaction| transaction.found()),
                Lookup::Replace(replacement) => replacement.found(),
            };
            let usable = found.filter(|found| found.freshness(now).is_usable());
            self.usable = Some(usable.cloned());
        }
        self.usable.as_ref().and_then(Option::as_ref)
    }

    pub(super) fn uses_requested_range(&self) -> bool {
        self.always_use_requested_range
    }

    fn must_insert(&mut self) -> bool {
        match &mut self.lookup {
            Lookup::Done(lookup) | Lookup::Busy(lookup) => lookup
                .transaction_mut()
                .is_some_and(|transaction| transaction.must_insert_or_update()),
            Lookup::Replace(_) => true,
        }
    }
}

/// A handle of one of the kinds of lookups.
pub(super) trait LookupHandle: Handle {
    fn names(lookup: &Lookup) -> bool;
}

impl LookupHandle for CacheHandle {
    fn names(lookup: &Lookup) -> bool {
        matches!(lookup, Lookup::Done(_))
    }
}

impl LookupHandle for CacheBusyHandle {
    fn names(lookup: &Lookup) -> bool {
        matches!(lookup, Lookup::Busy(_))
    }
}

impl LookupHandle for CacheReplaceHandle {
    fn names(lookup: &Lookup) -> bool {
        matches!(lookup, Lookup::Replace(_))
    }
}

impl Table<AsyncItemHandle, AsyncItem> {
    pub(super) fn insert_lookup(
        &mut self,
        lookup: PendingLookup,
        always_use_requested_range: bool,
    ) -> Result<CacheHandle> {
        let item = CacheItem::new(Lookup::Done(lookup), always_use_requested_range);
        Ok(CacheHandle(self.insert(AsyncItem::Cache(item))?.0))
    }

    pub(super) fn insert_busy(
        &mut self,
        lookup: PendingLookup,
        always_use_requested_range: bool,
    ) -> Result<CacheBusyHandle> {
        let item = CacheItem::new(Lookup::Busy(lookup), always_use_requested_range);
        Ok(CacheBusyHandle(self.insert(AsyncItem::Cache(item))?.0))
    }

    pub(super) fn insert_replacement(
        &mut self,
        replacement: Replacement,
        always_use_requested_range: bool,
    ) -> Result<CacheReplaceHandle> {
        let item = CacheItem::new(Lookup::Replace(replacement), always_use_requested_range);
        Ok(CacheReplaceHandle(self.insert(AsyncItem::Cache(item))?.0))
    }

    pub(super) fn cache_mut<H: LookupHandle>(&mut self, handle: H) -> Result<&mut CacheItem> {
        match self.get_mut(AsyncItemHandle(handle.number())) {
            Ok(AsyncItem::Cache(item)) if H::names(&item.lookup) => Ok(item),
            _ => Err(bad(handle)),
        }
    }

    fn take_cache<H: LookupHandle>(&mut self, handle: H) -> Result<CacheItem> {
        self.cache_mut(handle)?;
        match self.remove(AsyncItemHandle(handle.number())) {
            Ok(AsyncItem::Cache(item)) => Ok(item),
            _ => Err(bad(handle)),
        }
    }

    /// The transaction of a lookup that need not wait.
    pub(super) fn transaction_mut(&mut self, handle: CacheHandle) -> Result<&mut Transaction> {
        match &mut self.cache_mut(handle)?.lookup {
            Lookup::Done(lookup) => lookup.transaction_mut(),
            Lookup::Busy(_) | Lookup::Replace(_) => None,
        }
        .ok_or_else(|| bad(handle))
    }

    /// Closes a lookup or a replacement: guests close both by one hostcall.
    pub(super) fn close_cache(&mut self, handle: CacheHandle) -> Result<()> {
        match self.cache_mut(handle) {
            Ok(_) => self.take_cache(handle),
            Err(_) => self.take_cache(CacheReplaceHandle(handle.0)),
        }
        .map(drop)
        .map_err(|_| bad(handle))
    }

    pub(super) fn close_busy(&mut self, handle: CacheBusyHandle) -> Result<()> {
        self.take_cache(handle).map(drop)
    }

    /// Turns a busy handle that need not wait any more into a handle of what the lookup has come to.
    pub(super) fn finish_busy(&mut self, handle: CacheBusyHandle) -> Result<CacheHandle> {
        let item = self.take_cache(handle)?;
        match item.lookup {
            Lookup::Busy(lookup) => self.insert_lookup(lookup, item.always_use_requested_range),
            Lookup::Done(_) | Lookup::Replace(_) => Err(bad(handle)),
        }
    }

    pub(super) fn take_replacement(&mut self, handle: CacheReplaceHandle) -> Result<Replacement> {
        match self.take_cache(handle)?.lookup {
            Lookup::Replace(replacement) => Ok(replacement),
            Lookup::Done(_) | Lookup::Busy(_) => Err(bad(handle)),
        }
    }
}

fn bad<H: Handle>(handle: H) -> Error {
    Error::BadHandle {
        kind: H::KIND,
        number: handle.number(),
    }
}

/// Waits until a lookup need not wait for what others insert.
pub(super) async fn wait<H: LookupHandle>(call: &mut Call<'_>, handle: H) -> Result<()> {
    let item = call.session.items.cache_mut(handle)?;
    poll_fn(|cx| item.poll_ready(cx)).await;
    Ok(())
}

pub(super) fn now(call: &Call<'_>) -> Duration {
    call.session.platform.clock.monotonic()
}

/// What a lookup has found and may be used; [`Error::Absent`] when there is nothing.
pub(super) fn found<H: LookupHandle>(call: &mut Call<'_>, handle: H) -> Result<Found> {
    let now = now(call);
    let item = call.session.items.cache_mut(handle)?;
    item.usable(now).cloned().ok_or(Error::Absent)
}

/// The bits of witx `cache_lookup_state`.
pub(super) fn state<H: LookupHandle>(call: &mut Call<'_>, handle: H) -> Result<u32> {
    const FOUND: u32 = 1;
    const USABLE: u32 = 1 << 1;
    const STALE: u32 = 1 << 2;
    const MUST_INSERT_OR_UPDATE: u32 = 1 << 3;
    const USABLE_IF_ERROR: u32 = 1 << 4;
    let now = now(call);
    let item = call.session.items.cache_mut(handle)?;
    let mut state = 0;
    if item.must_insert() {
        state |= MUST_INSERT_OR_UPDATE;
    }
    if let Some(found) = item.usable(now) {
        state |= FOUND | USABLE;
        if found.freshness(now) != Freshness::Fresh {
            state |= STALE;
        }
        let until = found.options().max_age;
        let until = until.saturating_add(found.options().stale_if_error);
        if state & STALE != 0 && found.age(now) < until && !found.options().stale_if_error.is_zero()
        {
            state |= USABLE_IF_ERROR;
        }
    }
    Ok(state)
}

/// Makes a body of what was found, or of a part of it. Only one at a time of a handle.
pub(super) async fn body<H: LookupHandle>(
    call: &mut Call<'_>,
    handle: H,
    mask: u32,
    options: GuestPtr<CacheGetBodyOptions>,
    out: GuestPtr<BodyHandle>,
) -> Result<()> {
    const FROM: u32 = 1 << 1;
    const TO: u32 = 1 << 2;
    check_mask(mask, FROM | TO)?;
    call.memory.check(options.cast::<u64>())?;
    let fields = call.memory.read(options.cast::<[u32; 4]>())?;
    let has = |option: u32| mask & option != 0;
    let range = ByteRange {
        from: has(FROM).then_some(long(fields[0], fields[1])),
        to: has(TO).then_some(long(fields[2], fields[3])),
    };
    call.memory.check(out)?;
    let found = found(call, handle)?;
    let item = call.session.items.cache_mut(handle)?;
    let always = item.always_use_requested_range;
    if let Some(last) = item.body
        && call.session.items.body_mut(last).is_ok()
    {
        return Err(bad(last));
    }
    let body = found.body(range, always).await?;
    let body = call.session.items.insert_body(body)?;
    call.session.items.cache_mut(handle)?.body = Some(body);
    call.memory.write(out, body)?;
    Ok(())
}

/// A time in nanoseconds. One that does not fit is as long as there is.
pub(super) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A key of the guest.
pub(super) fn key(call: &Call<'_>, key: GuestPtr<u8>, key_len: u32) -> Result<CacheKey> {
    CacheKey::new(CacheSpace::Core, call.memory.bytes(key, key_len)?)
}

/// Refuses unknown bits; the reserved one, and another service's cache, are not supported.
pub(super) fn check_mask(mask: u32, known: u32) -> Result<()> {
    const RESERVED: u32 = 1;
    if mask & !(known | RESERVED) != 0 {
        return Err(Error::InvalidArgument("there is no such option"));
    }
    if mask & RESERVED != 0 {
        return Err(Error::Unsupported("this option is reserved"));
    }
    Ok(())
}

const OTHER_SERVICE: Error = Error::Unsupported("a service has no access to another one's cache");

/// What a lookup is told: witx `cache_lookup_options`, or the like of `cache_replace_options`.
pub(super) struct LookupOptions {
    pub headers: HeaderMap,
    pub always_use_requested_range: bool,
}

pub(super) fn lookup_options(
    call: &Call<'_>,
    mask: u32,
    options: GuestPtr<CacheLookupOptions>,
) -> Result<LookupOptions> {
    const REQUEST_HEADERS: u32 = 1 << 1;
    const SERVICE_ID: u32 = 1 << 2;
    const ALWAYS_USE_REQUESTED_RANGE: u32 = 1 << 3;
    check_mask(mask, (1 << 4) - 2)?;
    let [request, _, _] = call.memory.read(options.cast::<[u32; 3]>())?;
    if mask & SERVICE_ID != 0 {
        return Err(OTHER_SERVICE);
    }
    Ok(LookupOptions {
        headers: headers(call, mask & REQUEST_HEADERS != 0, request)?,
        always_use_requested_range: mask & ALWAYS_USE_REQUESTED_RANGE != 0,
    })
}

pub(super) fn replace_options(
    call: &Call<'_>,
    mask: u32,
    options: GuestPtr<CacheReplaceOptions>,
) -> Result<(LookupOptions, ReplaceStrategy)> {
    const REQUEST_HEADERS: u32 = 1 << 1;
    const REPLACE_STRATEGY: u32 = 1 << 2;
    const SERVICE_ID: u32 = 1 << 3;
    const ALWAYS_USE_REQUESTED_RANGE: u32 = 1 << 4;
    check_mask(mask, (1 << 5) - 2)?;
    let [request, strategy, _, _] = call.memory.read(options.cast::<[u32; 4]>())?;
    if mask & SERVICE_ID != 0 {
        return Err(OTHER_SERVICE);
    }
    let strategy = match strategy {
        _ if mask & REPLACE_STRATEGY == 0 => ReplaceStrategy::default(),
        1 => ReplaceStrategy::Immediate,
        2 => ReplaceStrategy::ImmediateForceMiss,
        3 => ReplaceStrategy::Wait,
        _ => return Err(Error::InvalidArgument("there is no such way to replace")),
    };
    let lookup = LookupOptions {
        headers: headers(call, mask & REQUEST_HEADERS != 0, request)?,
        always_use_requested_range: mask & ALWAYS_USE_REQUESTED_RANGE != 0,
    };
    Ok((lookup, strategy))
}

fn headers(call: &Call<'_>, given: bool, request: u32) -> Result<HeaderMap> {
    if !given {
        return Ok(HeaderMap::new());
    }
    let request = call.session.requests.get(RequestHandle(request))?;
    call.session.held.copy_headers(&request.headers)
}

/// Reads witx `cache_write_options`, and the headers of the request in it, where they are given.
pub(super) fn write_options(
    call: &Call<'_>,
    mask: u32,
    options: GuestPtr<CacheWriteOptions>,
) -> Result<(Option<HeaderMap>, WriteOptions)> {
    const REQUEST_HEADERS: u32 = 1 << 1;
    const VARY_RULE: u32 = 1 << 2;
    const INITIAL_AGE_NS: u32 = 1 << 3;
    const STALE_WHILE_REVALIDATE_NS: u32 = 1 << 4;
    const SURROGATE_KEYS: u32 = 1 << 5;
    const LENGTH: u32 = 1 << 6;
    const USER_METADATA: u32 = 1 << 7;
    const SENSITIVE_DATA: u32 = 1 << 8;
    const EDGE_MAX_AGE_NS: u32 = 1 << 9;
    const SERVICE_ID: u32 = 1 << 10;
    check_mask(mask, (1 << 11) - 2)?;
    call.memory.check(options.cast::<u64>())?;
    let fields = call.memory.read(options.cast::<[u32; 20]>())?;
    let has = |option: u32| mask & option != 0;
    let time = |at: usize| Duration::from_nanos(long(fields[at], fields[at + 1]));
    let bytes = |option: u32, at: usize| match has(option) {
        true => call.memory.bytes(GuestPtr::new(fields[at]), fields[at + 1]),
        false => Ok(&[][..]),
    };
    if has(SERVICE_ID) {
        return Err(OTHER_SERVICE);
    }
    let max_age = time(0);
    if has(EDGE_MAX_AGE_NS) && max_age < time(16) {
        return Err(Error::InvalidArgument(
            "the edge cannot keep an object longer than it is fresh",
        ));
    }
    let vary = match has(VARY_RULE) {
        true => VaryRule::parse(call.memory.text(GuestPtr::new(fields[3]), fields[4])?)?,
        false => VaryRule::default(),
    };
    let zero = Duration::ZERO;
    let write = WriteOptions {
        vary,
        initial_age: if has(INITIAL_AGE_NS) { time(6) } else { zero },
        stale_while_revalidate: match has(STALE_WHILE_REVALIDATE_NS) {
            true => time(8),
            false => zero,
        },
        surrogate_keys: SurrogateKeys::parse(bytes(SURROGATE_KEYS, 10)?)?,
        length: has(LENGTH).then_some(long(fields[12], fields[13])),
        user_metadata: Bytes::copy_from_slice(bytes(USER_METADATA, 14)?),
        sensitive_data: has(SENSITIVE_DATA),
        ..WriteOptions::new(max_age)
    };
    let headers = match has(REQUEST_HEADERS) {
        true => Some(headers(call, true, fields[2])?),
        false => None,
    };
    Ok((headers, write))
}

/// [`write_options`] of a transaction, which has the headers of its lookup.
pub(super) fn transaction_options(
    call: &Call<'_>,
    mask: u32,
    options: GuestPtr<CacheWriteOptions>,
) -> Result<WriteOptions> {
    match write_options(call, mask, options)? {
        (None, options) => Ok(options),
        (Some(_), _) => Err(Error::InvalidArgument(
            "a transaction has the request headers of its lookup",
        )),
    }
}

/// A number of 64 bits, from its halves.
pub(super) fn long(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}
