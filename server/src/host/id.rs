//! Numbers for requests.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::world::SystemRandom;

/// Gives every request a number that no other one has, in this process or another.
#[derive(Debug)]
pub(crate) struct RequestIds {
    process: u64,
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new(random: SystemRandom) -> Self {
        Self {
            process: random.number(),
            next: AtomicU64::new(1),
        }
    }

    pub(crate) fn next(&self) -> u128 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        (u128::from(self.process) << 64) | u128::from(number)
    }
}
