//! What requests run on, and what takes its place while the host serves.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use abi_core::reuse::WaitingSandboxes;
use abi_core::{Engine, Service};

use super::patience::Patience;
use super::{Host, Inner, Policy, background};
use crate::backends::BackendSet;
use crate::identity::ClientSettings;
use crate::serve::{ServerTls, Trace};

/// When it is told that a program is being compiled still while another engine runs it.
const TOLD_AFTER: Duration = Duration::from_secs(30);

/// A program on an engine, with its configuration. A request takes the current one when it begins, and ends on it.
pub(crate) struct Deployment {
    pub service: Service,
    pub engine_name: &'static str,
    pub settings: Arc<Settings>,
    pub(super) started: Started,
    /// Keeps the engine for other hosts to share.
    pub(super) _engine: Option<Arc<dyn Engine>>,
}

/// What was configured about everything around the guest.
pub(crate) struct Settings {
    pub policy: Policy,
    pub client: ClientSettings,
    pub tls: Option<ServerTls>,
    pub backends: Arc<BackendSet>,
    pub trace: Trace,
}

/// With what a program began, before another engine took over.
#[derive(Clone, Copy)]
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

/// What compiles in the background, one program at a time.
#[derive(Default)]
pub(super) struct Background(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    is_busy: bool,
    /// What is compiled next. Of several programs only the last one is of use.
    next: Option<Waits>,
}

/// What is to be compiled, and what it is to take the place of. It must not outlive the host for that.
type Waits = (Successor, Weak<Deployment>);

impl Background {
    /// A panic cannot leave it half changed.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what is next, or notes that nothing is.
    fn take_next(&self) -> Option<Waits> {
        let mut waiting = self.lock();
        let next = waiting.next.take();
        waiting.is_busy = next.is_some();
        next
    }
}

impl Successor {
    /// Compiles beside the host, which need not wait for it when it ends, and takes the place of `predecessor`, if that is
    /// still current then.
    pub(super) fn prepare(self, host: &Host, predecessor: &Arc<Deployment>) {
        let name = self.engine_name;
        {
            let mut waiting = host.0.background.lock();
            waiting.next = Some((self, Arc::downgrade(predecessor)));
            if std::mem::replace(&mut waiting.is_busy, true) {
                return;
            }
        }
        let weak = Arc::downgrade(&host.0);
        let thread = thread::Builder::new().name("compile".to_owned());
        if let Err(error) = thread.spawn(move || compile_all(&weak)) {
            tracing::warn!("there is no thread to compile with {name}: {error}");
            host.0.background.lock().is_busy = false;
        }
    }

    fn take_over(self, host: &Weak<Inner>, predecessor: &Weak<Deployment>) {
        let name = self.engine_name;
        let started = Instant::now();
        let told = Patience::new(TOLD_AFTER, move |passed| {
            let seconds = passed.as_secs();
            tracing::info!(
                "{name} still compiles the program after {seconds} s; another engine runs it meanwhile"
            );
        });
        let compiled = background::compile(&*self.engine, &self.wasm);
        drop(told);
        let took = started.elapsed();
        let (Some(host), Some(predecessor)) = (host.upgrade().map(Host), predecessor.upgrade())
        else {
            return;
        };
        match compiled {
            Ok(program) => {
                let service = Service {
                    program,
                    sandboxes: WaitingSandboxes::new(predecessor.service.sandboxes.limits()),
                    ..predecessor.service.clone()
                };
                let new = Deployment {
                    service,
                    engine_name: name,
                    settings: predecessor.settings.clone(),
                    started: predecessor.started,
                    _engine: Some(self.engine),
                };
                if host.replace(Arc::new(new), Some(&predecessor)) {
                    tracing::info!("now on {name}, compiled in {} ms", took.as_millis());
                }
            }
            Err(error) => {
                let current = predecessor.engine_name;
                tracing::warn!("staying on {current}: {name} cannot compile the program: {error}");
            }
        }
    }
}

fn compile_all(host: &Weak<Inner>) {
    let next = || host.upgrade()?.background.take_next();
    while let Some((successor, predecessor)) = next() {
        // A compiler that panics at one program, which is told on standard error, still has others to compile.
        let took_over = catch_unwind(AssertUnwindSafe(|| {
            successor.take_over(host, &predecessor);
        }));
        if took_over.is_err() {
            tracing::error!("the program cannot be compiled: the compiler panicked");
        }
    }
}

impl Host {
    /// Runs new requests on `new`, unless something else than `expected` has taken its place meanwhile. Requests on their
    /// way end where they began.
    pub(super) fn replace(&self, new: Arc<Deployment>, expected: Option<&Arc<Deployment>>) -> bool {
        let old = {
            let current = self.0.current.write();
            let mut current = current.unwrap_or_else(PoisonError::into_inner);
            if expected.is_some_and(|expected| !Arc::ptr_eq(expected, &current)) {
                return false;
            }
            std::mem::replace(&mut *current, new.clone())
        };
        // Nothing comes any more for those that wait there.
        old.service.sandboxes.close();
        if self.0.ending.is_cancelled() {
            new.service.sandboxes.close();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use abi_core::engine::{CompileError, Ended, Exit, Limits};
    use abi_core::{Program, Session};
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
        fn run(&self, _: Box<Session>, _: Limits) -> BoxFuture<'static, Ended> {
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

    /// Has what a compiler makes take the place of `predecessor`.
    fn take_over(host: &Host, predecessor: &Arc<Deployment>, compiler: Compiler) {
        let successor = Successor {
            wasm: Vec::new(),
            engine: Arc::new(compiler),
            engine_name: "second",
        };
        successor.take_over(&Arc::downgrade(&host.0), &Arc::downgrade(predecessor));
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
        take_over(&host, &host.current(), Compiler(Some(waits)));
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
        take_over(&host, &host.current(), Compiler(None));
        assert_eq!(host.engine_name(), "first");
        assert_eq!(status(host).await, StatusCode::GATEWAY_TIMEOUT);
    }

    struct Panicking;

    impl Engine for Panicking {
        fn name(&self) -> &'static str {
            "second"
        }

        fn compile(&self, _: &[u8]) -> Result<Arc<dyn Program>, CompileError> {
            panic!("a compiler has a bug");
        }
    }

    #[tokio::test]
    async fn a_compiler_that_panics_leaves_the_next_program_its_turn() {
        let (_, waits) = watch::channel(true);
        let host = host(waits).await;
        let successor = Successor {
            wasm: Vec::new(),
            engine: Arc::new(Panicking),
            engine_name: "second",
        };
        host.0.background.lock().next = Some((successor, Arc::downgrade(&host.current())));
        compile_all(&Arc::downgrade(&host.0));
        assert_eq!(host.engine_name(), "first");
        assert!(!host.0.background.lock().is_busy);
    }

    #[tokio::test]
    async fn a_program_that_was_replaced_has_no_successor() {
        let (_, waits) = watch::channel(true);
        let host = host(waits.clone()).await;
        let before = host.current();
        let program = Arc::new(Ending(Exit::Returned, waits.clone()));
        let builder = Host::builder().program(ProgramSource::Compiled(program, "third"));
        host.reload(builder).await.unwrap();
        take_over(&host, &before, Compiler(Some(waits)));
        assert_eq!(host.engine_name(), "third");
    }
}
