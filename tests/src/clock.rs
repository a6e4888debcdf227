//! A clock whose longest pauses the test ends.

use std::sync::Arc;
use std::time::Duration;

use abi_core::Platform;
use abi_core::platform::Clock;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::watch;

/// Pauses of an hour or more end when the test says so, and not before. Everything else is the host's own clock.
#[derive(Clone, Debug)]
pub struct LongPauses(Arc<watch::Sender<bool>>);

impl Default for LongPauses {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl LongPauses {
    /// Two hours, in the unit that guests are told a pause in.
    pub const MILLISECONDS: u64 = 2 * 60 * 60 * 1000;

    /// Ends those that have begun, and those that will begin.
    pub fn end(&self) {
        self.0.send_replace(true);
    }

    /// The same world with this clock.
    #[must_use]
    pub fn within(&self, platform: Platform) -> Platform {
        let clock = Arc::new(HeldClock {
            inner: platform.clock.clone(),
            pauses: self.clone(),
        });
        Platform { clock, ..platform }
    }
}

struct HeldClock {
    inner: Arc<dyn Clock>,
    pauses: LongPauses,
}

impl Clock for HeldClock {
    fn monotonic(&self) -> Duration {
        self.inner.monotonic()
    }

    fn wall(&self) -> Duration {
        self.inner.wall()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        const LONG: Duration = Duration::from_secs(60 * 60);

        if duration < LONG {
            return self.inner.sleep(duration);
        }
        let mut ended = self.pauses.0.subscribe();
        async move {
            // It fails only when the test is over.
            let _ = ended.wait_for(|ended| *ended).await;
        }
        .boxed()
    }
}
