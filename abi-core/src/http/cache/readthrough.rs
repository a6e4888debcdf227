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
    Attachment, BodyWriter, ByteRange, Found, Freshness, Overflowing, PendingLookup, Purge,
    Transaction, Unstored, WriteOptions,
};
use crate::cached::CacheOutcome;
use crate::http::{
    BackendRequest, BackendResponse, Destination, RequestHead, ResponseHead, SendError,
    SendErrorKind,
};
use crate::platform::{Backends, Platform};
use crate::reuse::RequestsOfRun;
use crate::sent::NotedBackends;

static X_CACHE: HeaderName = HeaderName::from_static("x-cache");
static X_CACHE_HITS: HeaderName = HeaderName::from_static("x-cache-hits");

/// How a request went.
type Outcome = Result<BackendResponse, SendError>;

/// A request that is answered, or goes on while it is waited for.
#[expect(
    clippy::large_enum_variant,
    reason = "it is taken apart where it comes from, and a box for each hit would cost more"
)]
pub(crate) enum Sending {
    /// Nothing is left to do.
    Done(Outcome),
    /// It makes progress while this is polled; dropping it gives the request up.
    Waiting(BoxFuture<'static, Outcome>),
}

impl Sending {
    /// Waits for the outcome, where it is not there yet.
    pub(crate) async fn wait(self) -> Outcome {
        match self {
            Self::Done(outcome) => outcome,
            Self::Waiting(sending) => sending.await,
        }
    }
}

/// Sends requests through the cache.
#[derive(Clone, Debug)]
pub struct Readthrough {
    platform: Platform,
    /// Who is told what the cache did, and what was sent.
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

    /// What goes on where the cache has not answered at once: it tells what it sends to backends, too.
    fn noting(platform: &Platform, of_run: Option<Arc<RequestsOfRun>>) -> Self {
        let platform = Platform {
            backends: backends(platform, of_run.as_ref()),
            ..platform.clone()
        };
        Self { platform, of_run }
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
        let sending = async move {
            let sending = Self::send_on(&self.platform, self.of_run, request);
            sending.wait().await
        };
        sending.boxed()
    }

    /// [`send`](Self::send) on a platform of which no more than needed is kept. What the cache can answer at once is
    /// answered at once; all else is only done when the rest is waited for. The report of the run says what the cache
    /// did, and what was sent to backends.
    pub(crate) fn send_on(
        platform: &Platform,
        of_run: Option<Arc<RequestsOfRun>>,
        mut request: BackendRequest,
    ) -> Sending {
        let settings = &platform.http_cache;
        let is_past_cache = request.bypass_cache && !changes_something(&request.head.method);
        if is_past_cache || !settings.enabled {
            let backends = backends(platform, of_run.as_ref());
            return Sending::Waiting(async move { backends.send(request).await }.boxed());
        }
        if settings.purge && !request.bypass_cache && is_purge(&request.head.method) {
            let key = lookup_key(&mut request.head);
            let (head, body) = purge(platform, &key, &request.head.headers);
            let body = body.into();
            return Sending::Done(Ok(BackendResponse { head, body }));
        }
        // A body that is still being written cannot be sent again, nor wait for others.
        let may_use = !request.bypass_cache && is_cacheable(&request.head);
        if !may_use || request.body.known_length().is_none() {
            let this = Self::noting(platform, of_run);
            return Sending::Waiting(async move { this.pass(request).boxed().await }.boxed());
        }
        let key = lookup_key(&mut request.head);
        let (asked, unsent) = Unsent::of(request);
        let now = platform.clock.monotonic();
        let mut lookup = platform.cache.transaction(key, asked.clone(), now);
        if let Some(transaction) = lookup.transaction_mut()
            && let Some((response, outcome)) = stored_answer(platform, transaction, &asked)
        {
            if let Some(of_run) = of_run {
                of_run.note_cache(outcome);
            }
            return Sending::Done(Ok(response));
        }
        let this = Self::noting(platform, of_run);
        Sending::Waiting(this.read_through(lookup, asked, unsent).boxed())
    }

    async fn read_through(
        self,
        lookup: PendingLookup,
        asked: Arc<RequestHead>,
        unsent: Unsent,
    ) -> Outcome {
        let transaction = self.wait_for(lookup, &asked).await?;
        // What else there may be to do is large, and those who have waited most often find what they waited for.
        if let Some((response, outcome)) = stored_answer(&self.platform, &transaction, &asked) {
            self.note(outcome);
            return Ok(response);
        }
        self.answer(transaction, asked, unsent).boxed().await
    }

