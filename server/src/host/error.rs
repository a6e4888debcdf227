//! Why a host could not be made.

use std::path::PathBuf;

use abi_core::engine::{CompileError, EngineError};

use crate::config::ConfigError;
use crate::engines::UnknownEngine;
use crate::program::ProgramError;
use crate::stores::StoreError;
use crate::world::NoRandomness;

/// Why a host could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// No program was given.
    #[error("no program was given; `HostBuilder::program` takes one")]
    NoProgram,
    /// The program cannot be read.
    #[error("{program}: {error}")]
    Program {
        /// Its file, or what else it was given as.
        program: String,
        /// Why.
        error: ProgramError,
    },
    /// The program cannot be compiled.
    #[error("{program}: {}{error}", whose_word(error, engine))]
    Compile {
        /// Its file, or what else it was given as.
        program: String,
        /// The engine.
        engine: &'static str,
        /// Why.
        error: CompileError,
    },
    /// There is no such engine.
    #[error(transparent)]
    UnknownEngine(#[from] UnknownEngine),
    /// The engine does not work here.
    #[error("the engine {engine} does not work here: {error}")]
    Engine {
        /// The engine.
        engine: &'static str,
        /// Why.
        error: EngineError,
    },
    /// The configuration is not valid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Something was said of a backend that there is not.
    #[error("there is no backend `{backend}` whose host could be overridden; {known}")]
    UnknownBackend {
        /// Its name.
        backend: String,
        /// Those that there are.
        known: String,
    },
    /// A KV store cannot be opened.
    #[error("the KV store `{store}` cannot be opened: {error}")]
    KvStore {
        /// Its name.
        store: String,
        /// Why.
        error: StoreError,
    },
    /// Guests cannot write to a log endpoint of this name.
    #[error("the log endpoint `{endpoint}`: {error}")]
    LogEndpoint {
        /// Its name.
        endpoint: String,
        /// Why.
        error: String,
    },
    /// The file of a log endpoint cannot be written to.
    #[error(
        "{} cannot be written to, for the log endpoint `{endpoint}`: {error}{}",
        file.display(),
        if error.kind() == std::io::ErrorKind::NotFound { "; its folder has to be there" } else { "" }
    )]
    LogFile {
        /// Its name.
        endpoint: String,
        /// The file.
        file: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The operating system gives no randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// Compiling was stopped in the middle.
    #[error("compiling was interrupted: {0}")]
    Interrupted(tokio::task::JoinError),
}

/// What goes before what an engine says of a program. What no engine could run has nothing to do with which one it is.
fn whose_word(error: &CompileError, engine: &str) -> String {
    match error {
        CompileError::Imports(_) | CompileError::NoEntryPoint => String::new(),
        _ => format!("the engine {engine} cannot compile it: "),
    }
}
