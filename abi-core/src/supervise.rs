//! Stopping a run that takes too long, the same way for every engine.
//!
//! An adapter has to do two things: give others a turn every few milliseconds, and stop its guest when the run's future
//! is dropped. All limits on time follow from that, here.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::cached::CacheUse;
use crate::engine::{Ended, Exit, Limits, REST_AFTER};
use crate::meter::CpuMeter;
use crate::offload::Offload;
use crate::platform::Clock;
use crate::reuse::RequestsOfRun;
use crate::service::Report;

/// A run under its limits.
pub(crate) struct Supervised {
    run: Option<BoxFuture<'static, Ended>>,
    offload: Offload,
    clock: Arc<dyn Clock>,
    meter: Arc<CpuMeter>,
    limits: Limits,
    requests: Arc<RequestsOfRun>,
    /// Wakes the task when a limit may have been reached, or its guest may rest. Made when the run first waits: most never
    /// do.
    alarm: Option<BoxFuture<'static, ()>>,
    /// How long the next alarm takes at most.
    pause: Duration,
}

/// How long a run that waits goes unpolled at most. Between this and [`REST_AFTER`] the time doubles.
const LONGEST_PAUSE: Duration = REST_AFTER.saturating_mul(8);

impl Supervised {
    pub(crate) fn new(
        run: BoxFuture<'static, Ended>,
        offload: Offload,
        clock: Arc<dyn Clock>,
        meter: Arc<CpuMeter>,
        requests: Arc<RequestsOfRun>,
        limits: Limits,
    ) -> Self {
        Self {
            run: Some(run),
            offload,
            clock,
            meter,
            limits,
            requests,
            alarm: None,
            pause: REST_AFTER,
        }
    }

    /// Notes how the run has ended. Dropping it stops the guest, if it still runs.
    fn end(&mut self, ended: Ended) {
        self.run = None;
        let (wall, cpu) = self.used();
        self.requests.end(Report {
            exit: ended.exit,
            memory_bytes: ended.memory_bytes,
            wall,
            cpu,
            sent: Vec::new(),
            cache: CacheUse::default(),
        });
    }

    /// The time that the current request has taken, and how long the guest has run for it.
    fn used(&self) -> (Duration, Duration) {
        let (wall_started, cpu_started) = self.requests.started();
        let wall = self.clock.monotonic().saturating_sub(wall_started);
        (wall, self.meter.used().saturating_sub(cpu_started))
    }

    /// The limit that was reached, or how long at least until one can be.
    fn check(&self) -> Result<Duration, Exit> {
        let (wall, cpu) = self.used();
        let wall_left = self.limits.wall.saturating_sub(wall);
        if wall_left.is_zero() {
            return Err(Exit::OutOfTime);
        }
        let cpu_left = self.limits.cpu.saturating_sub(cpu);
        if cpu_left.is_zero() {
            return Err(Exit::OutOfCpu);
        }
        Ok(wall_left.min(cpu_left))
    }
}

impl Supervised {
    /// Whether the run has ended, by itself or at a limit.
    pub(crate) fn has_ended(&self) -> bool {
        self.run.is_none()
    }

    /// Runs the guest until it ends, or has reached a limit. How that went is told to the requests of the run.
    pub(crate) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(run) = &mut self.run else {
            return Poll::Ready(());
        };
        let polled = self.offload.poll_with(cx, |cx| run.poll_unpin(cx));
        if let Poll::Ready(ended) = polled {
            self.end(ended);
            return Poll::Ready(());
        }
        loop {
            let left = match self.check() {
                Ok(left) => left,
                Err(exit) => {
                    self.end(Ended {
                        exit,
                        memory_bytes: 0,
                    });
                    return Poll::Ready(());
                }
            };
            let alarm = self
                .alarm
                .get_or_insert_with(|| self.clock.sleep(left.min(self.pause)));
            if alarm.poll_unpin(cx).is_pending() {
                return Poll::Pending;
            }
            self.alarm = None;
            self.pause = self.pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
    }
}
