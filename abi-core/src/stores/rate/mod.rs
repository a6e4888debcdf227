//! Limits on rates: counters of events, and boxes for those who have made too many.
//!
//! Counters and boxes have names and need not be made. What they count by is an entry: a text such as the address of a
//! client. All guests of a service share them.

mod counter;
mod memory;

use std::fmt;
use std::time::Duration;

pub use counter::EventCounter;
pub use memory::{MemoryRateLimits, RATE_ENTRIES_MAX};

/// The shortest time that an entry is in a penalty box.
pub const PENALTY_MIN: Duration = Duration::from_secs(60);

/// The longest time that an entry is in a penalty box.
pub const PENALTY_MAX: Duration = Duration::from_secs(3600);

/// The counters and penalty boxes of a service.
///
/// `now` is the time since a fixed moment, by the monotonic clock of the platform. None of these may wait.
pub trait RateLimits: Send + Sync {
    /// Counts `delta` events of `entry`.
    fn increment(&self, counter: &str, entry: &str, delta: u32, now: Duration);

    /// How many events of `entry` there were in the `window` that ends now, the present part of a second included.
    fn count(&self, counter: &str, entry: &str, window: RateWindow, now: Duration) -> u64;

    /// Puts `entry` into a penalty box until `until`; one that is in it longer already stays longer.
    fn penalize(&self, penalty_box: &str, entry: &str, until: Duration, now: Duration);

    /// Whether `entry` is in a penalty box.
    fn is_penalized(&self, penalty_box: &str, entry: &str, now: Duration) -> bool;
}

/// A stretch of time that events are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RateWindow(u8);

impl RateWindow {
    /// One of the windows that rates are known for: 1, 10 or 60 seconds.
    #[must_use]
    pub fn of_rate(seconds: u32) -> Option<Self> {
        matches!(seconds, 1 | 10 | 60).then_some(Self(seconds as u8))
    }

    /// One of the windows that counts are known for: 10, 20, 30, 40, 50 or 60 seconds.
    #[must_use]
    pub fn of_count(seconds: u32) -> Option<Self> {
        matches!(seconds, 10 | 20 | 30 | 40 | 50 | 60).then_some(Self(seconds as u8))
    }

    /// Its length.
    #[must_use]
    pub fn seconds(self) -> u32 {
        self.0.into()
    }
}

impl fmt::Display for RateWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.0)
    }
}

/// How long an entry that was given `seconds` is in a penalty box: whole minutes, from one to sixty.
#[must_use]
pub fn penalty_time(seconds: u32) -> Option<Duration> {
    let whole_minutes = Duration::from_secs(u64::from(seconds / 60) * 60);
    let is_allowed = (PENALTY_MIN..=PENALTY_MAX).contains(&whole_minutes) && seconds <= 3600;
    is_allowed.then_some(whole_minutes)
}

/// A check of a rate: what is counted where, what it may be, and what happens to who makes more.
#[derive(Clone, Copy, Debug)]
pub struct RateCheck<'a> {
    /// The counter.
    pub counter: &'a str,
    /// Whose events they are.
    pub entry: &'a str,
    /// How many events there are now.
    pub delta: u32,
    /// The window that the rate is of.
    pub window: RateWindow,
    /// The most events in a second, on average over the window.
    pub limit: u32,
    /// The box for who makes more.
    pub penalty_box: &'a str,
    /// How long they stay in it.
    pub penalty: Duration,
}

impl RateCheck<'_> {
    /// Counts the events, and says whether the entry is to be refused: it was in the penalty box, or is there from now
    /// on because its rate is above the limit.
    #[must_use]
    pub fn is_refused(&self, limits: &dyn RateLimits, now: Duration) -> bool {
        limits.increment(self.counter, self.entry, self.delta, now);
        let allowed = u64::from(self.limit) * u64::from(self.window.seconds());
        if limits.count(self.counter, self.entry, self.window, now) > allowed {
            let until = now.saturating_add(self.penalty);
            limits.penalize(self.penalty_box, self.entry, until, now);
            return true;
        }
        limits.is_penalized(self.penalty_box, self.entry, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn penalties_are_whole_minutes() {
        let minutes = |seconds| penalty_time(seconds).map(|time| time.as_secs() / 60);
        assert_eq!(minutes(0), None);
        assert_eq!(minutes(59), None);
        assert_eq!(minutes(60), Some(1));
        assert_eq!(minutes(119), Some(1));
        assert_eq!(minutes(3600), Some(60));
        assert_eq!(minutes(3601), None);
        assert_eq!(minutes(u32::MAX), None);
    }
}
