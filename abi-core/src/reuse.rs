//! Sandboxes that serve more than one request.
//!
//! A guest that has answered its client may ask for another request. It gets a place among the [`WaitingSandboxes`] of
//! its service, and the next request goes there before a new sandbox is made for it. The request stays with whoever
//! waits for its answer until the guest takes it: a guest that does not want it any more, or that has ended, gives it
//! back, and from one that has something else to do it is taken back after [`TAKEN_WITHIN`]. It is not handed over again
//! then. So every request is answered by the one guest that has taken it, or by a new one.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_channel::oneshot;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Fuse};

use crate::cached::{CacheOutcome, CacheUse};
use crate::engine::Exit;
use crate::platform::Clock;
use crate::sent::{SENT_MAX, Sent};
use crate::service::Report;
use crate::session::{ClientRequest, ClientResponse};

/// How long a request waits for the guest that it was handed over to. A guest that waits for it takes it at once.
pub const TAKEN_WITHIN: Duration = Duration::from_secs(1);

/// How many of the clients that a guest has answered before it can still ask about. What is known of one takes a kilobyte or
/// more.
pub const EARLIER_MAX: usize = 1_000;

/// How far sandboxes are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReuseLimits {
    /// How many requests a sandbox may serve after its first one.
    pub further_requests: u32,
    /// How many sandboxes of a service may wait for a request at once.
    pub waiting_sandboxes: usize,
    /// How long a sandbox may wait for a request.
    pub wait: Duration,
}

impl Default for ReuseLimits {
    fn default() -> Self {
        Self {
            further_requests: 5,
            waiting_sandboxes: 5,
            wait: Duration::from_secs(10),
        }
    }
}

/// The sandboxes of a service that wait for a request. Clones are the same.
#[derive(Clone, Default)]
pub struct WaitingSandboxes {
    limits: ReuseLimits,
    places: Arc<Mutex<Places>>,
}

#[derive(Default)]
struct Places {
    is_closed: bool,
    waiting: Vec<oneshot::Sender<HandedOver>>,
}

impl WaitingSandboxes {
    /// None so far, and no more than `limits` allow.
    #[must_use]
    pub fn new(limits: ReuseLimits) -> Self {
        Self {
            limits,
            places: Arc::default(),
        }
    }

    /// How far sandboxes are used again.
    #[must_use]
    pub fn limits(&self) -> ReuseLimits {
        self.limits
    }

    /// Tells all that wait that there will be no request, and lets none wait from now on.
    pub fn close(&self) {
        let mut places = self.lock();
        places.is_closed = true;
        let waiting = std::mem::take(&mut places.waiting);
        drop(places);
        drop(waiting);
    }

