//! [`Finished`]: learning that a guest has ended.

use std::pin::Pin;
use std::task::{Context, Poll};

use abi_core::Report;
use futures_util::FutureExt;
use tokio::sync::oneshot;

/// The end of a guest's run: a future of its report.
///
/// It gives `None` where no guest ran, because the request was refused, and for a guest that was stopped.
#[derive(Debug)]
#[must_use = "the guest runs on without it"]
pub struct Finished(oneshot::Receiver<Report>);

impl Future for Finished {
    type Output = Option<Report>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Report>> {
        self.0.poll_unpin(cx).map(Result::ok)
    }
}

/// What tells a [`Finished`].
#[derive(Debug)]
pub(crate) struct FinishedSender(oneshot::Sender<Report>);

impl FinishedSender {
    pub(crate) fn send(self, report: Report) {
        // Whoever waited may have stopped waiting.
        let _ = self.0.send(report);
    }
}

pub(super) fn channel() -> (FinishedSender, Finished) {
    let (sender, receiver) = oneshot::channel();
    (FinishedSender(sender), Finished(receiver))
}
