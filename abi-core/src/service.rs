//! [`Service`]: one compiled program with its configuration, and [`GuestRun`]: one request on its way through it.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_channel::oneshot;
use futures_util::FutureExt;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};

use crate::body::OutgoingBody;
use crate::engine::{Exit, Limits, Program};
use crate::http::ResponseHead;
use crate::platform::Platform;
use crate::session::{ClientRequest, ClientResponse, GuestEnvironment, HostcallObserver, Session};
use crate::supervise::Supervised;

/// One compiled program and what its runs share. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    /// The program.
    pub program: Arc<dyn Program>,
    /// The world it runs in.
    pub platform: Platform,
    /// What it is told about where it runs.
    pub environment: Arc<GuestEnvironment>,
    /// What each run may use.
    pub limits: Limits,
}

impl Service {
    /// A service with the default environment and limits.
    #[must_use]
    pub fn new(program: Arc<dyn Program>, platform: Platform) -> Self {
        Self {
            program,
            platform,
            environment: Arc::default(),
            limits: Limits::default(),
        }
    }

    /// Makes a run that is to answer `request`. It begins when it is first waited for.
    #[must_use]
    pub fn start(&self, request: ClientRequest) -> GuestRun {
        self.start_observed(request, None)
    }

    /// [`start`](Self::start), with every hostcall told to `observer`.
    #[must_use]
    pub fn start_observed(
        &self,
        request: ClientRequest,
        observer: Option<Box<dyn HostcallObserver>>,
    ) -> GuestRun {
        let (mut session, answered) =
            Session::new(self.platform.clone(), self.environment.clone(), request);
        if let Some(observer) = observer {
            session.set_observer(observer);
        }
        let meter = session.meter().clone();
        let run = self.program.run(session, self.limits);
        GuestRun {
            run: Supervised::new(run, self.platform.clock.clone(), meter, self.limits),
            answered,
            report: None,
        }
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// How a run went.
#[derive(Clone, Debug)]
pub struct Report {
    /// How it ended.
    pub exit: Exit,
    /// The size of its linear memory at the end, in bytes; 0 when it was stopped.
    pub memory_bytes: u64,
    /// From start to end.
    pub wall: Duration,
    /// While the guest itself ran.
    pub cpu: Duration,
}

/// One request on its way through a guest.
///
/// Wait for the [`answer`](Self::answer) first, then for the run to [`finish`](Self::finish): a guest may work on after
/// it has answered. Dropping it stops the guest.
pub struct GuestRun {
    run: Supervised,
    answered: oneshot::Receiver<ClientResponse>,
    report: Option<Report>,
}

impl GuestRun {
    /// Runs the guest until it answers or ends, and gives its answer.
    ///
    /// For a guest that ends without one the answer is made here: an empty 200 when it returned, 500 when it trapped,
    /// exited with an error or ran out of CPU, 504 when it ran out of time.
    pub async fn answer(&mut self) -> ClientResponse {
        poll_fn(|cx| self.poll_answer(cx)).await
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<ClientResponse> {
        // What is found out by it is in the report.
        let _ = self.poll_end(cx);
        match (self.answered.poll_unpin(cx), &self.report) {
            (Poll::Ready(Ok(response)), _) => Poll::Ready(response),
            // Nobody is left who could answer.
            (Poll::Ready(Err(oneshot::Canceled)), Some(report)) => {
                Poll::Ready(answer_for(&report.exit))
            }
            (Poll::Pending, Some(report)) if report.exit.is_limit() => {
                Poll::Ready(answer_for(&report.exit))
            }
            // A guest that has ended may have left its answer to a request that is still on its way.
            _ => Poll::Pending,
        }
    }

    /// Whether the run has ended already.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.report.is_some()
    }

    /// Runs the guest to its end.
    pub async fn finish(mut self) -> Report {
        loop {
            if let Some(report) = self.report.take() {
                return report;
            }
            poll_fn(|cx| self.poll_end(cx)).await;
        }
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.report.is_some() {
            return Poll::Ready(());
        }
        self.run
            .poll_unpin(cx)
            .map(|report| self.report = Some(report))
    }
}

impl fmt::Debug for GuestRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuestRun")
            .field("report", &self.report)
            .finish_non_exhaustive()
    }
}

fn answer_for(exit: &Exit) -> ClientResponse {
    let mut head = ResponseHead::new();
    if exit.is_success() {
        return ClientResponse {
            head,
            body: OutgoingBody::empty(),
        };
    }
    head.status = match exit {
        Exit::OutOfTime => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    head.headers.insert(CONTENT_TYPE, text);
    ClientResponse {
        head,
        body: Bytes::from(format!("{exit}\n")).into(),
    }
}
