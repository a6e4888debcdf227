//! One guest run: an instance, its entry point, the waits in between, and how it ended.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::{Duration, Instant};

use abi_core::engine::{Ended, Exit, Limits, TABLE_ELEMENTS_MAX};
use abi_core::session::Session;
use abi_core::{Stop, give_turn};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use wasmi::errors::{ErrorKind, InstantiationError, MemoryError, TableError};
use wasmi::{Instance, Memory, ResourceLimiter, Store, TrapCode, TypedResumableCall, Val};
use wasmi_core::LimiterError;

use crate::Linked;

/// How much fuel a guest burns before others have their turn: about a millisecond of it.
pub(crate) const FUEL_PER_TURN: u64 = 500_000;

/// How long a guest has its turn if it makes hostcalls: these cost no fuel, and one may take longer than all the
/// instructions of a turn.
const TURN: Duration = Duration::from_millis(1);

/// How much fuel there is for instantiation, where no guest runs: more than enough to copy all that a module brings.
const FUEL_FOR_INSTANTIATION: u64 = 1_000_000_000;

/// What the store carries for a run.
pub(crate) struct GuestState {
    pub session: Box<Session>,
    /// The guest's exported memory, once there is an instance; no guest runs before.
    pub memory: Option<Memory>,
    /// The hostcall for which the guest is suspended.
    pub pending: Option<PendingCall>,
    memory_bytes_max: u64,
    /// When the guest's turn began.
    turn: Instant,
    /// How many hostcalls it has made since its turn was last looked at.
    hostcalls: u32,
}

/// After so many hostcalls the clock is looked at, which takes half as long as a small one.
const HOSTCALLS_PER_LOOK: u32 = 8;

impl GuestState {
    /// Notes a hostcall. Whether others have to have their turn.
    pub(crate) fn turn_ends_with_hostcall(&mut self) -> bool {
        self.hostcalls += 1;
        if self.hostcalls < HOSTCALLS_PER_LOOK {
            return false;
        }
        self.hostcalls = 0;
        self.turn_is_over()
    }

    fn turn_is_over(&self) -> bool {
        self.turn.elapsed() >= TURN
    }
}

/// A hostcall that may wait, with its arguments, before it is given memory and session to work with.
pub(crate) type PendingCall = Box<
    dyn for<'a> FnOnce(&'a mut [u8], &'a mut Session) -> BoxFuture<'a, Result<u32, Stop>>
        + Send
        + Sync,
>;

/// What a host function returns to leave the interpreter.
#[derive(Debug)]
pub(crate) enum HostError {
    /// The guest waits: [`GuestState::pending`] says for what.
    Suspended,
    /// The guest ends here.
    Stopped(Stop),
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Suspended => f.write_str("the guest waits"),
            Self::Stopped(stop) => stop.fmt(f),
        }
    }
}

impl std::error::Error for HostError {}

impl wasmi::errors::HostError for HostError {}

impl ResourceLimiter for GuestState {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> Result<bool, LimiterError> {
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
    ) -> Result<bool, LimiterError> {
        Ok(desired <= TABLE_ELEMENTS_MAX)
    }

    fn memory_grow_failed(&mut self, _error: &MemoryError) -> Result<(), LimiterError> {
        Ok(())
    }

    fn table_grow_failed(&mut self, _error: &TableError) -> Result<(), LimiterError> {
        Ok(())
    }

    fn instances(&self) -> usize {
        1
    }

    fn tables(&self) -> usize {
        100
    }

    fn memories(&self) -> usize {
        1
    }
}

