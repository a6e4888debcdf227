//! Measuring the bare engine and fastlike beside each other.

use std::cell::OnceCell;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use abi_core::engine::EngineEntry;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion};
use tokio::runtime::{Builder, Runtime};

use crate::host;

/// What the engine does alone.
pub const BARE: &str = "bare";
/// What it does under fastlike.
pub const FASTLIKE: &str = "fastlike";

/// As short as measuring six engines twice allows; the command line may say otherwise.
#[must_use]
pub fn criterion() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(700))
        .measurement_time(Duration::from_secs(2))
        .sample_size(20)
        .configure_from_args()
}

/// What keeps timers and tasks of guests, and what a guest on a thread of its own waits with.
#[must_use]
pub fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made")
}

/// Measures `bare` and `fastlike` on each engine, one behind the other, so that both see the same machine. Each is made
/// when its turn comes, and only when the filter on the command line lets it.
pub fn compare<B, F>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    threads: usize,
    bare: impl Fn(&EngineEntry) -> B,
    fastlike: impl Fn(&EngineEntry) -> F,
) where
    B: Fn() + Sync,
    F: Fn() + Sync,
{
    for engine in host::engines() {
        measure(group, BenchmarkId::new(engine.name, BARE), threads, || {
            bare(engine)
        });
        measure(
            group,
            BenchmarkId::new(engine.name, FASTLIKE),
            threads,
            || fastlike(engine),
        );
    }
}

/// Criterion asks for every sample anew; what is measured is made for the first one, and kept.
fn measure<W: Fn() + Sync>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    id: BenchmarkId,
    threads: usize,
    make: impl Fn() -> W,
) {
    let work = OnceCell::new();
    group.bench_function(id, |bencher| {
        let work = work.get_or_init(&make);
        bencher.iter_custom(|iterations| time(threads, iterations, work));
    });
}

/// How long it takes `threads` threads to do `work` so many times each.
fn time(threads: usize, iterations: u64, work: &(impl Fn() + Sync)) -> Duration {
    let repeat = || (0..iterations).for_each(|_| work());
    if threads == 1 {
        let started = Instant::now();
        repeat();
        return started.elapsed();
    }
    let ready = Barrier::new(threads + 1);
    let started = thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                ready.wait();
                repeat();
            });
        }
        ready.wait();
        Instant::now()
    });
    started.elapsed()
}
