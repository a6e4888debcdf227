//! Runs Compute programs on wasmer: compiled by cranelift, or by singlepass with the feature of that name.
//!
//! Wasmer cannot suspend a guest, so each run has a thread of its own from a bounded pool, and a hostcall that waits
//! blocks that thread. A map of the modules:
//!
//! * [`ENGINES`]: the engines, by name; [`WasmerEngine`]: one of them;
//! * `compiler`: how programs are compiled;
//! * `bind`: the hostcall table, bound to a store;
//! * `run`: one guest run;
//! * `memory`: what a guest may allocate;
//! * `stored`: programs that were compiled before;
//! * `stop`: how a guest is stopped when nobody waits for it any more.
//!
//! # Limitations
//!
//! * A guest that computes without making hostcalls is stopped by a signal (`SIGUSR1`, whose handler wasmer installs).
//!   On systems without signals it cannot be stopped: it holds its thread until it makes a hostcall or ends.
//! * Wasmer's handler takes a `SIGUSR1` that it did not send itself for a bug, and aborts the process. That signal ends
//!   a process by default, too.
//! * The `blocking` crate keeps the threads, and not more than 500 of them (its variable `BLOCKING_MAX_THREADS` changes
//!   that), whatever the options allow. More runs than that wait for a thread, without blocking one.
//! * When a hostcall returns, wasmer looks up under a lock, on the guest's stack, whether the guest was interrupted. A
//!   guest that recurses with hostcalls until its stack is full in the middle of that leaves the lock behind, and whoever
//!   needs it waits for ever. Where the compiler has made one function of it all, as in a release build, no such place
//!   was found; in a debug build there is one.
//! * A trap that a hostcall raises has no backtrace: wasmer cannot see the guest's frames from a hostcall's stack.
//! * Exceptions, threads, several memories and tail calls are not available to guests.

// `memory` and `stored` have some of it, with its arguments.
#![deny(unsafe_code)]

mod bind;
mod compiler;
mod memory;
mod run;
mod stop;
mod stored;

use std::fmt;
use std::sync::Arc;

use abi_core::engine::{
    CompileError, Ended, Engine, EngineEntry, EngineError, EngineOptions, Limits, Program,
};
use abi_core::link::{Import, Signature, link};
use abi_core::session::Session;
use abi_core::start_section::{self, Deferred};
use abi_core::table::WasmType;
use artifact_cache::ArtifactCache;
use async_lock::{Mutex, Semaphore, SemaphoreGuardArc};
use futures_util::future::BoxFuture;
use wasmer::{ExternType, FunctionType, ImportType, Module, Type};

use crate::compiler::Compiler;
use crate::run::Compiled;
use crate::stop::{CancelOnDrop, Control, Running, Stopper};

/// The version of wasmer, which this crate is for and no other.
const VERSION: &str = "7.3.0";

/// The engines of this crate.
pub const ENGINES: &[EngineEntry] = &[
    EngineEntry {
        name: "wasmer",
        description: "wasmer with the optimising compiler cranelift; each guest has a thread",
        version: VERSION,
        needs_executable_memory: true,
        writes_perf_map: false,
        samples_guests: false,
        adapter: |options| WasmerEngine::create("wasmer", Compiler::Cranelift, options),
    },
    #[cfg(feature = "singlepass")]
    EngineEntry {
        name: "wasmer-singlepass",
        description: "wasmer with the one-pass compiler singlepass (licence BUSL-1.1): ready sooner, slower guests",
        version: VERSION,
        needs_executable_memory: true,
        writes_perf_map: false,
        samples_guests: false,
        adapter: |options| WasmerEngine::create("wasmer-singlepass", Compiler::Singlepass, options),
    },
];

/// A wasmer engine.
pub struct WasmerEngine {
    name: &'static str,
    compiler: Compiler,
    options: EngineOptions,
    threads: Arc<GuestThreads>,
    /// Where compiled programs are kept.
    artifacts: Option<ArtifactCache>,
}

impl WasmerEngine {
    fn create(
        name: &'static str,
        compiler: Compiler,
        options: &EngineOptions,
    ) -> Result<Arc<dyn Engine>, EngineError> {
        let stopper = Stopper::start()
            .map_err(|error| EngineError(format!("wasmer cannot be used here: {error}")))?;
        Ok(Arc::new(Self {
            name,
            compiler,
            options: options.clone(),
            artifacts: ArtifactCache::for_engine(options.artifact_folder.as_deref()),
            threads: Arc::new(GuestThreads::new(options.guest_threads_max, stopper)),
        }))
    }
}