/// Runs a guest to its end. Between two polls the guest stands still in its resumable call; dropping the future drops
/// that call.
pub(crate) async fn run(linked: Arc<Linked>, session: Box<Session>, limits: Limits) -> Ended {
    let state = GuestState {
        session,
        memory: None,
        pending: None,
        memory_bytes_max: limits.memory_bytes,
        turn: Instant::now(),
        hostcalls: 0,
    };
    let mut store = Store::new(linked.module.engine(), state);
    store.limiter(|state| state);

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

async fn start(store: &mut Store<GuestState>, linked: &Linked) -> Result<(), wasmi::Error> {
    store.set_fuel(FUEL_FOR_INSTANTIATION)?;
    let instance = linked
        .linker
        .instantiate_and_start(&mut *store, &linked.module)?;
    store.data_mut().memory = instance.get_memory(&*store, "memory");
    if let Some(start_section) = &linked.start_section {
        call(store, instance, start_section).await?;
    }
    call(store, instance, "_start").await
}

/// Calls an exported function, waits where it waits, and gives others a turn.
async fn call(
    store: &mut Store<GuestState>,
    instance: Instance,
    export: &str,
) -> Result<(), wasmi::Error> {
    let function = instance.get_typed_func::<(), ()>(&*store, export)?;
    begin_turn(store, 0)?;
    let mut progress = function.call_resumable(&mut *store, ())?;
    loop {
        progress = match progress {
            TypedResumableCall::Finished(()) => return Ok(()),
            TypedResumableCall::HostTrap(suspended) => {
                let Some(pending) = store.data_mut().pending.take() else {
                    return Err(stopped(stop_of(suspended.host_error())));
                };
                let (code, waited) = wait(store, pending).await;
                let code = code.map_err(stopped)?;
                if waited {
                    begin_turn(store, 0)?;
                } else if store.data().turn_is_over() {
                    give_turn().await;
                    begin_turn(store, 0)?;
                }
                suspended.resume(&mut *store, &[Val::I32(code.cast_signed())])?
            }
            TypedResumableCall::OutOfFuel(paused) => {
                give_turn().await;
                begin_turn(store, paused.required_fuel())?;
                paused.resume(&mut *store)?
            }
        };
    }
}

/// Begins a turn of the guest, which goes on with something that costs this much fuel.
fn begin_turn(store: &mut Store<GuestState>, required_fuel: u64) -> Result<(), wasmi::Error> {
    store.data_mut().turn = Instant::now();
    store.set_fuel(FUEL_PER_TURN.max(required_fuel))
}

/// Why a host function that does not wait left the interpreter.
fn stop_of(error: &wasmi::Error) -> Stop {
    match error.downcast_ref::<HostError>() {
        Some(HostError::Stopped(stop)) => stop.clone(),
        _ => Stop::Trap(error.to_string()),
    }
}

#[cold]
pub(crate) fn stopped(stop: Stop) -> wasmi::Error {
    wasmi::Error::host(HostError::Stopped(stop))
}

/// Makes a hostcall, and says whether it had to wait, so that others have had their turn.
async fn wait(store: &mut Store<GuestState>, pending: PendingCall) -> (Result<u32, Stop>, bool) {
    let mut call = match store.data().memory {
        Some(memory) => {
            let (bytes, state) = memory.data_and_store_mut(store);
            pending(bytes, &mut state.session)
        }
        None => pending(&mut [], &mut store.data_mut().session),
    };
    let mut waited = false;
    let code = poll_fn(|cx| {
        let polled = call.poll_unpin(cx);
        waited |= polled.is_pending();
        polled
    });
    (code.await, waited)
}

fn exit(error: &wasmi::Error, store: &Store<GuestState>, limits: Limits) -> Exit {
    let message = match (error.downcast_ref::<HostError>(), error.as_trap_code()) {
        (Some(HostError::Stopped(Stop::Exit(code))), _) => return Exit::Exited(*code),
        (Some(error), _) => error.to_string(),
        (None, Some(trap)) => trap.to_string(),
        (None, None) => match error.kind() {
            // A trap by the standard, and on the other engines.
            ErrorKind::Instantiation(InstantiationError::ElementSegmentDoesNotFit { .. }) => {
                TrapCode::TableOutOfBounds.to_string()
            }
            _ => return Exit::Failed(error.to_string()),
        },
    };
    // The interpreter keeps no record of a guest's frames, so there is no backtrace.
    Exit::trapped(message, None, &store.data().session, limits)
}
