//! How a guest is stopped when nobody waits for it any more.
//!
//! A run whose future is dropped is marked as cancelled. That alone stops a guest that makes hostcalls: one that waits
//! in a hostcall is woken, and every hostcall looks at the mark before it returns. A guest that computes is stopped by
//! wasmer's host interrupt: a signal to its thread, whose handler unwinds the guest.
//!
//! # Why the signal does no harm
//!
//! *It stops no other run.* Wasmer sends it only while the store that is meant has a call in progress on that thread,
//! and holds a lock that the call needs in order to end. Should it arrive later all the same, the handler compares the
//! store it was sent for with the one that now runs on the thread, finds another or none, and returns. Stores are never
//! numbered alike. Threads of the pool outlive their runs, so it always finds a thread.
//!
//! *It is not lost for good.* Wasmer says that it can be: before the guest is entered, or while host code runs. So it is
//! repeated until the run has ended.
//!
//! *It interrupts nothing that must be finished.* This is the delicate part. The handler unwinds whatever it finds on the
//! guest's stack, without running destructors. For the guest's own code, and for the copying and filling of memory and
//! tables on its behalf, that is what is wanted. But there is host code on that stack that holds locks:
//!
//! * when a hostcall returns, wasmer looks the store up in a shared map, under a lock. Unwound there, that thread and all
//!   others whose stores fall into the same part of the map would wait for ever; and it is a likely place, for the sender
//!   of the signal holds the same lock meanwhile;
//! * when a bounds check of a table or of a bulk operation fails, wasmer collects a backtrace, under locks.
//!
//! Wasmer asks the store's trap handler first, though, and [`Control::may_interrupt`] answers for it: the guest's thread
//! must have used a certain CPU time, `SETTLED`, since the first signal arrived. The run was marked as cancelled before
//! that, so a hostcall that ends later leads out of the guest without a look at the map; one that had ended before is
//! done with the map within microseconds of CPU time. A backtrace takes longer (measured: 30 ms from the bottom of a
//! full stack), but not as long, and the guest ends with it. What is still running then is the guest itself, or work
//! that can be abandoned. (Growing a memory, and the hostcalls themselves, are on the thread's own stack, which the
//! handler never unwinds.) After each permission the wait begins anew, so that no second signal hits the unwinding.
//!
//! Without this, a guest in a loop of hostcalls brings the process down after a few interrupts.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use abi_core::platform::Executor;
use abi_core::{CpuMeter, Stop};
use futures_util::task::AtomicWaker;

#[cfg(unix)]
use self::interrupt::Interrupt;
#[cfg(unix)]
pub(crate) use self::interrupt::Stopper;
#[cfg(not(unix))]
pub(crate) use self::no_interrupt::Stopper;

/// What the guest's thread and those who wait for it share about one run.
#[derive(Default)]
pub(crate) struct Control {
    cancelled: AtomicBool,
    finished: AtomicBool,
    /// Whoever waits in a hostcall of the guest.
    waiting: AtomicWaker,
    #[cfg(unix)]
    interrupt: Interrupt,
}

impl Control {
    /// # Errors
    ///
    /// [`Stop::Cancelled`] when the run is cancelled.
    pub(crate) fn check(&self) -> Result<(), Stop> {
        match self.cancelled.load(Ordering::Acquire) {
            false => Ok(()),
            true => Err(Stop::Cancelled),
        }
    }

    /// Makes it possible to interrupt the guest in `store`.
    pub(crate) fn attach(self: &Arc<Self>, store: &mut wasmer::Store) {
        #[cfg(unix)]
        interrupt::attach(self, store);
        #[cfg(not(unix))]
        let _ = store;
    }

    /// Blocks the calling thread until `future` ends. The guest's time does not count while it waits.
    ///
    /// # Errors
    ///
    /// [`Stop::Cancelled`] when the run is cancelled meanwhile.
    pub(crate) fn wait<R: Send>(
        &self,
        executor: &dyn Executor,
        meter: &CpuMeter,
        future: impl Future<Output = R> + Send,
    ) -> Result<R, Stop> {
        let mut future = pin!(future);
        let mut outcome = Err(Stop::Cancelled);
        let mut waits = false;
        executor.block_on(pin!(poll_fn(|cx| {
            if let Poll::Ready(value) = future.as_mut().poll(cx) {
                outcome = Ok(value);
                return Poll::Ready(());
            }
            if !waits {
                waits = true;
                meter.stop();
            }
            // Registered before the look at the mark: whoever sets it after the look finds the waker.
            self.waiting.register(cx.waker());
            match self.check() {
                Ok(()) => Poll::Pending,
                Err(_) => Poll::Ready(()),
            }
        })));
        if waits {
            meter.start();
        }
        outcome
    }

    fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
        self.waiting.wake();
    }

    fn has_finished(&self) -> bool {
        self.finished.load(Ordering::Acquire)
    }
}

/// The run on its thread, or on its way there. Says that it has finished when it is dropped.
pub(crate) struct Running(pub Arc<Control>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.finished.store(true, Ordering::Release);
    }
}

