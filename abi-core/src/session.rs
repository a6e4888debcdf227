//! [`Session`]: everything the host holds for one guest run.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_channel::oneshot;
use http::header::UPGRADE;
use http::{HeaderMap, StatusCode};

use crate::async_item::AsyncItem;
use crate::body::{Body, OutgoingBody};
use crate::client::ClientIdentity;
pub use crate::environment::{GuestEnvironment, Products};
use crate::error::{Error, Result};
use crate::handle::{
    AclHandle, AsyncItemHandle, BodyHandle, ConfigStoreHandle, Handle, KvStoreHandle,
    LogEndpointHandle, RequestHandle, RequestPromiseHandle, ResponseHandle, SecretHandle,
    SecretStoreHandle, Table,
};
use crate::held::{HELD_BYTES_MAX, HeldBytes};
use crate::http::{
    BackendInfo, BackendResponse, Destination, DynamicBackend, HandOff, RequestHead, ResponseHead,
};
use crate::meter::CpuMeter;
use crate::offload::Offload;
use crate::platform::Platform;
use crate::reuse::{EARLIER_MAX, HandedOverParts, RequestPromise, RequestsOfRun, WaitingSandboxes};
use crate::stdio::Stdio;
use crate::stores::{Acl, ConfigStore, KvStore, SecretStore};
use crate::table::ReturnedHostcall;

/// A client's request, as it is given to a guest.
#[derive(Debug)]
pub struct ClientRequest {
    /// The head. The URI is absolute.
    pub head: RequestHead,
    /// The body, which may still be arriving.
    pub body: Body,
    /// The header names in the order and the case in which they were received, one for each field.
    pub original_header_names: Vec<Bytes>,
    /// The client's address.
    pub client: SocketAddr,
    /// The address the client connected to.
    pub server: SocketAddr,
    /// A number that no other request of this process has; guests see it as 32 hexadecimal digits.
    pub id: u128,
    /// Who the client is.
    pub identity: ClientIdentity,
    /// Where early hints go; `None` when the client's connection cannot carry them.
    pub early_hints: Option<Arc<dyn EarlyHints>>,
}

/// Takes interim responses with status 103 (RFC 8297) to a client.
pub trait EarlyHints: fmt::Debug + Send + Sync {
    /// Sends these fields before the final response, unless too much is on its way already. It must not wait.
    fn send(&self, headers: &HeaderMap);
}

impl ClientRequest {
    /// A request from and to nowhere in particular, for hosts and tests that have no connection.
    #[must_use]
    pub fn new(head: RequestHead, body: Body) -> Self {
        let names = head.headers.iter();
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            original_header_names: names
                .map(|(name, _)| Bytes::copy_from_slice(name.as_ref()))
                .collect(),
            head,
            body,
            client: nowhere,
            server: nowhere,
            id: 0,
            identity: ClientIdentity::default(),
            early_hints: None,
        }
    }
}

/// A guest's answer to its client.
#[derive(Debug)]
pub struct ClientResponse {
    /// The head.
    pub head: ResponseHead,
    /// The body; for a streaming answer, one that goes on as the guest writes.
    pub body: OutgoingBody,
    /// What the guest wants in place of an answer of its own: its client is to be joined with a backend. For hosts that
    /// cannot do that, head and body say so.
    pub hand_off: Option<Box<HandOff>>,
}

impl ClientResponse {
    /// An answer.
    #[must_use]
    pub fn new(head: ResponseHead, body: impl Into<OutgoingBody>) -> Self {
        Self {
            head,
            body: body.into(),
            hand_off: None,
        }
    }

    /// No answer, but a client to be joined with a backend.
    #[must_use]
    pub fn hand_off(hand_off: HandOff) -> Self {
        let mut head = ResponseHead::new();
        head.status = StatusCode::NOT_IMPLEMENTED;
        let text = Bytes::from_static(b"this host cannot join a client with a backend\n");
        Self {
            hand_off: Some(Box::new(hand_off)),
            ..Self::new(head, text)
        }
    }
}

