//! One guest run: an instance, its entry point, and how it ended.

use std::sync::Arc;

use abi_core::engine::{Ended, Exit, Limits, TABLE_ELEMENTS_MAX};
use abi_core::session::Session;
use abi_core::{CpuMeter, Stop};
use wasmtime::{
    Extern, Memory, ModuleExport, ResourceLimiter, Store, StoreContextMut, Trap, UpdateDeadline,
    WasmBacktrace,
};

use crate::Linked;
use crate::profile::Sampler;

/// What the store carries for a run.
pub(crate) struct GuestState {
    pub session: Box<Session>,
    /// The clock of the session's run.
    pub meter: Arc<CpuMeter>,
    /// The guest's exported memory, once something has asked for it.
    pub memory: Option<Memory>,
    memory_bytes_max: u64,
    /// The profile of the run, if one is wanted.
    sampler: Option<Box<Sampler>>,
}

impl ResourceLimiter for GuestState {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let allowed = desired as u64 <= self.memory_bytes_max;
        if !allowed {
            self.session.note_memory_limit();
        }
        Ok(allowed)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS_MAX)
    }
}

/// Runs a guest to its end. Between two polls the guest stands still on its fiber; dropping the future unwinds it.
pub(crate) async fn run(linked: Arc<Linked>, session: Box<Session>, limits: Limits) -> Ended {
    let allocation = &linked.allocation;
    // Declared before the store, so that the slot is given back after the instance in it is gone.
    let _slot = match &allocation.slots {
        Some(slots) => Some(slots.acquire().await),
        None => None,
    };
    let _running = allocation.ticker.start();
    let state = GuestState {
        meter: session.meter().clone(),
        session,
        memory: None,
        memory_bytes_max: limits.memory_bytes,
        sampler: allocation
            .profiles
            .as_ref()
            .map(|profiles| Box::new(profiles.begin())),
    };
    let mut store = Store::new(&allocation.engine, state);
    store.limiter(|state| state);
    store.set_epoch_deadline(1);
    match allocation.profiles {
        Some(_) => store.epoch_deadline_callback(|store| Ok(sample(store))),
        None => store.epoch_deadline_async_yield_and_update(1),
    }

    let exit = match start(&mut store, &linked).await {
        Ok(()) => Exit::Returned,
        Err(error) => exit(&error, &store, limits),
    };
    let memory = store.data().memory;
    Ended {
        exit,
        memory_bytes: memory.map_or(0, |memory| memory.data_size(&store) as u64),
    }
}

/// Notes where the guest is, and says how it goes on.
fn sample(mut store: StoreContextMut<'_, GuestState>) -> UpdateDeadline {
    let Some(mut sampler) = store.data_mut().sampler.take() else {
        return UpdateDeadline::Yield(1);
    };
    let is_turn = sampler.sample(&store);
    store.data_mut().sampler = Some(sampler);
    match is_turn {
        true => UpdateDeadline::Yield(1),
        false => UpdateDeadline::Continue(1),
    }
}

async fn start(store: &mut Store<GuestState>, linked: &Linked) -> wasmtime::Result<()> {
    let instance = linked.instance.instantiate_async(&mut *store).await?;
    let mut export = |export: &ModuleExport| instance.get_module_export(&mut *store, export);
    let memory = linked.memory.as_ref().and_then(&mut export);
    let entry_point = export(&linked.entry_point).and_then(Extern::into_func);
    store.data_mut().memory = memory.and_then(Extern::into_memory);
    // It was looked at when the program was linked.
    let entry_point = entry_point.ok_or_else(|| wasmtime::Error::msg("there is no `_start`"))?;
    let entry_point = entry_point.typed::<(), ()>(&*store)?;
    entry_point.call_async(store, ()).await
}

fn exit(error: &wasmtime::Error, store: &Store<GuestState>, limits: Limits) -> Exit {
    let message = match (error.downcast_ref::<Stop>(), error.downcast_ref::<Trap>()) {
        (Some(Stop::Exit(code)), _) => return Exit::Exited(*code),
        (Some(stop), _) => stop.to_string(),
        (None, Some(trap)) => trap_message(*trap),
        (None, None) => return Exit::Failed(format!("{error:#}")),
    };
    let backtrace = error.downcast_ref::<WasmBacktrace>().map(frames);
    Exit::trapped(message, backtrace, &store.data().session, limits)
}

fn trap_message(trap: Trap) -> String {
    let message = trap.to_string();
    match message.strip_prefix("wasm trap: ") {
        Some(message) => message.to_owned(),
        None => message,
    }
}

fn frames(backtrace: &WasmBacktrace) -> String {
    let frames = backtrace.frames().iter().enumerate();
    let lines: Vec<_> = frames
        .map(|(index, frame)| {
            let symbol = frame.symbols().iter().find_map(|symbol| symbol.name());
            match symbol.or(frame.func_name()) {
                Some(name) => format!("{index}: {}", demangled(name)),
                None => format!("{index}: function {}", frame.func_index()),
            }
        })
        .collect();
    lines.join("\n")
}

pub(crate) fn demangled(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}
