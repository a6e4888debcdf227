//! What the bodies of a cache take, also those that are no longer in it and still read.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Bytes of bodies, and who waits for fewer of them.
pub(super) struct Budget {
    limit: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    used: u64,
    next_writer: u64,
    waiting: HashMap<u64, Waker>,
}

impl Budget {
    pub(super) fn new(limit: u64) -> Self {
        Self {
            limit,
            state: Mutex::default(),
        }
    }

    /// A number for a writer that may have to wait.
    pub(super) fn writer(&self) -> u64 {
        let mut state = self.lock();
        state.next_writer += 1;
        state.next_writer
    }

    /// Waits until there is room for more.
    pub(super) fn poll_room(&self, writer: u64, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        let has_room = state.used < self.limit;
        let former = match has_room {
            true => state.waiting.remove(&writer),
            false => state.waiting.insert(writer, cx.waker().clone()),
        };
        // What a waker belongs to may be freed with it, and must not find this locked.
        drop(state);
        drop(former);
        match has_room {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    /// The writer is gone.
    pub(super) fn forget(&self, writer: u64) {
        let former = self.lock().waiting.remove(&writer);
        drop(former);
    }

    pub(super) fn take(&self, bytes: u64) {
        self.lock().used += bytes;
    }

    pub(super) fn give_back(&self, bytes: u64) {
        let mut state = self.lock();
        state.used = state.used.saturating_sub(bytes);
        if state.used >= self.limit || state.waiting.is_empty() {
            return;
        }
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_values().for_each(Waker::wake);
    }

    pub(super) fn used(&self) -> u64 {
        self.lock().used
    }

    /// A panic leaves nothing half changed here.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