/// Told of every hostcall of a session, for traces and transcripts.
pub trait HostcallObserver: Send {
    /// A hostcall has returned, or has ended the guest.
    fn returned(&mut self, hostcall: &ReturnedHostcall<'_>);
}

/// All state of one guest run.
///
/// Dropping it gives up everything the guest held: unfinished streaming bodies are abandoned.
pub struct Session {
    pub(crate) platform: Arc<Platform>,
    pub(crate) environment: Arc<GuestEnvironment>,
    pub(crate) requests: Table<RequestHandle, RequestHead>,
    pub(crate) responses: Table<ResponseHandle, ResponseHead>,
    pub(crate) items: Table<AsyncItemHandle, AsyncItem>,
    pub(crate) log_endpoints: Table<LogEndpointHandle, String>,
    pub(crate) config_stores: Table<ConfigStoreHandle, Arc<dyn ConfigStore>>,
    pub(crate) kv_stores: Table<KvStoreHandle, Arc<dyn KvStore>>,
    pub(crate) acls: Table<AclHandle, Arc<dyn Acl>>,
    pub(crate) secret_stores: Table<SecretStoreHandle, Arc<dyn SecretStore>>,
    pub(crate) secrets: Table<SecretHandle, Bytes>,
    pub(crate) dynamic_backends: BTreeMap<String, Arc<DynamicBackend>>,
    pub(crate) downstream: Downstream,
    /// The clients whose requests the guest has answered before: the last of them.
    pub(crate) earlier: VecDeque<Downstream>,
    pub(crate) reuse: Reuse,
    pub(crate) stdio: Stdio,
    /// What the guest has written to bodies and header fields since its current request began.
    pub(crate) held: HeldBytes,
    /// Where requests are sent, if not where the guest waits for them.
    offload: Option<Offload>,
    id: u128,
    meter: Arc<CpuMeter>,
    memory_limit_reached: bool,
    subrequests: Subrequests,
    observer: Option<Box<dyn HostcallObserver>>,
    /// When the current hostcall began, where somebody observes it.
    hostcall_began: Duration,
}

/// The client's side of a session.
pub(crate) struct Downstream {
    pub request: RequestHandle,
    pub body: BodyHandle,
    pub original_header_names: Vec<Bytes>,
    pub client: SocketAddr,
    pub server: SocketAddr,
    pub id: u128,
    pub identity: ClientIdentity,
    /// The head as it was received, of requests that want another protocol.
    pub upgrade_head: Option<Box<RequestHead>>,
    early_hints: Option<Arc<dyn EarlyHints>>,
    answer: Option<oneshot::Sender<ClientResponse>>,
}

impl Downstream {
    /// The client's side of a request of which head and body have these handles.
    fn new(
        client: ClientRequest,
        upgrade_head: Option<Box<RequestHead>>,
        (request, body): (RequestHandle, BodyHandle),
        answer: oneshot::Sender<ClientResponse>,
    ) -> Self {
        Self {
            request,
            body,
            original_header_names: client.original_header_names,
            client: client.client,
            server: client.server,
            id: client.id,
            identity: client.identity,
            upgrade_head,
            early_hints: client.early_hints,
            answer: Some(answer),
        }
    }
}

/// The head of a request that wants another protocol: what it says about the connection has to outlive what the guest
/// does to it.
fn upgrade_head(head: &RequestHead) -> Option<Box<RequestHead>> {
    let wants_upgrade = head.headers.contains_key(UPGRADE);
    wants_upgrade.then(|| Box::new(head.clone()))
}

/// How a session comes to further requests.
#[derive(Default)]
pub(crate) struct Reuse {
    pub sandboxes: Option<WaitingSandboxes>,
    /// How many it has got so far.
    pub requests: u32,
    /// The one that it has asked for.
    pub promise: Option<RequestPromiseHandle>,
    of_run: Arc<RequestsOfRun>,
}

/// What a guest may send to backends for the request that it is to answer.
#[derive(Default)]
struct Subrequests {
    /// Nothing is any number.
    limit: Option<u32>,
    sent: u32,
}

impl Session {
    /// The state of a run that is to answer `request`, and where its answer will arrive.
    pub fn new(
        platform: impl Into<Arc<Platform>>,
        environment: Arc<GuestEnvironment>,
        mut request: ClientRequest,
    ) -> (Self, oneshot::Receiver<ClientResponse>) {
        let platform = platform.into();
        let (answer, answered) = oneshot::channel();
        let upgrade_head = upgrade_head(&request.head);
        let (requests, request_handle) = Table::with(std::mem::take(&mut request.head));
        let body = AsyncItem::Body(std::mem::take(&mut request.body));
        let (items, body_handle) = Table::<AsyncItemHandle, _>::with(body);
        let handles = (request_handle, BodyHandle(body_handle.0));
        let session = Self {
            stdio: Stdio::new(platform.logs.clone()),
            held: HeldBytes::new(HELD_BYTES_MAX),
            id: request.id,
            meter: Arc::new(CpuMeter::new(platform.clock.clone())),
            reuse: Reuse {
                of_run: Arc::new(RequestsOfRun::new(platform.clock.monotonic())),
                ..Reuse::default()
            },
            platform,
            environment,
            requests,
            responses: Table::new(),
            items,
            log_endpoints: Table::new(),
            config_stores: Table::new(),
            kv_stores: Table::new(),
            acls: Table::new(),
            secret_stores: Table::new(),
            secrets: Table::new(),
            dynamic_backends: BTreeMap::new(),
            downstream: Downstream::new(request, upgrade_head, handles, answer),
            earlier: VecDeque::new(),
            offload: None,
            memory_limit_reached: false,
            subrequests: Subrequests::default(),
            observer: None,
            hostcall_began: Duration::ZERO,
        };
        (session, answered)
    }

