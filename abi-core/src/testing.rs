//! A world for tests: a clock that jumps, backends that answer from a script, logs that are kept.
//!
//! Nothing in it waits for real: [`World::drive`] polls a future, runs whatever was spawned, and when all of it waits
//! for time, moves the clock to the next moment at which something happens.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::cache::Cache;
use crate::http::cache::HttpCacheSettings;
use crate::http::{
    BackendInfo, BackendRequest, BackendResponse, Destination, SendError, SendErrorKind, ShieldSite,
};
use crate::images::ImageTransformer;
use crate::lookups::Lookups;
use crate::platform::{Backends, Clock, Executor, LogSource, Logs, Platform, Random};
use crate::stores::{
    Acl, Acls, ConfigItems, ConfigStore, ConfigStores, KvStore, KvStores, MemoryRateLimits,
    SecretItems, SecretStore, SecretStores, Stores,
};

/// What a scripted backend does with a request.
pub type Script = Arc<
    dyn Fn(BackendRequest) -> BoxFuture<'static, Result<BackendResponse, SendError>> + Send + Sync,
>;

/// The scripted world. Clones share it.
#[derive(Clone, Default)]
pub struct World {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    now: Duration,
    alarms: Vec<Alarm>,
    next_alarm: u64,
    tasks: Vec<BoxFuture<'static, ()>>,
    backends: HashMap<String, Script>,
    backend_infos: HashMap<String, BackendInfo>,
    shields: HashMap<String, ShieldSite>,
    has_grip_proxy: bool,
    config_stores: HashMap<String, Arc<dyn ConfigStore>>,
    secret_stores: HashMap<String, Arc<dyn SecretStore>>,
    kv_stores: HashMap<String, Arc<dyn KvStore>>,
    acls: HashMap<String, Arc<dyn Acl>>,
    rates: Arc<MemoryRateLimits>,
    cache: Cache,
    lookups: Lookups,
    images: Option<Arc<dyn ImageTransformer>>,
    logs: Vec<String>,
    random: u8,
}

struct Alarm {
    id: u64,
    at: Duration,
    waker: Waker,
}

impl World {
    /// A world without backends and stores, at time zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The platform that this world is.
    #[must_use]
    pub fn platform(&self) -> Platform {
        let (rates, cache, images) = {
            let state = self.lock();
            (
                state.rates.clone(),
                state.cache.clone(),
                state.images.clone(),
            )
        };
        Platform {
            clock: Arc::new(self.clone()),
            random: Arc::new(self.clone()),
            executor: Arc::new(self.clone()),
            backends: Arc::new(self.clone()),
            stores: Stores {
                config: Arc::new(self.clone()),
                secrets: Arc::new(self.clone()),
                kv: Arc::new(self.clone()),
                acls: Arc::new(self.clone()),
                rates,
            },
            cache,
            lookups: self.lock().lookups.clone(),
            images,
            // A test that is about it turns it on.
            http_cache: HttpCacheSettings::disabled(),
            logs: Arc::new(self.clone()),
        }
    }

    /// Adds a backend that answers as `script` says: one of the service's, or by its target one that a guest defines.
    pub fn add_backend<F, R>(&self, name: &str, script: F)
    where
        F: Fn(BackendRequest) -> R + Send + Sync + 'static,
        R: Future<Output = Result<BackendResponse, SendError>> + Send + 'static,
    {
        let script: Script = Arc::new(move |request| script(request).boxed());
        self.lock().backends.insert(name.to_owned(), script);
    }

    /// Replaces what guests can ask about addresses and user agents. Sessions that are there already go on with what
    /// they had.
    pub fn set_lookups(&self, lookups: Lookups) {
        self.lock().lookups = lookups;
    }

    /// Says what transforms images, for sessions that are made later.
    pub fn set_images(&self, images: Arc<dyn ImageTransformer>) {
        self.lock().images = Some(images);
    }

    /// Says what is known about a backend: one of the service's, or by its target one that a guest defines.
    pub fn set_backend_info(&self, name: &str, info: BackendInfo) {
        self.lock().backend_infos.insert(name.to_owned(), info);
    }

    /// Adds a shield.
    pub fn add_shield(&self, name: &str, site: ShieldSite) {
        self.lock().shields.insert(name.to_owned(), site);
    }

    /// Has clients be handed to a GRIP proxy.
    pub fn add_grip_proxy(&self) {
        self.lock().has_grip_proxy = true;
    }

    /// Adds a config store, which is also a dictionary.
    ///
    /// # Panics
    ///
    /// When a key or a value is too long.
    pub fn add_store(&self, name: &str, items: &[(&str, &str)]) {
        let items = items
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let items = Arc::new(ConfigItems::new(items).expect("a test has short items"));
        self.lock().config_stores.insert(name.to_owned(), items);
    }

    /// Adds a secret store.
    ///
    /// # Panics
    ///
    /// When one of the names cannot be that of a secret.
    pub fn add_secrets(&self, name: &str, secrets: &[(&str, &str)]) {
        let mut items = SecretItems::new();
        for (name, secret) in secrets {
            let added = items.insert(name, Bytes::copy_from_slice(secret.as_bytes()));
            added.expect("a test has names of secrets");
        }
        let items = Arc::new(items);
        self.lock().secret_stores.insert(name.to_owned(), items);
    }

    /// Adds a KV store.
    pub fn add_kv(&self, name: &str, store: impl KvStore + 'static) {
        let mut state = self.lock();
        state.kv_stores.insert(name.to_owned(), Arc::new(store));
    }

