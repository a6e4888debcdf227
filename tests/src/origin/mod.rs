//! A backend that keeps account of what it is asked.
//!
//! * [`routes`](self): what it answers; [`Exchange`]: what it remembers of each request.

mod routes;
mod traffic;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::JoinHandle;

use crate::content::Feed;
use traffic::Traffic;

pub use traffic::Exchange;

/// A backend on a socket of its own. It speaks HTTP/1.1 and HTTP/2.
#[derive(Debug)]
pub struct Origin {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    feeds: Mutex<mpsc::UnboundedReceiver<Feed>>,
    accepting: JoinHandle<()>,
}

/// What all connections share.
#[derive(Debug)]
struct Shared {
    traffic: Traffic,
    /// Whether requests for `/gate` are answered.
    gate_is_open: watch::Sender<bool>,
    /// Whether the bodies of uploads are read.
    reads_uploads: watch::Sender<bool>,
    feeds: mpsc::UnboundedSender<Feed>,
    /// What `/version` is.
    version: watch::Sender<String>,
    /// How many connections were made.
    connections: AtomicUsize,
}

impl Origin {
    /// Starts it.
    ///
    /// # Panics
    ///
    /// When it cannot listen.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await;
        Self::on(listener.expect("this machine has a loopback interface"))
    }

    /// Starts it where something listens already.
    ///
    /// # Panics
    ///
    /// When the listener has no address.
    #[must_use]
    pub fn on(listener: TcpListener) -> Self {
        let address = listener.local_addr().expect("a listener has an address");
        let (feed, feeds) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            traffic: Traffic::default(),
            gate_is_open: watch::Sender::new(false),
            reads_uploads: watch::Sender::new(true),
            feeds: feed,
            version: watch::Sender::new("one".to_owned()),
            connections: AtomicUsize::new(0),
        });
        let attending = shared.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                attending.connections.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(attend(stream, attending.clone()));
            }
        });
        Self {
            address,
            shared,
            feeds: Mutex::new(feeds),
            accepting,
        }
    }

    /// What it was asked so far, in the order of arrival.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.shared.traffic.all()
    }

    /// How many connections were made to it so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Forgets what it was asked so far.
    pub fn forget(&self) {
        self.shared.traffic.forget();
    }

    /// Waits until what it was asked is as `condition` says, and gives what it found.
    pub async fn until<T>(&self, condition: impl FnMut(&[Exchange]) -> Option<T>) -> T {
        self.shared.traffic.until(condition).await
    }

    /// Waits until `count` requests have arrived.
    pub async fn arrived(&self, count: usize) {
        self.until(|exchanges| (exchanges.len() >= count).then_some(()))
            .await;
    }

    /// Answers the requests for `/gate` that have come, and those that will come.
    pub fn open_gate(&self) {
        self.shared.gate_is_open.send_replace(true);
    }

    /// Makes `/version`, which is `one` at first, another one; with nothing in it, the answer is 503.
    pub fn set_version(&self, version: &str) {
        self.shared.version.send_replace(version.to_owned());
    }

    /// Stops reading the bodies that are sent to `/upload`, or goes on.
    pub fn read_uploads(&self, reads: bool) {
        self.shared.reads_uploads.send_replace(reads);
    }

    /// The response to the next request for `/feed`, to be written by the test.
    ///
    /// # Panics
    ///
    /// Never: the sender lives as long as this.
    pub async fn feed(&self) -> Feed {
        let feed = self.feeds.lock().await.recv().await;
        feed.expect("the sender is held here")
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn attend(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(move |request| {
        let shared = shared.clone();
        async move { Ok::<_, Infallible>(routes::respond(shared, request).await) }
    });
    // Hosts leave in the middle in many tests, on purpose.
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
