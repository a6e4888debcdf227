//! What requests run on, and what takes its place while the host serves.

use std::sync::{Arc, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use abi_core::reuse::{ReuseLimits, WaitingSandboxes};
use abi_core::{Engine, Program, Service};

use super::{Host, Inner};

/// A program on an engine. A request takes the current one when it begins, and ends on it.
pub(crate) struct Deployment {
    pub service: Service,
    pub engine_name: &'static str,
    /// Keeps the engine for other hosts to share.
    pub(super) _engine: Option<Arc<dyn Engine>>,
}

/// With what a host began.
pub(super) struct Started {
    pub engine_name: &'static str,
    pub compile_time: Duration,
    pub was_kept: bool,
}

/// An engine that is to take over as soon as it has compiled the program.
pub(super) struct Successor {
    pub wasm: Vec<u8>,
    pub engine: Arc<dyn Engine>,
    pub engine_name: &'static str,
}

impl Successor {
    /// Compiles beside the host, which need not wait for it when it ends.
    pub(super) fn prepare(self, host: &Host, reuse: ReuseLimits) {
        let host = Arc::downgrade(&host.0);
        let name = self.engine_name;
        let thread = thread::Builder::new().name("compile".to_owned());
        if let Err(error) = thread.spawn(move || self.take_over(&host, reuse)) {
            tracing::warn!("there is no thread to compile with {name}: {error}");
        }
    }

    fn take_over(self, host: &Weak<Inner>, reuse: ReuseLimits) {
        let name = self.engine_name;
        let started = Instant::now();
        let compiled = self.engine.compile(&self.wasm);
        let took = started.elapsed();
        let Some(host) = host.upgrade().map(Host) else {
            return;
        };
        match compiled {
            Ok(program) => {
                host.replace_program(program, self.engine, name, reuse);
                tracing::info!("now on {name}, compiled in {} ms", took.as_millis());
            }
            Err(error) => {
                let current = host.engine_name();
                tracing::warn!("staying on {current}: {name} cannot compile the program: {error}");
            }
        }
    }
}

impl Host {
    /// Runs new requests with `program`, in the same world. Those on their way end where they began.
    fn replace_program(
        &self,
        program: Arc<dyn Program>,
        engine: Arc<dyn Engine>,
        engine_name: &'static str,
        reuse: ReuseLimits,
    ) {
        let old = self.current();
        let new = Arc::new(Deployment {
            service: Service {
                program,
                sandboxes: WaitingSandboxes::new(reuse),
                ..old.service.clone()
            },
            engine_name,
            _engine: Some(engine),
        });
        let current = self.0.current.write();
        *current.unwrap_or_else(PoisonError::into_inner) = new.clone();
        // Nothing comes any more for those that wait there.
        old.service.sandboxes.close();
        if self.0.ending.is_cancelled() {
            new.service.sandboxes.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use abi_core::Session;
    use abi_core::engine::{CompileError, Ended, Exit, Limits};
    use bytes::Bytes;
    use futures_util::future::BoxFuture;
    use http::{Request, StatusCode};
    use http_body_util::Empty;
    use tokio::sync::watch;

    use super::*;
    use crate::ProgramSource;

    /// Ends with this once it is let go.
    struct Ending(Exit, watch::Receiver<bool>);

    impl Program for Ending {
        fn run(&self, _: Session, _: Limits) -> BoxFuture<'static, Ended> {
            let (exit, mut let_go) = (self.0.clone(), self.1.clone());
            Box::pin(async move {
                // A sender that is gone lets go too.
                drop(let_go.wait_for(|let_go| *let_go).await);
                Ended {
                    exit,
                    memory_bytes: 0,
                }
            })
        }
    }

    /// Compiles everything to one program, or nothing.
    struct Compiler(Option<watch::Receiver<bool>>);

    impl Engine for Compiler {
        fn name(&self) -> &'static str {
            "second"
        }

        fn compile(&self, _: &[u8]) -> Result<Arc<dyn Program>, CompileError> {
            match &self.0 {
                Some(let_go) => Ok(Arc::new(Ending(Exit::Returned, let_go.clone()))),
                None => Err(CompileError::NoEntryPoint),
            }
        }
    }

    async fn host(let_go: watch::Receiver<bool>) -> Host {
        let program = Arc::new(Ending(Exit::OutOfTime, let_go));
        let builder = Host::builder().program(ProgramSource::Compiled(program, "first"));
        builder.build().await.unwrap()
    }

    fn take_over(host: &Host, compiler: Compiler) {
        let successor = Successor {
            wasm: Vec::new(),
            engine: Arc::new(compiler),
            engine_name: "second",
        };
        successor.take_over(&Arc::downgrade(&host.0), ReuseLimits::default());
    }

    async fn status(host: Host) -> StatusCode {
        host.handle(Request::new(Empty::<Bytes>::new()))
            .await
            .status()
    }

    #[tokio::test]
    async fn requests_end_where_they_began() {
        let (let_go, waits) = watch::channel(false);
        let host = host(waits.clone()).await;
        let mut begun = Box::pin(status(host.clone()));
        assert!(futures_util::poll!(&mut begun).is_pending());
        take_over(&host, Compiler(Some(waits)));
        assert_eq!(host.engine_name(), "second");
        assert_eq!(host.started_on(), "first");
        let_go.send(true).unwrap();
        assert_eq!(begun.await, StatusCode::GATEWAY_TIMEOUT);
        assert_eq!(status(host).await, StatusCode::OK);
    }

    #[tokio::test]
    async fn what_cannot_be_compiled_takes_no_place() {
        let (_, waits) = watch::channel(true);
        let host = host(waits).await;
        take_over(&host, Compiler(None));
        assert_eq!(host.engine_name(), "first");
        assert_eq!(status(host).await, StatusCode::GATEWAY_TIMEOUT);
    }
}
