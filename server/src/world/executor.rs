//! Where futures of guests run.

use std::future::Future;
use std::pin::Pin;

use abi_core::platform::Executor;
use futures_util::future::BoxFuture;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

/// Runs futures on a tokio runtime, and keeps count of them: they are what guests may leave behind.
#[derive(Clone, Debug)]
pub struct TokioExecutor {
    runtime: Handle,
    tasks: TaskTracker,
}

impl TokioExecutor {
    /// An executor whose futures are counted by `tasks`.
    #[must_use]
    pub fn new(runtime: Handle, tasks: TaskTracker) -> Self {
        Self { runtime, tasks }
    }
}

impl Executor for TokioExecutor {
    fn spawn(&self, future: BoxFuture<'static, ()>) {
        self.tasks.spawn_on(future, &self.runtime);
    }

    fn block_on(&self, future: Pin<&mut (dyn Future<Output = ()> + Send)>) {
        self.runtime.block_on(future);
    }
}
