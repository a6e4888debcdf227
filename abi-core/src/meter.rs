//! How long a guest has run, not counting the time it waited.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use crate::platform::Clock;

/// A clock that counts while its guest runs. Started and stopped by the adapter, read by anyone.
pub struct CpuMeter {
    clock: Arc<dyn Clock>,
    used_ns: AtomicU64,
    /// When the guest was last started, plus one, in nanoseconds of the clock; 0 while it is stopped.
    started_ns: AtomicU64,
    /// When it was last stopped; the end of time before that.
    stopped_ns: AtomicU64,
}

impl CpuMeter {
    /// A stopped meter at zero.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            used_ns: AtomicU64::new(0),
            started_ns: AtomicU64::new(0),
            stopped_ns: AtomicU64::new(u64::MAX),
        }
    }

    /// The guest runs from now on.
    pub fn start(&self) {
        self.started_ns.store(self.now_ns() + 1, Ordering::Release);
    }

    /// The guest no longer runs.
    pub fn stop(&self) {
        let started = self.started_ns.swap(0, Ordering::AcqRel);
        if started != 0 {
            let now = self.now_ns();
            let ran = now.saturating_sub(started - 1);
            self.used_ns.fetch_add(ran, Ordering::AcqRel);
            self.stopped_ns.store(now, Ordering::Relaxed);
        }
    }

    /// How long the guest had stood still when it was last started. For whoever has started it.
    #[must_use]
    pub fn stood_still(&self) -> Duration {
        let started = self.started_ns.load(Ordering::Relaxed).saturating_sub(1);
        let stopped = self.stopped_ns.load(Ordering::Relaxed);
        Duration::from_nanos(started.saturating_sub(stopped))
    }

    /// How long the guest has run in all.
    #[must_use]
    pub fn used(&self) -> Duration {
        // In this order: a guest that is stopped in between is counted short for a moment, and never twice, which could
        // end it at a limit that it has not reached.
        let used = self.used_ns.load(Ordering::Acquire);
        let started = self.started_ns.load(Ordering::Acquire);
        let running = match started {
            0 => 0,
            _ => self.now_ns().saturating_sub(started - 1),
        };
        Duration::from_nanos(used.saturating_add(running))
    }

    /// Counts the time in which `future` is polled.
    pub fn measure<F: Future>(self: Arc<Self>, future: F) -> Measured<F> {
        Measured {
            meter: self,
            future,
        }
    }

    fn now_ns(&self) -> u64 {
        // 584 years of uptime fit into 64 bits.
        self.clock.monotonic().as_nanos() as u64
    }
}

impl fmt::Debug for CpuMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CpuMeter").field(&self.used()).finish()
    }
}

pin_project! {
    /// A future whose polls are counted. Made by [`CpuMeter::measure`].
    #[derive(Debug)]
    pub struct Measured<F> {
        meter: Arc<CpuMeter>,
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Measured<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.meter.start();
        let poll = this.future.poll(cx);
        this.meter.stop();
        poll
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, OnceLock};

    use futures_util::future::BoxFuture;

    use super::*;

    /// A clock that stops a meter when it is next asked for the time, as another thread may.
    #[derive(Default)]
    struct Stopping {
        meter: OnceLock<Arc<CpuMeter>>,
        now: Mutex<Duration>,
        stops: Mutex<bool>,
    }

    impl Clock for Stopping {
        fn monotonic(&self) -> Duration {
            if std::mem::take(&mut *self.stops.lock().unwrap()) {
                self.meter.get().unwrap().stop();
            }
            *self.now.lock().unwrap()
        }

        fn wall(&self) -> Duration {
            Duration::ZERO
        }

        fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
            Box::pin(std::future::pending())
        }
    }

    #[test]
    fn a_guest_that_is_stopped_meanwhile_is_not_counted_twice() {
        let clock = Arc::new(Stopping::default());
        let meter = Arc::new(CpuMeter::new(clock.clone()));
        assert!(clock.meter.set(meter.clone()).is_ok());
        meter.start();
        *clock.now.lock().unwrap() = Duration::from_secs(40);
        *clock.stops.lock().unwrap() = true;
        assert_eq!(meter.used(), Duration::from_secs(40));
        assert_eq!(meter.used(), Duration::from_secs(40));
    }
}
