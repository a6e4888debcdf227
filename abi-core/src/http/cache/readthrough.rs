//! [`Readthrough`]: a request that is answered from the cache, or by its backend for all who ask the same.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_channel::oneshot;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Either, select};
use http::header::{CONTENT_LOCATION, HeaderName, HeaderValue, LOCATION};
use http::{Method, StatusCode, Uri};

use super::purge::purge;
use super::{
    ClientAnswer, StorageAction, StoragePolicy, UNCACHEABLE_TIME_MIN, backend_request, for_client,
    is_cacheable, is_purge, lookup_key, prepare_for_storage, purge_key,
};
use crate::body::{Body, BodyError, OutgoingBody};
use crate::cache::{
    Attachment, ByteRange, CacheKey, Found, Freshness, Overflowing, Purge, Transaction,
    WriteOptions,
};
use crate::cached::CacheOutcome;
use crate::http::{
    BackendRequest, BackendResponse, Destination, RequestHead, ResponseHead, SendError,
    SendErrorKind,
};
use crate::platform::Platform;
use crate::reuse::RequestsOfRun;

static X_CACHE: HeaderName = HeaderName::from_static("x-cache");
static X_CACHE_HITS: HeaderName = HeaderName::from_static("x-cache-hits");

/// Sends requests through the cache.
#[derive(Clone, Debug)]
pub struct Readthrough {
    platform: Platform,
    /// Who is told what the cache did.
    of_run: Option<Arc<RequestsOfRun>>,
}

impl Readthrough {
    /// Sends through the cache of this platform, to its backends.
    #[must_use]
    pub fn new(platform: Platform) -> Self {
        Self {
            platform,
            of_run: None,
        }
    }

    fn note(&self, outcome: CacheOutcome) {
        if let Some(of_run) = &self.of_run {
            of_run.note_cache(outcome);
        }
    }

