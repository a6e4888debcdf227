//! Counting events of the last minute in little memory.

use std::time::Duration;

use super::RateWindow;

/// Windows of one second are made of tenths.
const TENTHS: usize = 10;

/// Longer windows are made of seconds.
const SECONDS: usize = 60;

/// Events of the last minute: the present and the last nine tenths of a second, and the present and the last 59
/// seconds. A window moves by whole steps, so that a count is short of the events of at most one step.
///
/// It has 288 bytes, whatever it counts. A step that has more than `u32::MAX` events stays there.
#[derive(Clone, Debug)]
pub struct EventCounter {
    tenths: Steps<TENTHS>,
    seconds: Steps<SECONDS>,
}

impl EventCounter {
    /// A counter of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self {
            tenths: Steps::new(),
            seconds: Steps::new(),
        }
    }

    /// Counts `delta` events. Time that goes back is taken for the latest time there was.
    pub fn add(&mut self, delta: u32, now: Duration) {
        self.tenths.add(delta, tenth(now));
        self.seconds.add(delta, now.as_secs());
    }

    /// How many events there were in the `window` that ends now.
    #[must_use]
    pub fn count(&self, window: RateWindow, now: Duration) -> u64 {
        match window.seconds() {
            1 => self.tenths.sum(TENTHS, tenth(now)),
            seconds => self.seconds.sum(seconds as usize, now.as_secs()),
        }
    }
}

impl Default for EventCounter {
    fn default() -> Self {
        Self::new()
    }
}

fn tenth(now: Duration) -> u64 {
    now.as_secs() * 10 + u64::from(now.subsec_millis() / 100)
}

/// The events of the last `N` steps of time, as a ring.
#[derive(Clone, Debug)]
struct Steps<const N: usize> {
    latest: u64,
    events: [u32; N],
}

impl<const N: usize> Steps<N> {
    fn new() -> Self {
        Self {
            latest: 0,
            events: [0; N],
        }
    }

    fn add(&mut self, delta: u32, step: u64) {
        let passed = step.saturating_sub(self.latest);
        // Steps that have passed since the latest one had no events; after a whole turn that is all of them.
        for old in 1..=passed.min(N as u64) {
            self.events[index::<N>(self.latest + old)] = 0;
        }
        self.latest = self.latest.max(step);
        let events = &mut self.events[index::<N>(self.latest)];
        *events = events.saturating_add(delta);
    }

    /// The events of the last `steps` steps up to `step`.
    fn sum(&self, steps: usize, step: u64) -> u64 {
        let step = step.max(self.latest);
        let first = (step + 1).saturating_sub(steps as u64);
        let oldest_kept = (self.latest + 1).saturating_sub(N as u64);
        let kept = first.max(oldest_kept)..=self.latest;
        kept.map(|step| u64::from(self.events[index::<N>(step)]))
            .sum()
    }
}

/// Where a step is in the ring.
fn index<const N: usize>(step: u64) -> usize {
    (step % N as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(counter: &EventCounter, seconds: u32, now: Duration) -> u64 {
        let window = RateWindow::of_rate(seconds).or(RateWindow::of_count(seconds));
        counter.count(window.unwrap(), now)
    }

    #[test]
    fn events_leave_their_windows_one_after_the_other() {
        let mut counter = EventCounter::new();
        let at = Duration::from_millis;
        counter.add(3, at(0));
        counter.add(4, at(950));
        assert_eq!(count(&counter, 1, at(999)), 7);
        assert_eq!(count(&counter, 1, at(1000)), 4, "the first tenth is gone");
        assert_eq!(count(&counter, 10, at(9_999)), 7);
        assert_eq!(count(&counter, 10, at(10_000)), 0);
        assert_eq!(count(&counter, 20, at(10_000)), 7);
        assert_eq!(count(&counter, 60, at(59_999)), 7);
        assert_eq!(count(&counter, 60, at(60_000)), 0);
    }

    #[test]
    fn a_long_silence_leaves_nothing() {
        let mut counter = EventCounter::new();
        counter.add(9, Duration::from_secs(1));
        let later = Duration::from_secs(1_000_000);
        assert_eq!(count(&counter, 60, later), 0);
        counter.add(1, later);
        assert_eq!(count(&counter, 60, later), 1);
        assert_eq!(
            count(&counter, 60, Duration::from_secs(1)),
            1,
            "time does not go back"
        );
    }

    #[test]
    fn a_step_that_is_full_stays_full() {
        let mut counter = EventCounter::new();
        let now = Duration::from_secs(5);
        counter.add(u32::MAX, now);
        counter.add(5, now);
        assert_eq!(count(&counter, 1, now), u64::from(u32::MAX));
    }
}
