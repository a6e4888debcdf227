//! Runs Compute programs on wasmi, an interpreter: no machine code, ready at once, slower guests.
//!
//! * [`ENGINES`]: the engine, by name; [`WasmiEngine`]: the engine;
//! * `bind`: the hostcall table, bound to a linker;
//! * `run`: one guest run;
//! * `growth`: why there is a bound on how often memories and tables grow in a row.

#![forbid(unsafe_code)]

mod bind;
mod growth;
mod run;

use std::sync::Arc;

use abi_core::engine::{
    CompileError, Ended, Engine, EngineEntry, EngineError, EngineOptions, Limits, Program,
};
use abi_core::link::{Import, Signature, link};
use abi_core::session::Session;
use abi_core::start_section;
use abi_core::table::WasmType;
use futures_util::future::BoxFuture;
use wasmi::{CompilationMode, Config, CustomFuelCosts, ExternType, Linker, Module, ValType};

use crate::run::GuestState;

/// The version of wasmi, which this crate is for and no other.
const VERSION: &str = "2.0.0";

/// The engine of this crate.
pub const ENGINES: &[EngineEntry] = &[EngineEntry {
    name: "wasmi",
    description: "the interpreter wasmi: no machine code, ready at once, slower guests",
    version: VERSION,
    needs_executable_memory: false,
    writes_perf_map: false,
    samples_guests: false,
    adapter: WasmiEngine::create,
}];

/// Room for the guest's own frames. Deep recursion in real programs needs more than wasmi's default.
const STACK_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How many calls of the guest may be under way at once.
const CALL_DEPTH_MAX: usize = 32 * 1024;

/// What costs fuel besides instructions. Translating a function costs none: a guest that runs out of fuel there cannot be
/// resumed, and what is translated once is not the guest's work anyway.
const FUEL_COSTS: CustomFuelCosts = CustomFuelCosts {
    bytes_copied_per_fuel: 64,
    fuel_per_bytes_translated: 0,
    fuel_per_bytes_validated: 0,
};

/// How many stacks are kept for later runs.
const CACHED_STACKS: usize = 64;

/// A wasmi engine.
pub struct WasmiEngine {
    engine: wasmi::Engine,
    options: EngineOptions,
}

impl WasmiEngine {
    fn create(options: &EngineOptions) -> Result<Arc<dyn Engine>, EngineError> {
        let mut config = Config::default();
        config
            // Fuel is what makes a running guest give others a turn, and an endless one stop.
            .consume_fuel(true)
            // The limit of a run is on one.
            .wasm_multi_memory(false)
            .fuel_cost(FUEL_COSTS)
            .operator_cost(growth::operator_cost())
            .compilation_mode(CompilationMode::LazyTranslation)
            .ignore_custom_sections(true)
            .set_max_stack_height(STACK_BYTES_MAX)
            .set_max_recursion_depth(CALL_DEPTH_MAX)
            .set_max_cached_stacks(CACHED_STACKS);
        Ok(Arc::new(Self {
            engine: wasmi::Engine::new(&config),
            options: options.clone(),
        }))
    }
}

impl Engine for WasmiEngine {
    fn name(&self) -> &'static str {
        ENGINES[0].name
    }

    fn compile(&self, wasm: &[u8]) -> Result<Arc<dyn Program>, CompileError> {
        growth::check(wasm)?;
        let deferred =
            start_section::deferred(wasm, |wasm| Module::validate(&self.engine, wasm).is_ok());
        let module = Module::new(&self.engine, &deferred.wasm[..])
            .map_err(|error| CompileError::Invalid(error.to_string()))?;
        let bindings = link(module.imports().map(describe), self.options.unknown_imports)?;
        let mut linker = Linker::new(&self.engine);
        // A module may import one name more than once.
        linker.allow_shadowing(true);
        for (import, binding) in module.imports().zip(bindings) {
            bind::bind(&mut linker, &import, binding)
                .map_err(|error| CompileError::Invalid(error.to_string()))?;
        }
        match module.get_export("_start") {
            Some(ExternType::Func(ty)) if ty.params().is_empty() && ty.results().is_empty() => {}
            _ => return Err(CompileError::NoEntryPoint),
        }
        Ok(Arc::new(WasmiProgram {
            shared: Arc::new(Linked {
                module,
                linker,
                start_section: deferred.export,
            }),
        }))
    }
}

/// An import as the core's linker understands it.
fn describe(import: wasmi::ImportType<'_>) -> Import<'_> {
    let signature = match import.ty() {
        ExternType::Func(ty) => signature(ty),
        _ => None,
    };
    Import {
        module: import.module(),
        name: import.name(),
        signature,
    }
}

fn signature(ty: &wasmi::FuncType) -> Option<Signature> {
    let wasm_type = |ty: &ValType| match ty {
        ValType::I32 => Some(WasmType::I32),
        ValType::I64 => Some(WasmType::I64),
        _ => None,
    };
    Some(Signature {
        parameters: ty.params().iter().map(wasm_type).collect::<Option<_>>()?,
        results: ty.results().iter().map(wasm_type).collect::<Option<_>>()?,
    })
}

/// A module with a linker that holds what it imports and nothing else.
struct Linked {
    module: Module,
    linker: Linker<GuestState>,
    /// What its start section is exported as, if it has one.
    start_section: Option<String>,
}

struct WasmiProgram {
    shared: Arc<Linked>,
}

impl Program for WasmiProgram {
    fn run(&self, session: Box<Session>, limits: Limits) -> BoxFuture<'static, Ended> {
        let meter = session.meter().clone();
        Box::pin(meter.measure(run::run(self.shared.clone(), session, limits)))
    }
}
