//! One guest run: an instance, its entry point, and how it ended.

use std::sync::Arc;

use abi_core::Stop;
use abi_core::engine::{Ended, Exit, Limits};
use abi_core::session::Session;
use wasmer::sys::{BaseTunables, NativeEngineExt};
use wasmer::{
    AsStoreRef, Engine, Extern, FrameInfo, FunctionEnv, Instance, InstantiationError, Memory,
    Module, RuntimeError, Store,
};

use crate::bind::Bound;
use crate::memory::{Refused, RunTunables};
use crate::stop::Control;

/// The most frames of a backtrace that are kept. Runaway recursion has tens of thousands.
const FRAMES_MAX: usize = 100;

/// A compiled program.
pub(crate) struct Compiled {
    pub module: Module,
    pub engine: Engine,
    /// What its imports are bound to, in their order.
    pub imports: Vec<Bound>,
    /// What its start section is exported as, if it has one.
    pub start_section: Option<String>,
}

/// What the store carries for a run.
pub(crate) struct Guest {
    pub session: Box<Session>,
    /// The guest's exported memory.
    pub memory: Option<Memory>,
    pub control: Arc<Control>,
}

/// Runs a guest to its end on the calling thread, which its hostcalls block.
pub(crate) fn run(
    program: &Compiled,
    session: Box<Session>,
    limits: Limits,
    control: &Arc<Control>,
) -> Ended {
    let meter = session.meter().clone();
    meter.start();
    let refused = Refused::default();
    let mut engine = program.engine.clone();
    let tunables = BaseTunables::for_target(engine.target());
    engine.set_tunables(RunTunables::new(
        tunables,
        limits.memory_bytes,
        refused.clone(),
    ));
    let mut store = Store::new(engine);
    control.attach(&mut store);
    let guest = Guest {
        session,
        memory: None,
        control: control.clone(),
    };
    let env = FunctionEnv::new(&mut store, guest);
    let result = start(program, &mut store, &env);
    meter.stop();
    let guest = env.as_mut(&mut store);
    if refused.get() {
        guest.session.note_memory_limit();
    }
    let exit = match result {
        Ok(()) => Exit::Returned,
        Err(Failure::Trapped(error)) => exit(&error, &guest.session, limits),
        Err(Failure::NotStarted(why)) => Exit::Failed(why),
    };
    let memory = guest.memory.clone();
    Ended {
        exit,
        memory_bytes: memory.map_or(0, |memory| memory.view(&store).data_size()),
    }
}

enum Failure {
    NotStarted(String),
    Trapped(RuntimeError),
}

impl From<RuntimeError> for Failure {
    fn from(error: RuntimeError) -> Self {
        Self::Trapped(error)
    }
}

impl From<InstantiationError> for Failure {
    fn from(error: InstantiationError) -> Self {
        match error {
            InstantiationError::Start(error) => Self::Trapped(error),
            error => Self::NotStarted(error.to_string()),
        }
    }
}

fn start(program: &Compiled, store: &mut Store, env: &FunctionEnv<Guest>) -> Result<(), Failure> {
    let imports = program.imports.iter();
    let imports: Vec<Extern> = imports
        .map(|import| import.function(store, env).into())
        .collect();
    let instance = Instance::new_by_index(store, &program.module, &imports)?;
    let memory = instance.exports.get_memory("memory").ok().cloned();
    env.as_mut(store).memory = memory;
    if let Some(start_section) = &program.start_section {
        call(store, &instance, env, start_section)?;
    }
    call(store, &instance, env, "_start")
}

fn call(
    store: &mut Store,
    instance: &Instance,
    env: &FunctionEnv<Guest>,
    name: &str,
) -> Result<(), Failure> {
    let function = instance.exports.get_typed_function::<(), ()>(store, name);
    let function = function.map_err(|error| Failure::NotStarted(error.to_string()))?;
    let cancelled = env.as_ref(&store.as_store_ref()).control.check();
    cancelled.map_err(|stop| RuntimeError::user(Box::new(stop)))?;
    Ok(function.call(store)?)
}

fn exit(error: &RuntimeError, session: &Session, limits: Limits) -> Exit {
    let message = match error.downcast_ref::<Stop>() {
        Some(Stop::Exit(code)) => return Exit::Exited(*code),
        Some(stop) => stop.to_string(),
        None => error.message(),
    };
    Exit::trapped(message, backtrace(error.trace()), session, limits)
}

fn backtrace(frames: &[FrameInfo]) -> Option<String> {
    let kept = frames.iter().take(FRAMES_MAX).enumerate();
    let mut lines: Vec<_> = kept.map(|(index, frame)| line(index, frame)).collect();
    if frames.len() > FRAMES_MAX {
        lines.push(format!("and {} more", frames.len() - FRAMES_MAX));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn line(index: usize, frame: &FrameInfo) -> String {
    match frame.function_name() {
        Some(name) => format!("{index}: {:#}", rustc_demangle::demangle(name)),
        None => format!("{index}: function {}", frame.func_index()),
    }
}