    /// The world of this session.
    #[must_use]
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// The id of this run, which is that of its first request.
    pub(crate) fn id(&self) -> u128 {
        self.id
    }

    /// What is known about the backend of this name.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] when there is none, [`Error::Unsupported`] when the host tells nothing about it.
    pub(crate) fn backend_info(&self, name: &str) -> Result<BackendInfo> {
        let destination = self.backend(name).ok_or(NO_BACKEND)?;
        let info = self.platform.backends.info(&destination);
        info.ok_or(Error::Unsupported(
            "this host tells nothing about its backends",
        ))
    }

    /// The clock that counts while the guest runs. The adapter starts and stops it.
    #[must_use]
    pub fn meter(&self) -> &Arc<CpuMeter> {
        &self.meter
    }

    /// Notes that the guest was refused memory, so that a trap soon after can be explained.
    pub fn note_memory_limit(&mut self) {
        self.memory_limit_reached = true;
    }

    /// Whether the guest was ever refused memory.
    #[must_use]
    pub fn memory_limit_reached(&self) -> bool {
        self.memory_limit_reached
    }

    /// Has every hostcall from now on told to `observer`.
    pub fn set_observer(&mut self, observer: Box<dyn HostcallObserver>) {
        self.observer = Some(observer);
    }

    #[inline]
    pub(crate) fn is_observed(&self) -> bool {
        self.observer.is_some()
    }

    #[cold]
    pub(crate) fn note_hostcall_begins(&mut self) {
        self.hostcall_began = self.platform.clock.monotonic();
    }

    pub(crate) fn hostcall_took(&self) -> Duration {
        let now = self.platform.clock.monotonic();
        now.saturating_sub(self.hostcall_began)
    }

    pub(crate) fn observe(&mut self, hostcall: ReturnedHostcall<'_>) {
        if let Some(observer) = &mut self.observer {
            observer.returned(&hostcall);
        }
    }

    /// Limits how many requests the guest may send for each request of a client.
    pub(crate) fn limit_subrequests(&mut self, limit: Option<u32>) {
        self.subrequests.limit = limit;
    }

    /// Counts a request that the guest sends.
    ///
    /// # Errors
    ///
    /// [`Error::LimitExceeded`] when there may be no more for this client.
    pub(crate) fn count_subrequest(&mut self) -> Result<()> {
        let Subrequests { limit, sent } = &mut self.subrequests;
        if limit.is_some_and(|limit| *sent >= limit) {
            return Err(Error::LimitExceeded("request to a backend"));
        }
        *sent = sent.saturating_add(1);
        Ok(())
    }

    /// The backend of this name: one that the guest has defined, or one of the service's.
    pub(crate) fn backend(&self, name: &str) -> Option<Destination> {
        match self.dynamic_backends.get(name) {
            Some(backend) => Some(Destination::Dynamic(backend.clone())),
            None if self.platform.backends.exists(name) => {
                Some(Destination::Static(name.to_owned()))
            }
            None => None,
        }
    }

    /// Whether the guest has answered its client.
    #[must_use]
    pub fn has_answered(&self) -> bool {
        self.downstream.answer.is_none()
    }

    /// Answers the client. A client that is gone is no error: its guest may finish its work.
    pub(crate) fn answer(&mut self, answer: ClientResponse) -> Result<()> {
        drop(self.take_answer()?.send(answer));
        Ok(())
    }

    /// Checks that the guest may still answer its client.
    pub(crate) fn check_unanswered(&self) -> Result<()> {
        if self.has_answered() {
            return Err(ANSWERED_BEFORE);
        }
        Ok(())
    }

    /// Sends early hints to the client, where its connection can carry them.
    pub(crate) fn early_hints(&self, headers: &HeaderMap) -> Result<()> {
        self.check_unanswered()?;
        match &self.downstream.early_hints {
            Some(client) => client.send(headers),
            None => tracing::debug!("this client's connection cannot carry early hints"),
        }
        Ok(())
    }

    /// Makes sure that [`insert_response`](Self::insert_response) will find room, before something is done that gives a
    /// response. `freed` is how many async items are removed until then.
    ///
    /// # Errors
    ///
    /// [`Error::LimitExceeded`].
    pub(crate) fn check_room_for_response(&self, freed: u16) -> Result<()> {
        self.responses.check_room(1)?;
        self.items.check_room(1_u16.saturating_sub(freed))
    }

