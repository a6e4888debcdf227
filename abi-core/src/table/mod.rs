//! The hostcall table: every function a guest can import, as data, and what is made from it.
//!
//! The rows are in [`rows`](crate::for_each_hostcall); the functions behind them are ordinary functions in
//! [`crate::abi`], one file a module. From the one list come the metadata here, the binders of the adapters, and
//! `docs/abi.md`. A row and a function that disagree do not compile.

mod decoded;
mod legacy;
mod markdown;
mod rows;
pub mod types;

pub use decoded::ReturnedHostcall;
pub use legacy::legacy_names;
pub use markdown::markdown;

use std::convert::Infallible;

use crate::error::{Error, Result, Stop};
use crate::memory::{GuestPtr, Memory};
use crate::session::Session;
use crate::status::Errno;

/// What a row says about how its function is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Never waits.
    Sync,
    /// May wait.
    Async,
    /// Never waits, and never returns to the guest.
    Exit,
    /// Has no function yet: answers UNSUPPORTED.
    Unsupported,
}

/// A type in a WebAssembly function signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WasmType {
    /// A 32-bit integer, pointer, handle, length or enum.
    I32,
    /// A 64-bit integer.
    I64,
}

/// One parameter of a hostcall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Its type in this crate, as the row spells it.
    pub ty: &'static str,
    /// Its type in WebAssembly.
    pub wasm: WasmType,
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hostcall {
    /// The WebAssembly module it is imported from.
    pub module: &'static str,
    /// The name of the row and of its function.
    pub name: &'static str,
    /// How it is called.
    pub kind: Kind,
    /// Its parameters.
    pub parameters: &'static [Parameter],
}

/// Rows that share an import name with another row, and differ in type: module, row, import name.
const ALTERNATIVES: [(&str, &str, &str); 1] = [(
    "fastly_object_store",
    "pending_insert_wait_with_error",
    "pending_insert_wait",
)];

impl Hostcall {
    /// The name that guests import it by.
    #[must_use]
    pub fn import_name(&self) -> &'static str {
        ALTERNATIVES
            .iter()
            .find(|(module, row, _)| (*module, *row) == (self.module, self.name))
            .map_or(self.name, |(_, _, import_name)| import_name)
    }

    /// Its result types in WebAssembly.
    #[must_use]
    pub fn results(&self) -> &'static [WasmType] {
        match self.kind {
            Kind::Exit => &[],
            Kind::Sync | Kind::Async | Kind::Unsupported => &[WasmType::I32],
        }
    }
}

/// The position of a row in [`HOSTCALLS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HostcallId(pub u16);

impl HostcallId {
    /// The row.
    #[must_use]
    pub fn hostcall(self) -> &'static Hostcall {
        &HOSTCALLS[usize::from(self.0)]
    }
}

macro_rules! kind {
    (sync) => {
        Kind::Sync
    };
    (async) => {
        Kind::Async
    };
    (exit) => {
        Kind::Exit
    };
    (unsupported) => {
        Kind::Unsupported
    };
}

macro_rules! metadata {
    ($($module:ident {
        $($kind:ident $name:ident($($parameter:ident: $ty:ty),* $(,)?);)*
    })*) => {
        /// Every row, in the order of the table.
        pub static HOSTCALLS: &[Hostcall] = &[$($(
            Hostcall {
                module: stringify!($module),
                name: stringify!($name),
                kind: kind!($kind),
                parameters: &[$(Parameter {
                    name: stringify!($parameter),
                    ty: stringify!($ty),
                    wasm: <$ty as Param>::TYPE,
                }),*],
            },
        )*)*];
    };
}

use types::*;
crate::for_each_hostcall!(metadata);

/// A hostcall parameter: how it travels through WebAssembly, and what it is in this crate.
pub trait Param: Sized {
    /// The Rust type by which engines pass it: `u32` or `u64`.
    type Wasm;
    /// The type in a function signature.
    const TYPE: WasmType;

    /// Makes the parameter from what the engine passed. Nothing is checked: that is up to the hostcall.
    fn lift(wasm: Self::Wasm) -> Self;
}

macro_rules! params {
    ($($ty:ty: $wasm:ty = $wasm_type:ident;)*) => {$(
        impl Param for $ty {
            type Wasm = $wasm;
            const TYPE: WasmType = WasmType::$wasm_type;

            #[inline]
            fn lift(wasm: $wasm) -> Self {
                wasm as Self
            }
        }
    )*};
}

params! {
    u32: u32 = I32;
    u64: u64 = I64;
    i64: u64 = I64;
}

