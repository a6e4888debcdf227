//! A world that stands still until a test has it take a step.
//!
//! Everything that a guest can wait for happens in a step and not before, so a test finds each of its waits, and can end
//! its run right there. It knows what is there on behalf of guests, and so what they have left behind.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};
use std::time::Duration;

use abi_core::Platform;
use abi_core::body::{Body, BodyError, OutgoingBody};
use abi_core::cache::{Cache, Transaction};
use abi_core::http::cache::HttpCacheSettings;
use abi_core::http::{
    BackendRequest, BackendResponse, Destination, RequestHead, ResponseHead, SendError,
};
use abi_core::platform::{Backends, Clock, Executor, LogSource, Logs, Random};
use abi_core::session::{ClientRequest, EarlyHints};
use abi_core::stores::{
    KvFuture, KvInsert, KvItem, KvKey, KvPage, KvQuery, KvStore, KvStores, Stores,
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::HeaderMap;
use http_body::{Body as _, Frame};

/// Only to fail instead of hanging: nothing is timed by it.
const PATIENCE: Duration = Duration::from_secs(60);

/// What takes longer is a limit, which nobody reaches.
const LONG: Duration = Duration::from_secs(60 * 60);

/// When nothing but alarms has happened so many times in a row, nothing else will.
const ALARMS_MAX: usize = 1_000;

/// How many pieces a body has that arrives here.
const PIECES: usize = 2;

/// A backend whose answers guests wait for, where they send to others without.
pub const WAITED_FOR: &str = "backend";

/// What is there on behalf of a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// All state of a run.
    Session,
    /// A client's request, of which more is to come.
    ClientBody,
    /// A request on its way to the backend [`WAITED_FOR`].
    Request,
    /// A request on its way to another backend.
    Trigger,
    /// A backend that reads the body of a request.
    BackendReader,
    /// A backend's response, of which more is to come.
    BackendBody,
    /// An operation of a store.
    StoreOperation,
    /// An alarm that a run has set.
    Alarm,
    /// An alarm that something else has set, which goes on by itself.
    TaskAlarm,
}

/// What became of a run.
#[derive(Debug, PartialEq, Eq)]
pub enum Settled<T> {
    /// It has ended.
    Ended(T),
    /// Its guest waits, and nothing will happen before the next step.
    Waits,
    /// It was polled as often as it was to be.
    Polled,
}

/// The world. Clones share it.
#[derive(Clone)]
pub struct SteppedWorld(Arc<Shared>);

struct Shared {
    /// Whether guests run on threads of their own, of which there must be one only.
    has_guest_thread: bool,
    cache: Cache,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    now: Duration,
    /// What is waited for, or will be; oldest first.
    steps: BTreeMap<u64, Step>,
    next_step: u64,
    alarms_in_a_row: usize,
    there: BTreeMap<Kind, usize>,
    tasks: Vec<BoxFuture<'static, ()>>,
    are_tasks_polled: bool,
    /// Whether something that the test's thread polls was woken.
    is_woken: bool,
    guest: GuestThread,
    leader: Option<Transaction>,
    client: Option<OutgoingBody>,
}

#[derive(Default)]
struct Step {
    /// It is not taken before.
    due: Duration,
    waiting: Option<Waker>,
    is_taken: bool,
}

impl Step {
    fn is_waited_for(&self) -> bool {
        !self.is_taken && self.waiting.is_some()
    }
}

#[derive(Default, PartialEq, Eq)]
enum GuestThread {
    #[default]
    Runs,
    Waits,
    Woken,
}

impl SteppedWorld {
    /// A world in which nothing has happened.
    #[must_use]
    pub fn new(has_guest_thread: bool) -> Self {
        Self(Arc::new(Shared {
            has_guest_thread,
            cache: Cache::default(),
            state: Mutex::default(),
            changed: Condvar::new(),
        }))
    }

    /// The platform that this world is. There is every backend, and every KV store.
    #[must_use]
    pub fn platform(&self, http_cache: HttpCacheSettings) -> Platform {
        let stores = Stores {
            kv: Arc::new(self.clone()),
            ..Stores::default()
        };
        Platform {
            clock: Arc::new(self.clone()),
            random: Arc::new(self.clone()),
            executor: Arc::new(self.clone()),
            backends: Arc::new(self.clone()),
            stores,
            cache: self.0.cache.clone(),
            lookups: abi_core::lookups::Lookups::default(),
            images: None,
            http_cache,
            logs: Arc::new(self.clone()),
        }
    }

