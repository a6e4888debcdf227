//! One request on its way through a guest.

use abi_core::{ClientResponse, GuestRun, Report};

use super::report::RequestLine;
use crate::host::{FinishedSender, Host, OnDisconnect};

/// A run that somebody waits for. When they stop waiting, the host's policy says what becomes of it.
pub(super) struct Attended {
    host: Host,
    /// What is left to do; taken when somebody else does it.
    run: Option<(GuestRun, Ending)>,
}

/// What is done when a run has ended.
struct Ending {
    line: RequestLine,
    finished: Option<FinishedSender>,
}

impl Ending {
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
        run: GuestRun,
        line: RequestLine,
        finished: Option<FinishedSender>,
    ) -> Self {
        Self {
            host,
            run: Some((run, Ending { line, finished })),
        }
    }

    /// Waits for the answer. It costs no task: the guest runs while this is polled, and only one that works on after
    /// its answer moves elsewhere.
    pub(super) async fn answer(mut self) -> ClientResponse {
        let Some((run, _)) = &mut self.run else {
            // It is there until it is taken below, or by `drop`.
            return std::future::pending().await;
        };
        let answer = run.answer().await;
        if let Some((run, mut ending)) = self.run.take() {
            // What the backend says to a client that is handed to it is the backend's.
            if answer.hand_off.is_none() {
                ending.line.answered(answer.head.status);
            }
            if run.has_ended() {
                ending.write(run.finish().await);
            } else {
                finish_elsewhere(&self.host, run, ending);
            }
        }
        answer
    }
}

impl Drop for Attended {
    fn drop(&mut self) {
        let Some((run, ending)) = self.run.take() else {
            return;
        };
        match self.host.policy().on_disconnect {
            OnDisconnect::Finish => finish_elsewhere(&self.host, run, ending),
            OnDisconnect::Cancel => ending.line.write_cancelled(),
        }
    }
}

fn finish_elsewhere(host: &Host, mut run: GuestRun, ending: Ending) {
    host.spawn(async move {
        let report = run.finish_request().await;
        ending.write(report);
        // A sandbox that waits for another request is kept up by those who waited for its first.
        run.finish().await;
    });
}
