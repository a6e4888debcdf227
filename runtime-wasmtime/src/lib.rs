//! Runs Compute programs on wasmtime: compiled by cranelift or winch, or interpreted by pulley.
//!
//! * [`ENGINES`]: the engines, by name; [`WasmtimeEngine`]: one of them;
//! * `bind`: the hostcall table, bound to a linker;
//! * `run`: one guest run; `profile`: where it spends its time; `stored`: programs that were compiled before;
//! * `rest`: what a guest that waits for long gives back; `pages`: which of its pages are the program's;
//! * `ticker`: the clock that makes running guests give others a turn.

// `stored` and `pages` have one line of it each, with its argument.
#![deny(unsafe_code)]

mod bind;
#[cfg(target_os = "linux")]
mod pages;
mod profile;
mod rest;
mod run;
mod stored;
mod ticker;

use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use abi_core::engine::{
    CompileError, Ended, Engine, EngineEntry, EngineError, EngineOptions, Limits, Program,
    TABLE_ELEMENTS_MAX,
};
use abi_core::link::{Import, Signature, link};
use abi_core::session::Session;
use abi_core::table::WasmType;
use artifact_cache::{ArtifactCache, ProgramDigest};
use async_lock::Semaphore;
use futures_util::future::BoxFuture;
use wasmtime::{
    Config, Enabled, ExternType, InstanceAllocationStrategy, InstancePre, Linker, Module,
    ModuleExport, PoolingAllocationConfig, ProfilingStrategy, Strategy, ValType,
    WasmBacktraceDetails,
};

use crate::profile::Profiles;
use crate::run::GuestState;
use crate::ticker::{TICK, Ticker};

/// The version of wasmtime, which this crate is for and no other.
const VERSION: &str = "48.0.8";

/// The engines of this crate.
pub const ENGINES: &[EngineEntry] = &[
    EngineEntry {
        name: "wasmtime",
        description: "wasmtime with the optimising compiler cranelift: the fastest guests",
        version: VERSION,
        needs_executable_memory: true,
        writes_perf_map: true,
        samples_guests: true,
        adapter: |options| WasmtimeEngine::create("wasmtime", Compiler::Cranelift, options),
    },
    EngineEntry {
        name: "winch",
        description: "wasmtime with the one-pass compiler winch: ready sooner, slower guests",
        version: VERSION,
        needs_executable_memory: true,
        writes_perf_map: true,
        samples_guests: true,
        adapter: |options| WasmtimeEngine::create("winch", Compiler::Winch, options),
    },
    EngineEntry {
        name: "pulley",
        description: "wasmtime's portable interpreter pulley: no machine code",
        version: VERSION,
        needs_executable_memory: false,
        writes_perf_map: false,
        samples_guests: true,
        adapter: |options| WasmtimeEngine::create("pulley", Compiler::Pulley, options),
    },
];

/// Room on the fiber for the guest's own frames. Deep recursion in real programs needs more than wasmtime's default.
const WASM_STACK_BYTES: usize = 1024 * 1024;

/// The fiber: the guest's frames and those of the hostcalls on top of them.
const FIBER_STACK_BYTES: usize = 2 * 1024 * 1024;

/// How much of the memory that a guest has written stays with its slot for the next guest.
const RESIDENT_MEMORY_BYTES: usize = 1024 * 1024;

/// How much of a table that a guest has used stays with its slot.
const RESIDENT_TABLE_BYTES: usize = 64 * 1024;

/// How often a guest can be interrupted at most.
const SHORTEST_TICK: Duration = Duration::from_micros(10);

/// Programs of at most this size check each access to memory by themselves: see [`checking`].
const SMALL_PROGRAM_BYTES: usize = 4 * 1024 * 1024;

#[derive(Clone, Copy)]
enum Compiler {
    Cranelift,
    Winch,
    Pulley,
}

