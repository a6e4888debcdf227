//! The hostcall table, bound to a wasmtime linker.

use abi_core::abi;
use abi_core::link::Binding;
use abi_core::table::types::*;
use abi_core::table::{Call, HostcallId, Param};
use abi_core::{Stop, for_each_hostcall};
use wasmtime::{Caller, ExternType, ImportType, Linker};

use crate::rest::Rest;
use crate::run::GuestState;

/// Defines what `import` is bound to, under the name by which it is imported.
pub(crate) fn bind(
    linker: &mut Linker<GuestState>,
    import: &ImportType<'_>,
    binding: Binding,
) -> wasmtime::Result<()> {
    let (module, name) = (import.module(), import.name());
    match (binding, import.ty()) {
        (Binding::Hostcall(id), _) => BINDERS[usize::from(id.0)](linker, module, name, id),
        (Binding::Trap, ExternType::Func(ty)) => {
            let message =
                format!("the program called {module}.{name}, which this host does not have");
            linker.func_new(module, name, ty, move |_, _, _| {
                Err(stopped(Stop::Trap(message.clone())))
            })?;
            Ok(())
        }
        (Binding::Trap, _) => Ok(()),
    }
}

type Binder = fn(&mut Linker<GuestState>, &str, &str, HostcallId) -> wasmtime::Result<()>;

macro_rules! binder {
    (sync $module:ident $name:ident($($parameter:ident: $ty:ty),*)) => {
        |linker, module, name, id| {
            linker.func_wrap(
                module,
                name,
                move |mut caller: Caller<'_, GuestState>, $($parameter: <$ty as Param>::Wasm),*| {
                    let mut call = lend(&mut caller);
                    let outcome = abi::$module::$name(&mut call, $(<$ty as Param>::lift($parameter)),*);
                    call.complete(id, outcome, || [$(u64::from($parameter)),*]).map_err(stopped)
                },
            )?;
            Ok(())
        }
    };
    (async $module:ident $name:ident($($parameter:ident: $ty:ty),*)) => {
        |linker, module, name, id| {
            linker.func_wrap_async(
                module,
                name,
                move |mut caller: Caller<'_, GuestState>, ($($parameter,)*): ($(<$ty as Param>::Wasm,)*)| {
                    Box::new(async move {
                        let (mut call, rest) = lend_to_wait(&mut caller);
                        let waits = abi::$module::$name(&mut call, $(<$ty as Param>::lift($parameter)),*);
                        let outcome = rest.during(waits).await;
                        call.complete(id, outcome, || [$(u64::from($parameter)),*]).map_err(stopped)
                    })
                },
            )?;
            Ok(())
        }
    };
    (exit $($row:tt)*) => {
        binder!(sync $($row)*)
    };
    (unsupported $module:ident $name:ident($($parameter:ident: $ty:ty),*)) => {
        |linker, module, name, id| {
            linker.func_wrap(
                module,
                name,
                move |mut caller: Caller<'_, GuestState>, $($parameter: <$ty as Param>::Wasm),*| {
                    let mut call = lend(&mut caller);
                    let outcome = abi_core::table::unsupported(&mut call);
                    call.complete(id, outcome, || [$(u64::from($parameter)),*]).map_err(stopped)
                },
            )?;
            Ok(())
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

/// Borrows memory and session apart for one call.
#[inline]
fn lend<'a>(caller: &'a mut Caller<'_, GuestState>) -> Call<'a> {
    let (memory, state) = parts(caller);
    Call::new(memory, &mut state.session)
}

/// The same for a call that may wait, with what the guest gives back when it waits for long.
fn lend_to_wait<'a>(caller: &'a mut Caller<'_, GuestState>) -> (Call<'a>, Rest<'a>) {
    let (memory, state) = parts(caller);
    let rest = Rest::new(memory, &state.meter);
    (Call::new(memory, &mut state.session), rest)
}

#[inline]
fn parts<'a>(caller: &'a mut Caller<'_, GuestState>) -> (&'a mut [u8], &'a mut GuestState) {
    let memory = match caller.data().memory {
        Some(memory) => Some(memory),
        None => find_memory(caller),
    };
    match memory {
        Some(memory) => memory.data_and_store_mut(caller),
        None => (&mut [], caller.data_mut()),
    }
}

/// Looks the memory up once, and keeps it: this is also reached from a start section, before there is an instance.
#[cold]
fn find_memory(caller: &mut Caller<'_, GuestState>) -> Option<wasmtime::Memory> {
    let memory = caller.get_export("memory")?.into_memory();
    caller.data_mut().memory = memory;
    memory
}

#[cold]
fn stopped(stop: Stop) -> wasmtime::Error {
    wasmtime::Error::new(stop)
}
