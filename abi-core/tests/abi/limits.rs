//! What ends a run from outside: limits on time, by a program that is a native future.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
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

/// A guest that waits for ever, and notes how long it had stood still whenever it is polled.
struct Still(Arc<Mutex<Vec<Duration>>>);

impl Program for Still {
    fn run(&self, session: Box<Session>, _limits: Limits) -> BoxFuture<'static, Ended> {
        let polled = self.0.clone();
        let meter = session.meter().clone();
        let guest = poll_fn(move |_| {
            let stood_still = session.meter().stood_still();
            polled.lock().unwrap().push(stood_still);
            Poll::Pending
        });
        Box::pin(meter.measure(guest))
    }
}

#[test]
fn a_guest_that_stands_still_is_looked_after() {
    let polled = Arc::new(Mutex::new(Vec::new()));
    let world = World::new();
    let mut service = Service::new(Arc::new(Still(polled.clone())), world.platform());
    service.limits.wall = Duration::from_secs(32);
    let mut run = service.start(ClientRequest::new(RequestHead::new(), Body::empty()));
    world.drive(run.answer());
    let report = world.drive(run.finish());
    assert_eq!(report.wall, Duration::from_secs(32), "to the moment");
    let seconds: Vec<_> = polled
        .lock()
        .unwrap()
        .iter()
        .map(Duration::as_secs)
        .collect();
    let (first, later) = seconds.split_first().expect("it begins");
    assert_eq!(*first, 0, "it had not begun");
    let later: Vec<_> = later.iter().filter(|seconds| **seconds > 0).collect();
    assert_eq!(later, [&1, &2, &4, &8, &8, &8, &1], "at its limit as well");
}