    /// A request of a client, of which a part is still to come.
    #[must_use]
    pub fn request(&self) -> ClientRequest {
        let mut head = RequestHead::new();
        head.uri = http::Uri::from_static("http://client/");
        let body = Body::from_stream(Box::pin(self.arriving(Kind::ClientBody)));
        ClientRequest {
            early_hints: Some(Arc::new(OfSession(self.there(Kind::Session)))),
            ..ClientRequest::new(head, body)
        }
    }

    /// Keeps a transaction of the cache until a step gives it up.
    pub fn lead(&self, transaction: Transaction) {
        self.lock().leader = Some(transaction);
    }

    /// Reads the body of an answer from now on, in steps.
    pub fn read(&self, answer: OutgoingBody) {
        self.lock().client = Some(answer);
    }

    /// Polls `run` until it ends, or its guest waits for a step; `polls` times at most, which become fewer by it.
    ///
    /// # Panics
    ///
    /// When a guest on a thread of its own neither waits nor ends.
    pub fn settle<T>(&self, run: &mut BoxFuture<'_, T>, polls: &mut usize) -> Settled<T> {
        loop {
            if *polls == 0 {
                return Settled::Polled;
            }
            if self.take_woken() {
                *polls -= 1;
                let polled = run
                    .as_mut()
                    .poll(&mut Context::from_waker(&self.test_waker()));
                if let Poll::Ready(value) = polled {
                    return Settled::Ended(value);
                }
                self.run_tasks();
                continue;
            }
            let state = self.lock();
            match state.is_woken {
                false if !self.0.has_guest_thread || state.guest == GuestThread::Waits => {
                    return Settled::Waits;
                }
                false => self.until_changed(state, "the guest neither waits nor ends"),
                true => {}
            }
        }
    }

    /// Has whatever is polled by the test polled, because it is there for the first time.
    pub fn begin(&self) {
        self.lock().is_woken = true;
    }

    /// Has happen what was first waited for; when nothing is, another request gives up to insert what it was to; when
    /// there is none, a client reads; and only when it does not, time passes. Whether anything was left to happen.
    #[must_use]
    pub fn step(&self) -> bool {
        let happened = self.take_step() || self.give_lead_up() || self.client_reads();
        if happened {
            self.lock().alarms_in_a_row = 0;
        }
        happened || self.let_time_pass()
    }

    /// Until the next alarm.
    fn let_time_pass(&self) -> bool {
        let mut state = self.lock();
        state.alarms_in_a_row += 1;
        let waiting = state.steps.values().filter(|step| step.is_waited_for());
        let Some(due) = waiting.map(|step| step.due).min() else {
            return false;
        };
        if state.alarms_in_a_row > ALARMS_MAX {
            return false;
        }
        state.now = due;
        drop(state);
        self.take_step()
    }

    fn take_step(&self) -> bool {
        let mut state = self.lock();
        let now = state.now;
        let mut steps = state.steps.values_mut();
        let step = steps.find(|step| step.is_waited_for() && step.due <= now);
        let Some(step) = step else {
            return false;
        };
        step.is_taken = true;
        let waiting = step.waiting.take();
        drop(state);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
        true
    }

    fn give_lead_up(&self) -> bool {
        let leader = self.lock().leader.take();
        leader.is_some()
    }

    fn client_reads(&self) -> bool {
        let Some(mut body) = self.lock().client.take() else {
            return false;
        };
        let waker = self.test_waker();
        let polled = Pin::new(&mut body).poll_frame(&mut Context::from_waker(&waker));
        match polled {
            Poll::Ready(None | Some(Err(_))) => true,
            polled => {
                self.lock().client = Some(body);
                polled.is_ready()
            }
        }
    }