    /// Answers a request: from the cache, or from the backend, whose response is stored where it may be.
    ///
    /// Of requests that ask the same at once one goes to the backend; the others wait for its response, as long as their
    /// guests allow. A response that is being stored arrives here as it arrives from the backend.
    ///
    /// # Errors
    ///
    /// Those of the backend, where no stale response may stand in; [`SendErrorKind::HttpResponseTimeout`] when another
    /// request took longer than this one was to wait.
    pub fn send(
        self,
        request: BackendRequest,
    ) -> BoxFuture<'static, Result<BackendResponse, SendError>> {
        Self::send_on(&self.platform, self.of_run, request)
    }

    /// [`send`](Self::send) on a platform of which no more than needed is kept: what the cache needs to go on with is
    /// large, and not carried where there is none. The report of the run says what the cache did.
    pub(crate) fn send_on(
        platform: &Platform,
        of_run: Option<Arc<RequestsOfRun>>,
        request: BackendRequest,
    ) -> BoxFuture<'static, Result<BackendResponse, SendError>> {
        let is_past_cache = request.bypass_cache && !changes_something(&request.head.method);
        if is_past_cache || !platform.http_cache.enabled {
            return platform.backends.send(request);
        }
        let platform = platform.clone();
        Box::pin(Self { platform, of_run }.read_through(request))
    }

    async fn read_through(self, mut request: BackendRequest) -> Result<BackendResponse, SendError> {
        let settings = &self.platform.http_cache;
        if settings.purge && !request.bypass_cache && is_purge(&request.head.method) {
            let key = lookup_key(&mut request.head);
            let (head, body) = purge(&self.platform, &key, &request.head.headers);
            let body = body.into();
            return Ok(BackendResponse { head, body });
        }
        // A body that is still being written cannot be sent again, nor wait for others.
        let may_use = !request.bypass_cache && is_cacheable(&request.head);
        if !may_use || request.body.known_length().is_none() {
            return self.pass(request).boxed().await;
        }
        let key = lookup_key(&mut request.head);
        let (asked, unsent) = Unsent::of(request);
        let transaction = self.look_up(key, &asked).await?;
        if !transaction.must_insert_or_update()
            && let Some(found) = transaction.found()
            && let Attachment::Response(head) = &found.options().attachment
            && let Some(outcome) = self.usable_as(found)
        {
            self.note(outcome);
            // What else there may be to do is large, and most often there is nothing else.
            return self.hit(&asked, head, found).await;
        }
        self.answer(transaction, asked, unsent).boxed().await
    }

    async fn look_up(
        &self,
        key: CacheKey,
        request: &Arc<RequestHead>,
    ) -> Result<Transaction, SendError> {
        let clock = &self.platform.clock;
        let cache = &self.platform.cache;
        let lookup = cache.transaction(key, request.clone(), clock.monotonic());
        let Some(timeout) = request.cache_override.lookup_timeout_ms else {
            return Ok(lookup.wait().await);
        };
        let alarm = clock.sleep(Duration::from_millis(timeout.into()));
        match select(lookup.wait().boxed(), alarm).await {
            Either::Left((transaction, _)) => Ok(transaction),
            Either::Right(((), _)) => {
                let error = SendError::new(SendErrorKind::HttpResponseTimeout);
                Err(error.with_source("another request for the same took too long"))
            }
        }
    }

    async fn answer(
        self,
        mut transaction: Transaction,
        asked: Arc<RequestHead>,
        unsent: Unsent,
    ) -> Result<BackendResponse, SendError> {
        let found = transaction.found().cloned();
        if let Some(found) = &found {
            match (&found.options().attachment, self.usable_as(found)) {
                (Attachment::Response(head), Some(outcome)) => {
                    if transaction.must_insert_or_update() {
                        self.revalidate(transaction, asked.clone(), unsent);
                    }
                    self.note(outcome);
                    return self.hit(&asked, head, found).await;
                }
                (Attachment::Uncacheable, Some(_)) => {
                    return self
                        .pass(unsent.with_head(Arc::unwrap_or_clone(asked)))
                        .await;
                }
                _ => {}
            }
        }
        if !transaction.must_insert_or_update() {
            return self
                .pass(unsent.with_head(Arc::unwrap_or_clone(asked)))
                .await;
        }
        match self.fetch(&mut transaction, &asked, unsent).await {
            Ok(response) => {
                self.note(match is_renewal(&transaction, &response) {
                    true => CacheOutcome::Revalidated,
                    false => CacheOutcome::Miss,
                });
                self.store(transaction, &asked, response).await
            }
            Err(failure) => self.stale(transaction, &asked, failure).await,
        }
    }

    /// As what it counts when it answers a request as it is; `None` where it may not.
    fn usable_as(&self, found: &Found) -> Option<CacheOutcome> {
        let freshness = found.freshness(self.platform.clock.monotonic());
        match freshness {
            _ if found.is_chosen_stale() => Some(CacheOutcome::Stale),
            Freshness::Fresh => Some(CacheOutcome::Hit),
            _ => freshness.is_usable().then_some(CacheOutcome::Stale),
        }
    }

    /// Asks the backend; a response that says that the backend is in trouble counts as a failure where a stale one may
    /// stand in.
    async fn fetch(
        &self,
        transaction: &mut Transaction,
        asked: &RequestHead,
        unsent: Unsent,
    ) -> Result<BackendResponse, Failure> {
        let stored = stored_head(transaction).map(|stored| &**stored);
        let request = unsent.with_head(backend_request(asked, stored));
        let response = self.platform.backends.send(request).await;
        let response = response.map_err(Failure::Error)?;
        let is_trouble = matches!(response.head.status.as_u16(), 500 | 502 | 503 | 504);
        if is_trouble && self.usable_if_error(transaction).is_some() {
            return Err(Failure::Response(Box::new(response)));
        }
        Ok(response)
    }

    fn usable_if_error(&self, transaction: &Transaction) -> Option<(Arc<ResponseHead>, Found)> {
        let found = transaction.found()?;
        let now = self.platform.clock.monotonic();
        if found.freshness(now) > Freshness::StaleIfError {
            return None;
        }
        Some((stored_head(transaction)?.clone(), found.clone()))
    }

    /// Answers from a stale response in place of what failed.
    async fn stale(
        &self,
        mut transaction: Transaction,
        asked: &RequestHead,
        failure: Failure,
    ) -> Result<BackendResponse, SendError> {
        if let Some((head, found)) = self.usable_if_error(&transaction)
            && transaction.choose_stale().is_ok()
        {
            self.note(CacheOutcome::Stale);
            return self.hit(asked, &head, &found).await;
        }
        self.note(CacheOutcome::Miss);
        match failure {
            Failure::Error(error) => Err(error),
            Failure::Response(response) => Ok(*response),
        }
    }

    /// Revalidates a response that is answered with meanwhile.
    fn revalidate(&self, mut transaction: Transaction, asked: Arc<RequestHead>, unsent: Unsent) {
        let this = self.clone();
        let revalidated = async move {
            if let Ok(response) = this.fetch(&mut transaction, &asked, unsent).await {
                // Whether it could be stored is seen by those who ask next.
                drop(this.store(transaction, &asked, response).await);
            }
        };
        self.platform.executor.spawn(revalidated.boxed());
    }

    /// Stores a backend's response, or takes note that it is not stored, and answers with it.
    async fn store(
        &self,
        mut transaction: Transaction,
        asked: &RequestHead,
        response: BackendResponse,
    ) -> Result<BackendResponse, SendError> {
        let stored = stored_head(&transaction).cloned();
        let is_update = is_renewal(&transaction, &response);
        let head = Arc::new(prepare_for_storage(&response.head, stored.as_ref()));
        let wall = SystemTime::UNIX_EPOCH + self.platform.clock.wall();
        let settings = &self.platform.http_cache;
        let policy = StoragePolicy::of(&asked.headers, &head, settings, wall)
            .with_override(&asked.cache_override, &head.headers);
        let now = self.platform.clock.monotonic();
        let mut options = policy.options;
        options.attachment = Attachment::Response(head.clone());
        let refused = |_| SendError::new(SendErrorKind::InternalError);
        let length = response.body.known_length();
        let fits = length.is_none_or(|length| length <= self.platform.cache.object_bytes_max());
        match (policy.action, is_update) {
            (_, false) if !fits => {
                drop(transaction);
                Ok(self.not_stored(asked, response))
            }
            (StorageAction::Insert | StorageAction::Update, true) => {
                let found = transaction.update(options, now).map_err(refused)?;
                self.hit(asked, &head, &found).await
            }
            (_, true) => {
                let found = transaction.found().cloned();
                drop(transaction);
                match found {
                    Some(found) => self.hit(asked, &head, &found).await,
                    None => Err(SendError::new(SendErrorKind::InternalError)),
                }
            }
            (StorageAction::Insert | StorageAction::Update, false) => {
                options.length = length.or(options.length);
                let inserted = transaction.insert_and_stream_back(options, now);
                let (writer, found) = inserted.map_err(refused)?;
                let (told, unstored) = oneshot::channel();
                let storing = async move {
                    let mut body = OutgoingBody::from(response.body);
                    let unstored = match writer.store_from(&mut body).await {
                        Ok(()) => return,
                        Err(BodyError::TooLarge) => Ok(body),
                        Err(cause) => Err(cause),
                    };
                    // One who has left does not want it.
                    drop(told.send(unstored));
                };
                self.platform.executor.spawn(storing.boxed());
                let answer = for_client(asked, ResponseHead::clone(&head), found.length(), None);
                let is_whole = answer.body == Some(ByteRange::WHOLE);
                let mut response = self.with_stored_body(answer, &found, 0).await?;
                if is_whole {
                    let body = Overflowing::new(response.body, unstored);
                    response.body = Body::from_stream(Box::pin(body));
                }
                Ok(response)
            }
            (StorageAction::RecordUncacheable, false) => {
                let marker = uncacheable(&options);
                let writer = transaction.insert(marker, now).map_err(refused)?;
                writer.finish();
                Ok(self.not_stored(asked, response))
            }
            (StorageAction::DoNotStore, false) => {
                drop(transaction);
                Ok(self.not_stored(asked, response))
            }
        }
    }

    async fn hit(
        &self,
        asked: &RequestHead,
        head: &ResponseHead,
        found: &Found,
    ) -> Result<BackendResponse, SendError> {
        let age = found.age(self.platform.clock.monotonic());
        let answer = for_client(asked, head.clone(), found.length(), Some(age));
        self.with_stored_body(answer, found, found.hits()).await
    }

    async fn with_stored_body(
        &self,
        answer: ClientAnswer,
        found: &Found,
        hits: u64,
    ) -> Result<BackendResponse, SendError> {
        let body = match answer.body {
            Some(range) => found.body(range, false).await.map_err(|error| {
                SendError::new(SendErrorKind::HttpIncompleteResponse).with_source(error)
            })?,
            None => Body::empty(),
        };
        Ok(self.labelled(answer.head, body, hits))
    }

    /// A response that was fetched for storing and is not stored.
    fn not_stored(&self, asked: &RequestHead, response: BackendResponse) -> BackendResponse {
        let BackendResponse { head, body } = response;
        // Its body cannot be cut: a client that asked for a part gets all of it.
        let answer = for_client(asked, head, None, None);
        let body = match answer.body {
            Some(_) => body,
            None => Body::empty(),
        };
        self.labelled(answer.head, body, 0)
    }

    fn labelled(&self, mut head: ResponseHead, body: Body, hits: u64) -> BackendResponse {
        if self.platform.http_cache.response_headers {
            let word = if hits > 0 { "HIT" } else { "MISS" };
            let headers = &mut head.headers;
            headers.insert(&X_CACHE, HeaderValue::from_static(word));
            headers.insert(&X_CACHE_HITS, hits.into());
        }
        BackendResponse { head, body }
    }

    /// Sends a request past the cache. One that changes something makes what is stored for its URL invalid (RFC 9111
    /// section 4.4).
    async fn pass(&self, mut request: BackendRequest) -> Result<BackendResponse, SendError> {
        // A guest that asks the cache itself also goes past it for what it is about to store.
        if !request.bypass_cache || !is_cacheable(&request.head) {
            self.note(CacheOutcome::Pass);
        }
        let key = lookup_key(&mut request.head);
        let head = &request.head;
        let target =
            changes_something(&head.method).then(|| (head.uri.clone(), head.headers.clone()));
        let response = self.platform.backends.send(request).await?;
        let status = response.head.status;
        if let Some((uri, headers)) = target
            && (status.is_success() || status.is_redirection())
        {
            self.platform.cache.purge_object(&key, Purge::Hard);
            for name in [LOCATION, CONTENT_LOCATION] {
                let named = response.head.headers.get(name);
                if let Some(other) = named.and_then(|value| sibling(&uri, value)) {
                    let key = purge_key(&other, &headers);
                    self.platform.cache.purge_object(&key, Purge::Hard);
                }
            }
        }
        Ok(response)
    }
}