/// Stops a run that has not finished when it is dropped.
pub(crate) struct CancelOnDrop<'a> {
    control: Arc<Control>,
    stopper: &'a Stopper,
}

impl<'a> CancelOnDrop<'a> {
    pub(crate) fn new(control: Arc<Control>, stopper: &'a Stopper) -> Self {
        Self { control, stopper }
    }
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if !self.control.has_finished() {
            self.control.cancel();
            self.stopper.stop(&self.control);
        }
    }
}

#[cfg(unix)]
mod interrupt {
    use std::sync::OnceLock;
    use std::sync::atomic::AtomicU64;
    use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
    use std::thread;
    use std::time::{Duration, Instant};

    use rustix::process::Signal;
    use rustix::time::{ClockId, clock_gettime};
    use wasmer::Interrupter;

    use super::*;

    /// CPU time after which nothing that must be finished can still be running on the guest's stack.
    const SETTLED: Duration = Duration::from_millis(250);

    /// How often a guest that does not end is interrupted.
    const EVERY: Duration = Duration::from_millis(10);

    /// What is needed to interrupt one guest.
    #[derive(Default)]
    pub(super) struct Interrupt {
        interrupter: OnceLock<Interrupter>,
        /// CPU time of the guest's thread, in nanoseconds, when the wait for [`SETTLED`] began; 0 before the first signal.
        unsettled_since_ns: AtomicU64,
    }

    pub(super) fn attach(control: &Arc<Control>, store: &mut wasmer::Store) {
        let interrupt = &control.interrupt;
        // Set once: each run has a control of its own.
        let _ = interrupt.interrupter.set(store.interrupter());
        let control = control.clone();
        store.set_trap_handler(Some(Box::new(move |signal, _, _| {
            // What is handled here goes no further: the signal is ignored.
            signal == Signal::USR1.as_raw() && !control.may_interrupt()
        })));
    }

    impl Control {
        /// Whether the guest may be unwound where it is. Called by the signal handler on the guest's thread, so it must
        /// neither allocate nor lock.
        fn may_interrupt(&self) -> bool {
            let now = clock_gettime(ClockId::ThreadCPUTime);
            let now_ns = now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64;
            let since = &self.interrupt.unsettled_since_ns;
            match since.load(Ordering::Relaxed) {
                0 => since.store(now_ns.max(1), Ordering::Relaxed),
                since_ns if now_ns.saturating_sub(since_ns) < SETTLED.as_nanos() as u64 => {}
                _ => {
                    since.store(now_ns, Ordering::Relaxed);
                    return true;
                }
            }
            false
        }
    }

    /// The thread that interrupts guests which have been cancelled until they have ended.
    pub(crate) struct Stopper {
        /// The thread ends when this is gone and all its guests have ended.
        cancelled: Sender<Arc<Control>>,
    }

    impl Stopper {
        pub(crate) fn start() -> io::Result<Self> {
            // The first use sets the clock up, which is nothing for a signal handler.
            let _ = clock_gettime(ClockId::ThreadCPUTime);
            let (cancelled, runs) = channel();
            thread::Builder::new()
                .name("wasmer-stopper".to_owned())
                .spawn(move || stop(&runs))?;
            Ok(Self { cancelled })
        }

        pub(crate) fn stop(&self, control: &Arc<Control>) {
            // The thread is there for as long as anyone can send to it.
            let _ = self.cancelled.send(control.clone());
        }
    }

    fn stop(cancelled: &Receiver<Arc<Control>>) {
        let mut runs = Vec::<Arc<Control>>::new();
        loop {
            // Most guests stop by themselves, in a hostcall: they have until the round after the next.
            let Some(more) = collect(cancelled, runs.is_empty()) else {
                return;
            };
            runs.retain(|run| !run.has_finished());
            for run in &runs {
                if let Some(interrupter) = run.interrupt.interrupter.get() {
                    interrupter.interrupt();
                }
            }
            runs.extend(more);
        }
    }

    /// The runs that are cancelled until the next round is due; without an end when none is due. `None` when no more
    /// will come and none are left.
    fn collect(cancelled: &Receiver<Arc<Control>>, idle: bool) -> Option<Vec<Arc<Control>>> {
        let mut more = Vec::new();
        if idle {
            more.push(cancelled.recv().ok()?);
        }
        let due = Instant::now() + EVERY;
        loop {
            let left = due.saturating_duration_since(Instant::now());
            match cancelled.recv_timeout(left) {
                Ok(run) => more.push(run),
                Err(RecvTimeoutError::Timeout) => return Some(more),
                Err(RecvTimeoutError::Disconnected) => {
                    thread::sleep(left);
                    return Some(more);
                }
            }
        }
    }
}

#[cfg(not(unix))]
mod no_interrupt {
    use super::*;

    /// Wasmer can interrupt a guest only with a signal; here a guest that makes no hostcalls runs until it ends.
    pub(crate) struct Stopper;

    impl Stopper {
        pub(crate) fn start() -> io::Result<Self> {
            Ok(Self)
        }

        pub(crate) fn stop(&self, _control: &Arc<Control>) {}
    }
}
