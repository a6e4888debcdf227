//! [`Service`]: one compiled program with its configuration, and [`GuestRun`]: one request on its way through it.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_channel::oneshot;
use futures_util::FutureExt;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};

use crate::body::OutgoingBody;
use crate::cached::CacheUse;
use crate::engine::{Exit, Limits, Program};
use crate::http::ResponseHead;
use crate::offload::Offload;
use crate::platform::Platform;
use crate::reuse::{Away, Fate, RequestsOfRun, WaitingSandboxes};
use crate::sent::SentRequest;
use crate::session::{ClientRequest, ClientResponse, GuestEnvironment, HostcallObserver, Session};
use crate::supervise::Supervised;

/// One compiled program and what its runs share. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    /// The program.
    pub program: Arc<dyn Program>,
    /// The world it runs in.
    pub platform: Arc<Platform>,
    /// What it is told about where it runs.
    pub environment: Arc<GuestEnvironment>,
    /// What each run may use; a run that serves several requests, for each of them.
    pub limits: Limits,
    /// The sandboxes that wait for another request.
    pub sandboxes: WaitingSandboxes,
}

impl Service {
    /// A service with the default environment and limits.
    #[must_use]
    pub fn new(program: Arc<dyn Program>, platform: impl Into<Arc<Platform>>) -> Self {
        Self {
            program,
            platform: platform.into(),
            environment: Arc::default(),
            limits: Limits::default(),
            sandboxes: WaitingSandboxes::default(),
        }
    }

    /// Makes a run that is to answer `request`, which begins when it is first waited for; or gives the request to a
    /// sandbox that waits for one.
    #[must_use]
    pub fn start(&self, request: ClientRequest) -> GuestRun {
        match self.sandboxes.take_place() {
            Some(place) => GuestRun::elsewhere(self.clone(), place.hand_over(request)),
            None => self.start_observed(request, None),
        }
    }

    /// Makes a run that is to answer `request`, in a sandbox of its own, with every hostcall told to `observer`.
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
        session.allow_reuse(self.sandboxes.clone());
        session.limit_subrequests(self.limits.subrequests);
        let (meter, requests) = (session.meter().clone(), session.requests_of_run().clone());
        let offload = Offload::default();
        session.set_offload(offload.clone());
        let run = self.program.run(Box::new(session), self.limits);
        let clock = self.platform.clock.clone();
        let run = Supervised::new(run, offload, clock, meter, requests.clone(), self.limits);
        GuestRun {
            place: Place::Here { run, requests },
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
    /// What it has sent to backends, in order: the first sixteen requests.
    pub sent: Vec<SentRequest>,
    /// What the cache of responses did for it.
    pub cache: CacheUse,
}

/// One request on its way through a guest.
///
/// Wait for the [`answer`](Self::answer) first, then for the run to [`finish`](Self::finish): a guest may work on after
/// it has answered. Dropping it stops the guest.
pub struct GuestRun {
    place: Place,
    answered: oneshot::Receiver<ClientResponse>,
    report: Option<Report>,
}

/// Where the guest runs.
enum Place {
    /// Here, while this is polled.
    Here {
        run: Supervised,
        requests: Arc<RequestsOfRun>,
    },
    /// In a sandbox that has served requests before, and is polled by those who wait for the first of them.
    Elsewhere(Box<Elsewhere>),
}

/// A request that was handed over to a sandbox.
struct Elsewhere {
    service: Service,
    away: Away,
    /// Whether the sandbox has taken the request, and will not give it back.
    is_taken: bool,
}

impl Elsewhere {
    /// Waits until the sandbox has taken the request, or gives another run for it.
    fn poll_taken(&mut self, cx: &mut Context<'_>) -> Poll<Option<GuestRun>> {
        if self.is_taken {
            return Poll::Ready(None);
        }
        let clock = &*self.service.platform.clock;
        Poll::Ready(match ready!(self.away.poll_fate(clock, cx)) {
            Fate::Taken => {
                self.is_taken = true;
                None
            }
            // It has waited long enough for others.
            Fate::Back(request) => Some(self.service.start_observed(*request, None)),
        })
    }
}

impl GuestRun {
    fn elsewhere(
        service: Service,
        (away, answered): (Away, oneshot::Receiver<ClientResponse>),
    ) -> Self {
        Self {
            place: Place::Elsewhere(Box::new(Elsewhere {
                service,
                away,
                is_taken: false,
            })),
            answered,
            report: None,
        }
    }

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
        match &self.place {
            Place::Here { run, .. } => run.has_ended(),
            Place::Elsewhere(_) => self.report.is_some(),
        }
    }

    /// Runs the guest until it is done with this request: until it ends, or waits for another request.
    pub async fn finish_request(&mut self) -> Report {
        poll_fn(|cx| {
            // What is found out by it is in the report.
            let _ = self.poll_end(cx);
            match &self.report {
                Some(report) => Poll::Ready(report.clone()),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// Runs the guest to its end, and gives the report about this request.
    pub async fn finish(mut self) -> Report {
        poll_fn(|cx| self.poll_end(cx)).await;
        self.finish_request().await
    }

    /// Waits until the run has ended, as far as it runs here; the report may be there before.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.place {
            Place::Here { run, requests } => {
                let ended = run.poll_end(cx);
                if self.report.is_none() {
                    self.report = requests.take_first();
                }
                ended
            }
            Place::Elsewhere(elsewhere) => {
                if let Some(run) = ready!(elsewhere.poll_taken(cx)) {
                    *self = run;
                    return self.poll_end(cx);
                }
                if self.report.is_none() {
                    let report = ready!(elsewhere.away.finished.poll_unpin(cx));
                    self.report = Some(report.unwrap_or_else(|_| stopped()));
                }
                Poll::Ready(())
            }
        }
    }
}

/// What is known about a run that whoever runs it has dropped.
fn stopped() -> Report {
    Report {
        exit: Exit::Failed("its sandbox was stopped".to_owned()),
        memory_bytes: 0,
        wall: Duration::ZERO,
        cpu: Duration::ZERO,
        sent: Vec::new(),
        cache: CacheUse::default(),
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
        return ClientResponse::new(head, OutgoingBody::empty());
    }
    head.status = match exit {
        Exit::OutOfTime => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    head.headers.insert(CONTENT_TYPE, text);
    ClientResponse::new(head, Bytes::from(format!("{exit}\n")))
}
