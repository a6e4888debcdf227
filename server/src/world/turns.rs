//! Letting other requests go first, so that what is written to sockets is written together.
//!
//! A write to a socket whose reader sleeps wakes the reader, which costs more than all else about a small write; and the
//! reader, once it has read, falls asleep again. When whatever else is ready runs before an answer is written, answers
//! go out one right after the other, and the first of them wakes the reader for all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use abi_core::give_turn;

/// How long others may take. Where guests compute for long, a turn costs more than it can win.
const TURN_MAX: Duration = Duration::from_millis(4);

/// How many turns are left out after one that took too long.
const LEFT_OUT_WHERE_SLOW: u32 = 100;

/// How many turns are left out after one that no other request needed.
const LEFT_OUT_WHERE_ALONE: u32 = 63;

/// The requests that give each other a turn. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Turns(Arc<State>);

struct State {
    /// How long others may take.
    turn_max: Duration,
    /// How often a request has come here: whether another one has meanwhile is seen by it.
    steps: AtomicUsize,
    /// How many requests give a turn now.
    giving: AtomicUsize,
    /// How many turns are to be left out.
    left_out: AtomicU32,
}

impl Default for State {
    fn default() -> Self {
        Self {
            turn_max: TURN_MAX,
            steps: AtomicUsize::default(),
            giving: AtomicUsize::default(),
            left_out: AtomicU32::default(),
        }
    }
}

impl Turns {
    /// Lets others go first, unless that has lately been of no use.
    pub(crate) async fn give(&self) {
        let state = &*self.0;
        let step = state.steps.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let left_out = state.left_out.load(Ordering::Relaxed);
        if left_out > 0 {
            // Whether two at once count for one or for two makes no difference.
            state.left_out.store(left_out - 1, Ordering::Relaxed);
            return;
        }
        let began = Instant::now();
        let giving = Giving::enter(state);
        give_turn().await;
        if giving.is_first && state.steps.load(Ordering::Relaxed) == step {
            state
                .left_out
                .store(LEFT_OUT_WHERE_ALONE, Ordering::Relaxed);
        } else if began.elapsed() > state.turn_max {
            state.left_out.store(LEFT_OUT_WHERE_SLOW, Ordering::Relaxed);
        }
    }
}

/// A request that gives a turn, as long as this lives.
struct Giving<'a> {
    state: &'a State,
    /// Whether no other one did when it began.
    is_first: bool,
}

impl<'a> Giving<'a> {
    fn enter(state: &'a State) -> Self {
        Self {
            state,
            is_first: state.giving.fetch_add(1, Ordering::Relaxed) == 0,
        }
    }
}

impl Drop for Giving<'_> {
    fn drop(&mut self) {
        self.state.giving.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn poll(giving: Pin<&mut impl Future<Output = ()>>) -> Poll<()> {
        giving.poll(&mut Context::from_waker(Waker::noop()))
    }

    /// Whether a request gives a turn, in which `others` happens.
    fn gives(turns: &Turns, others: impl FnOnce()) -> bool {
        let mut giving = pin!(turns.give());
        let is_given = poll(giving.as_mut()).is_pending();
        if is_given {
            others();
            assert!(poll(giving).is_ready());
        }
        is_given
    }

    #[test]
    fn a_request_alone_seldom_gives_a_turn() {
        let turns = Turns::default();
        for _ in 0..2 {
            assert!(gives(&turns, || {}));
            for _ in 0..LEFT_OUT_WHERE_ALONE {
                assert!(!gives(&turns, || {}));
            }
        }
    }

    #[test]
    fn requests_that_meet_give_each_other_a_turn() {
        // However busy this machine is.
        let turns = Turns(Arc::new(State {
            turn_max: Duration::MAX,
            ..State::default()
        }));
        for _ in 0..3 {
            let mut first = pin!(turns.give());
            let mut second = pin!(turns.give());
            assert!(poll(first.as_mut()).is_pending());
            assert!(poll(second.as_mut()).is_pending());
            assert!(poll(first).is_ready());
            assert!(poll(second).is_ready());
        }
    }

    #[test]
    fn none_is_given_for_a_while_after_one_that_took_long() {
        let turns = Turns::default();
        let slow = || {
            let mut other = pin!(turns.give());
            assert!(poll(other.as_mut()).is_pending());
            std::thread::sleep(2 * TURN_MAX);
        };
        assert!(gives(&turns, slow));
        for _ in 0..LEFT_OUT_WHERE_SLOW {
            assert!(!gives(&turns, || {}));
        }
        assert!(gives(&turns, || {}));
    }
}
