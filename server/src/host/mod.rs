//! [`Host`]: a program with its world, ready to answer requests.

mod background;
mod builder;
mod compile;
mod deployment;
mod error;
mod finished;
mod hooks;
mod id;
mod lasting;
mod lookups;
mod patience;
mod reload;
mod stores;
mod tower;
mod warmup;

use std::error::Error as StdError;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use abi_core::Service;
use abi_core::body::OutgoingBody;
use abi_core::cache::Cache;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

pub(crate) use builder::ALL_OTHERS;
pub use builder::HostBuilder;
use builder::Loaded;
use deployment::Background;
pub(crate) use deployment::Deployment;
pub use error::HostError;
pub use finished::Finished;
pub(crate) use finished::FinishedSender;
pub(crate) use id::RequestIds;
use lasting::Lasting;
use stores::KeptStores;

use crate::backends::CDN_LOOP;
use crate::serve::{self, ClientConnection, ConnectionAddresses};
use crate::world::{Turns, keep_swept};

/// How long a host that stops waits for requests that guests sent and did not wait for.
const LEFT_BEHIND_MAX: Duration = Duration::from_secs(1);

/// A program with its world, ready to answer requests. Clones are the same host.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let host = fastlike::Host::builder()
///     .program(std::path::PathBuf::from("app.wasm"))
///     .backend("origin", "http://127.0.0.1:8080")?
///     .build()
///     .await?;
/// let request = http::Request::get("http://localhost/").body(http_body_util::Empty::<bytes::Bytes>::new())?;
/// let response = host.handle(request).await;
/// println!("{}", response.status());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Host(Arc<Inner>);

struct Inner {
    /// What new requests run on.
    current: RwLock<Arc<Deployment>>,
    /// What compiles for later requests.
    background: Background,
    lasting: Lasting,
    /// What a reload takes over. Locked while there is one.
    kept: Mutex<KeptStores>,
    /// The cache of every deployment.
    cache: Cache,
    ids: RequestIds,
    /// Runs that go on by themselves.
    tasks: TaskTracker,
    /// Cancelled when the host begins to end.
    ending: CancellationToken,
    /// Removes what has expired from the cache, as long as the host is there.
    _sweeping: AbortOnDropHandle<()>,
}

/// What a host does where it has a choice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    pub on_disconnect: OnDisconnect,
    pub drain_timeout: Duration,
    pub send_timeout: Duration,
    pub idle_timeout: Duration,
}

/// What becomes of a guest whose client leaves before it has been answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDisconnect {
    /// It finishes its work, within its limits.
    #[default]
    Finish,
    /// It is stopped.
    Cancel,
}

impl Host {
    /// A host is made from its program and what it needs.
    pub fn builder() -> HostBuilder {
        HostBuilder::default()
    }

    fn new(lasting: Lasting, loaded: Loaded) -> Self {
        let deployment = Arc::new(loaded.deployment);
        let platform = &deployment.service.platform;
        let sweeping = keep_swept(platform.cache.clone(), platform.clock.clone());
        let sweeping = AbortOnDropHandle::new(lasting.runtime.spawn(sweeping));
        let host = Self(Arc::new(Inner {
            cache: platform.cache.clone(),
            current: RwLock::new(deployment.clone()),
            background: Background::default(),
            kept: Mutex::new(loaded.stores.in_memory),
            ids: RequestIds::new(lasting.random),
            tasks: TaskTracker::new(),
            ending: CancellationToken::new(),
            _sweeping: sweeping,
            lasting,
        }));
        if let Some(successor) = loaded.successor {
            successor.prepare(&host, &deployment);
        }
        host
    }

    /// The program and what its runs share, as they are now.
    #[must_use]
    pub fn service(&self) -> Service {
        self.current().service.clone()
    }

    /// What guests have put into the cache: to look at it, to purge it, to clear it.
    #[must_use]
    pub fn cache(&self) -> &Cache {
        &self.0.cache
    }

