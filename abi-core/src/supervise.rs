//! Stopping a run that takes too long, the same way for every engine.
//!
//! An adapter has to do two things: give others a turn every few milliseconds, and stop its guest when the run's future
//! is dropped. All limits on time follow from that, here.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::engine::{Ended, Exit, Limits};
use crate::meter::CpuMeter;
use crate::platform::Clock;
use crate::service::Report;

/// A run under its limits.
pub(crate) struct Supervised {
    run: Option<BoxFuture<'static, Ended>>,
    clock: Arc<dyn Clock>,
    meter: Arc<CpuMeter>,
    limits: Limits,
    started: Duration,
    /// Wakes the task when a limit may have been reached. Made when the run first waits: most never do.
    alarm: Option<BoxFuture<'static, ()>>,
}

impl Supervised {
    pub(crate) fn new(
        run: BoxFuture<'static, Ended>,
        clock: Arc<dyn Clock>,
        meter: Arc<CpuMeter>,
        limits: Limits,
    ) -> Self {
        Self {
            run: Some(run),
            started: clock.monotonic(),
            clock,
            meter,
            limits,
            alarm: None,
        }
    }

    fn report(&self, ended: Ended) -> Report {
        Report {
            exit: ended.exit,
            memory_bytes: ended.memory_bytes,
            wall: self.wall(),
            cpu: self.meter.used(),
        }
    }

    fn wall(&self) -> Duration {
        self.clock.monotonic().saturating_sub(self.started)
    }

    /// The limit that was reached, or how long at least until one can be.
    fn check(&self) -> Result<Duration, Exit> {
        let wall_left = self.limits.wall.saturating_sub(self.wall());
        if wall_left.is_zero() {
            return Err(Exit::OutOfTime);
        }
        let cpu_left = self.limits.cpu.saturating_sub(self.meter.used());
        if cpu_left.is_zero() {
            return Err(Exit::OutOfCpu);
        }
        Ok(wall_left.min(cpu_left))
    }
}

impl Future for Supervised {
    type Output = Report;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Report> {
        let this = &mut *self;
        if let Some(run) = &mut this.run
            && let Poll::Ready(ended) = run.poll_unpin(cx)
        {
            this.run = None;
            return Poll::Ready(this.report(ended));
        }
        loop {
            let left = match this.check() {
                Ok(left) => left,
                Err(exit) => {
                    // Dropping the run stops the guest.
                    this.run = None;
                    return Poll::Ready(this.report(Ended {
                        exit,
                        memory_bytes: 0,
                    }));
                }
            };
            let alarm = this.alarm.get_or_insert_with(|| this.clock.sleep(left));
            if alarm.poll_unpin(cx).is_pending() {
                return Poll::Pending;
            }
            this.alarm = None;
        }
    }
}
