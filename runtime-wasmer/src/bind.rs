//! The hostcall table, bound to a wasmer store.

use abi_core::abi;
use abi_core::link::Binding;
use abi_core::table::types::*;
use abi_core::table::{Call, HostcallId, Param};
use abi_core::{Stop, for_each_hostcall};
use wasmer::{
    ExternType, Function, FunctionEnv, FunctionEnvMut, FunctionType, ImportType, RuntimeError,
    Store,
};

use crate::memory::lend;
use crate::run::Guest;
use crate::stop::Control;

/// What an import of a program is bound to. The function itself belongs to a store, so each run makes its own.
pub(crate) enum Bound {
    Hostcall(HostcallId),
    Trap { ty: FunctionType, message: String },
}

impl Bound {
    pub(crate) fn new(import: &ImportType, binding: Binding) -> Self {
        match (binding, import.ty()) {
            (Binding::Hostcall(id), _) => Self::Hostcall(id),
            (Binding::Trap, ty) => Self::Trap {
                ty: match ty {
                    ExternType::Function(ty) => ty.clone(),
                    // The core's linker refuses imports that are not functions.
                    _ => FunctionType::new([], []),
                },
                message: format!(
                    "the program called {}.{}, which this host does not have",
                    import.module(),
                    import.name()
                ),
            },
        }
    }

    /// Makes the function.
    pub(crate) fn function(&self, store: &mut Store, env: &FunctionEnv<Guest>) -> Function {
        match self {
            Self::Hostcall(id) => BINDERS[usize::from(id.0)](store, env, *id),
            Self::Trap { ty, message } => {
                let stop = Stop::Trap(message.clone());
                Function::new(store, ty, move |_| {
                    Err(RuntimeError::user(Box::new(stop.clone())))
                })
            }
        }
    }
}

type Binder = fn(&mut Store, &FunctionEnv<Guest>, HostcallId) -> Function;

macro_rules! binder {
    (sync $module:ident $name:ident($($parameter:ident: $ty:ty),*)) => {
        |store, env, id| {
            Function::new_typed_with_env(
                store,
                env,
                move |mut env: FunctionEnvMut<'_, Guest>, $($parameter: <$ty as Param>::Wasm),*| {
                    enter(&mut env, |mut call, _| {
                        let outcome = abi::$module::$name(&mut call, $(<$ty as Param>::lift($parameter)),*);
                        call.complete(id, outcome, || [$(u64::from($parameter)),*])
                    })
                },
            )
        }
    };
    (async $module:ident $name:ident($($parameter:ident: $ty:ty),*)) => {
        |store, env, id| {
            Function::new_typed_with_env(
                store,
                env,
                move |mut env: FunctionEnvMut<'_, Guest>, $($parameter: <$ty as Param>::Wasm),*| {
                    enter(&mut env, |mut call, control| {
                        let executor = call.session.platform().executor.clone();
                        let meter = call.session.meter().clone();
                        let outcome = control.wait(
                            &*executor,
                            &meter,
                            abi::$module::$name(&mut call, $(<$ty as Param>::lift($parameter)),*),
                        )?;
                        call.complete(id, outcome, || [$(u64::from($parameter)),*])
                    })
                },
            )
        }
    };
    (exit $($row:tt)*) => {
        binder!(sync $($row)*)
    };
    (unsupported $module:ident $name:ident($($parameter:ident: $ty:ty),*)) => {
        |store, env, id| {
            Function::new_typed_with_env(
                store,
                env,
                move |mut env: FunctionEnvMut<'_, Guest>, $($parameter: <$ty as Param>::Wasm),*| {
                    enter(&mut env, |mut call, _| {
                        let outcome = abi_core::table::unsupported(&mut call);
                        call.complete(id, outcome, || [$(u64::from($parameter)),*])
                    })
                },
            )
        }
    };
}

macro_rules! binders {
    ($($module:ident {
        $($kind:ident $name:ident($($parameter:ident: $ty:ty),* $(,)?);)*
    })*) => {
        static BINDERS: &[Binder] = &[$($(
            binder!($kind $module $name($($parameter: $ty),*)),
        )*)*];
    };
}

for_each_hostcall!(binders);

/// Serves one call with memory and session borrowed apart.
fn enter<R>(
    env: &mut FunctionEnvMut<'_, Guest>,
    serve: impl FnOnce(Call<'_>, &Control) -> Result<R, Stop>,
) -> Result<R, Stop> {
    let (guest, mut store) = env.data_and_store_mut();
    let Guest {
        session,
        memory,
        control,
    } = guest;
    let result = lend(memory.as_ref(), &mut store, |memory| {
        serve(Call::new(memory, session), control)
    });
    // Last, and always: `stop` relies on it.
    control.check()?;
    result
}
