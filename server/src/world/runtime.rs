//! Futures of tokio and hyper on threads that belong to no runtime.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// A future that finds its runtime on whichever thread it is polled.
///
/// An engine that cannot suspend a guest polls what the guest waits for on the guest's own thread.
pub(crate) struct InRuntime<F> {
    runtime: Handle,
    future: Pin<Box<F>>,
}

impl<F> InRuntime<F> {
    pub(crate) fn new(runtime: Handle, future: F) -> Self {
        Self {
            runtime,
            future: Box::pin(future),
        }
    }
}

impl<F: Future> Future for InRuntime<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let _inside = this.runtime.enter();
        this.future.as_mut().poll(cx)
    }
}

/// Runs the background tasks of hyper on one runtime, whoever starts them.
#[derive(Clone, Debug)]
pub(crate) struct HyperExecutor(pub Handle);

impl<F> hyper::rt::Executor<F> for HyperExecutor
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}
