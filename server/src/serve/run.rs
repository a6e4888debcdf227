//! One request on its way through a guest.

use abi_core::{ClientResponse, GuestRun, Report};
use futures_util::future;
use http::StatusCode;
use tokio::sync::oneshot;

use super::report::RequestLine;
use crate::heads;
use crate::host::{FinishedSender, Host, OnDisconnect};

/// A run that somebody waits for. When they stop waiting, the host's policy says what becomes of it.
pub(super) struct Attended {
    host: Host,
    on_disconnect: OnDisconnect,
    /// What is left to do; taken when somebody else does it.
    run: Option<(GuestRun, Ending)>,
}

/// What is done when a run has ended.
struct Ending {
    line: RequestLine,
    finished: Option<FinishedSender>,
    /// The status of an answer that is not the guest's, but of the backend that its client is handed to.
    status: Option<oneshot::Receiver<StatusCode>>,
}

/// Whom the status is told that a client gets which was handed to a backend.
pub(super) type StatusSender = oneshot::Sender<StatusCode>;

impl Ending {
    /// Has whoever joins the client with a backend tell what the client gets.
    fn wait_for_status(&mut self) -> StatusSender {
        let (told, status) = oneshot::channel();
        self.status = Some(status);
        told
    }

    async fn write_with_status(mut self, report: Report) {
        if let Some(status) = self.status.take()
            // A client that left before has got none.
            && let Ok(status) = status.await
        {
            self.line.answered(status);
        }
        self.write(report);
    }

    fn write(self, report: Report) {
        self.line.write(&report);
        if let Some(finished) = self.finished {
            finished.send(report);
        }
    }
}

impl Attended {
    pub(super) fn new(
        host: Host,
        on_disconnect: OnDisconnect,
        run: GuestRun,
        line: RequestLine,
        finished: Option<FinishedSender>,
    ) -> Self {
        Self {
            host,
            on_disconnect,
            run: Some((
                run,
                Ending {
                    line,
                    finished,
                    status: None,
                },
            )),
        }
    }

    /// Waits for the answer. It costs no task: the guest runs while this is polled, and only one that works on after
    /// its answer moves elsewhere.
    ///
    /// With the answer of a guest that hands its client over comes whom to tell what the client gets.
    pub(super) async fn answer(&mut self) -> (ClientResponse, Option<StatusSender>) {
        let Some((run, ending)) = &mut self.run else {
            // It is there until it is taken below, or by `drop`.
            return future::pending().await;
        };
        let answer = run.answer().await;
        let (mut told, mut report) = (None, None);
        if answer.hand_off.is_some() {
            told = Some(ending.wait_for_status());
        } else {
            heads::response("to", heads::CLIENT, &answer.head);
            ending.line.answered(answer.head.status);
            if run.has_ended() {
                report = Some(run.finish_request().await);
            }
        }
        if let Some((run, ending)) = self.run.take() {
            match report {
                Some(report) => ending.write(report),
                None => finish_elsewhere(&self.host, run, ending),
            }
        }
        if told.is_none() {
            // Nothing is left of the guest that others would have to do without meanwhile.
            self.host.turns().give().await;
        }
        (answer, told)
    }
}

impl Drop for Attended {
    fn drop(&mut self) {
        let Some((run, ending)) = self.run.take() else {
            return;
        };
        match self.on_disconnect {
            OnDisconnect::Finish => finish_elsewhere(&self.host, run, ending),
            OnDisconnect::Cancel => ending.line.write_cancelled(),
        }
    }
}

fn finish_elsewhere(host: &Host, mut run: GuestRun, ending: Ending) {
    host.spawn(async move {
        let report = run.finish_request().await;
        // A sandbox that waits for another request is kept up by those who waited for its first.
        future::join(ending.write_with_status(report), run.finish()).await;
    });
}
