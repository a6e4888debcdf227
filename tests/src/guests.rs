//! The guests, and their programs.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};

use abi_core::Program;

use crate::engines;

/// A guest: a file in the folder `guests`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Guest(pub &'static str);

/// Always the same answer.
pub const HELLO: Guest = Guest("hello.wasm");
/// A route for each thing that guests of the Rust SDK do.
pub const ROUTES: Guest = Guest("routes.wasm");
/// Every kind of store, through the Rust SDK.
pub const STORES: Guest = Guest("stores.wasm");
/// Every hostcall without an SDK.
pub const RAW: Guest = Guest("raw.wasm");

/// The folder of the guests.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("guests")
}

impl Guest {
    /// Where it is.
    #[must_use]
    pub fn path(self) -> PathBuf {
        folder().join(self.0)
    }

    /// The module, binary.
    ///
    /// # Panics
    ///
    /// When the file cannot be read or assembled.
    #[must_use]
    pub fn module(self) -> Vec<u8> {
        match wat::parse_file(self.path()) {
            Ok(module) => module,
            Err(error) => panic!("{}: {error}", self.0),
        }
    }

    /// The program on one engine: compiled when it is first asked for, and shared from then on.
    ///
    /// # Panics
    ///
    /// When the engine does not compile it.
    #[must_use]
    pub fn program(self, engine: &'static str) -> Arc<dyn Program> {
        type Compiled = Arc<OnceLock<Arc<dyn Program>>>;
        static PROGRAMS: LazyLock<Mutex<HashMap<(&str, Guest), Compiled>>> =
            LazyLock::new(Mutex::default);

        let mut programs = PROGRAMS.lock().unwrap_or_else(PoisonError::into_inner);
        let program = programs.entry((engine, self)).or_default().clone();
        // Others may be compiled at the same time.
        drop(programs);
        let program =
            program.get_or_init(|| match engines::shared(engine).compile(&self.module()) {
                Ok(program) => program,
                Err(error) => panic!("{engine} does not compile {}: {error}", self.0),
            });
        program.clone()
    }
}
