//! Bare wasmtime: instances from a pool, from a module that was linked before, on a fiber, with the settings that fastlike
//! has for programs as small as those of the benches.

use std::sync::Arc;

use abi_core::engine::{EngineOptions, TABLE_ELEMENTS_MAX};
use abi_core::give_turn;
use futures_util::future::BoxFuture;
use wasmtime::{
    Caller, Config, Enabled, Engine, ExternType, ImportType, InstanceAllocationStrategy,
    InstancePre, Linker, Memory, Module, PoolingAllocationConfig, Store, Strategy, Val,
};

use super::{BareProgram, Hostcall, method_get, new, read, status};

pub(super) enum Compiler {
    Cranelift,
    Winch,
    Pulley,
}

struct Program {
    engine: Engine,
    instance: InstancePre<State>,
}

type State = super::State<Memory>;

pub(super) fn program(compiler: Compiler, wasm: &[u8]) -> Arc<dyn BareProgram> {
    let engine = Engine::new(&config(compiler)).expect("the engine works here");
    let module = Module::new(&engine, wasm).expect("the program can be compiled");
    let mut linker = Linker::new(&engine);
    linker.allow_shadowing(true);
    for import in module.imports() {
        define(&mut linker, &import).expect("every import can be defined");
    }
    let instance = linker
        .instantiate_pre(&module)
        .expect("the program can be linked");
    Arc::new(Program { engine, instance })
}

/// As fastlike has it. Nothing advances the epoch here, for no guest runs so long; its checks are there all the same.
fn config(compiler: Compiler) -> Config {
    let mut config = Config::new();
    match &compiler {
        Compiler::Cranelift => config.strategy(Strategy::Cranelift),
        Compiler::Winch => config.strategy(Strategy::Winch),
        Compiler::Pulley => config.target("pulley64").expect("the target exists"),
    };
    config
        .epoch_interruption(true)
        .max_wasm_stack(1024 * 1024)
        .async_stack_size(2 * 1024 * 1024)
        .memory_init_cow(true)
        .native_unwind_info(cfg!(windows));
    let options = EngineOptions::default();
    if let Compiler::Cranelift = compiler {
        // The program checks each access to memory by itself.
        config
            .signals_based_traps(false)
            .memory_guard_size(0)
            .memory_reservation(options.memory_bytes_max)
            .memory_may_move(false);
    }
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(&options)));
    config
}

fn pool(options: &EngineOptions) -> PoolingAllocationConfig {
    let slots = options.pooled_instances;
    let mut pool = PoolingAllocationConfig::default();
    pool.total_core_instances(slots)
        .total_memories(slots)
        .total_tables(slots)
        .total_stacks(slots)
        .total_gc_heaps(1)
        .max_memory_size(options.memory_bytes_max as usize)
        .table_elements(TABLE_ELEMENTS_MAX);
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        pool.pagemap_scan(Enabled::Yes)
            .linear_memory_keep_resident(1024 * 1024)
            .table_keep_resident(64 * 1024);
    }
    pool
}

fn define(linker: &mut Linker<State>, import: &ImportType<'_>) -> wasmtime::Result<()> {
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
                    &state.methods,
                    request,
                    buffer,
                    capacity,
                    written_out,
                ))
            },
        ),
        Hostcall::Read => linker.func_wrap_async(
            module,
            name,
            |mut caller: Caller<'_, State>, (_, _, _, read_out): (u32, u32, u32, u32)| {
                Box::new(async move { status(read(lend(&mut caller).0, read_out)) })
            },
        ),
        Hostcall::SchedYield => {
            linker.func_wrap_async(module, name, |_: Caller<'_, State>, (): ()| {
                Box::new(async {
                    give_turn().await;
                    0u32
                })
            })
        }
        Hostcall::Other => {
            let ExternType::Func(ty) = import.ty() else {
                return Ok(());
            };
            linker.func_new(module, name, ty, |_, _, results| {
                results.fill(Val::I32(0));
                Ok(())
            })
        }
    }?;
    Ok(())
}

fn lend<'a>(caller: &'a mut Caller<'_, State>) -> (&'a mut [u8], &'a mut State) {
    match caller.data().memory {
        Some(memory) => memory.data_and_store_mut(caller),
        None => (&mut [], caller.data_mut()),
    }
}

impl BareProgram for Program {
    fn run(&self) -> BoxFuture<'static, ()> {
        let mut store = Store::new(&self.engine, State::default());
        store.set_epoch_deadline(1);
        let instance = self.instance.clone();
        Box::pin(async move {
            let instance = instance
                .instantiate_async(&mut store)
                .await
                .expect("there is room");
            store.data_mut().memory = instance.get_memory(&mut store, "memory");
            let start = instance.get_typed_func::<(), ()>(&mut store, "_start");
            let start = start.expect("the program has an entry point");
            start
                .call_async(&mut store, ())
                .await
                .expect("the guest returns");
        })
    }
}
