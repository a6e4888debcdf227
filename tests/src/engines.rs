//! The engines under test.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use abi_core::Engine;
use abi_core::engine::{EngineEntry, EngineOptions};

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
    match fastlike::engines::find_engine(Some(name)) {
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
pub fn shared(name: &str) -> &'static Arc<dyn Engine> {
    static ENGINES: LazyLock<HashMap<&str, Shared>> =
        LazyLock::new(|| NAMES.iter().map(|name| (*name, lazy(name))).collect());
    &ENGINES[name]
}

type Create = Box<dyn FnOnce() -> Arc<dyn Engine> + Send>;
type Shared = LazyLock<Arc<dyn Engine>, Create>;

fn lazy(name: &'static str) -> Shared {
    LazyLock::new(Box::new(move || {
        let create = entry(name).create;
        match create(&EngineOptions::default()) {
            Ok(engine) => engine,
            Err(error) => panic!("{name}: {error}"),
        }
    }))
}
