//! One request on its way through a guest.

use abi_core::{ClientResponse, GuestRun};

use super::report::RequestLine;
use crate::host::{Host, OnDisconnect};

/// A run that somebody waits for. When they stop waiting, the host's policy says what becomes of it.
pub(super) struct Attended {
    host: Host,
    /// What is left to do; taken when somebody else does it.
    run: Option<(GuestRun, RequestLine)>,
}

impl Attended {
    pub(super) fn new(host: Host, run: GuestRun, line: RequestLine) -> Self {
        Self {
            host,
            run: Some((run, line)),
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
        if let Some((run, mut line)) = self.run.take() {
            line.answered(answer.head.status);
            if run.has_ended() {
                line.write(&run.finish().await, &self.host);
            } else {
                finish_elsewhere(&self.host, run, line);
            }
        }
        answer
    }
}

impl Drop for Attended {
    fn drop(&mut self) {
        let Some((run, line)) = self.run.take() else {
            return;
        };
        match self.host.policy().on_disconnect {
            OnDisconnect::Finish => finish_elsewhere(&self.host, run, line),
            OnDisconnect::Cancel => line.write_cancelled(),
        }
    }
}

fn finish_elsewhere(host: &Host, run: GuestRun, line: RequestLine) {
    let owner = host.clone();
    host.spawn(async move {
        let report = run.finish().await;
        line.write(&report, &owner);
    });
}