    /// Waits until nothing is there any more but what the world itself will end, and lets it end that.
    ///
    /// # Panics
    ///
    /// When something is left that no step ends, or that is not in `ends_by_itself` and was not given up.
    pub fn expect_nothing_left(&self, ends_by_itself: &[Kind]) {
        loop {
            self.run_woken_tasks();
            let state = self.lock();
            let left = state.there.keys();
            let left: Vec<_> = left.filter(|kind| !ends_by_itself.contains(kind)).collect();
            if left.is_empty() {
                break;
            }
            let message = format!("{left:?} was not given up");
            assert!(self.0.has_guest_thread, "{message}");
            self.until_changed(state, &message);
        }
        loop {
            self.run_woken_tasks();
            let state = self.lock();
            if state.there.is_empty() && state.tasks.is_empty() {
                break;
            }
            let message = format!("{:?} is left", state.there);
            drop(state);
            assert!(self.take_step() || self.let_time_pass(), "{message}");
        }
        while self.lock().client.is_some() {
            assert!(
                self.client_reads(),
                "the client still waits for more of its answer"
            );
        }
    }

    fn run_woken_tasks(&self) {
        while self.take_woken() {
            self.run_tasks();
        }
    }

    fn run_tasks(&self) {
        let waker = self.test_waker();
        let cx = &mut Context::from_waker(&waker);
        let mut state = self.lock();
        state.are_tasks_polled = true;
        let mut tasks = std::mem::take(&mut state.tasks);
        drop(state);
        tasks.retain_mut(|task| task.as_mut().poll(cx).is_pending());
        let mut state = self.lock();
        state.are_tasks_polled = false;
        state.tasks.extend(tasks);
    }

    fn take_woken(&self) -> bool {
        std::mem::take(&mut self.lock().is_woken)
    }

    fn until_changed(&self, state: MutexGuard<'_, State>, otherwise: &str) {
        let (_state, waited) = self
            .0
            .changed
            .wait_timeout(state, PATIENCE)
            .unwrap_or_else(PoisonError::into_inner);
        assert!(!waited.timed_out(), "{otherwise}");
    }

    fn test_waker(&self) -> Waker {
        Waker::from(Arc::new(OfTest(self.clone())))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // What a failed test leaves does not matter to it any more.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that something is there, until the result is dropped.
    fn there(&self, kind: Kind) -> There {
        *self.lock().there.entry(kind).or_default() += 1;
        There {
            world: self.clone(),
            kind,
        }
    }

    /// Ends in a step.
    fn pause(&self, takes: Duration) -> Pause {
        let mut state = self.lock();
        let id = state.next_step;
        state.next_step += 1;
        let step = Step {
            due: state.now + takes,
            ..Step::default()
        };
        state.steps.insert(id, step);
        drop(state);
        Pause {
            world: self.clone(),
            id,
        }
    }

    fn arriving(&self, kind: Kind) -> Arriving {
        Arriving {
            world: self.clone(),
            next: self.pause(Duration::ZERO),
            left: PIECES,
            _there: self.there(kind),
        }
    }

    async fn read_to_end(self, mut body: OutgoingBody) {
        let _there = self.there(Kind::BackendReader);
        loop {
            self.pause(Duration::ZERO).await;
            let frame = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
            match frame {
                Some(Ok(_)) => {}
                // A guest that was stopped has abandoned it.
                None | Some(Err(_)) => return,
            }
        }
    }
}

impl std::fmt::Debug for SteppedWorld {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.lock();
        f.debug_struct("SteppedWorld")
            .field("there", &state.there)
            .finish_non_exhaustive()
    }
}

struct OfTest(SteppedWorld);

impl Wake for OfTest {
    fn wake(self: Arc<Self>) {
        self.0.lock().is_woken = true;
        self.0.0.changed.notify_all();
    }
}

struct OfGuest(SteppedWorld);

impl Wake for OfGuest {
    fn wake(self: Arc<Self>) {
        self.0.lock().guest = GuestThread::Woken;
        self.0.0.changed.notify_all();
    }
}

/// Something that is there on behalf of a guest.
struct There {
    world: SteppedWorld,
    kind: Kind,
}

impl Drop for There {
    fn drop(&mut self) {
        let mut state = self.world.lock();
        if let Some(count) = state.there.get_mut(&self.kind) {
            *count -= 1;
            if *count == 0 {
                state.there.remove(&self.kind);
            }
        }
        drop(state);
        self.world.0.changed.notify_all();
    }
}

/// A session holds where early hints go: it is there as long as this is.
struct OfSession(#[allow(dead_code, reason = "it is there to be dropped")] There);

impl std::fmt::Debug for OfSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OfSession")
    }
}

impl EarlyHints for OfSession {
    fn send(&self, _headers: &HeaderMap) {}
}

/// Waits for a step of its own.
struct Pause {
    world: SteppedWorld,
    id: u64,
}

