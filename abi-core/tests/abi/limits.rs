//! What ends a run from outside: limits on time, by a program that is a native future.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use abi_core::body::Body;
use abi_core::engine::{Ended, Exit, Limits, Program};
use abi_core::http::RequestHead;
use abi_core::platform::Clock;
use abi_core::testing::World;
use abi_core::{ClientRequest, Service, Session};
use futures_util::future::BoxFuture;

/// A guest that runs for `cpu` at a time, then waits for `wait`, for ever.
struct Endless {
    world: World,
    cpu: Duration,
    wait: Duration,
}

impl Program for Endless {
    fn run(&self, session: Box<Session>, _limits: Limits) -> BoxFuture<'static, Ended> {
        let meter = session.meter().clone();
        let guest = Guest {
            _session: *session,
            world: self.world.clone(),
            cpu: self.cpu,
            wait: self.wait,
            waiting: None,
        };
        Box::pin(meter.measure(guest))
    }
}

struct Guest {
    _session: Session,
    world: World,
    cpu: Duration,
    wait: Duration,
    waiting: Option<BoxFuture<'static, ()>>,
}

impl Future for Guest {
    type Output = Ended;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended> {
        loop {
            if let Some(waiting) = &mut self.waiting
                && waiting.as_mut().poll(cx).is_pending()
            {
                return Poll::Pending;
            }
            self.world.advance(self.cpu);
            self.waiting = Some(self.world.sleep(self.wait));
        }
    }
}

fn report(cpu: Duration, wait: Duration, limits: Limits) -> abi_core::Report {
    let world = World::new();
    let program = Endless {
        world: world.clone(),
        cpu,
        wait,
    };
    let mut service = Service::new(Arc::new(program), world.platform());
    service.limits = limits;
    let mut run = service.start(ClientRequest::new(RequestHead::new(), Body::empty()));
    let answer = world.drive(run.answer());
    let status = match world.drive(run.finish()) {
        report if report.exit == Exit::OutOfTime => (504, report),
        report => (500, report),
    };
    assert_eq!(answer.head.status, status.0);
    status.1
}

#[test]
fn a_guest_that_waits_for_ever_runs_out_of_time() {
    let limits = Limits {
        wall: Duration::from_secs(7),
        ..Limits::default()
    };
    let report = report(Duration::ZERO, Duration::from_secs(3600), limits);
    assert_eq!(report.exit, Exit::OutOfTime);
    assert_eq!(report.wall, Duration::from_secs(7), "to the moment");
    assert_eq!(report.cpu, Duration::ZERO, "waiting is not running");
}

#[test]
fn a_guest_that_runs_for_ever_runs_out_of_cpu() {
    let limits = Limits {
        cpu: Duration::from_secs(1),
        ..Limits::default()
    };
    let report = report(Duration::from_millis(10), Duration::from_millis(5), limits);
    assert_eq!(report.exit, Exit::OutOfCpu);
    assert_eq!(report.cpu, Duration::from_secs(1));
    assert!(
        report.wall >= Duration::from_millis(1400),
        "it waited in between"
    );
}
