//! How long a response is fresh, and whether it is stored: RFC 9111 with what the platform adds to it.

use std::time::{Duration, SystemTime};

use http::header::{
    AGE, CACHE_CONTROL, CONTENT_LENGTH, DATE, EXPIRES, HeaderMap, HeaderName, HeaderValue,
    SET_COOKIE, VARY,
};

use super::date::parse_date;
use super::directives::{Directives, seconds};
use super::request::is_authorized;
use crate::cache::{Attachment, SurrogateKeys, VaryRule, WriteOptions};
use crate::http::{CacheOverride, ResponseHead};

static SURROGATE_CONTROL: HeaderName = HeaderName::from_static("surrogate-control");
static SURROGATE_KEY: HeaderName = HeaderName::from_static("surrogate-key");

/// The statuses that are stored: those that the platform stores without being told to by the guest.
const STORED_STATUSES: [u16; 7] = [200, 203, 300, 301, 302, 404, 410];

/// How long at least it is remembered that responses for a key are not stored.
pub const UNCACHEABLE_TIME_MIN: Duration = Duration::from_secs(120);

/// How long a response with a validator is kept for revalidation after all its times have passed.
const RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// What a host decides about the cache for HTTP responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpCacheSettings {
    /// Whether requests read through the cache. Without it a guest's `send` always goes to the backend.
    pub enabled: bool,
    /// How long a response is fresh that does not say so itself.
    pub default_ttl: Duration,
    /// Whether guests are told that they can drive the cache themselves (`fastly_http_cache`), which lets them change what
    /// is stored. SDKs do so for every request then, by the rules of this cache. Without it the host does it for them.
    pub guest_caching: bool,
    /// Whether responses get `X-Cache` and `X-Cache-Hits`.
    pub response_headers: bool,
    /// Whether a guest that sends a PURGE request removes what is stored for its URL.
    pub purge: bool,
    /// Whether a client's PURGE request removes what is stored for its URL; no guest sees it then.
    pub client_purge: bool,
}

impl HttpCacheSettings {
    /// How long a response is fresh on the platform that does not say so itself.
    pub const DEFAULT_TTL: Duration = Duration::from_secs(3600);

    /// No caching of HTTP responses at all.
    #[must_use]
    pub fn disabled() -> Self {
        Self {
            enabled: false,
            ..Self::default()
        }
    }
}

impl Default for HttpCacheSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            default_ttl: Self::DEFAULT_TTL,
            guest_caching: true,
            response_headers: true,
            purge: false,
            client_purge: false,
        }
    }
}

/// What becomes of a response. witx `http_storage_action`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum StorageAction {
    /// It is stored.
    Insert = 0,
    /// It says that the stored one is still good.
    Update = 1,
    /// It is not stored; the next one may be.
    DoNotStore = 2,
    /// It is not stored, and it is remembered that the next one will not be either: requests need not wait for it.
    RecordUncacheable = 3,
}

/// What a response says about storing it.
#[derive(Clone, Debug)]
pub struct StoragePolicy {
    /// Whether it is stored. [`StorageAction::Update`] is not said here.
    pub action: StorageAction,
    /// For how long, and under what. The attachment is not set.
    pub options: WriteOptions,
}