    /// Adds an access control list.
    pub fn add_acl(&self, name: &str, list: impl Acl + 'static) {
        self.lock().acls.insert(name.to_owned(), Arc::new(list));
    }

    /// The log lines so far, as `source :: message`.
    #[must_use]
    pub fn logs(&self) -> Vec<String> {
        self.lock().logs.clone()
    }

    /// Moves the clock.
    pub fn advance(&self, duration: Duration) {
        let mut state = self.lock();
        state.now += duration;
        let now = state.now;
        let due = state.alarms.extract_if(.., |alarm| alarm.at <= now);
        let due: Vec<_> = due.collect();
        drop(state);
        due.into_iter().for_each(|alarm| alarm.waker.wake());
    }

    /// Polls `future` and everything that was spawned until `future` ends. Time passes only when nothing else does.
    ///
    /// # Panics
    ///
    /// When nothing will ever happen again: that is how a test learns of it.
    pub fn drive<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        for _ in 0..100_000 {
            if let Poll::Ready(output) = poll_once(future.as_mut()) {
                return output;
            }
            if self.run_tasks() {
                continue;
            }
            let next = self.lock().alarms.iter().map(|alarm| alarm.at).min();
            match next {
                Some(at) => self.advance(at.saturating_sub(self.monotonic())),
                None => {
                    if let Poll::Ready(output) = poll_once(future.as_mut()) {
                        return output;
                    }
                }
            }
        }
        panic!("the future waits for something that never happens");
    }

    /// Polls what was spawned; says whether any of it ended.
    pub fn run_tasks(&self) -> bool {
        let tasks = std::mem::take(&mut self.lock().tasks);
        let before = tasks.len();
        let waiting: Vec<_> = tasks
            .into_iter()
            .filter_map(|mut task| poll_once(task.as_mut()).is_pending().then_some(task))
            .collect();
        let ended = before - waiting.len();
        self.lock().tasks.extend(waiting);
        ended > 0
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}

impl Clock for World {
    fn monotonic(&self) -> Duration {
        self.lock().now
    }

    /// Time begins on 2026-01-01 00:00 UTC.
    fn wall(&self) -> Duration {
        Duration::from_secs(1_767_225_600) + self.monotonic()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let mut state = self.lock();
        state.next_alarm += 1;
        Box::pin(Sleep {
            world: self.clone(),
            id: state.next_alarm,
            at: state.now + duration,
        })
    }
}

struct Sleep {
    world: World,
    id: u64,
    at: Duration,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.world.lock();
        if state.now >= self.at {
            return Poll::Ready(());
        }
        state.alarms.retain(|alarm| alarm.id != self.id);
        state.alarms.push(Alarm {
            id: self.id,
            at: self.at,
            waker: cx.waker().clone(),
        });
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.world.lock().alarms.retain(|alarm| alarm.id != self.id);
    }
}

impl Random for World {
    /// Counts up: no two bytes in a row are the same.
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.lock();
        for byte in bytes {
            state.random = state.random.wrapping_add(1);
            *byte = state.random;
        }
    }
}

impl Executor for World {
    fn spawn(&self, future: BoxFuture<'static, ()>) {
        self.lock().tasks.push(future);
    }

    fn block_on(&self, future: Pin<&mut (dyn Future<Output = ()> + Send)>) {
        self.drive(future);
    }
}

/// What a script or an info is known by.
fn place(destination: &Destination) -> &str {
    match destination {
        Destination::Static(name) => name,
        Destination::Dynamic(backend) => &backend.target,
    }
}

impl Backends for World {
    fn exists(&self, name: &str) -> bool {
        self.lock().backends.contains_key(name)
    }

    fn info(&self, destination: &Destination) -> Option<BackendInfo> {
        self.lock().backend_infos.get(place(destination)).cloned()
    }

    fn shield(&self, name: &str) -> Option<ShieldSite> {
        self.lock().shields.get(name).cloned()
    }

    fn has_grip_proxy(&self) -> bool {
        self.lock().has_grip_proxy
    }

    fn send(
        &self,
        request: BackendRequest,
    ) -> BoxFuture<'static, Result<BackendResponse, SendError>> {
        // A script may use the world: it is called without the lock.
        let script = self
            .lock()
            .backends
            .get(place(&request.destination))
            .cloned();
        match script {
            Some(script) => script(request),
            None => {
                let error = SendError::new(SendErrorKind::DestinationNotFound);
                std::future::ready(Err(error)).boxed()
            }
        }
    }
}

impl ConfigStores for World {
    fn open(&self, name: &str) -> Option<Arc<dyn ConfigStore>> {
        self.lock().config_stores.open(name)
    }
}

impl SecretStores for World {
    fn open(&self, name: &str) -> Option<Arc<dyn SecretStore>> {
        self.lock().secret_stores.open(name)
    }
}

impl KvStores for World {
    fn open(&self, name: &str) -> Option<Arc<dyn KvStore>> {
        self.lock().kv_stores.open(name)
    }
}

impl Acls for World {
    fn open(&self, name: &str) -> Option<Arc<dyn Acl>> {
        self.lock().acls.open(name)
    }
}

impl Logs for World {
    fn write(&self, source: LogSource<'_>, message: &[u8]) {
        let source = match source {
            LogSource::Endpoint(name) => name,
            LogSource::Stdout => "stdout",
            LogSource::Stderr => "stderr",
        };
        let line = format!("{source} :: {}", String::from_utf8_lossy(message));
        self.lock().logs.push(line);
    }
}
