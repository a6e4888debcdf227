//! [`Platform`]: the world outside of a guest, as one struct of trait objects.
//!
//! This crate has no clock, no randomness, no sockets and no files of its own: all of it comes from here, so a host can
//! bring its own world, and a test a world that it controls.
//!
//! # Making a platform of one's own
//!
//! Take one that exists and replace what differs:
//!
//! ```
//! # use std::sync::Arc;
//! # use abi_core::platform::{Platform, Clock};
//! fn with_clock(platform: &Platform, clock: Arc<dyn Clock>) -> Platform {
//!     Platform { clock, ..platform.clone() }
//! }
//! ```

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::cache::Cache;
use crate::http::cache::HttpCacheSettings;
use crate::http::{
    BackendInfo, BackendRequest, BackendResponse, Destination, SendError, ShieldSite,
};
use crate::images::ImageTransformer;
use crate::lookups::Lookups;
use crate::stores::Stores;

/// The world, for every guest of a process.
///
/// Every method of every field may be called from any thread, also from one that belongs to no asynchronous runtime:
/// an engine that cannot suspend a guest runs it on a thread of its own.
#[derive(Clone)]
pub struct Platform {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// Work that goes on while its guest does something else.
    pub executor: Arc<dyn Executor>,
    /// Where guests send requests.
    pub backends: Arc<dyn Backends>,
    /// What guests read and write by name.
    pub stores: Stores,
    /// What guests keep for later requests. A service has one of its own.
    pub cache: Cache,
    /// What guests can ask about addresses and user agents.
    pub lookups: Lookups,
    /// What transforms images, where something does.
    pub images: Option<Arc<dyn ImageTransformer>>,
    /// How HTTP responses are kept there.
    pub http_cache: HttpCacheSettings,
    /// Where log lines go.
    pub logs: Arc<dyn Logs>,
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Platform").finish_non_exhaustive()
    }
}

/// Time.
pub trait Clock: Send + Sync {
    /// Time since some fixed moment in the past; never goes back.
    fn monotonic(&self) -> Duration;

    /// Time since 1970-01-01 00:00 UTC.
    fn wall(&self) -> Duration;

    /// Ends after `duration`, not before.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// Randomness that a guest may use for secrets.
pub trait Random: Send + Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// Where futures run.
pub trait Executor: Send + Sync {
    /// Starts a future that then goes on by itself.
    fn spawn(&self, future: BoxFuture<'static, ()>);

    /// Blocks the calling thread until `future` ends. The thread must be one that may block.
    fn block_on(&self, future: Pin<&mut (dyn Future<Output = ()> + Send)>);
}

/// The backends of a service.
pub trait Backends: Send + Sync {
    /// Whether a request can be sent to a backend of this name.
    fn exists(&self, name: &str) -> bool;

    /// What guests may know about a backend; `None` when this host tells nothing.
    fn info(&self, _destination: &Destination) -> Option<BackendInfo> {
        None
    }

    /// The place of this name where the requests of a service come together.
    fn shield(&self, _name: &str) -> Option<ShieldSite> {
        None
    }

    /// Whether clients can be handed to a proxy that holds their connections for publishing (GRIP).
    fn has_grip_proxy(&self) -> bool {
        false
    }

    /// Sends a request, and waits for the head of the response.
    ///
    /// The request makes progress while the future is polled; dropping it gives the request up.
    fn send(
        &self,
        request: BackendRequest,
    ) -> BoxFuture<'static, Result<BackendResponse, SendError>>;
}

/// What a log line belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogSource<'a> {
    /// The log endpoint of this name.
    Endpoint(&'a str),
    /// The guest's standard output.
    Stdout,
    /// The guest's standard error.
    Stderr,
}

/// Whether guests cannot have a log endpoint of this name: `stdout`, `stderr` and what begins with `fst_managed_`, in
/// any case.
#[must_use]
pub fn is_reserved_endpoint(name: &str) -> bool {
    const PREFIX: &[u8] = b"fst_managed_";

    let start = name.as_bytes().get(..PREFIX.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
        || name.eq_ignore_ascii_case("stdout")
        || name.eq_ignore_ascii_case("stderr")
}

/// Where log lines go.
pub trait Logs: Send + Sync {
    /// Takes one message, without a line break at its end. It must not wait.
    fn write(&self, source: LogSource<'_>, message: &[u8]);
}
