//! A host on a socket of its own.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use abi_core::Limits;
use fastlike::{Drained, Host, HostBuilder, HttpCacheSettings, LogCapture, ProgramSource};
use http::{Request, Response};
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::client::{Answer, Begun, Client, Content, request};
use crate::context::Context;
use crate::guests::Guest;
use crate::runs::Runs;
use crate::wire::Wire;

/// What a run may use where a case does not say. Enough for every guest that ends at all, also on a busy machine.
pub const LIMITS: Limits = Limits {
    memory_bytes: 128 * 1024 * 1024,
    wall: Duration::from_secs(240),
    cpu: Duration::from_secs(200),
    subrequests: None,
};

/// How long a host may take to stop after its case.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(60);

/// A host that is not started yet.
#[derive(Debug)]
pub struct HostSetup {
    context: Context,
    guest: Guest,
    builder: HostBuilder,
    recorded: bool,
}

impl HostSetup {
    pub(crate) fn new(context: Context, guest: Guest) -> Self {
        let builder = Host::builder()
            .limits(LIMITS)
            .drain_timeout(DRAIN_TIMEOUT)
            // Most cases are about what happens between guest and backend.
            .http_cache(HttpCacheSettings::disabled());
        Self {
            context,
            guest,
            builder,
            recorded: true,
        }
    }

    /// A backend at an address.
    ///
    /// # Panics
    ///
    /// Never: every address makes a URL.
    #[must_use]
    pub fn backend(self, name: &str, address: SocketAddr) -> Self {
        self.configure(|builder| {
            let builder = builder.backend(name, &format!("http://{address}"));
            builder.expect("an address makes a URL")
        })
    }

    /// Anything else.
    #[must_use]
    pub fn configure(mut self, configure: impl FnOnce(HostBuilder) -> HostBuilder) -> Self {
        self.builder = configure(self.builder);
        self
    }

    /// Runs the program without looking at its hostcalls, as hosts do that are not tested.
    #[must_use]
    pub fn unrecorded(mut self) -> Self {
        self.recorded = false;
        self
    }

    /// Starts it.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub async fn start(self) -> TestHost {
        let (runs, logs) = (Runs::default(), LogCapture::new());
        let (guest, engine) = (self.guest, self.context.engine);
        let program = tokio::task::spawn_blocking(move || guest.program(engine))
            .await
            .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        let program = if self.recorded {
            runs.of(program)
        } else {
            program
        };
        let builder = self.builder.logs(logs.clone());
        let host = builder
            .program(ProgramSource::Compiled(program, engine))
            .build()
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        let (address, serving) = serve(host.clone()).await;
        let serving = Arc::new(serving);
        self.context.started(serving.clone());
        TestHost {
            host,
            address,
            runs,
            logs,
            client: Client::http1(),
            serving,
        }
    }
}

async fn serve(host: Host) -> (SocketAddr, Serving) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await;
    let listener = listener.expect("this machine has a loopback interface");
    let address = listener.local_addr().expect("a listener has an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(async move {
        host.serve(listener, async {
            drop(stopped.await);
        })
        .await
    });
    (address, Serving(Mutex::new(Some((stop, task)))))
}

/// A host that serves, until it is stopped.
#[derive(Debug)]
pub(crate) struct Serving(Mutex<Option<(oneshot::Sender<()>, JoinHandle<Drained>)>>);

impl Serving {
    /// Nothing when it was stopped before.
    pub(crate) async fn stop(&self) -> Option<Drained> {
        let (stop, task) = self.take()?;
        // The host may have stopped already.
        let _ = stop.send(());
        Some(task.await.expect("serving does not panic"))
    }

    fn take(&self) -> Option<(oneshot::Sender<()>, JoinHandle<Drained>)> {
        let mut serving = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        serving.take()
    }
}

/// A host that serves.
#[derive(Debug)]
pub struct TestHost {
    /// The host itself.
    pub host: Host,
    /// Where it listens.
    pub address: SocketAddr,
    /// What its guests did.
    pub runs: Runs,
    /// What its guests wrote.
    pub logs: LogCapture,
    /// A client, for one request after the other or many at once.
    pub client: Client,
    serving: Arc<Serving>,
}

impl TestHost {
    /// A `GET`, with its answer as a whole.
    pub async fn get(&self, path: &str) -> Answer {
        self.fetch(request("GET", path, Content::empty())).await
    }

    /// A `GET` with an answer that has to be 200, as text.
    pub async fn text(&self, path: &str) -> String {
        self.get(path).await.ok_text()
    }

    /// A `POST`, with its answer as a whole.
    pub async fn post(&self, path: &str, body: impl Into<Content>) -> Answer {
        self.fetch(request("POST", path, body.into())).await
    }

    /// A request, with its answer as a whole.
    pub async fn fetch(&self, request: Request<Content>) -> Answer {
        Answer::gather(self.send(request).await).await
    }

    /// A request; the answer's body has still to be read.
    ///
    /// # Panics
    ///
    /// When there is no answer.
    pub async fn send(&self, request: Request<Content>) -> Response<Incoming> {
        match self.client.send(self.address, request).await {
            Ok(response) => response,
            Err(error) => panic!("the host does not answer: {error:?}"),
        }
    }

    /// Begins to send a request.
    #[must_use]
    pub fn begin(&self, request: Request<Content>) -> Begun {
        self.client.begin(self.address, request)
    }

    /// The same for a `GET`.
    #[must_use]
    pub fn begin_get(&self, path: &str) -> Begun {
        self.begin(request("GET", path, Content::empty()))
    }

    /// A connection on which nothing has been sent.
    pub async fn connect(&self) -> Wire {
        Wire::connect(self.address).await
    }

    /// Stops the host, as its user would.
    ///
    /// # Panics
    ///
    /// When it was stopped before.
    pub async fn stop(&self) -> Drained {
        self.serving.stop().await.expect("a host is stopped once")
    }
}