/// A wasmtime engine.
pub struct WasmtimeEngine {
    name: &'static str,
    options: EngineOptions,
    compiler: Compiler,
    base: Config,
    /// For small programs, where the compiler can have them check each access to memory. Either pool is made for the
    /// first program that needs it, which takes ten milliseconds.
    checking: OnceLock<Option<Allocation>>,
    /// For other programs that fit into a pool slot, as nearly all do.
    pooled: OnceLock<Option<Allocation>>,
    on_demand: Allocation,
    /// Where compiled programs are kept.
    artifacts: Option<ArtifactCache>,
}

/// A wasmtime engine with one way to allocate instances.
#[derive(Clone)]
struct Allocation {
    engine: wasmtime::Engine,
    ticker: Arc<Ticker>,
    /// One permit for each slot of the pool: when all are taken, runs wait for one instead of failing.
    slots: Option<Arc<Semaphore>>,
    /// Where profiles of runs go, if they are wanted.
    profiles: Option<Arc<Profiles>>,
}

impl WasmtimeEngine {
    fn create(
        name: &'static str,
        compiler: Compiler,
        options: &EngineOptions,
    ) -> Result<Arc<dyn Engine>, EngineError> {
        let failed = |error: wasmtime::Error| {
            EngineError(format!("wasmtime cannot be used here: {error:#}"))
        };
        let base = config(compiler, options).map_err(failed)?;
        let profiles = options.guest_profiles.as_ref().map(Profiles::new);
        let profiles = profiles
            .transpose()
            .map_err(|error| EngineError(format!("there is no folder for profiles: {error}")))?;
        Ok(Arc::new(Self {
            name,
            options: options.clone(),
            compiler,
            checking: OnceLock::new(),
            pooled: OnceLock::new(),
            on_demand: Allocation::new(&base, None, options, profiles).map_err(failed)?,
            base,
            artifacts: ArtifactCache::for_engine(options.artifact_folder.as_deref()),
        }))
    }
}

fn config(compiler: Compiler, options: &EngineOptions) -> wasmtime::Result<Config> {
    let mut config = Config::new();
    match compiler {
        Compiler::Cranelift => {
            config.strategy(Strategy::Cranelift);
        }
        Compiler::Winch => {
            config.strategy(Strategy::Winch);
        }
        Compiler::Pulley => {
            config.target(if cfg!(target_pointer_width = "32") {
                "pulley32"
            } else {
                "pulley64"
            })?;
        }
    }
    if options.perf_map {
        config.profiler(ProfilingStrategy::PerfMap);
    }
    // Whoever looks at stacks as often as a profile does has no time to look for their lines.
    let details = match options.guest_profiles {
        Some(_) => WasmBacktraceDetails::Disable,
        None => WasmBacktraceDetails::Enable,
    };
    if options.guest_profiles.is_some() {
        config.wasm_backtrace_max_frames(NonZeroUsize::new(profile::FRAMES_MAX));
    }
    config
        // The limit of a run is on one memory, and objects and exceptions are in another.
        .wasm_multi_memory(false)
        .wasm_gc(false)
        .wasm_exceptions(false)
        // No other engine has them, and hostcalls take addresses of 32 bits.
        .wasm_function_references(false)
        .wasm_memory64(false)
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK_BYTES)
        .async_stack_size(FIBER_STACK_BYTES)
        .memory_init_cow(true)
        .wasm_backtrace_details(details)
        // Only a debugger or a profiler of this process would read it.
        .native_unwind_info(cfg!(windows));
    Ok(config)
}

/// The same for programs that check by themselves whether an access is within their memory, where others rely on pages
/// that cannot be touched.
///
/// Memory that a guest adds may then be touched by the next guest in the same slot as well. Otherwise the system has to
/// be told of every growth, and for the next guest of every shrinking, which interrupts all processors: for a small
/// program, which hardly ever runs for long, that is a third of its time.
fn checking(base: &Config, options: &EngineOptions) -> Config {
    let mut config = base.clone();
    config
        .signals_based_traps(false)
        .memory_guard_size(0)
        .memory_reservation(options.memory_bytes_max)
        .memory_may_move(false);
    config
}

