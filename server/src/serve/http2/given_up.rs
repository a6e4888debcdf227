//! Clients that do not wait for what they ask for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many requests a client may give up before it has an answer, if they are most of its requests: more of them end its
/// connection. What was begun for them goes on where the host is to finish it, so that they are not limited by how many
/// streams are open.
const GIVEN_UP_MAX: usize = 250;

/// How many requests a connection has had.
#[derive(Default)]
pub(super) struct Count {
    accepted: usize,
    /// Those that the client gave up before it had an answer.
    pub(super) given_up: Arc<AtomicUsize>,
}

impl Count {
    /// Counts a request; `false` when the client has given too many up.
    pub(super) fn accepts(&mut self) -> bool {
        self.accepted = self.accepted.saturating_add(1);
        let given_up = self.given_up.load(Ordering::Relaxed);
        given_up <= GIVEN_UP_MAX || given_up <= self.accepted / 2
    }
}
