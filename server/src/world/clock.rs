//! Time from the operating system, waiting by tokio.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use abi_core::platform::Clock;
use futures_util::future::BoxFuture;
use tokio::runtime::Handle;

/// The clock of this machine. It resolves nanoseconds, and sleeps in steps of a millisecond.
#[derive(Clone, Debug)]
pub struct SystemClock {
    start: Instant,
    runtime: Handle,
}

impl SystemClock {
    /// A clock whose sleeps are kept by `runtime`.
    #[must_use]
    pub fn new(runtime: Handle) -> Self {
        Self {
            start: Instant::now(),
            runtime,
        }
    }
}

impl Clock for SystemClock {
    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    fn wall(&self) -> Duration {
        // A machine whose clock is before 1970 is told that it is 1970.
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        // A sleep is bound to its runtime when it is made; from then on it may be polled on any thread.
        let _inside = self.runtime.enter();
        Box::pin(tokio::time::sleep(duration))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_outside_of_the_runtime_can_sleep() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let clock = SystemClock::new(runtime.handle().clone());
        let before = clock.monotonic();
        let sleep = clock.sleep(Duration::from_millis(5));
        std::thread::spawn(|| futures_executor(sleep))
            .join()
            .unwrap();
        assert!(clock.monotonic() - before >= Duration::from_millis(5));
        assert!(clock.wall() > Duration::from_secs(1_700_000_000));
    }

    /// Polls a future on a thread that knows no runtime.
    fn futures_executor(future: BoxFuture<'static, ()>) {
        let waker = std::sync::Arc::new(ThreadWaker(std::thread::current()));
        let waker = std::task::Waker::from(waker);
        let mut future = future;
        while future
            .as_mut()
            .poll(&mut std::task::Context::from_waker(&waker))
            .is_pending()
        {
            std::thread::park();
        }
    }

    struct ThreadWaker(std::thread::Thread);

    impl std::task::Wake for ThreadWaker {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
}
