//! Rate counters and penalty boxes beside a list of everything that has happened.

use std::time::Duration;

use abi_core::stores::{MemoryRateLimits, RateCheck, RateLimits, RateWindow};
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
struct Step {
    /// How much time has passed since the step before.
    passed: Duration,
    entry: usize,
    delta: u32,
    window: u32,
    limit: u32,
    minutes: u64,
}

const ENTRIES: [&str; 3] = ["a", "b", ""];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let passed = prop_oneof![
        Just(0),
        1..150_u64,
        100..2_000_u64,
        2_000..70_000_u64,
        Just(1_000),
        Just(10_000),
        Just(60_000),
        Just(10_000_000),
    ];
    let step = (
        passed,
        0..ENTRIES.len(),
        0..20_u32,
        prop::sample::select(vec![1, 10, 60]),
        0..10_u32,
        1..3_u64,
    );
    let step = step.prop_map(|(passed, entry, delta, window, limit, minutes)| Step {
        passed: Duration::from_millis(passed),
        entry,
        delta,
        window,
        limit,
        minutes,
    });
    prop::collection::vec(step, 1..120)
}

/// Everything that has happened.
#[derive(Default)]
struct Model {
    events: Vec<(usize, Duration, u32)>,
    penalties: Vec<(usize, Duration)>,
}

impl Model {
    /// Windows of a second move by tenths of a second, longer ones by seconds.
    fn count(&self, entry: usize, seconds: u32, now: Duration) -> u64 {
        let step = if seconds == 1 { 100 } else { 1000 };
        let steps = if seconds == 1 {
            10
        } else {
            u128::from(seconds)
        };
        let number = |time: Duration| time.as_millis() / step;
        let inside = |time: Duration| number(time) + steps > number(now);
        let events = self.events.iter();
        events
            .filter(|(of, at, _)| *of == entry && inside(*at))
            .map(|(_, _, delta)| u64::from(*delta))
            .sum()
    }

    fn is_penalized(&self, entry: usize, now: Duration) -> bool {
        self.penalties
            .iter()
            .any(|(of, until)| *of == entry && now < *until)
    }
}

proptest! {
    #[test]
    fn limits_do_what_the_model_does(steps in steps()) {
        let limits = MemoryRateLimits::new();
        let mut model = Model::default();
        let mut now = Duration::from_millis(12_345);
        for step in steps {
            now += step.passed;
            let window = RateWindow::of_rate(step.window).unwrap();
            let penalty = Duration::from_secs(step.minutes * 60);
            let check = RateCheck {
                counter: "counter",
                entry: ENTRIES[step.entry],
                delta: step.delta,
                window,
                limit: step.limit,
                penalty_box: "box",
                penalty,
            };
            let refused = check.is_refused(&limits, now);

            model.events.push((step.entry, now, step.delta));
            let allowed = u64::from(step.limit * step.window);
            let is_over = model.count(step.entry, step.window, now) > allowed;
            if is_over {
                model.penalties.push((step.entry, now + penalty));
            }
            prop_assert_eq!(refused, is_over || model.is_penalized(step.entry, now));
            for (index, entry) in ENTRIES.into_iter().enumerate() {
                for seconds in [1, 10, 20, 30, 40, 50, 60] {
                    let window = RateWindow::of_rate(seconds).or(RateWindow::of_count(seconds));
                    prop_assert_eq!(
                        limits.count("counter", entry, window.unwrap(), now),
                        model.count(index, seconds, now),
                        "{} s of {:?} at {:?}", seconds, entry, now
                    );
                    prop_assert_eq!(limits.count("other", entry, window.unwrap(), now), 0);
                }
                prop_assert_eq!(
                    limits.is_penalized("box", entry, now),
                    model.is_penalized(index, now)
                );
            }
        }
    }
}

#[test]
fn events_of_many_threads_are_all_counted() {
    let limits = MemoryRateLimits::new();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..1000 {
                    limits.increment("counter", "entry", 3, Duration::from_secs(5));
                }
            });
        }
    });
    let window = RateWindow::of_rate(1).unwrap();
    assert_eq!(
        limits.count("counter", "entry", window, Duration::from_secs(5)),
        24_000
    );
}

#[test]
fn memory_is_bounded_whatever_entries_there_are() {
    let limits = MemoryRateLimits::with_capacity(1000);
    let now = Duration::from_secs(5);
    for number in 0..100_000 {
        let entry = format!("entry {number}");
        limits.increment("counter", &entry, 1, now);
        limits.penalize("box", &entry, now * 2, now);
    }
    let shown = format!("{limits:?}");
    let numbers = shown.split(|character: char| !character.is_ascii_digit());
    let numbers: Vec<u32> = numbers.filter_map(|number| number.parse().ok()).collect();
    assert_eq!(numbers.len(), 2, "{shown}");
    assert!(
        numbers.iter().all(|number| (1..=1000).contains(number)),
        "{shown}"
    );
}
