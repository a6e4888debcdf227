//! What a guest gives back when it waits for long.
//!
//! Instances of a program begin with the same pages of memory, which exist once. Where a guest reads one of them, the system
//! puts fifteen others next to it into the tables of this process as well, and counts all of them as resident for each guest:
//! where many wait it can be as much as all that they have for themselves. A guest that waits for long lets go of them,
//! and finds them again when it reads them.

use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use abi_core::CpuMeter;
use abi_core::engine::REST_AFTER;
use pin_project_lite::pin_project;

#[cfg(target_os = "linux")]
use crate::pages::let_go;

/// What it takes to let a guest rest in one hostcall.
pub(crate) struct Rest<'a> {
    /// Where the guest's memory is, as addresses of this process.
    memory: Range<usize>,
    meter: &'a CpuMeter,
}

impl<'a> Rest<'a> {
    pub(crate) fn new(memory: &[u8], meter: &'a CpuMeter) -> Self {
        let bytes = memory.as_ptr_range();
        Self {
            memory: bytes.start.expose_provenance()..bytes.end.addr(),
            meter,
        }
    }

    /// Waits for `call`, which has borrowed the memory.
    pub(crate) fn during<F: Future>(self, call: F) -> Resting<'a, F> {
        Resting {
            call,
            rest: Some(self),
            has_waited: false,
        }
    }

    /// Whether the guest has waited for long.
    fn is_due(&self) -> bool {
        self.meter.stood_still() >= REST_AFTER
    }

    /// Lets go of what the guest can have again: nothing else touches its memory meanwhile.
    fn take(self) {
        let_go(&self.memory);
    }
}

/// Other systems do not say which pages are whose.
#[cfg(not(target_os = "linux"))]
fn let_go(_memory: &Range<usize>) {}

pin_project! {
    /// A hostcall that may wait.
    pub(crate) struct Resting<'a, F> {
        #[pin]
        call: F,
        // Once in a call: the guest does not touch its memory before it ends.
        rest: Option<Rest<'a>>,
        has_waited: bool,
    }
}

impl<F: Future> Future for Resting<'_, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let polled = this.call.poll(cx);
        if polled.is_pending() {
            // When it is polled first, the guest may have waited for something else before.
            let waited = std::mem::replace(this.has_waited, true);
            if waited && let Some(rest) = this.rest.take_if(|rest| rest.is_due()) {
                rest.take();
            }
        }
        polled
    }
}