/// The largest pool that this system has the address space for, if any.
fn pooled(
    base: &Config,
    options: &EngineOptions,
    profiles: Option<&Arc<Profiles>>,
) -> Option<Allocation> {
    let mut slots = options.pooled_instances;
    while slots > 0 {
        let mut config = base.clone();
        // A guest that has references to anything but functions takes a second memory, although nothing can be in it: a
        // slot has none, so such a program goes without.
        config.gc_support(false);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(slots, options)));
        match Allocation::new(&config, Some(slots), options, profiles.cloned()) {
            Ok(allocation) => return Some(allocation),
            Err(error) => {
                tracing::debug!(slots, "no room for a pool of instances: {error:#}");
                slots /= 4;
            }
        }
    }
    None
}

fn pool(slots: u32, options: &EngineOptions) -> PoolingAllocationConfig {
    let memory_bytes = usize::try_from(options.memory_bytes_max).unwrap_or(usize::MAX);
    let mut pool = PoolingAllocationConfig::default();
    pool.total_core_instances(slots)
        .total_memories(slots)
        .total_tables(slots)
        .total_stacks(slots)
        .total_gc_heaps(0)
        .max_memory_size(memory_bytes)
        .table_elements(TABLE_ELEMENTS_MAX);
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        // The pages a guest has written are found and reset, instead of given back and faulted in again, which on more
        // than one processor costs an interrupt of the others for each page.
        pool.pagemap_scan(Enabled::Yes)
            .linear_memory_keep_resident(RESIDENT_MEMORY_BYTES)
            .table_keep_resident(RESIDENT_TABLE_BYTES);
    } else {
        // Without knowing which pages were written, all of them would have to be reset, which costs more than faults.
        pool.linear_memory_keep_resident(0).table_keep_resident(0);
    }
    pool
}

impl Allocation {
    fn new(
        config: &Config,
        slots: Option<u32>,
        options: &EngineOptions,
        profiles: Option<Arc<Profiles>>,
    ) -> wasmtime::Result<Self> {
        let engine = wasmtime::Engine::new(config)?;
        let period = options
            .guest_profiles
            .as_ref()
            .map(|profiles| profiles.period);
        let tick = period.map_or(TICK, |period| period.clamp(SHORTEST_TICK, TICK));
        Ok(Self {
            ticker: Arc::new(Ticker::new(engine.clone(), tick)?),
            profiles,
            slots: slots.map(|slots| Arc::new(Semaphore::new(slots as usize))),
            engine,
        })
    }

    fn compile(
        &self,
        wasm: &[u8],
        options: &EngineOptions,
    ) -> Result<WasmtimeProgram, CompileError> {
        let invalid = |error: wasmtime::Error| CompileError::Invalid(format!("{error:#}"));
        let module = Module::new(&self.engine, wasm).map_err(invalid)?;
        self.link(&module, options)
    }

    /// Resolves what a module imports.
    fn link(
        &self,
        module: &Module,
        options: &EngineOptions,
    ) -> Result<WasmtimeProgram, CompileError> {
        let invalid = |error: wasmtime::Error| CompileError::Invalid(format!("{error:#}"));
        let bindings = link(module.imports().map(describe), options.unknown_imports)?;
        let mut linker = Linker::new(&self.engine);
        // A module may import one name more than once.
        linker.allow_shadowing(true);
        for (import, binding) in module.imports().zip(bindings) {
            bind::bind(&mut linker, &import, binding).map_err(invalid)?;
        }
        let entry_point = module.get_export("_start");
        let entry_point = entry_point.as_ref().and_then(ExternType::func);
        if !entry_point.is_some_and(|ty| ty.params().len() == 0 && ty.results().len() == 0) {
            return Err(CompileError::NoEntryPoint);
        }
        let entry_point = module.get_export_index("_start");
        Ok(WasmtimeProgram {
            linked: Arc::new(Linked {
                instance: linker.instantiate_pre(module).map_err(invalid)?,
                entry_point: entry_point.ok_or(CompileError::NoEntryPoint)?,
                memory: module.get_export_index("memory"),
                allocation: self.clone(),
            }),
        })
    }
}