    async fn wait_for(
        &self,
        lookup: PendingLookup,
        request: &RequestHead,
    ) -> Result<Transaction, SendError> {
        let Some(timeout) = request.cache_override.lookup_timeout_ms else {
            return Ok(lookup.wait().await);
        };
        let alarm = Duration::from_millis(timeout.into());
        let alarm = self.platform.clock.sleep(alarm);
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
            match (
                &found.options().attachment,
                usable_as(&self.platform, found),
            ) {
                (Attachment::Response(head), Some(outcome)) => {
                    if transaction.must_insert_or_update() {
                        self.revalidate(transaction, asked.clone(), unsent);
                    }
                    self.note(outcome);
                    return Ok(hit(&self.platform, &asked, head, found));
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
            return Ok(hit(&self.platform, asked, &head, &found));
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
                Ok(hit(&self.platform, asked, &head, &found))
            }
            (_, true) => {
                let found = transaction.found().cloned();
                drop(transaction);
                match found {
                    Some(found) => Ok(hit(&self.platform, asked, &head, &found)),
                    None => Err(SendError::new(SendErrorKind::InternalError)),
                }
            }
            (StorageAction::Insert | StorageAction::Update, false) => {
                options.length = length.or(options.length);
                let inserted = transaction.insert_and_stream_back(options, now);
                let (writer, found) = inserted.map_err(refused)?;
                let unstored = self.fill(writer, response.body);
                Ok(self.answer_while_stored(asked, &head, &found, unstored))
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

    /// Stores a body, whoever reads it meanwhile. What there is no room for can be had from what this gives.
    fn fill(&self, writer: BodyWriter, body: Body) -> oneshot::Receiver<Unstored> {
        let (told, unstored) = oneshot::channel();
        let storing = async move {
            let mut body = OutgoingBody::from(body);
            let unstored = match writer.store_from(&mut body).await {
                Ok(()) => return,
                Err(BodyError::TooLarge) => Ok(body),
                Err(cause) => Err(cause),
            };
            // One who has left does not want it.
            drop(told.send(unstored));
        };
        self.platform.executor.spawn(storing.boxed());
        unstored
    }

    /// Answers with a response that is being stored.
    fn answer_while_stored(
        &self,
        asked: &RequestHead,
        head: &ResponseHead,
        found: &Found,
        unstored: oneshot::Receiver<Unstored>,
    ) -> BackendResponse {
        let answer = for_client(asked, head.clone(), found.length(), None);
        let is_whole = answer.body == Some(ByteRange::WHOLE);
        let mut response = with_stored_body(&self.platform, answer, found, 0);
        if is_whole {
            let body = Overflowing::new(response.body, unstored);
            response.body = Body::from_stream(Box::pin(body));
        }
        response
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
        labelled(&self.platform, answer.head, body, 0)
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

/// The backends of a platform, such that the run is told what is sent to them, where it is to be told.
fn backends(platform: &Platform, of_run: Option<&Arc<RequestsOfRun>>) -> Arc<dyn Backends> {
    let backends = platform.backends.clone();
    match of_run {
        Some(of_run) => {
            let clock = platform.clock.clone();
            Arc::new(NotedBackends::new(backends, clock, of_run.clone()))
        }
        None => backends,
    }
}

/// The answer from what a lookup has found, and as what it counts, where nothing is left to be done: no revalidation, and no
/// waiting. A body that is still being stored arrives as it does.
fn stored_answer(
    platform: &Platform,
    transaction: &Transaction,
    asked: &RequestHead,
) -> Option<(BackendResponse, CacheOutcome)> {
    if transaction.must_insert_or_update() {
        return None;
    }
    let found = transaction.found()?;
    let Attachment::Response(head) = &found.options().attachment else {
        return None;
    };
    let outcome = usable_as(platform, found)?;
    Some((hit(platform, asked, head, found), outcome))
}

/// As what a response counts that answers a request as it is; `None` where it may not.
fn usable_as(platform: &Platform, found: &Found) -> Option<CacheOutcome> {
    let freshness = found.freshness(platform.clock.monotonic());
    match freshness {
        _ if found.is_chosen_stale() => Some(CacheOutcome::Stale),
        Freshness::Fresh => Some(CacheOutcome::Hit),
        _ => freshness.is_usable().then_some(CacheOutcome::Stale),
    }
}

fn hit(
    platform: &Platform,
    asked: &RequestHead,
    head: &ResponseHead,
    found: &Found,
) -> BackendResponse {
    let age = found.age(platform.clock.monotonic());
    let answer = for_client(asked, head.clone(), found.length(), Some(age));
    with_stored_body(platform, answer, found, found.hits())
}

fn with_stored_body(
    platform: &Platform,
    answer: ClientAnswer,
    found: &Found,
    hits: u64,
) -> BackendResponse {
    let body = match answer.body {
        Some(range) => found.part(range),
        None => Body::empty(),
    };
    labelled(platform, answer.head, body, hits)
}

fn labelled(platform: &Platform, mut head: ResponseHead, body: Body, hits: u64) -> BackendResponse {
    if platform.http_cache.response_headers {
        let word = if hits > 0 { "HIT" } else { "MISS" };
        let headers = &mut head.headers;
        headers.insert(&X_CACHE, HeaderValue::from_static(word));
        headers.insert(&X_CACHE_HITS, hits.into());
    }
    BackendResponse { head, body }
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

/// The mark that responses like this one are not stored. It is purged with what the response would have been purged with.
pub(crate) fn uncacheable(options: &WriteOptions) -> WriteOptions {
    let left = options.max_age.saturating_sub(options.initial_age);
    WriteOptions {
        vary: options.vary.clone(),
        surrogate_keys: options.surrogate_keys.clone(),
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