impl fmt::Debug for WasmerEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WasmerEngine")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Engine for WasmerEngine {
    fn name(&self) -> &'static str {
        self.name
    }

    fn compile(&self, wasm: &[u8]) -> Result<Arc<dyn Program>, CompileError> {
        let engine = self.compiler.engine();
        let Deferred { wasm, export } = deferred(&engine, wasm);
        let module = Module::new(&engine, &wasm)
            .map_err(|error| CompileError::Invalid(error.to_string()))?;
        let program = self.link(module.clone(), engine, export)?;
        if let Some(artifacts) = &self.artifacts {
            stored::keep(artifacts, self.name, &module, &wasm);
        }
        Ok(program)
    }

    fn load(&self, wasm: &[u8]) -> Option<Arc<dyn Program>> {
        let artifacts = self.artifacts.as_ref()?;
        let engine = self.compiler.engine();
        let Deferred { wasm, export } = deferred(&engine, wasm);
        let module = stored::load(artifacts, self.name, &engine, &wasm)?;
        self.link(module, engine, export).ok()
    }
}

/// What is compiled in place of a module.
fn deferred<'a>(engine: &wasmer::Engine, wasm: &'a [u8]) -> Deferred<'a> {
    start_section::deferred(wasm, |wasm| Module::validate(engine, wasm).is_ok())
}

impl WasmerEngine {
    /// Resolves what a module imports; `engine` is its engine, and `start_section` what it exports instead of one.
    fn link(
        &self,
        module: Module,
        engine: wasmer::Engine,
        start_section: Option<String>,
    ) -> Result<Arc<dyn Program>, CompileError> {
        let imports: Vec<_> = module.imports().collect();
        let bindings = link(imports.iter().map(describe), self.options.unknown_imports)?;
        let has_entry_point = module
            .exports()
            .functions()
            .any(|export| export.name() == "_start" && *export.ty() == FunctionType::new([], []));
        if !has_entry_point {
            return Err(CompileError::NoEntryPoint);
        }
        let imports = imports.iter().zip(bindings);
        Ok(Arc::new(WasmerProgram {
            compiled: Arc::new(Compiled {
                imports: imports
                    .map(|(import, binding)| bind::Bound::new(import, binding))
                    .collect(),
                module,
                engine,
                start_section,
            }),
            threads: self.threads.clone(),
        }))
    }
}

/// An import as the core's linker understands it.
fn describe(import: &ImportType) -> Import<'_> {
    let signature = match import.ty() {
        ExternType::Function(ty) => signature(ty),
        _ => None,
    };
    Import {
        module: import.module(),
        name: import.name(),
        signature,
    }
}

fn signature(ty: &FunctionType) -> Option<Signature> {
    let wasm_type = |ty: &Type| match ty {
        Type::I32 => Some(WasmType::I32),
        Type::I64 => Some(WasmType::I64),
        _ => None,
    };
    Some(Signature {
        parameters: ty.params().iter().map(wasm_type).collect::<Option<_>>()?,
        results: ty.results().iter().map(wasm_type).collect::<Option<_>>()?,
    })
}

/// The threads that the guests of an engine may block.
struct GuestThreads {
    /// Whoever holds it is the next to get a permit. The semaphore alone would let newcomers pass those who wait.
    next: Mutex<()>,
    permits: Arc<Semaphore>,
    stopper: Stopper,
}

impl GuestThreads {
    fn new(max: usize, stopper: Stopper) -> Self {
        Self {
            next: Mutex::new(()),
            permits: Arc::new(Semaphore::new(max.max(1))),
            stopper,
        }
    }

    async fn acquire(&self) -> SemaphoreGuardArc {
        let _next = self.next.lock().await;
        self.permits.acquire_arc().await
    }
}

/// A program compiled by wasmer, with its imports resolved.
struct WasmerProgram {
    compiled: Arc<Compiled>,
    threads: Arc<GuestThreads>,
}

impl Program for WasmerProgram {
    fn run(&self, session: Box<Session>, limits: Limits) -> BoxFuture<'static, Ended> {
        let compiled = self.compiled.clone();
        let threads = self.threads.clone();
        Box::pin(async move {
            let permit = threads.acquire().await;
            let control = Arc::new(Control::default());
            let _cancel = CancelOnDrop::new(control.clone(), &threads.stopper);
            let running = Running(control);
            blocking::unblock(move || {
                // Given back last, when nothing of the guest is left on the thread.
                let _permit = permit;
                let running = running;
                run::run(&compiled, session, limits, &running.0)
            })
            .await
        })
    }
}
