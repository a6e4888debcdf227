//! The hostcall table, bound to a wasmi linker.

use abi_core::abi;
use abi_core::link::Binding;
use abi_core::table::types::*;
use abi_core::table::{Call, HostcallId, Param};
use abi_core::{Stop, for_each_hostcall};
use wasmi::{Caller, ExternType, ImportType, Linker};

use crate::run::{GuestState, HostError, stopped};

/// Defines what `import` is bound to, under the name by which it is imported.
pub(crate) fn bind(
    linker: &mut Linker<GuestState>,
    import: &ImportType<'_>,
    binding: Binding,
) -> Result<(), wasmi::Error> {
    let (module, name) = (import.module(), import.name());
    match (binding, import.ty()) {
        (Binding::Hostcall(id), _) => BINDERS[usize::from(id.0)](linker, module, name, id)?,
        (Binding::Trap, ExternType::Func(ty)) => {
            let message =
                format!("the program called {module}.{name}, which this host does not have");
            linker.func_new(module, name, ty.clone(), move |_, _, _| {
                Err(stopped(Stop::Trap(message.clone())))
            })?;
        }
        (Binding::Trap, _) => {}
    }
    Ok(())
}

type Binder =
    fn(&mut Linker<GuestState>, &str, &str, HostcallId) -> Result<(), wasmi::errors::LinkerError>;

macro_rules! binder {
    (sync $module:ident $name:ident($($parameter:ident: $ty:ty),*)) => {
        |linker, module, name, id| {
            linker.func_wrap(
                module,
                name,
                move |mut caller: Caller<'_, GuestState>, $($parameter: <$ty as Param>::Wasm),*| {
                    let mut call = lend(&mut caller);
                    let outcome = abi::$module::$name(&mut call, $(<$ty as Param>::lift($parameter)),*);
                    let result = call.complete(id, outcome, || [$(u64::from($parameter)),*]);
                    end_turn_in_time(&mut caller)?;
                    result.map_err(stopped)
                },
            )?;
            Ok(())
        }
    };
    (async $module:ident $name:ident($($parameter:ident: $ty:ty),*)) => {
        |linker, module, name, id| {
            linker.func_wrap(
                module,
                name,
                move |mut caller: Caller<'_, GuestState>, $($parameter: <$ty as Param>::Wasm),*| -> Result<u32, wasmi::Error> {
                    caller.data_mut().pending = Some(Box::new(move |memory, session| {
                        Box::pin(async move {
                            let mut call = Call::new(memory, session);
                            let outcome =
                                abi::$module::$name(&mut call, $(<$ty as Param>::lift($parameter)),*).await;
                            call.complete(id, outcome, || [$(u64::from($parameter)),*])
                        })
                    }));
                    Err(wasmi::Error::host(HostError::Suspended))
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

/// Takes the rest of its fuel from a guest whose turn is over, so that it stops at its next instructions.
#[inline]
fn end_turn_in_time(caller: &mut Caller<'_, GuestState>) -> Result<(), wasmi::Error> {
    match caller.data_mut().turn_ends_with_hostcall() {
        true => caller.set_fuel(0),
        false => Ok(()),
    }
}

/// Borrows memory and session apart for one call.
#[inline]
fn lend<'a>(caller: &'a mut Caller<'_, GuestState>) -> Call<'a> {
    match caller.data().memory {
        Some(memory) => {
            let (bytes, state) = memory.data_and_store_mut(caller);
            Call::new(bytes, &mut state.session)
        }
        None => Call::new(&mut [], &mut caller.data_mut().session),
    }
}
