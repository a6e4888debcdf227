//! The epoch clock: makes running guests give others a turn every few milliseconds.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread::{self, Thread};
use std::time::Duration;

/// How long a guest runs before others have their turn.
pub(crate) const TICK: Duration = Duration::from_millis(1);

/// How many ticks without a guest go by before the clock stops. Starting it again costs a system call.
const IDLE_TICKS: u32 = 1_000;

/// Advances an engine's epoch while guests run, from one thread, and stops when none do.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
}

struct Shared {
    running: AtomicUsize,
    parked: AtomicBool,
}

/// A guest runs as long as this lives.
pub(crate) struct Running<'a> {
    shared: &'a Shared,
}

impl Ticker {
    /// A clock that advances once in this time.
    ///
    /// # Errors
    ///
    /// Those of the system, when there can be no thread for it: no guest could be interrupted then.
    pub(crate) fn new(engine: wasmtime::Engine, tick_length: Duration) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            running: AtomicUsize::new(0),
            parked: AtomicBool::new(false),
        });
        let watched = Arc::downgrade(&shared);
        let thread = thread::Builder::new()
            .name("wasmtime-epoch".to_owned())
            .spawn(move || tick(&engine, tick_length, &watched))?;
        Ok(Self {
            shared,
            thread: thread.thread().clone(),
        })
    }

    /// Notes that a guest runs.
    pub(crate) fn start(&self) -> Running<'_> {
        self.shared.running.fetch_add(1, Ordering::SeqCst);
        if self.shared.parked.swap(false, Ordering::SeqCst) {
            self.thread.unpark();
        }
        Running {
            shared: &self.shared,
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        // The thread ends when it finds that nothing is left to watch.
        self.thread.unpark();
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.shared.running.fetch_sub(1, Ordering::SeqCst);
    }
}

fn tick(engine: &wasmtime::Engine, tick_length: Duration, watched: &Weak<Shared>) {
    let mut idle = IDLE_TICKS;
    while let Some(shared) = watched.upgrade() {
        if shared.running.load(Ordering::SeqCst) > 0 {
            idle = 0;
            engine.increment_epoch();
        } else {
            idle += 1;
        }
        if idle <= IDLE_TICKS {
            drop(shared);
            thread::sleep(tick_length);
            continue;
        }
        // Parked is set before the last look at the count: a guest that starts in between either is seen here, or sees
        // the flag and wakes this thread.
        shared.parked.store(true, Ordering::SeqCst);
        let idle_still = shared.running.load(Ordering::SeqCst) == 0;
        drop(shared);
        if idle_still {
            thread::park_timeout(Duration::from_secs(60));
        }
        idle = 0;
    }
}

impl fmt::Debug for Ticker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticker").finish_non_exhaustive()
    }
}