/// Whether a request with this method may change what later ones get (RFC 9110 section 9.2.1).
fn changes_something(method: &Method) -> bool {
    ![Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE].contains(method)
}

/// What a request is sent with beside its head.
struct Unsent {
    destination: Destination,
    body: OutgoingBody,
    bypass_cache: bool,
}

impl Unsent {
    /// Takes a request apart: whoever looks for a response shares its head.
    fn of(request: BackendRequest) -> (Arc<RequestHead>, Self) {
        let BackendRequest {
            destination,
            head,
            body,
            bypass_cache,
        } = request;
        let unsent = Self {
            destination,
            body,
            bypass_cache,
        };
        (Arc::new(head), unsent)
    }

    fn with_head(self, head: RequestHead) -> BackendRequest {
        BackendRequest {
            destination: self.destination,
            head,
            body: self.body,
            bypass_cache: self.bypass_cache,
        }
    }
}

enum Failure {
    Error(SendError),
    Response(Box<BackendResponse>),
}

fn stored_head(transaction: &Transaction) -> Option<&Arc<ResponseHead>> {
    match &transaction.found()?.options().attachment {
        Attachment::Response(head) => Some(head),
        _ => None,
    }
}

/// Whether a backend says with this response that the stored one is still good.
fn is_renewal(transaction: &Transaction, response: &BackendResponse) -> bool {
    response.head.status == StatusCode::NOT_MODIFIED && stored_head(transaction).is_some()
}

/// The mark that responses like this one are not stored.
pub(crate) fn uncacheable(options: &WriteOptions) -> WriteOptions {
    let left = options.max_age.saturating_sub(options.initial_age);
    WriteOptions {
        vary: options.vary.clone(),
        length: Some(0),
        attachment: Attachment::Uncacheable,
        ..WriteOptions::new(left.max(UNCACHEABLE_TIME_MIN))
    }
}

/// Another URL of the same host, as a response names it.
fn sibling(base: &Uri, reference: &HeaderValue) -> Option<Uri> {
    let reference: Uri = reference.to_str().ok()?.parse().ok()?;
    let path = reference.path_and_query()?;
    match reference.authority() {
        Some(authority) if Some(authority) != base.authority() => None,
        Some(_) => Some(reference),
        None if path.as_str().starts_with('/') => {
            let mut parts = base.clone().into_parts();
            parts.path_and_query = Some(path.clone());
            Uri::from_parts(parts).ok()
        }
        None => None,
    }
}
