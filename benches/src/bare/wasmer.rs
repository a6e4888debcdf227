//! Bare wasmer: functions are made anew for each store, and those that wait block the thread.
//!
//! A guest that waits blocks its thread, because wasmer cannot suspend it. Whoever asks for it serves others meanwhile, so
//! the guest is handed to a thread of a pool and its end handed back, on both sides of the comparison.

use std::sync::Arc;

use abi_core::give_turn;
use futures_util::future::BoxFuture;
use http::Method;
use wasmer::sys::{CompilerConfig, Cranelift, EngineBuilder, Singlepass};
use wasmer::{
    Engine, Extern, ExternType, Function, FunctionEnv, FunctionEnvMut, FunctionType, Instance,
    Memory, Module, Store, Type, Value,
};

use super::{BareProgram, Hostcall, method_get, new, read, status};
use crate::drive;

pub(super) enum Compiler {
    Cranelift,
    Singlepass,
}

struct Program {
    engine: Engine,
    module: Module,
    imports: Vec<(Hostcall, FunctionType)>,
}

type State = super::State<Memory>;

pub(super) fn program(compiler: Compiler, wasm: &[u8]) -> Arc<dyn BareProgram> {
    let compiler: Box<dyn CompilerConfig> = match compiler {
        Compiler::Cranelift => Box::new(Cranelift::new()),
        Compiler::Singlepass => Box::new(Singlepass::new()),
    };
    let engine: Engine = EngineBuilder::new(compiler).engine().into();
    let module = Module::new(&engine, wasm).expect("the program can be compiled");
    let imports = module.imports().map(|import| match import.ty() {
        ExternType::Function(ty) => (Hostcall::of(import.module(), import.name()), ty.clone()),
        other => panic!("a guest imports functions only, not {other:?}"),
    });
    let imports = imports.collect();
    Arc::new(SharedProgram(Arc::new(Program {
        engine,
        module,
        imports,
    })))
}

struct SharedProgram(Arc<Program>);

impl BareProgram for SharedProgram {
    fn run(&self) -> BoxFuture<'static, ()> {
        let program = self.0.clone();
        Box::pin(blocking::unblock(move || program.run()))
    }
}

impl Program {
    fn run(&self) {
        let mut store = Store::new(self.engine.clone());
        let env = FunctionEnv::new(&mut store, State::default());
        let imports = self.imports.iter();
        let imports: Vec<Extern> = imports
            .map(|(hostcall, ty)| function(&mut store, &env, *hostcall, ty).into())
            .collect();
        let instance = Instance::new_by_index(&mut store, &self.module, &imports);
        let instance = instance.expect("the program can be instantiated");
        env.as_mut(&mut store).memory = instance.exports.get_memory("memory").ok().cloned();
        let start = instance
            .exports
            .get_typed_function::<(), ()>(&store, "_start");
        let start = start.expect("the program has an entry point");
        start.call(&mut store).expect("the guest returns");
    }
}

fn function(
    store: &mut Store,
    env: &FunctionEnv<State>,
    hostcall: Hostcall,
    ty: &FunctionType,
) -> Function {
    type Env<'a> = FunctionEnvMut<'a, State>;
    match hostcall {
        Hostcall::New => Function::new_typed_with_env(store, env, |env: Env<'_>, out: u32| {
            with_memory(env, |memory, _| new(memory, out))
        }),
        Hostcall::MethodGet => Function::new_typed_with_env(
            store,
            env,
            |env: Env<'_>, request: u32, buffer: u32, capacity: u32, written_out: u32| {
                with_memory(env, |memory, methods| {
                    method_get(memory, methods, request, buffer, capacity, written_out)
                })
            },
        ),
        Hostcall::Read => Function::new_typed_with_env(
            store,
            env,
            |env: Env<'_>, _: u32, _: u32, _: u32, read_out: u32| {
                drive(async { with_memory(env, |memory, _| read(memory, read_out)) })
            },
        ),
        Hostcall::SchedYield => Function::new_typed_with_env(store, env, |_: Env<'_>| {
            drive(give_turn());
            0u32
        }),
        Hostcall::Other => nothing(store, env, ty),
    }
}

/// Serves a call with the guest's memory, as a slice.
fn with_memory(
    mut env: FunctionEnvMut<'_, State>,
    f: impl FnOnce(&mut [u8], &[Method]) -> Option<()>,
) -> u32 {
    let (state, store) = env.data_and_store_mut();
    let Some(memory) = &state.memory else {
        return status(None);
    };
    let view = memory.view(&store);
    #[allow(unsafe_code, reason = "lending memory as a slice has no safe form")]
    // SAFETY: the guest waits for this call, its memory is not shared, and `f` has no access to the store.
    let bytes = unsafe { view.data_unchecked_mut() };
    status(f(bytes, &state.methods))
}

/// A function that does nothing. Making one of a type known at compile time is cheaper, and so are all those of
/// fastlike: every signature that the SDK's guests import is one of these, or is made the slow way.
fn nothing(store: &mut Store, env: &FunctionEnv<State>, ty: &FunctionType) -> Function {
    macro_rules! of_i32 {
        ($($parameter:ty)*) => {
            Function::new_typed_with_env(store, env, |_: FunctionEnvMut<'_, State>, $(_: $parameter),*| 0u32)
        };
    }
    let all_i32 = ty.params().iter().all(|ty| *ty == Type::I32);
    match (ty.params().len(), ty.results()) {
        (0, [Type::I32]) => of_i32!(),
        (1, [Type::I32]) if all_i32 => of_i32!(u32),
        (2, [Type::I32]) if all_i32 => of_i32!(u32 u32),
        (3, [Type::I32]) if all_i32 => of_i32!(u32 u32 u32),
        (4, [Type::I32]) if all_i32 => of_i32!(u32 u32 u32 u32),
        (5, [Type::I32]) if all_i32 => of_i32!(u32 u32 u32 u32 u32),
        (6, [Type::I32]) if all_i32 => of_i32!(u32 u32 u32 u32 u32 u32),
        (7, [Type::I32]) if all_i32 => of_i32!(u32 u32 u32 u32 u32 u32 u32),
        (8, [Type::I32]) if all_i32 => of_i32!(u32 u32 u32 u32 u32 u32 u32 u32),
        _ => {
            let results = ty.results().len();
            Function::new(store, ty, move |_| Ok(vec![Value::I32(0); results]))
        }
    }
}
