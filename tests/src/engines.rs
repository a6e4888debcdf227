//! The engines under test.

use std::sync::{Arc, Mutex, PoisonError};

use abi_core::Engine;
use abi_core::engine::{EngineEntry, EngineOptions};
use fastlike::engines::{find_engine, shared_engine};

/// Every engine, by name. A case runs on all of them.
pub const NAMES: [&str; 6] = [
    "wasmtime",
    "winch",
    "pulley",
    "wasmer",
    "wasmer-singlepass",
    "wasmi",
];

/// The table entry of an engine.
///
/// # Panics
///
/// When it was not compiled in: the suite is about all engines.
#[must_use]
pub fn entry(name: &str) -> &'static EngineEntry {
    match find_engine(Some(name)) {
        Ok(entry) => entry,
        Err(error) => panic!("{error}"),
    }
}

/// The engine that all tests share.
///
/// # Panics
///
/// When it does not work here.
#[must_use]
pub fn shared(name: &str) -> Arc<dyn Engine> {
    /// An engine is shared as long as somebody has it.
    static KEPT: Mutex<Vec<Arc<dyn Engine>>> = Mutex::new(Vec::new());

    match shared_engine(entry(name), &EngineOptions::default()) {
        Ok(engine) => {
            let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push(engine.clone());
            engine
        }
        Err(error) => panic!("{name}: {error}"),
    }
}
