//! Bare wasmi: functions that wait leave the interpreter with an error, and the call is resumed.

use std::fmt;
use std::sync::Arc;

use abi_core::give_turn;
use futures_util::future::BoxFuture;
use wasmi::{
    Caller, CompilationMode, Config, CustomFuelCosts, Engine, ExternType, ImportType, Linker,
    Memory, Module, OperatorCost, Store, TypedResumableCall, Val,
};

use super::{BareProgram, Hostcall, method_get, new, read, status};

/// More than any guest here burns.
const FUEL: u64 = 1 << 40;

struct Program {
    shared: Arc<(Module, Linker<State>)>,
}

#[derive(Default)]
struct State {
    guest: super::State<Memory>,
    pending: Option<Pending>,
}

/// What the guest waits for.
enum Pending {
    Read { read_out: u32 },
    SchedYield,
}

/// Leaves the interpreter.
#[derive(Debug)]
struct Suspended;

impl fmt::Display for Suspended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("suspended")
    }
}

impl wasmi::errors::HostError for Suspended {}

pub(super) fn program(wasm: &[u8]) -> Arc<dyn BareProgram> {
    let engine = Engine::new(&config());
    let module = Module::new(&engine, wasm).expect("the program can be compiled");
    let mut linker = Linker::new(&engine);
    linker.allow_shadowing(true);
    for import in module.imports() {
        define(&mut linker, &import).expect("every import can be defined");
    }
    let shared = Arc::new((module, linker));
    Arc::new(Program { shared })
}

/// As fastlike has it.
fn config() -> Config {
    let mut config = Config::default();
    config
        .consume_fuel(true)
        .fuel_cost(CustomFuelCosts {
            bytes_copied_per_fuel: 64,
            fuel_per_bytes_translated: 0,
            fuel_per_bytes_validated: 0,
        })
        .operator_cost(OperatorCost {
            memory_grow: u8::MAX,
            table_grow: u8::MAX,
            ..OperatorCost::default()
        })
        .compilation_mode(CompilationMode::LazyTranslation)
        .ignore_custom_sections(true)
        .set_max_stack_height(4 * 1024 * 1024)
        .set_max_recursion_depth(32 * 1024)
        .set_max_cached_stacks(64);
    config
}

fn define(
    linker: &mut Linker<State>,
    import: &ImportType<'_>,
) -> Result<(), wasmi::errors::LinkerError> {
    let (module, name) = (import.module(), import.name());
    match Hostcall::of(module, name) {
        Hostcall::New => {
            linker.func_wrap(module, name, |mut caller: Caller<'_, State>, out: u32| {
                status(new(lend(&mut caller).0, out))
            })
        }
        Hostcall::MethodGet => linker.func_wrap(
            module,
            name,
            |mut caller: Caller<'_, State>,
             request: u32,
             buffer: u32,
             capacity: u32,
             written_out: u32| {
                let (memory, state) = lend(&mut caller);
                status(method_get(
                    memory,
                    &state.guest.methods,
                    request,
                    buffer,
                    capacity,
                    written_out,
                ))
            },
        ),
        Hostcall::Read => linker.func_wrap(
            module,
            name,
            |mut caller: Caller<'_, State>, _: u32, _: u32, _: u32, read_out: u32| {
                suspend(&mut caller, Pending::Read { read_out })
            },
        ),
        Hostcall::SchedYield => linker.func_wrap(module, name, |mut caller: Caller<'_, State>| {
            suspend(&mut caller, Pending::SchedYield)
        }),
        Hostcall::Other => {
            let ExternType::Func(ty) = import.ty() else {
                return Ok(());
            };
            linker.func_new(module, name, ty.clone(), |_, _, results| {
                results.fill(Val::I32(0));
                Ok(())
            })
        }
    }?;
    Ok(())
}

fn suspend(caller: &mut Caller<'_, State>, pending: Pending) -> Result<u32, wasmi::Error> {
    caller.data_mut().pending = Some(pending);
    Err(wasmi::Error::host(Suspended))
}

fn lend<'a>(caller: &'a mut Caller<'_, State>) -> (&'a mut [u8], &'a mut State) {
    match caller.data().guest.memory {
        Some(memory) => memory.data_and_store_mut(caller),
        None => (&mut [], caller.data_mut()),
    }
}

impl BareProgram for Program {
    fn run(&self) -> BoxFuture<'static, ()> {
        let shared = self.shared.clone();
        Box::pin(async move {
            let (module, linker) = &*shared;
            let mut store = Store::new(module.engine(), State::default());
            store.set_fuel(FUEL).expect("fuel is switched on");
            let instance = linker.instantiate_and_start(&mut store, module);
            let instance = instance.expect("the program can be instantiated");
            store.data_mut().guest.memory = instance.get_memory(&store, "memory");
            let start = instance.get_typed_func::<(), ()>(&store, "_start");
            let start = start.expect("the program has an entry point");
            let mut progress = start
                .call_resumable(&mut store, ())
                .expect("the guest starts");
            while let TypedResumableCall::HostTrap(suspended) = progress {
                let code = wait(&mut store).await;
                let resumed = suspended.resume(&mut store, &[Val::I32(code.cast_signed())]);
                progress = resumed.expect("the guest goes on");
            }
        })
    }
}

async fn wait(store: &mut Store<State>) -> u32 {
    match (store.data_mut().pending.take(), store.data().guest.memory) {
        (Some(Pending::Read { read_out }), Some(memory)) => {
            status(read(memory.data_mut(store), read_out))
        }
        (Some(Pending::SchedYield), _) => {
            give_turn().await;
            0
        }
        _ => 1,
    }
}