    /// The name of the engine that runs new requests.
    #[must_use]
    pub fn engine_name(&self) -> &'static str {
        self.current().engine_name
    }

    /// How long compiling the program took before it could answer.
    #[must_use]
    pub fn compile_time(&self) -> Duration {
        self.current().started.compile_time
    }

    /// Whether the program was compiled by an earlier process, and only had to be loaded.
    #[must_use]
    pub fn was_kept(&self) -> bool {
        self.current().started.was_kept
    }

    /// The name of the engine that ran the first requests of the program.
    pub(crate) fn started_on(&self) -> &'static str {
        self.current().started.engine_name
    }

    /// What a request that begins now runs on, until its end.
    pub(crate) fn current(&self) -> Arc<Deployment> {
        let current = self.0.current.read();
        current.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Answers one request without a socket.
    ///
    /// The guest sees the address of the client that [`ConnectionAddresses`], if the request has that extension, names.
    /// When the future is dropped before the answer, [`OnDisconnect`] says what becomes of the guest.
    pub async fn handle<B>(&self, request: Request<B>) -> Response<OutgoingBody>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        let addresses = ConnectionAddresses::of(&request);
        serve::answer(self, request, ClientConnection::of(addresses)).await
    }

    /// [`handle`](Self::handle), with a future of what is known when the guest has ended, which may be long after its
    /// answer.
    ///
    /// The body of the response has to be read meanwhile: a guest waits for whoever reads what it streams.
    pub async fn handle_and_report<B>(
        &self,
        request: Request<B>,
    ) -> (Response<OutgoingBody>, Finished)
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        let addresses = ConnectionAddresses::of(&request);
        let (sender, finished) = finished::channel();
        let connection = ClientConnection::of(addresses);
        let response = serve::answer_and_report(self, request, connection, Some(sender)).await;
        (response, finished)
    }

    /// Answers requests over HTTP/1.1 and HTTP/2 (by prior knowledge) until `shutdown` ends, and then finishes those
    /// that are on their way.
    pub async fn serve(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Drained {
        serve::serve(self, listener, shutdown).await
    }

    /// Waits until every guest that still works after its answer has ended, and then for a moment for what guests sent
    /// without waiting for an answer.
    pub async fn finish(&self) {
        self.begin_to_end();
        self.0.tasks.close();
        self.0.tasks.wait().await;
        let left_behind = &self.0.lasting.left_behind;
        left_behind.close();
        let left_behind = left_behind.wait();
        if tokio::time::timeout(LEFT_BEHIND_MAX, left_behind)
            .await
            .is_err()
        {
            tracing::debug!("requests that guests left behind were given up");
        }
    }

    /// Ends what has no end of its own: sandboxes that wait for another request, and clients that are joined with a
    /// backend.
    pub(crate) fn begin_to_end(&self) {
        // In this order: what takes the place of the current deployment looks whether the host ends.
        self.0.ending.cancel();
        self.current().service.sandboxes.close();
    }

    pub(crate) fn ending(&self) -> &CancellationToken {
        &self.0.ending
    }

    /// Whether this host has sent a request with these headers itself.
    pub(crate) fn has_passed_on(&self, headers: &HeaderMap) -> bool {
        let token = self.0.lasting.loop_token.as_bytes();
        headers.get_all(CDN_LOOP).iter().any(|value| {
            let mut nodes = value.as_bytes().split(|byte| *byte == b',');
            nodes.any(|node| node.trim_ascii() == token)
        })
    }

    pub(crate) fn ids(&self) -> &RequestIds {
        &self.0.ids
    }

    pub(crate) fn turns(&self) -> &Turns {
        &self.0.lasting.turns
    }

    /// Runs a future that [`finish`](Self::finish) waits for.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.0.tasks.spawn_on(future, &self.0.lasting.runtime);
    }
}

/// How a host stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Every request was finished.
    Completely,
    /// Some took longer than the limit, and were cut off.
    CutOff,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("engine", &self.engine_name())
            .field("service", &self.current().service)
            .finish_non_exhaustive()
    }
}
