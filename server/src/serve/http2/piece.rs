//! Pieces of responses that tell when they are on their way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Context;

use bytes::{Buf, Bytes};
use futures_util::task::AtomicWaker;

/// How much of one response lies with the protocol library.
#[derive(Debug, Default)]
pub(super) struct Unsent {
    bytes: AtomicUsize,
    waiting: AtomicWaker,
}

impl Unsent {
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether it is not as much as it was; the task is woken when it changes.
    pub(super) fn is_other_than(&self, before: usize, cx: &Context<'_>) -> bool {
        self.waiting.register(cx.waker());
        self.bytes() != before
    }

    fn leave(&self, count: usize) {
        if count > 0 {
            self.bytes.fetch_sub(count, Ordering::Relaxed);
            self.waiting.wake();
        }
    }
}

/// Bytes that are counted until they have been written, or have been thrown away.
#[derive(Debug)]
pub(super) struct Piece {
    bytes: Bytes,
    unsent: Arc<Unsent>,
}

impl Piece {
    pub(super) fn new(bytes: Bytes, unsent: &Arc<Unsent>) -> Self {
        unsent.bytes.fetch_add(bytes.len(), Ordering::Relaxed);
        Self {
            bytes,
            unsent: unsent.clone(),
        }
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        self.unsent.leave(count);
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.unsent.leave(self.bytes.len());
    }
}
