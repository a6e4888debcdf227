//! Rate counters and penalty boxes.

use std::time::Duration;

use fastly::erl::{CounterDuration, ERL, Penaltybox, RateCounter, RateWindow};

use crate::{Outcome, Query, failed, option, text};

/// Counts `add` events, and answers with the rates and counts of some windows.
pub fn count(counter: &str, entry: &str, query: &Query) -> Outcome {
    let counter = RateCounter::open(counter);
    let numbers = || {
        if let Some(delta) = option(query, "add") {
            counter.increment(entry, delta)?;
        }
        Ok::<_, fastly::erl::ERLError>([
            counter.lookup_rate(entry, RateWindow::OneSec)?,
            counter.lookup_rate(entry, RateWindow::TenSecs)?,
            counter.lookup_rate(entry, RateWindow::SixtySecs)?,
            counter.lookup_count(entry, CounterDuration::TenSec)?,
            counter.lookup_count(entry, CounterDuration::SixtySecs)?,
        ])
    };
    match numbers() {
        Ok(numbers) => text(numbers.map(|number| number.to_string()).join(" ")),
        Err(error) => Err(failed(&error)),
    }
}

/// Puts an entry into a box for `add` seconds, and answers with whether it is there.
pub fn penalty(name: &str, entry: &str, query: &Query) -> Outcome {
    let penalty_box = Penaltybox::open(name);
    if let Some(seconds) = option(query, "add") {
        let added = penalty_box.add(entry, Duration::from_secs(seconds));
        added.map_err(|error| failed(&error))?;
    }
    match penalty_box.has(entry) {
        Ok(has) => text(has.to_string()),
        Err(error) => Err(failed(&error)),
    }
}

/// Counts one event, and answers with whether it is one too many for `limit` in ten seconds.
pub fn check_rate(entry: &str, query: &Query) -> Outcome {
    let limiter = ERL::open(RateCounter::open("checked"), Penaltybox::open("checked"));
    let limit = option(query, "limit").unwrap_or(10);
    let minute = Duration::from_secs(60);
    match limiter.check_rate(entry, 1, RateWindow::TenSecs, limit, minute) {
        Ok(refused) => text(refused.to_string()),
        Err(error) => Err(failed(&error)),
    }
}