    /// Adds a response: both halves of it, or neither.
    ///
    /// # Errors
    ///
    /// [`Error::LimitExceeded`] when there is no room for one of them.
    pub(crate) fn insert_response(
        &mut self,
        response: BackendResponse,
    ) -> Result<(ResponseHandle, BodyHandle)> {
        self.check_room_for_response(0)?;
        let head = self.responses.insert(response.head)?;
        let body = self.items.insert_body(response.body)?;
        Ok((head, body))
    }

    /// Lets the guest ask for further requests, which it gets by a place among `sandboxes`.
    pub fn allow_reuse(&mut self, sandboxes: WaitingSandboxes) {
        self.reuse.sandboxes = Some(sandboxes);
    }

    /// Has the requests that the guest waits for polled by those who poll `offload`.
    pub(crate) fn set_offload(&mut self, offload: Offload) {
        self.offload = Some(offload);
    }

    pub(crate) fn offload(&self) -> Option<&Offload> {
        self.offload.as_ref()
    }

    pub(crate) fn requests_of_run(&self) -> &Arc<RequestsOfRun> {
        &self.reuse.of_run
    }

    /// Asks for a further request, within `timeout` and the limits of the service.
    pub(crate) fn promise_request(
        &mut self,
        timeout: Option<Duration>,
    ) -> Result<RequestPromiseHandle> {
        if self.reuse.promise.is_some() {
            return Err(Error::LimitExceeded(RequestPromiseHandle::KIND));
        }
        let sandboxes = self.reuse.sandboxes.clone();
        let limits = sandboxes.as_ref().map(WaitingSandboxes::limits);
        let limits = limits.unwrap_or_default();
        let sandboxes = sandboxes.filter(|_| self.reuse.requests < limits.further_requests);
        let wait = timeout.map_or(limits.wait, |timeout| timeout.min(limits.wait));
        let mut promise = RequestPromise::new(sandboxes, self.platform.clock.sleep(wait));
        if self.has_answered() {
            // Otherwise a request would wait for the answer to another one; it waits when the guest does.
            promise.enter();
        }
        let handle = self.items.insert(AsyncItem::RequestPromise(promise))?;
        let handle = RequestPromiseHandle(handle.0);
        self.reuse.promise = Some(handle);
        Ok(handle)
    }

    pub(crate) fn take_promise(&mut self, handle: RequestPromiseHandle) -> Result<RequestPromise> {
        let promise = self.items.take_promise(handle)?;
        self.reuse.promise = None;
        Ok(promise)
    }

    /// Notes that the guest, which has this much memory, is done with its request and waits for another.
    pub(crate) fn wait_for_request(&self, memory_bytes: u64) {
        let wall = self.platform.clock.monotonic();
        let of_run = &self.reuse.of_run;
        of_run.next(wall, self.meter.used(), memory_bytes, None);
    }

    /// Makes a request that was handed over the one that the guest is to answer. Handles of earlier ones stay valid.
    pub(crate) fn begin_request(&mut self, parts: HandedOverParts) -> Result<()> {
        let mut request = *parts.request;
        let upgrade_head = upgrade_head(&request.head);
        let head = self.requests.insert(std::mem::take(&mut request.head))?;
        let body = self.items.insert_body(std::mem::take(&mut request.body))?;
        let client = Downstream::new(request, upgrade_head, (head, body), parts.answer);
        if self.earlier.len() == EARLIER_MAX {
            self.earlier.pop_front();
        }
        self.earlier
            .push_back(std::mem::replace(&mut self.downstream, client));
        self.reuse.requests += 1;
        self.held = HeldBytes::new(HELD_BYTES_MAX);
        self.subrequests.sent = 0;
        let wall = self.platform.clock.monotonic();
        let finished = Some(parts.finished);
        self.reuse.of_run.next(wall, self.meter.used(), 0, finished);
        Ok(())
    }

    /// Takes the right to answer the client, which a session has once.
    pub(crate) fn take_answer(&mut self) -> Result<oneshot::Sender<ClientResponse>> {
        let answer = self.downstream.answer.take();
        answer.ok_or(ANSWERED_BEFORE)
    }
}

pub(crate) const NO_BACKEND: Error = Error::InvalidArgument("there is no backend of this name");

const ANSWERED_BEFORE: Error = Error::OutOfTurn("the client's request was answered before");

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("requests", &self.requests.len())
            .field("responses", &self.responses.len())
            .field("items", &self.items.len())
            .field("answered", &self.has_answered())
            .finish_non_exhaustive()
    }
}
