//! Sending a guest's requests off the guest's stack.
//!
//! A guest that waits on its own stack keeps that stack, as deep as it has ever been. Connecting to a backend and sending
//! to it takes some 50 KiB of frames, which every waiting guest would keep for nothing. So what sends is polled next to
//! the run, on the stack of whoever polls that, and the guest waits for no more than its outcome.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::http::{BackendResponse, SendError};

/// How a request went.
type Outcome = Result<BackendResponse, SendError>;

/// Where a guest leaves the request that it waits for, and those who poll its run find it. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Offload(Arc<Mutex<Shared>>);

#[derive(Default)]
struct Shared {
    request: Request,
    /// The guest, where it waits.
    guest: Option<Waker>,
    /// Who polls the run, and whether they do so now: then they look here afterwards, and need not be woken.
    run: Option<Waker>,
    run_is_polled: bool,
}

/// The request that the guest waits for.
#[derive(Default)]
#[expect(
    clippy::large_enum_variant,
    reason = "a run has one of these, and a box for each outcome would cost more"
)]
enum Request {
    #[default]
    None,
    /// It has just come, and was not polled yet.
    New(BoxFuture<'static, Outcome>),
    Sending(BoxFuture<'static, Outcome>),
    /// It was taken to be polled, and comes back.
    Taken,
    Done(Outcome),
}

impl Offload {
    /// Waits for a request that is polled elsewhere. A guest has one of them at a time.
    pub(crate) async fn wait(&self, sending: BoxFuture<'static, Outcome>) -> Outcome {
        let waiting = Waiting(self);
        self.begin(sending);
        poll_fn(|cx| waiting.0.poll_outcome(cx)).await
    }

    fn begin(&self, sending: BoxFuture<'static, Outcome>) {
        let mut shared = self.lock();
        shared.request = Request::New(sending);
        if shared.run_is_polled {
            return;
        }
        // The guest runs on a thread of its own.
        let run = shared.run.take();
        drop(shared);
        if let Some(run) = run {
            run.wake();
        }
    }

    fn poll_outcome(&self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let mut shared = self.lock();
        match std::mem::take(&mut shared.request) {
            Request::Done(outcome) => Poll::Ready(outcome),
            request => {
                shared.request = request;
                shared.guest = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Polls a run by `poll_run`, and what its guest waits for.
    pub(crate) fn poll_with<T>(
        &self,
        cx: &mut Context<'_>,
        mut poll_run: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        self.poll_request(cx);
        loop {
            self.enter(cx);
            let polled = poll_run(cx);
            let has_new = self.leave();
            if polled.is_ready() || !has_new {
                return polled;
            }
            if !self.poll_request(cx) {
                return Poll::Pending;
            }
        }
    }

    fn enter(&self, cx: &Context<'_>) {
        let mut shared = self.lock();
        shared.run_is_polled = true;
        match &mut shared.run {
            Some(run) => run.clone_from(cx.waker()),
            run => *run = Some(cx.waker().clone()),
        }
    }

    /// Whether the guest has begun to wait for a request since it was last asked.
    fn leave(&self) -> bool {
        let mut shared = self.lock();
        shared.run_is_polled = false;
        matches!(shared.request, Request::New(_))
    }

    /// Whether the request is done by this, so that the guest can go on.
    fn poll_request(&self, cx: &mut Context<'_>) -> bool {
        let mut shared = self.lock();
        let mut sending = match std::mem::replace(&mut shared.request, Request::Taken) {
            Request::New(sending) | Request::Sending(sending) => sending,
            request => {
                shared.request = request;
                return false;
            }
        };
        drop(shared);
        let polled = sending.poll_unpin(cx);
        let mut shared = self.lock();
        let is_wanted = matches!(shared.request, Request::Taken);
        match polled {
            Poll::Pending if is_wanted => shared.request = Request::Sending(sending),
            Poll::Ready(outcome) if is_wanted => {
                shared.request = Request::Done(outcome);
                let guest = shared.guest.take();
                drop(shared);
                // Where the guest runs in this task, its run is polled next.
                if let Some(guest) = guest.filter(|guest| !guest.will_wake(cx.waker())) {
                    guest.wake();
                }
                return true;
            }
            // The guest was stopped meanwhile. What is left of the request may take a while to drop.
            _ => drop(shared),
        }
        false
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // Nothing in here panics while the lock is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives the request up when the guest no longer waits for it.
struct Waiting<'a>(&'a Offload);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut shared = self.0.lock();
        let given_up = std::mem::take(&mut shared.request);
        drop(shared);
        drop(given_up);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::SendErrorKind;
    use futures_channel::oneshot;
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    impl Wakes {
        fn count(&self) -> usize {
            self.0.load(Ordering::SeqCst)
        }
    }

    /// A request, and what ends it.
    fn request() -> (BoxFuture<'static, Outcome>, oneshot::Sender<SendErrorKind>) {
        let (end, ended) = oneshot::channel();
        let sending = async move { Err(SendError::new(ended.await.unwrap())) };
        (sending.boxed(), end)
    }

    fn kind(outcome: Outcome) -> SendErrorKind {
        outcome.err().unwrap().kind
    }

    #[test]
    fn a_request_is_polled_beside_the_guest_in_the_same_task() {
        let (offload, wakes) = (Offload::default(), Arc::new(Wakes::default()));
        let task = Waker::from(wakes.clone());
        let (cx, (sending, end)) = (&mut Context::from_waker(&task), request());
        let mut guest = pin!(offload.wait(sending));
        let mut poll = || offload.poll_with(cx, |cx| guest.as_mut().poll(cx));
        assert!(poll().is_pending());
        end.send(SendErrorKind::HttpProtocolError).unwrap();
        assert_eq!(wakes.count(), 1, "by the request, and by nothing else");
        let Poll::Ready(outcome) = poll() else {
            panic!("the outcome is there");
        };
        assert_eq!(kind(outcome), SendErrorKind::HttpProtocolError);
        assert_eq!(wakes.count(), 1);
    }

    #[test]
    fn a_request_that_is_answered_at_once_does_not_wait_for_a_wake() {
        let (offload, (sending, end)) = (Offload::default(), request());
        end.send(SendErrorKind::InternalError).unwrap();
        let mut guest = pin!(offload.wait(sending));
        let polled = offload.poll_with(&mut Context::from_waker(Waker::noop()), |cx| {
            guest.as_mut().poll(cx)
        });
        assert!(polled.is_ready());
    }

    #[test]
    fn a_guest_on_a_thread_of_its_own_wakes_the_run_and_is_woken() {
        let offload = Offload::default();
        let (of_run, of_guest) = (Arc::new(Wakes::default()), Arc::new(Wakes::default()));
        let (run, guest_task) = (Waker::from(of_run.clone()), Waker::from(of_guest.clone()));
        let (run, guest_task) = (
            &mut Context::from_waker(&run),
            &mut Context::from_waker(&guest_task),
        );
        let mut poll_run = || offload.poll_with(run, |_| Poll::<()>::Pending);
        assert!(poll_run().is_pending());

        let (sending, end) = request();
        let mut guest = pin!(offload.wait(sending));
        assert!(guest.as_mut().poll(guest_task).is_pending());
        assert_eq!(of_run.count(), 1);
        assert!(poll_run().is_pending());
        end.send(SendErrorKind::DnsTimeout).unwrap();
        assert_eq!((of_run.count(), of_guest.count()), (2, 0));
        assert!(poll_run().is_pending());
        assert_eq!(of_guest.count(), 1);
        assert!(guest.as_mut().poll(guest_task).is_ready());
    }

    #[test]
    fn a_guest_that_is_stopped_gives_its_request_up() {
        let (offload, (sending, end)) = (Offload::default(), request());
        let cx = &mut Context::from_waker(Waker::noop());
        {
            let mut guest = pin!(offload.wait(sending));
            let polled = offload.poll_with(cx, |cx| guest.as_mut().poll(cx));
            assert!(polled.is_pending() && !end.is_canceled());
        }
        assert!(end.is_canceled());
        assert!(offload.poll_with(cx, |_| Poll::<()>::Pending).is_pending());
    }
}