impl WasmtimeEngine {
    /// The pool that has a slot for this program, unless the program is too large for one.
    fn pool(&self, wasm: &[u8]) -> Option<&Allocation> {
        let (base, options) = (&self.base, &self.options);
        let profiles = self.on_demand.profiles.as_ref();
        let is_small = wasm.len() <= SMALL_PROGRAM_BYTES;
        let pool = match self.compiler {
            Compiler::Cranelift if is_small => self
                .checking
                .get_or_init(|| pooled(&checking(base, options), options, profiles)),
            _ => self.pooled.get_or_init(|| pooled(base, options, profiles)),
        };
        pool.as_ref()
    }
}

impl Engine for WasmtimeEngine {
    fn name(&self) -> &'static str {
        self.name
    }

    fn compile(&self, wasm: &[u8]) -> Result<Arc<dyn Program>, CompileError> {
        let on_demand = || self.on_demand.compile(wasm, &self.options);
        let pool = self.pool(wasm);
        let program = match pool {
            Some(pool) => match pool.compile(wasm, &self.options) {
                // A module can be valid and yet not be for a slot: more tables, a larger minimum, other references.
                Err(CompileError::Invalid(_)) => on_demand()?,
                other => other?,
            },
            None => on_demand()?,
        };
        if let Some(artifacts) = &self.artifacts {
            let digest = ProgramDigest::of(wasm);
            stored::keep(artifacts, self.name, &program, pool.is_some(), &digest);
        }
        Ok(Arc::new(program))
    }

    fn load(&self, wasm: &[u8]) -> Option<Arc<dyn Program>> {
        let artifacts = self.artifacts.as_ref()?;
        let digest = ProgramDigest::of(wasm);
        let pool = self.pool(wasm);
        let allocations = pool.into_iter().chain([&self.on_demand]);
        let mut loaded = allocations.filter_map(|allocation| {
            let module = stored::load(artifacts, self.name, allocation, pool.is_some(), &digest)?;
            allocation.link(&module, &self.options).ok()
        });
        let program = loaded.next()?;
        Some(Arc::new(program))
    }
}

/// An import as the core's linker understands it.
fn describe(import: wasmtime::ImportType<'_>) -> Import<'_> {
    let signature = match import.ty() {
        ExternType::Func(ty) => signature(&ty),
        _ => None,
    };
    Import {
        module: import.module(),
        name: import.name(),
        signature,
    }
}

fn signature(ty: &wasmtime::FuncType) -> Option<Signature> {
    let wasm_type = |ty| match ty {
        ValType::I32 => Some(WasmType::I32),
        ValType::I64 => Some(WasmType::I64),
        _ => None,
    };
    Some(Signature {
        parameters: ty.params().map(wasm_type).collect::<Option<_>>()?,
        results: ty.results().map(wasm_type).collect::<Option<_>>()?,
    })
}

/// A program compiled by wasmtime, with its imports resolved.
struct WasmtimeProgram {
    linked: Arc<Linked>,
}

/// What every run of a program shares.
struct Linked {
    instance: InstancePre<GuestState>,
    /// The function `_start`.
    entry_point: ModuleExport,
    /// What is exported as `memory`, if anything is.
    memory: Option<ModuleExport>,
    allocation: Allocation,
}

impl Program for WasmtimeProgram {
    fn run(&self, session: Box<Session>, limits: Limits) -> BoxFuture<'static, Ended> {
        let meter = session.meter().clone();
        Box::pin(meter.measure(run::run(self.linked.clone(), session, limits)))
    }
}