impl StoragePolicy {
    /// The policy of a response to a request with these headers, received at `now`.
    #[must_use]
    pub fn of(
        request: &HeaderMap,
        response: &ResponseHead,
        settings: &HttpCacheSettings,
        now: SystemTime,
    ) -> Self {
        let headers = &response.headers;
        let surrogate = Directives::parse(headers.get_all(&SURROGATE_CONTROL)).for_any_surrogate();
        let control = Directives::parse(headers.get_all(CACHE_CONTROL));
        let lifetime = Lifetime::of(headers, &surrogate, &control, settings, now);
        let vary = vary(headers);
        let action = if !STORED_STATUSES.contains(&response.status.as_u16()) {
            StorageAction::DoNotStore
        } else {
            action(request, &surrogate, &control, vary.is_some())
        };
        let mut options = WriteOptions {
            initial_age: lifetime.initial_age,
            stale_while_revalidate: lifetime.stale_while_revalidate,
            stale_if_error: lifetime.stale_if_error,
            retention: retention(headers),
            vary: vary.unwrap_or_default(),
            surrogate_keys: SurrogateKeys::from_lists(
                headers
                    .get_all(&SURROGATE_KEY)
                    .iter()
                    .map(HeaderValue::as_bytes),
            ),
            length: content_length(headers),
            attachment: Attachment::None,
            ..WriteOptions::new(lifetime.max_age)
        };
        if action != StorageAction::Insert {
            options.retention = Duration::ZERO;
        }
        Self { action, options }
    }

    /// The policy with what the guest said in place of what the response says, and with the platform's rule that
    /// responses that set cookies are for one client alone.
    #[must_use]
    pub fn with_override(mut self, given: &CacheOverride, headers: &HeaderMap) -> Self {
        let options = &mut self.options;
        let time = |seconds: u32| Duration::from_secs(seconds.into());
        if let Some(ttl) = given.ttl_s {
            options.max_age = options.initial_age.saturating_add(time(ttl));
        }
        if let Some(seconds) = given.stale_while_revalidate_s {
            options.stale_while_revalidate = time(seconds);
        }
        if let Some(keys) = &given.surrogate_keys {
            let keys = SurrogateKeys::from_lists([keys.as_bytes()]);
            let all = options.surrogate_keys.iter().chain(keys.iter());
            options.surrogate_keys = all.cloned().collect();
        }
        options.sensitive_data |= given.pci;
        if headers.contains_key(SET_COOKIE) && self.action == StorageAction::Insert {
            self.action = StorageAction::RecordUncacheable;
        }
        self
    }
}

fn action(
    request: &HeaderMap,
    surrogate: &Directives,
    control: &Directives,
    has_vary: bool,
) -> StorageAction {
    if surrogate.contains("no-store") {
        return StorageAction::DoNotStore;
    }
    if !has_vary {
        return StorageAction::RecordUncacheable;
    }
    // Who speaks to surrogates means what it says to others for others.
    if surrogate.contains("max-age") {
        return StorageAction::Insert;
    }
    if control.contains_unqualified("private") {
        return StorageAction::RecordUncacheable;
    }
    if control.contains("no-store") {
        return StorageAction::DoNotStore;
    }
    let shared = ["public", "s-maxage", "must-revalidate"];
    let is_shared = shared.iter().any(|name| control.contains(name));
    if is_authorized(request) && !is_shared {
        return StorageAction::DoNotStore;
    }
    StorageAction::Insert
}

#[derive(Default)]
struct Lifetime {
    max_age: Duration,
    initial_age: Duration,
    stale_while_revalidate: Duration,
    stale_if_error: Duration,
}

impl Lifetime {
    fn of(
        headers: &HeaderMap,
        surrogate: &Directives,
        control: &Directives,
        settings: &HttpCacheSettings,
        now: SystemTime,
    ) -> Self {
        let speaker = if surrogate.contains("max-age") {
            surrogate
        } else {
            control
        };
        let Ok(initial_age) = age(headers) else {
            return Self::default();
        };
        if speaker.contains_unqualified("no-cache") {
            return Self {
                initial_age,
                ..Self::default()
            };
        }
        let explicit = match speaker.time("s-maxage") {
            Some(time) => Some(time),
            None => speaker.time("max-age"),
        };
        let max_age = explicit
            .or_else(|| expires_in(headers, now))
            .unwrap_or(settings.default_ttl);
        let must_revalidate = ["must-revalidate", "proxy-revalidate"];
        let may_be_stale = !must_revalidate.iter().any(|name| speaker.contains(name));
        let stale = |name| match speaker.time(name) {
            Some(time) if may_be_stale => time,
            _ => Duration::ZERO,
        };
        Self {
            max_age,
            initial_age,
            stale_while_revalidate: stale("stale-while-revalidate"),
            stale_if_error: stale("stale-if-error"),
        }
    }
}

