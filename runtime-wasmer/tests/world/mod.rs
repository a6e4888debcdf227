//! A world that a test controls, and guests as text.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use abi_core::body::Body;
use abi_core::cache::Cache;
use abi_core::engine::{
    CompileError, Ended, Engine, EngineOptions, Exit, Limits, Program, UnknownImports,
};
use abi_core::http::cache::HttpCacheSettings;
use abi_core::http::{BackendRequest, BackendResponse, RequestHead, SendError};
use abi_core::platform::{Backends, Clock, Executor, LogSource, Logs, Platform, Random};
use abi_core::session::{ClientRequest, HostcallObserver, Session};
use abi_core::stores::Stores;
use abi_core::table::ReturnedHostcall;
use futures_channel::oneshot;
use futures_util::future::BoxFuture;
use runtime_wasmer::ENGINES;

/// Only to fail instead of hanging: nothing is timed by it.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the world tells a test.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// The guest has written a line.
    Line(String),
    /// The guest sleeps.
    Sleeps,
    /// Everything of the run is gone from its thread.
    Gone,
}

/// The world of one run, and what happens in it.
pub struct World {
    pub platform: Platform,
    events: Receiver<Event>,
    sender: Sender<Event>,
}

struct Scripted {
    started: Instant,
    sleeps_end: bool,
    events: Mutex<Sender<Event>>,
}

impl World {
    pub fn new() -> Self {
        Self::with_sleeps(true)
    }

    /// A world in which nothing that sleeps ever wakes.
    pub fn asleep() -> Self {
        Self::with_sleeps(false)
    }

    fn with_sleeps(sleeps_end: bool) -> Self {
        let (sender, events) = channel();
        let world = Arc::new(Scripted {
            started: Instant::now(),
            sleeps_end,
            events: Mutex::new(sender.clone()),
        });
        Self {
            platform: Platform {
                lookups: Default::default(),
                images: None,
                clock: world.clone(),
                random: world.clone(),
                executor: world.clone(),
                backends: world.clone(),
                stores: Stores::default(),
                cache: Cache::default(),
                http_cache: HttpCacheSettings::disabled(),
                logs: world,
            },
            events,
            sender,
        }
    }

    pub fn session(&self) -> Box<Session> {
        let request = ClientRequest::new(RequestHead::new(), Body::empty());
        let (mut session, _) = Session::new(self.platform.clone(), Arc::default(), request);
        session.set_observer(Box::new(TellsEnd(self.sender.clone())));
        Box::new(session)
    }

    pub fn wait_until_gone(&self) {
        while self.events.recv_timeout(PATIENCE).unwrap() != Event::Gone {}
    }

    pub fn expect(&self, event: &Event) {
        let next = self.events.recv_timeout(PATIENCE);
        assert_eq!(next.as_ref(), Ok(event));
    }
}

struct TellsEnd(Sender<Event>);

impl HostcallObserver for TellsEnd {
    fn returned(&mut self, _: &ReturnedHostcall<'_>) {}
}

impl Drop for TellsEnd {
    fn drop(&mut self) {
        let _ = self.0.send(Event::Gone);
    }
}

impl Scripted {
    fn tell(&self, event: Event) {
        let _ = self.events.lock().unwrap().send(event);
    }
}

impl Clock for Scripted {
    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }

    fn wall(&self) -> Duration {
        Duration::from_secs(1_700_000_000)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.tell(Event::Sleeps);
        if !self.sleeps_end {
            return Box::pin(pending());
        }
        let (done, wait) = oneshot::channel();
        thread::spawn(move || {
            thread::sleep(duration);
            let _ = done.send(());
        });
        Box::pin(async move {
            let _ = wait.await;
        })
    }
}

impl Random for Scripted {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

impl Executor for Scripted {
    fn spawn(&self, future: BoxFuture<'static, ()>) {
        thread::spawn(move || block_on(future));
    }

    fn block_on(&self, future: Pin<&mut (dyn Future<Output = ()> + Send)>) {
        block_on(future);
    }
}

impl Backends for Scripted {
    fn exists(&self, _name: &str) -> bool {
        false
    }

    fn send(
        &self,
        _request: BackendRequest,
    ) -> BoxFuture<'static, Result<BackendResponse, SendError>> {
        Box::pin(pending())
    }
}

impl Logs for Scripted {
    fn write(&self, _source: LogSource<'_>, message: &[u8]) {
        self.tell(Event::Line(String::from_utf8_lossy(message).into_owned()));
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut cx) {
            return value;
        }
        thread::park();
    }
}

/// Polls a run once, which starts it.
pub fn begin(run: &mut BoxFuture<'static, Ended>) {
    // A short run can have ended by the time the poll looks.
    let _ = run.as_mut().poll(&mut Context::from_waker(Waker::noop()));
}

pub fn engines(options: &EngineOptions) -> Vec<Arc<dyn Engine>> {
    let engines = ENGINES.iter();
    engines
        .map(|entry| entry.create(options).unwrap())
        .collect()
}

pub fn options() -> EngineOptions {
    EngineOptions::default()
}

pub fn trapping() -> EngineOptions {
    let mut options = options();
    options.unknown_imports = UnknownImports::Trap;
    options
}

/// A guest of one function `$main`, with the hostcalls that these tests use and `$say`, which writes a line.
pub fn guest(items: &str) -> Vec<u8> {
    let text = format!(
        r#"(module $guest
            (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
            (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "sched_yield" (func $sched_yield (result i32)))
            (import "wasi_snapshot_preview1" "poll_oneoff"
                (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
            (import "fastly_http_resp" "new" (func $resp_new (param i32) (result i32)))
            (import "fastly_http_resp" "status_set" (func $status_set (param i32 i32) (result i32)))
            (import "fastly_http_resp" "send_downstream" (func $send_downstream (param i32 i32 i32) (result i32)))
            (import "fastly_http_body" "new" (func $body_new (param i32) (result i32)))
            (import "fastly_http_body" "write" (func $body_write (param i32 i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 2)
            (data (i32.const 0) "\08\00\00\00\06\00\00\00ready\0a")
            (func $say (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32))))
            ;; Sleeps for the given number of nanoseconds, by a subscription at 1024.
            (func $sleep (param i64)
                (i32.store (i32.const 1040) (i32.const 1))
                (i64.store (i32.const 1048) (local.get 0))
                (drop (call $poll_oneoff (i32.const 1024) (i32.const 2048) (i32.const 1) (i32.const 3072))))
            {items})"#
    );
    wat::parse_str(text).unwrap()
}

/// A guest whose entry point has this body.
pub fn main(body: &str) -> Vec<u8> {
    guest(&format!(r#"(func $main (export "_start") {body})"#))
}

pub fn run(program: &dyn Program, limits: Limits) -> Ended {
    let world = World::new();
    let ended = block_on(program.run(world.session(), limits));
    world.wait_until_gone();
    ended
}

pub fn exits(wasm: &[u8]) -> Vec<Exit> {
    let engines = engines(&options()).into_iter();
    engines
        .map(|engine| run(&*engine.compile(wasm).unwrap(), Limits::default()).exit)
        .collect()
}

pub fn compile_error(engine: &dyn Engine, wasm: &[u8]) -> CompileError {
    match engine.compile(wasm) {
        Ok(_) => panic!("compiled"),
        Err(error) => error,
    }
}
