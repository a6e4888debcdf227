//! Runs that nobody waits for any more: wherever their guests stand, they leave nothing behind.

use std::sync::Arc;
use std::time::Duration;

use abi_core::Service;
use abi_core::cache::{CacheKey, CacheSpace};
use abi_core::engine::{Engine, EngineOptions, Exit, Limits, Program};
use abi_core::http::cache::HttpCacheSettings;
use conformance::cases;
use conformance::context::Context;
use conformance::engines;
use conformance::guests::Guest;
use conformance::stepped::{Kind, Settled, SteppedWorld};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

cases![
    a_run_that_is_dropped_while_its_guest_waits_leaves_nothing,
    a_run_that_is_dropped_after_the_wait_leaves_nothing,
    a_run_that_is_dropped_between_two_polls_leaves_nothing,
    a_run_that_is_dropped_leaves_the_cache_of_responses_to_others,
];

/// When a run is dropped.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// When its guest waits, and has waited so many times before.
    Waiting(usize),
    /// As soon as what it waits for has happened.
    Released(usize),
    /// After so many polls.
    Polled(usize),
}

/// What may go on without the guest, the first with a cache of responses only.
const GOES_ON: &[Kind] = &[
    Kind::BackendBody,
    Kind::StoreOperation,
    Kind::Trigger,
    Kind::TaskAlarm,
    Kind::BackendReader,
];

/// Far more than the guest waits, or is polled: then it does not end.
const MOMENTS_MAX: usize = 10_000;

/// Fewer waits than this, and the guest does not do what it is for.
const WAITS_MIN: usize = 20;

async fn a_run_that_is_dropped_while_its_guest_waits_leaves_nothing(cx: Context) {
    let waits = at_each(&cx, HttpCacheSettings::disabled(), Moment::Waiting);
    assert!(waits > WAITS_MIN, "{waits}");
}

async fn a_run_that_is_dropped_after_the_wait_leaves_nothing(cx: Context) {
    let waits = at_each(&cx, HttpCacheSettings::disabled(), Moment::Released);
    assert!(waits > WAITS_MIN, "{waits}");
}

async fn a_run_that_is_dropped_between_two_polls_leaves_nothing(cx: Context) {
    at_each(&cx, HttpCacheSettings::disabled(), Moment::Polled);
}

async fn a_run_that_is_dropped_leaves_the_cache_of_responses_to_others(cx: Context) {
    at_each(&cx, HttpCacheSettings::default(), Moment::Waiting);
}

/// Drops a run at every moment there is, and says how many there were.
fn at_each(cx: &Context, http_cache: HttpCacheSettings, moment: impl Fn(usize) -> Moment) -> usize {
    let engine = engine_for_one(cx);
    let program = engine.compile(&Guest("wat/many_waits.wat").module());
    let program = program.unwrap_or_else(|error| panic!("{error}"));
    let has_guest_thread = cx.engine.starts_with("wasmer");
    let last = (0..MOMENTS_MAX).find(|number| {
        let world = SteppedWorld::new(has_guest_thread);
        Runs::new(world, program.clone(), http_cache).drop_at(moment(*number))
    });
    last.expect("the guest ends")
}

/// An engine with room for one guest, where it has such a limit: others have to wait for what the one before has left.
pub(crate) fn engine_for_one(cx: &Context) -> Arc<dyn Engine> {
    let mut options = EngineOptions::default();
    options.guest_threads_max = 1;
    options.pooled_instances = 1;
    let engine = engines::entry(cx.engine).create(&options);
    engine.unwrap_or_else(|error| panic!("{error}"))
}

/// Runs of one service, one after the other.
struct Runs {
    world: SteppedWorld,
    service: Service,
    /// What may go on without the guest.
    goes_on: &'static [Kind],
}

impl Runs {
    fn new(world: SteppedWorld, program: Arc<dyn Program>, http_cache: HttpCacheSettings) -> Self {
        // An operation of a store is done as a whole, a request that was sent without waiting goes on for a while, and a
        // backend reads until it learns that no more comes. What the cache stores is read to its end.
        let goes_on: &[_] = match http_cache == HttpCacheSettings::disabled() {
            true => &GOES_ON[1..],
            false => GOES_ON,
        };
        let mut service = Service::new(program, world.platform(http_cache));
        service.limits = Limits {
            wall: Duration::from_secs(1_000_000),
            cpu: Duration::from_secs(1_000_000),
            ..Limits::default()
        };
        let key = CacheKey::new(CacheSpace::Core, b"key").expect("a short key");
        let cache = &service.platform.cache;
        let lookup = cache.transaction(key, http::HeaderMap::new(), Duration::ZERO);
        let leader = lookup.wait().now_or_never();
        world.lead(leader.expect("nobody else has asked"));
        Self {
            world,
            service,
            goes_on,
        }
    }

    fn begin(&self) -> BoxFuture<'static, Exit> {
        self.world.begin();
        let (world, service) = (self.world.clone(), self.service.clone());
        async move {
            let mut run = service.start(world.request());
            drop(service);
            world.read(run.answer().await.body);
            run.finish().await.exit
        }
        .boxed()
    }

    /// Drops a run at that moment, and has another one find everything as if the first had not been. Whether the first
    /// one had ended before that moment.
    fn drop_at(&self, moment: Moment) -> bool {
        let ended = self.run_until(Some(moment));
        self.expect_nothing_left(moment);
        if ended.is_none() {
            let exit = self.run_until(None);
            assert_eq!(
                exit,
                Some(Exit::Returned),
                "after one dropped at {moment:?}"
            );
            self.expect_nothing_left(moment);
        }
        ended.is_some()
    }

    fn expect_nothing_left(&self, moment: Moment) {
        self.world.expect_nothing_left(self.goes_on);
        let platforms = Arc::strong_count(&self.service.platform);
        assert_eq!(
            platforms, 1,
            "a session is left of one dropped at {moment:?}"
        );
    }

    /// How the run ended, unless it was dropped.
    fn run_until(&self, moment: Option<Moment>) -> Option<Exit> {
        let mut run = self.begin();
        let mut polls = match moment {
            Some(Moment::Polled(polls)) => polls,
            _ => usize::MAX,
        };
        let mut waits = 0;
        loop {
            match self.world.settle(&mut run, &mut polls) {
                Settled::Ended(exit) => return Some(exit),
                Settled::Polled => return None,
                Settled::Waits => {}
            }
            if matches!(moment, Some(Moment::Waiting(number)) if number == waits) {
                return None;
            }
            assert!(
                self.world.step(),
                "the guest waits for what never happens: {:?}, {moment:?}",
                self.world
            );
            if matches!(moment, Some(Moment::Released(number)) if number == waits) {
                return None;
            }
            waits += 1;
        }
    }
}