/// How old a response says that it is. An error is an age that is none: such a response counts as stale.
///
/// Of a list the first number counts (RFC 9111 section 5.1). One that comes again, or in a second field, says that somebody
/// adds ages where they are to be replaced: then none of them can be relied on.
fn age(headers: &HeaderMap) -> Result<Duration, ()> {
    let mut values = headers.get_all(AGE).iter();
    let Some(value) = values.next() else {
        return Ok(Duration::ZERO);
    };
    if values.next().is_some() {
        return Err(());
    }
    let mut list = value.to_str().map_err(drop)?.split(',').map(str::trim);
    let first = list.next().and_then(seconds).ok_or(())?;
    let is_plain = list.all(|other| seconds(other).is_some_and(|other| other != first));
    is_plain.then(|| Duration::from_secs(first)).ok_or(())
}

/// The time from Date to Expires (RFC 9111 section 4.2.1). An Expires that is no date has passed.
fn expires_in(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let mut values = headers.get_all(EXPIRES).iter();
    let expires = values.next()?;
    let expires = match values.next() {
        None => parse_date(expires),
        Some(_) => None,
    };
    let date = headers.get(DATE).and_then(parse_date).unwrap_or(now);
    let time = expires.and_then(|expires| expires.duration_since(date).ok());
    Some(time.unwrap_or_default())
}

/// The vary rule; none where no request can ever match.
fn vary(headers: &HeaderMap) -> Option<VaryRule> {
    let mut names = Vec::new();
    for value in headers.get_all(VARY) {
        let items = value.as_bytes().split(|byte| *byte == b',');
        for item in items
            .map(<[u8]>::trim_ascii)
            .filter(|item| !item.is_empty())
        {
            if item == b"*" {
                return None;
            }
            names.push(HeaderName::from_bytes(item).ok()?);
        }
    }
    VaryRule::from_names(names).ok()
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// How long a response is kept for revalidation alone.
pub(crate) fn retention(headers: &HeaderMap) -> Duration {
    let validators = [http::header::ETAG, http::header::LAST_MODIFIED];
    if validators.iter().any(|name| headers.contains_key(name)) {
        RETENTION
    } else {
        Duration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::SURROGATE_KEYS_BYTES_MAX;

    #[test]
    fn the_surrogate_keys_of_a_guest_have_a_bound() {
        let keys: Vec<_> = (0..100_000).map(|number| number.to_string()).collect();
        let given = CacheOverride {
            surrogate_keys: Some(keys.join(" ")),
            ..CacheOverride::default()
        };
        let policy = StoragePolicy {
            action: StorageAction::Insert,
            options: WriteOptions::default(),
        };
        let policy = policy.with_override(&given, &HeaderMap::new());
        let text = policy.options.surrogate_keys.to_string();
        assert!(text.len() <= SURROGATE_KEYS_BYTES_MAX);
        assert!(text.split(' ').any(|key| key == "0"));
    }

    #[test]
    fn of_a_list_of_ages_the_first_counts_unless_it_comes_again() {
        let age_of = |fields: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for field in fields {
                headers.append(AGE, HeaderValue::from_static(field));
            }
            age(&headers).map(|age| age.as_secs())
        };
        assert_eq!(age_of(&[]), Ok(0));
        assert_eq!(age_of(&["60"]), Ok(60));
        assert_eq!(age_of(&["0,7200"]), Ok(0));
        assert_eq!(age_of(&["7200, 0"]), Ok(7200));
        for wrong in ["", "abc", "-7200", "7200.0", "0, 0", "1, x", "1,", "60;a"] {
            assert_eq!(age_of(&[wrong]), Err(()), "{wrong}");
        }
        assert_eq!(age_of(&["0", "7200"]), Err(()));
    }
}