impl Future for Pause {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.world.lock();
        match state.steps.get_mut(&self.id) {
            Some(step) if !step.is_taken => {
                step.waiting = Some(cx.waker().clone());
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        let step = self.world.lock().steps.remove(&self.id);
        // Its waker may lead back here.
        drop(step);
    }
}

/// A body that arrives here, a piece in each step.
struct Arriving {
    world: SteppedWorld,
    next: Pause,
    left: usize,
    _there: There,
}

impl http_body::Body for Arriving {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        ready!(Pin::new(&mut self.next).poll(cx));
        self.left -= 1;
        self.next = self.world.pause(Duration::ZERO);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"a piece")))))
    }
}

impl Clock for SteppedWorld {
    fn monotonic(&self) -> Duration {
        self.lock().now
    }

    /// Time begins on 2026-01-01 00:00 UTC.
    fn wall(&self) -> Duration {
        Duration::from_secs(1_767_225_600) + self.monotonic()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let there = match self.lock().are_tasks_polled {
            true => Kind::TaskAlarm,
            false => Kind::Alarm,
        };
        let there = self.there(there);
        let pause = (duration < LONG).then(|| self.pause(duration));
        Box::pin(async move {
            let _there = there;
            match pause {
                Some(pause) => pause.await,
                None => std::future::pending().await,
            }
        })
    }
}

impl Random for SteppedWorld {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(4);
    }
}

impl Executor for SteppedWorld {
    fn spawn(&self, future: BoxFuture<'static, ()>) {
        let mut state = self.lock();
        state.tasks.push(future);
        state.is_woken = true;
        drop(state);
        self.0.changed.notify_all();
    }

    fn block_on(&self, mut future: Pin<&mut (dyn Future<Output = ()> + Send)>) {
        let waker = Waker::from(Arc::new(OfGuest(self.clone())));
        let cx = &mut Context::from_waker(&waker);
        loop {
            self.lock().guest = GuestThread::Runs;
            if future.as_mut().poll(cx).is_ready() {
                return;
            }
            let mut state = self.lock();
            if state.guest == GuestThread::Runs {
                state.guest = GuestThread::Waits;
                self.0.changed.notify_all();
            }
            while state.guest == GuestThread::Waits {
                state = self
                    .0
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

impl Backends for SteppedWorld {
    fn exists(&self, _name: &str) -> bool {
        true
    }

    /// Answers in the second step. A body that is still written by then is read by a task of its own.
    fn send(
        &self,
        request: BackendRequest,
    ) -> BoxFuture<'static, Result<BackendResponse, SendError>> {
        let kind = match &request.destination {
            Destination::Static(name) if name == WAITED_FOR => Kind::Request,
            _ => Kind::Trigger,
        };
        let (world, there) = (self.clone(), self.there(kind));
        Box::pin(async move {
            let _there = there;
            world.pause(Duration::ZERO).await;
            if request.body.known_length().is_none() {
                world.spawn(Box::pin(world.clone().read_to_end(request.body)));
            }
            world.pause(Duration::ZERO).await;
            Ok(BackendResponse {
                head: ResponseHead::new(),
                body: Body::from_stream(Box::pin(world.arriving(Kind::BackendBody))),
            })
        })
    }
}

impl KvStores for SteppedWorld {
    fn open(&self, _name: &str) -> Option<Arc<dyn KvStore>> {
        Some(Arc::new(self.clone()))
    }
}

impl SteppedWorld {
    fn operation<T: Default + Send + 'static>(&self) -> KvFuture<T> {
        let (pause, there) = (self.pause(Duration::ZERO), self.there(Kind::StoreOperation));
        Box::pin(async move {
            let _there = there;
            pause.await;
            Ok(T::default())
        })
    }
}

impl KvStore for SteppedWorld {
    fn lookup(&self, _key: KvKey, _now: Duration) -> KvFuture<KvItem> {
        self.operation()
    }

    fn insert(&self, _key: KvKey, _insert: KvInsert, _now: Duration) -> KvFuture<()> {
        self.operation()
    }

    fn delete(&self, _key: KvKey, _now: Duration) -> KvFuture<()> {
        self.operation()
    }

    fn list(&self, _query: KvQuery, _now: Duration) -> KvFuture<KvPage> {
        self.operation()
    }
}

impl Logs for SteppedWorld {
    fn write(&self, _source: LogSource<'_>, _message: &[u8]) {}
}