impl<T> Param for GuestPtr<T> {
    type Wasm = u32;
    const TYPE: WasmType = WasmType::I32;

    #[inline]
    fn lift(wasm: u32) -> Self {
        Self::new(wasm)
    }
}

/// What a hostcall works with: the guest's memory and the session's state, borrowed apart.
pub struct Call<'a> {
    /// The guest's linear memory; empty when the guest exports none.
    pub memory: Memory<'a>,
    /// Everything the host holds for this run.
    pub session: &'a mut Session,
}

impl<'a> Call<'a> {
    /// A call on borrowed parts.
    #[must_use]
    #[inline]
    pub fn new(memory: &'a mut [u8], session: &'a mut Session) -> Self {
        if session.is_observed() {
            session.note_hostcall_begins();
        }
        Self {
            memory: Memory::new(memory),
            session,
        }
    }

    /// Every hostcall returns through here: the one place where its result becomes a number, and is observed. Its
    /// arguments are asked for only then.
    ///
    /// # Errors
    ///
    /// [`Stop`] when the guest must not go on.
    #[inline]
    pub fn complete<O: Outcome, const N: usize>(
        self,
        id: HostcallId,
        outcome: O,
        arguments: impl FnOnce() -> [u64; N],
    ) -> Result<O::Wasm, Stop> {
        if self.session.is_observed() {
            let (code, error) = (outcome.code(), outcome.error());
            observe(self.memory, self.session, id, (code, error), &arguments());
        }
        outcome.into_wasm()
    }
}

#[cold]
fn observe(
    memory: Memory<'_>,
    session: &mut Session,
    id: HostcallId,
    (code, error): (Option<u32>, Option<&Error>),
    arguments: &[u64],
) {
    session.observe(ReturnedHostcall {
        hostcall: id.hostcall(),
        arguments,
        code,
        error,
        memory: &memory,
        took: session.hostcall_took(),
    });
}

/// What a hostcall function returns, and what becomes of it.
pub trait Outcome: Sized {
    /// What the guest gets: a status, or nothing.
    type Wasm;

    /// The number the guest gets; `None` when the guest ends here.
    fn code(&self) -> Option<u32>;

    /// What went wrong.
    fn error(&self) -> Option<&Error>;

    /// The result for the guest.
    ///
    /// # Errors
    ///
    /// [`Stop`] when the guest must not go on.
    fn into_wasm(self) -> Result<Self::Wasm, Stop>;
}

impl Outcome for Result<()> {
    type Wasm = u32;

    #[inline]
    fn code(&self) -> Option<u32> {
        match self {
            Ok(()) => Some(0),
            Err(error) => error.status().ok().map(|status| status.code()),
        }
    }

    #[inline]
    fn error(&self) -> Option<&Error> {
        self.as_ref().err()
    }

    #[inline]
    fn into_wasm(self) -> Result<u32, Stop> {
        match self {
            Ok(()) => Ok(0),
            Err(error) => Ok(error.status()?.code()),
        }
    }
}

/// The result of a WASI hostcall, which answers with an errno where an XQD hostcall answers with a status.
pub type WasiResult<T = ()> = Result<T, WasiError>;

/// An error of a WASI hostcall.
#[derive(Debug)]
pub struct WasiError(pub Error);

impl<E: Into<Error>> From<E> for WasiError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl Outcome for WasiResult {
    type Wasm = u32;

    #[inline]
    fn code(&self) -> Option<u32> {
        match self {
            Ok(()) => Some(Errno::Success.code()),
            Err(WasiError(error)) => error.errno().ok().map(Errno::code),
        }
    }

    #[inline]
    fn error(&self) -> Option<&Error> {
        self.as_ref().err().map(|error| &error.0)
    }

    #[inline]
    fn into_wasm(self) -> Result<u32, Stop> {
        match self {
            Ok(()) => Ok(Errno::Success.code()),
            Err(WasiError(error)) => Ok(error.errno()?.code()),
        }
    }
}

impl Outcome for Result<Infallible, Stop> {
    type Wasm = ();

    #[inline]
    fn code(&self) -> Option<u32> {
        None
    }

    #[inline]
    fn error(&self) -> Option<&Error> {
        None
    }

    #[inline]
    fn into_wasm(self) -> Result<(), Stop> {
        match self {
            Ok(never) => match never {},
            Err(stop) => Err(stop),
        }
    }
}

/// The function behind every row of the kind `unsupported`.
///
/// # Errors
///
/// Always [`Error::Unsupported`].
pub fn unsupported(_call: &mut Call<'_>) -> Result<()> {
    Err(Error::Unsupported(
        "this hostcall has no semantics here yet",
    ))
}
