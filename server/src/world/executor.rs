//! Where futures of guests run.

use std::future::Future;
use std::pin::Pin;

use abi_core::platform::Executor;
use futures_util::future::BoxFuture;
use tokio::runtime::Handle;

/// Runs futures on a tokio runtime. A host that stops does not wait for them: they are what guests left behind.
#[derive(Clone, Debug)]
pub struct TokioExecutor {
    runtime: Handle,
}

impl TokioExecutor {
    /// An executor on `runtime`.
    #[must_use]
    pub fn new(runtime: Handle) -> Self {
        Self { runtime }
    }
}

impl Executor for TokioExecutor {
    fn spawn(&self, future: BoxFuture<'static, ()>) {
        self.runtime.spawn(future);
    }

    fn block_on(&self, future: Pin<&mut (dyn Future<Output = ()> + Send)>) {
        self.runtime.block_on(future);
    }
}