    /// A place to wait in, if there is one left.
    fn enter(&self) -> Option<oneshot::Receiver<HandedOver>> {
        let mut places = self.lock();
        places.waiting.retain(|waiting| !waiting.is_canceled());
        if places.is_closed || places.waiting.len() >= self.limits.waiting_sandboxes {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        places.waiting.push(sender);
        Some(receiver)
    }

    /// The place of the sandbox that has waited for the shortest time, if one waits: its memory is the most likely to be
    /// at hand.
    pub(crate) fn take_place(&self) -> Option<WaitingPlace> {
        let mut places = self.lock();
        loop {
            let waiting = places.waiting.pop()?;
            if !waiting.is_canceled() {
                return Some(WaitingPlace(waiting));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        // A panic leaves at most a place too many or too few.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for WaitingSandboxes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitingSandboxes")
            .field("limits", &self.limits)
            .field("waiting", &self.lock().waiting.len())
            .finish_non_exhaustive()
    }
}

/// A sandbox that waits for a request.
pub(crate) struct WaitingPlace(oneshot::Sender<HandedOver>);

impl WaitingPlace {
    /// Gives it a request. When its guest has gone in this moment, the request comes back as from one that did not want
    /// it.
    pub(crate) fn hand_over(
        self,
        request: ClientRequest,
    ) -> (Away, oneshot::Receiver<ClientResponse>) {
        let (answer, answered) = oneshot::channel();
        let (handed_over, away) = HandedOver::new(request, answer);
        drop(self.0.send(handed_over));
        (away, answered)
    }
}

/// Where a request lies that was handed over: `None` once one of both sides has taken it.
type Slot = Arc<Mutex<Option<Box<HandedOverParts>>>>;

fn take(slot: &Slot) -> Option<Box<HandedOverParts>> {
    // Nothing panics while it is locked.
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// A request on its way to a sandbox that waits for one.
pub(crate) struct HandedOver {
    parts: Slot,
    given_back: Option<oneshot::Sender<Box<ClientRequest>>>,
}

/// What a guest needs for a request that it takes.
pub(crate) struct HandedOverParts {
    pub request: Box<ClientRequest>,
    /// Where the answer goes.
    pub answer: oneshot::Sender<ClientResponse>,
    /// Where to tell how it went.
    pub finished: oneshot::Sender<Report>,
}

/// What is left of a request with those who gave it away.
pub(crate) struct Away {
    parts: Slot,
    /// Gives the request when the sandbox did not want it after all.
    given_back: oneshot::Receiver<Box<ClientRequest>>,
    /// Ends the wait for that.
    alarm: Option<Fuse<BoxFuture<'static, ()>>>,
    pub finished: oneshot::Receiver<Report>,
}

impl HandedOver {
    fn new(request: ClientRequest, answer: oneshot::Sender<ClientResponse>) -> (Self, Away) {
        let (finish, finished) = oneshot::channel();
        let (give_back, given_back) = oneshot::channel();
        let parts = HandedOverParts {
            request: Box::new(request),
            answer,
            finished: finish,
        };
        let parts = Arc::new(Mutex::new(Some(Box::new(parts))));
        let handed_over = Self {
            parts: parts.clone(),
            given_back: Some(give_back),
        };
        let away = Away {
            parts,
            given_back,
            alarm: None,
            finished,
        };
        (handed_over, away)
    }

    /// The request, which is the guest's from now on; nothing when it was taken back.
    fn take(self) -> Option<Box<HandedOverParts>> {
        take(&self.parts)
    }
}

/// What became of a request that was handed over.
pub(crate) enum Fate {
    /// The sandbox has taken it, and will not give it back.
    Taken,
    /// The sandbox did not want it, or has not come for it in time, and will not get it any more.
    Back(Box<ClientRequest>),
}

impl Away {
    /// Waits for what becomes of the request, and no longer than [`TAKEN_WITHIN`].
    pub(crate) fn poll_fate(&mut self, clock: &dyn Clock, cx: &mut Context<'_>) -> Poll<Fate> {
        if let Poll::Ready(given_back) = self.given_back.poll_unpin(cx) {
            return Poll::Ready(given_back.map_or(Fate::Taken, Fate::Back));
        }
        let alarm = self
            .alarm
            .get_or_insert_with(|| clock.sleep(TAKEN_WITHIN).fuse());
        ready!(alarm.poll_unpin(cx));
        match take(&self.parts) {
            Some(parts) => Poll::Ready(Fate::Back(parts.request)),
            // The sandbox has it in this moment: to keep it, or to give it back. Which of both is told at once.
            None => Poll::Pending,
        }
    }
}

impl Drop for HandedOver {
    fn drop(&mut self) {
        if let (Some(parts), Some(given_back)) = (take(&self.parts), self.given_back.take()) {
            // Where nobody waits for the answer any more, nobody needs the request either.
            drop(given_back.send(parts.request));
        }
    }
}

/// A request that a guest has asked for.
pub struct RequestPromise {
    state: Promised,
    alarm: BoxFuture<'static, ()>,
}

enum Promised {
    /// It has no place to wait in yet, and gets one when it is first waited for.
    Outside(WaitingSandboxes),
    Waiting(oneshot::Receiver<HandedOver>),
    Ready(HandedOver),
    /// There will be none.
    Ended,
}

impl RequestPromise {
    /// A promise that ends with `alarm`. Without sandboxes there is never a request.
    pub(crate) fn new(sandboxes: Option<WaitingSandboxes>, alarm: BoxFuture<'static, ()>) -> Self {
        Self {
            state: sandboxes.map_or(Promised::Ended, Promised::Outside),
            alarm,
        }
    }

    /// Takes a place among those that wait.
    pub(crate) fn enter(&mut self) {
        if let Promised::Outside(sandboxes) = &self.state {
            self.state = sandboxes.enter().map_or(Promised::Ended, Promised::Waiting);
        }
    }

    /// Waits until there is a request, or there will be none.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.enter();
        let Promised::Waiting(place) = &mut self.state else {
            return Poll::Ready(());
        };
        match place.poll_unpin(cx) {
            Poll::Ready(Ok(request)) => self.state = Promised::Ready(request),
            Poll::Ready(Err(oneshot::Canceled)) => self.state = Promised::Ended,
            Poll::Pending => {
                if self.alarm.poll_unpin(cx).is_pending() {
                    return Poll::Pending;
                }
                // From here on nothing can arrive; it may have in this moment.
                place.close();
                self.state = match place.try_recv() {
                    Ok(Some(request)) => Promised::Ready(request),
                    Ok(None) | Err(oneshot::Canceled) => Promised::Ended,
                };
            }
        }
        Poll::Ready(())
    }

    /// The request, once [`poll_ready`](Self::poll_ready) is ready.
    pub(crate) fn into_request(self) -> Option<Box<HandedOverParts>> {
        match self.state {
            Promised::Ready(request) => request.take(),
            Promised::Outside(_) | Promised::Waiting(_) | Promised::Ended => None,
        }
    }
}

/// What is known about the requests of one run, by the run and by those who wait for it.
#[derive(Debug, Default)]
pub(crate) struct RequestsOfRun(Mutex<Requests>);

#[derive(Debug, Default)]
struct Requests {
    /// When the guest got the current one, and how long it had run until then.
    wall_started: Duration,
    cpu_started: Duration,
    /// How the first one went, once the guest has gone on to another.
    first: Option<Report>,
    is_first_told: bool,
    /// Where to tell how the current one went, if it is not the first.
    finished: Option<oneshot::Sender<Report>>,
    /// What the guest has sent to backends for the current one.
    sent: Vec<Arc<Sent>>,
    /// What the cache of responses has done for it.
    cache: CacheUse,
}

impl RequestsOfRun {
    /// One request, which begins at `wall`.
    pub(crate) fn new(wall: Duration) -> Self {
        Self(Mutex::new(Requests {
            wall_started: wall,
            ..Requests::default()
        }))
    }

    /// When the current request began, and how long the guest had run until then.
    pub(crate) fn started(&self) -> (Duration, Duration) {
        let requests = self.lock();
        (requests.wall_started, requests.cpu_started)
    }

    /// The guest waits for another request, or has got it.
    pub(crate) fn next(
        &self,
        wall: Duration,
        cpu: Duration,
        memory_bytes: u64,
        finished: Option<oneshot::Sender<Report>>,
    ) {
        let requests = &mut *self.lock();
        let report = Report {
            exit: Exit::Returned,
            memory_bytes,
            wall: wall.saturating_sub(requests.wall_started),
            cpu: cpu.saturating_sub(requests.cpu_started),
            sent: Vec::new(),
            cache: CacheUse::default(),
        };
        requests.tell(report);
        (requests.wall_started, requests.cpu_started) = (wall, cpu);
        requests.finished = finished;
    }

    /// The guest has ended.
    pub(crate) fn end(&self, report: Report) {
        self.lock().tell(report);
    }

    /// The guest sends a request to a backend. Whether that is noted.
    pub(crate) fn note_sent(&self, sent: Arc<Sent>) -> bool {
        let requests = &mut *self.lock();
        let has_room = requests.sent.len() < SENT_MAX;
        if has_room {
            requests.sent.push(sent);
        }
        has_room
    }

    /// The cache of responses has done this for the guest.
    pub(crate) fn note_cache(&self, outcome: CacheOutcome) {
        self.lock().cache.note(outcome);
    }

    /// How the first request went, once.
    pub(crate) fn take_first(&self) -> Option<Report> {
        self.lock().first.take()
    }

    fn lock(&self) -> MutexGuard<'_, Requests> {
        // A panic leaves at most a report untold.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Requests {
    fn tell(&mut self, mut report: Report) {
        let sent = self.sent.drain(..);
        report.sent = sent.map(|sent| sent.as_it_is()).collect();
        report.cache = std::mem::take(&mut self.cache);
        if let Some(finished) = self.finished.take() {
            // Nobody may wait for it.
            drop(finished.send(report));
        } else if !self.is_first_told {
            self.is_first_told = true;
            self.first = Some(report);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;
    use crate::body::Body;
    use crate::http::RequestHead;
    use crate::testing::World;

    fn handed_over() -> (HandedOver, Away) {
        let request = ClientRequest::new(RequestHead::new(), Body::empty());
        HandedOver::new(request, oneshot::channel().0)
    }

    /// As when a guest ends while those who wait for its answer lose their patience.
    #[test]
    fn a_request_that_is_being_given_back_is_not_lost() {
        let world = World::new();
        let clock = world.platform().clock;
        let mut cx = Context::from_waker(Waker::noop());
        let (mut handed_over, mut away) = handed_over();
        assert!(away.poll_fate(&*clock, &mut cx).is_pending());
        let parts = take(&handed_over.parts).unwrap();
        world.advance(TAKEN_WITHIN);
        for _ in 0..2 {
            assert!(away.poll_fate(&*clock, &mut cx).is_pending());
        }
        let give_back = handed_over.given_back.take().unwrap();
        give_back.send(parts.request).unwrap();
        let fate = away.poll_fate(&*clock, &mut cx);
        assert!(matches!(fate, Poll::Ready(Fate::Back(_))));
    }

    #[test]
    fn a_request_that_is_being_taken_is_taken() {
        let world = World::new();
        let clock = world.platform().clock;
        let mut cx = Context::from_waker(Waker::noop());
        let (handed_over, mut away) = handed_over();
        assert!(away.poll_fate(&*clock, &mut cx).is_pending());
        world.advance(TAKEN_WITHIN);
        assert!(handed_over.take().is_some());
        let fate = away.poll_fate(&*clock, &mut cx);
        assert!(matches!(fate, Poll::Ready(Fate::Taken)));
    }
}
