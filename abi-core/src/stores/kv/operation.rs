//! Operations that were started, and that a guest can wait for.

use std::fmt;
use std::task::{Context, Poll};

use futures_channel::oneshot;
use futures_util::FutureExt;

use super::{KvError, KvFuture, KvItem, KvPage, KvQuery};
use crate::platform::Executor;

/// Which operation was started: a handle of one kind does not name one of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KvOperationKind {
    Lookup,
    Insert,
    Delete,
    List,
}

/// What an operation came to.
#[derive(Debug)]
pub(crate) enum KvReply {
    /// A lookup has found this.
    Item(KvItem),
    /// An insert or a delete was done.
    Done,
    /// A listing, and what it answers.
    Page(KvQuery, KvPage),
}

/// An operation that was started and goes on by itself.
pub struct KvOperation {
    kind: KvOperationKind,
    state: State,
}

enum State {
    Waiting(oneshot::Receiver<Result<KvReply, KvError>>),
    Ready(Result<KvReply, KvError>),
}

impl KvOperation {
    /// Starts an operation. Most stores have the answer at once; for the others it goes on in `executor`, whether or
    /// not its guest waits for it.
    pub(crate) fn start(
        kind: KvOperationKind,
        mut future: KvFuture<KvReply>,
        executor: &dyn Executor,
    ) -> Self {
        let state = match (&mut future).now_or_never() {
            Some(outcome) => State::Ready(outcome),
            None => {
                let (sender, receiver) = oneshot::channel();
                // A guest that no longer waits is no reason to stop.
                executor.spawn(future.map(|outcome| drop(sender.send(outcome))).boxed());
                State::Waiting(receiver)
            }
        };
        Self { kind, state }
    }

    /// An operation that has failed before it began.
    pub(crate) fn failed(kind: KvOperationKind, error: KvError) -> Self {
        let state = State::Ready(Err(error));
        Self { kind, state }
    }

    pub(crate) fn kind(&self) -> KvOperationKind {
        self.kind
    }

    /// Waits for the outcome.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let State::Waiting(outcome) = &mut self.state else {
            return Poll::Ready(());
        };
        outcome.poll_unpin(cx).map(|outcome| {
            self.state = State::Ready(outcome.unwrap_or(Err(KvError::Internal)));
        })
    }

    /// The outcome, once [`poll_ready`](Self::poll_ready) has said that it is there.
    pub(crate) fn outcome(&self) -> Option<&Result<KvReply, KvError>> {
        match &self.state {
            State::Ready(outcome) => Some(outcome),
            State::Waiting(_) => None,
        }
    }

    pub(crate) fn into_outcome(self) -> Result<KvReply, KvError> {
        match self.state {
            State::Ready(outcome) => outcome,
            State::Waiting(_) => Err(KvError::Internal),
        }
    }
}

impl fmt::Debug for KvOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KvOperation")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
