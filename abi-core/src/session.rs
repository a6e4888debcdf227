//! [`Session`]: everything the host holds for one guest run.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures_channel::oneshot;

use crate::async_item::AsyncItem;
use crate::body::{Body, OutgoingBody};
use crate::client::ClientIdentity;
use crate::error::{Error, Result};
use crate::handle::{
    AclHandle, AsyncItemHandle, BodyHandle, ConfigStoreHandle, KvStoreHandle, LogEndpointHandle,
    RequestHandle, ResponseHandle, SecretHandle, SecretStoreHandle, Table,
};
use crate::http::{Destination, DynamicBackend, RequestHead, ResponseHead};
use crate::meter::CpuMeter;
use crate::platform::Platform;
use crate::stdio::Stdio;
use crate::stores::{Acl, ConfigStore, KvStore, SecretStore};
use crate::table::Hostcall;

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
}

/// What a guest is told about where it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestEnvironment {
    /// The program's arguments, its name first.
    pub arguments: Vec<String>,
    /// Environment variables, name and value. `FASTLY_TRACE_ID` is added for each run.
    pub variables: Vec<(String, String)>,
    /// What the service has beside the platform itself.
    pub products: Products,
}

/// What a service may have beside the platform itself. Nothing, by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Products {
    /// Statistics by domain.
    pub domain_inspector: bool,
    /// Images can be transformed.
    pub image_optimizer: bool,
    /// Statistics by backend.
    pub origin_inspector: bool,
}

impl GuestEnvironment {
    /// The value of an environment variable.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        let mut variables = self.variables.iter();
        let found = variables.find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }
}

impl Default for GuestEnvironment {
    fn default() -> Self {
        let variables = [
            ("FASTLY_CACHE_GENERATION", "0"),
            ("FASTLY_CUSTOMER_ID", "0000000000000000000000"),
            ("FASTLY_HOSTNAME", "localhost"),
            ("FASTLY_IS_STAGING", "0"),
            ("FASTLY_POP", "LOCAL"),
            ("FASTLY_REGION", "Somewhere"),
            ("FASTLY_SERVICE_ID", "0000000000000000000000"),
            ("FASTLY_SERVICE_VERSION", "0"),
        ];
        Self {
            arguments: vec!["compute-app".to_owned()],
            variables: variables
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            products: Products::default(),
        }
    }
}

/// Told of every hostcall of a session, for traces and transcripts.
pub trait HostcallObserver: Send {
    /// A hostcall has returned `code`, or has ended the guest.
    fn returned(&mut self, hostcall: &'static Hostcall, code: Option<u32>);
}

/// All state of one guest run.
///
/// Dropping it gives up everything the guest held: unfinished streaming bodies are abandoned.
pub struct Session {
    pub(crate) platform: Platform,
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
    pub(crate) stdio: Stdio,
    id: u128,
    meter: Arc<CpuMeter>,
    memory_limit_reached: bool,
    observer: Option<Box<dyn HostcallObserver>>,
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
    answer: Option<oneshot::Sender<ClientResponse>>,
}

impl Session {
    /// The state of a run that is to answer `request`, and where its answer will arrive.
    pub fn new(
        platform: Platform,
        environment: Arc<GuestEnvironment>,
        request: ClientRequest,
    ) -> (Self, oneshot::Receiver<ClientResponse>) {
        let (answer, answered) = oneshot::channel();
        let (requests, request_handle) = Table::with(request.head);
        let (items, body_handle) = Table::<AsyncItemHandle, _>::with(AsyncItem::Body(request.body));
        let session = Self {
            stdio: Stdio::new(platform.logs.clone()),
            id: request.id,
            meter: Arc::new(CpuMeter::new(platform.clock.clone())),
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
            downstream: Downstream {
                request: request_handle,
                body: BodyHandle(body_handle.0),
                original_header_names: request.original_header_names,
                client: request.client,
                server: request.server,
                id: request.id,
                identity: request.identity,
                answer: Some(answer),
            },
            memory_limit_reached: false,
            observer: None,
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

    pub(crate) fn observe(&mut self, hostcall: &'static Hostcall, code: Option<u32>) {
        if let Some(observer) = &mut self.observer {
            observer.returned(hostcall, code);
        }
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
    pub(crate) fn answer(&mut self, head: ResponseHead, body: OutgoingBody) -> Result<()> {
        drop(self.take_answer()?.send(ClientResponse { head, body }));
        Ok(())
    }

    /// Takes the right to answer the client, which a session has once.
    pub(crate) fn take_answer(&mut self) -> Result<oneshot::Sender<ClientResponse>> {
        let answer = self.downstream.answer.take();
        answer.ok_or(Error::OutOfTurn("the client's request was answered before"))
    }
}

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
