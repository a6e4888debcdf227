//! Compiling beside guests that run: with what processor time those leave.

use std::sync::Arc;

use abi_core::Program;
use abi_core::engine::{CompileError, Engine};
use cfg_if::cfg_if;

/// Compiles with a low priority, on as many threads as the machine has processors.
///
/// The interpreter answers meanwhile. At the same priority its first answers, of all answers the ones that somebody waits
/// for, would have a third of a processor or less.
pub(super) fn compile(engine: &dyn Engine, wasm: &[u8]) -> Result<Arc<dyn Program>, CompileError> {
    cfg_if! {
        if #[cfg(feature = "wasmtime")] {
            // The compiler spreads its work over the threads of the pool that it is called on, which ends with this.
            let pool = rayon::ThreadPoolBuilder::new()
                .thread_name(|number| format!("compile-{number}"))
                .start_handler(|_| yield_to_others())
                .build();
            match pool {
                Ok(pool) => pool.install(|| engine.compile(wasm)),
                Err(error) => {
                    tracing::debug!("compiling on the usual threads: {error}");
                    engine.compile(wasm)
                }
            }
        } else {
            engine.compile(wasm)
        }
    }
}

/// The priority at which to compile, as a niceness.
///
/// Requests that come one by one do not tell 10 from 19: a JavaScript program of 11.5 MB is compiled in 8 s, and its answers
/// take as long. Where requests take all the processor time there is, 10 costs 6 % of them and is done after a minute; 19,
/// which gives a seventh of that time, was not when it was no longer waited for, and the interpreter answers meanwhile, many
/// times slower than what it stands in for. (Linux weighs 110 and 15 against 1024 of a usual thread.)
#[cfg(all(feature = "wasmtime", target_os = "linux"))]
const NICENESS: i32 = 10;

/// Gives this thread a low priority, where a thread can have one of its own.
#[cfg(feature = "wasmtime")]
fn yield_to_others() {
    #[cfg(target_os = "linux")]
    {
        // Without a process it is the calling thread's. Where that is not allowed the thread competes with others.
        if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
            tracing::debug!("compiling at the usual priority: {error}");
        }
    }
}

#[cfg(all(test, feature = "wasmtime", target_os = "linux"))]
mod tests {
    use std::sync::Mutex;

    use rustix::process::getpriority_process;

    use super::*;

    /// Notes the priority at which it is called, on the thread itself and on those that help it.
    #[derive(Default)]
    struct Noting(Mutex<Vec<i32>>);

    impl Engine for Noting {
        fn name(&self) -> &'static str {
            "noting"
        }

        fn compile(&self, _: &[u8]) -> Result<Arc<dyn Program>, CompileError> {
            let note = || {
                let priority = getpriority_process(None).unwrap();
                self.0.lock().unwrap().push(priority);
            };
            rayon::join(note, note);
            Err(CompileError::NoEntryPoint)
        }
    }

    #[test]
    fn it_yields_to_others() {
        let engine = Noting::default();
        let before = getpriority_process(None).unwrap();
        assert!(compile(&engine, &[]).is_err());
        assert_eq!(*engine.0.lock().unwrap(), [NICENESS, NICENESS]);
        assert_eq!(getpriority_process(None).unwrap(), before);
    }
}
