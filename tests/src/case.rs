//! Cases: declared once, run on every engine.

use std::cell::RefCell;
use std::future::Future;
use std::panic::{self, AssertUnwindSafe};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use libtest_mimic::{Failed, Trial};
use tokio::runtime::{Builder, Runtime};

use crate::context::Context;
use crate::engines;

/// How long a test may take. None takes a hundredth of it on a machine that has time for it, unless it hangs.
const TIMEOUT: Duration = Duration::from_secs(300);

/// How long what a test leaves behind may take to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// One case.
pub struct Case {
    /// Its name, which is that of its function.
    pub name: &'static str,
    /// What it does; it fails by panicking.
    pub run: fn(Context) -> BoxFuture<'static, ()>,
    /// The engines that it leaves out, each with the reason.
    pub except: &'static [(&'static str, &'static str)],
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Case")
            .field("name", &self.name)
            .field("except", &self.except)
            .finish_non_exhaustive()
    }
}

/// Makes the constant `CASES` of a file: its functions by name, each with the engines it leaves out, if any.
#[macro_export]
macro_rules! cases {
    ($($name:ident $(except $except:expr)?),* $(,)?) => {
        /// The cases of this file.
        pub const CASES: &[$crate::case::Case] = &[
            $($crate::case::Case {
                name: stringify!($name),
                run: |context| ::std::boxed::Box::pin($name(context)),
                except: $crate::cases!(@except $($except)?),
            }),*
        ];
    };
    (@except) => { &[] };
    (@except $except:expr) => { $except };
}

/// One test per case and engine, named `engine::group::case`.
///
/// # Panics
///
/// When a case leaves out an engine that there is not, or without a reason.
#[must_use]
pub fn on_every_engine(group: &str, cases: &'static [Case]) -> Vec<Trial> {
    let mut trials = Vec::new();
    for case in cases {
        for (engine, reason) in case.except {
            assert!(engines::NAMES.contains(engine), "{}: {engine}", case.name);
            assert!(!reason.is_empty(), "{}: {engine}", case.name);
        }
        for engine in engines::NAMES {
            if case.except.iter().any(|(except, _)| *except == engine) {
                continue;
            }
            let name = format!("{engine}::{group}::{}", case.name);
            trials.push(trial(name, move || on_engine(engine, case.run)));
        }
    }
    trials
}

/// Runs a case on one engine, and stops its hosts afterwards.
pub async fn on_engine(engine: &'static str, run: impl AsyncFnOnce(Context)) {
    let context = Context::new(engine);
    run(context.clone()).await;
    context.stop_hosts().await;
}

/// A test that fails by panicking, in a runtime of its own.
pub fn trial<F>(name: impl Into<String>, run: impl FnOnce() -> F + Send + 'static) -> Trial
where
    F: Future<Output = ()>,
{
    Trial::test(name, move || {
        let runtime = runtime()?;
        let outcome = runtime.block_on(outcome(run()));
        runtime.shutdown_timeout(STOP_TIMEOUT);
        outcome
    })
}

fn runtime() -> Result<Runtime, Failed> {
    // Two threads are enough to find what goes wrong only with more than one.
    let mut builder = Builder::new_multi_thread();
    Ok(builder.worker_threads(2).enable_all().build()?)
}

async fn outcome(run: impl Future<Output = ()>) -> Result<(), Failed> {
    let run = AssertUnwindSafe(run).catch_unwind();
    let (finished, panic) = Caught::by(tokio::time::timeout(TIMEOUT, run)).await;
    match finished {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(panic.into()),
        Err(_) => Err(format!("it took longer than {} s", TIMEOUT.as_secs()).into()),
    }
}

thread_local! {
    /// What a panic on this thread said, while a test runs on it.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

struct Caught;

impl Caught {
    /// Waits for a future, and gives what the last panic meanwhile said.
    async fn by<F: Future>(future: F) -> (F::Output, String) {
        PANIC.set(Some(String::new()));
        let output = future.await;
        (output, PANIC.take().unwrap_or_default())
    }
}

/// Has panics of tests told with their tests, and not where they happen. Other panics are told as always.
pub fn keep_panics() {
    let tell = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let is_of_test = PANIC.with_borrow_mut(|panic| {
            let panic = panic.as_mut();
            panic.map(|panic| *panic = info.to_string()).is_some()
        });
        if !is_of_test {
            tell(info);
        }
    }));
}
