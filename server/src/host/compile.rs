//! From a program to one that an engine can run: compiled now, or by an earlier process.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use abi_core::engine::EngineEntry;
use abi_core::{Engine, Program};

use super::deployment::Successor;
use super::patience::Patience;
use super::{HostBuilder, HostError};
use crate::engines::{AUTO, find_engine, shared_engine};
use crate::program::{self, ProgramSource};

/// When it is told that a program is being compiled still.
const TOLD_AFTER: Duration = Duration::from_secs(5);

/// A program that an engine can run.
pub(super) struct Compiled {
    pub program: Arc<dyn Program>,
    pub engine: Option<Arc<dyn Engine>>,
    pub engine_name: &'static str,
    pub time: Duration,
    /// Whether it was compiled by an earlier process.
    pub kept: bool,
    /// What takes its place later.
    pub successor: Option<Successor>,
}

impl Compiled {
    fn new(
        program: Arc<dyn Program>,
        engine: Option<Arc<dyn Engine>>,
        engine_name: &'static str,
    ) -> Self {
        Self {
            program,
            engine,
            engine_name,
            time: Duration::ZERO,
            kept: false,
            successor: None,
        }
    }
}

impl HostBuilder {
    /// Compiles the program on the engine that was asked for.
    pub(super) fn compile(&mut self) -> Result<Compiled, HostError> {
        let source = self.program.take().ok_or(HostError::NoProgram)?;
        let name = format!("{source:?}");
        let unusable = |error| HostError::Program {
            program: name.clone(),
            error,
        };
        let wasm = match &source {
            ProgramSource::Bytes(bytes) => program::to_binary(bytes).map_err(unusable)?,
            ProgramSource::File(file) => Cow::Owned(program::read(file).map_err(unusable)?),
            ProgramSource::Compiled(program, engine_name) => {
                return Ok(Compiled::new(program.clone(), None, engine_name));
            }
        };
        let started = Instant::now();
        let mut compiled = match self.engine.as_deref() {
            Some(AUTO) => self.compile_automatically(&name, &wasm)?,
            engine => self.compile_with(find_engine(engine)?, &name, &wasm)?,
        };
        compiled.time = started.elapsed();
        Ok(compiled)
    }

    /// With what is there at once: what the compiler has kept, or else the interpreter until the compiler is done.
    fn compile_automatically(&self, name: &str, wasm: &[u8]) -> Result<Compiled, HostError> {
        let (Ok(first), Ok(then)) = (find_engine(Some("wasmi")), find_engine(Some("wasmtime")))
        else {
            return self.compile_with(find_engine(None)?, name, wasm);
        };
        let engine = match shared_engine(then, &self.engine_options) {
            Ok(engine) => engine,
            Err(error) => {
                tracing::warn!(
                    "staying on {}: {} does not work here: {error}",
                    first.name,
                    then.name
                );
                return self.compile_with(first, name, wasm);
            }
        };
        if let Some(program) = engine.load(wasm) {
            return Ok(Compiled {
                kept: true,
                ..Compiled::new(program, Some(engine), then.name)
            });
        }
        match self.compile_with(first, name, wasm) {
            Ok(compiled) => Ok(Compiled {
                successor: Some(Successor {
                    wasm: wasm.to_vec(),
                    engine,
                    engine_name: then.name,
                }),
                ..compiled
            }),
            Err(error) => {
                tracing::debug!("{error}");
                self.compile_with(then, name, wasm)
            }
        }
    }

    fn compile_with(
        &self,
        entry: &EngineEntry,
        name: &str,
        wasm: &[u8],
    ) -> Result<Compiled, HostError> {
        let engine_name = entry.name;
        let engine =
            shared_engine(entry, &self.engine_options).map_err(|error| HostError::Engine {
                engine: engine_name,
                error,
            })?;
        let loaded = engine.load(wasm);
        let kept = loaded.is_some();
        let program = match loaded {
            Some(program) => program,
            None => {
                let program = name.to_owned();
                let _told = Patience::new(TOLD_AFTER, move |passed| {
                    let seconds = passed.as_secs();
                    tracing::info!("still compiling {program} on {engine_name} after {seconds} s");
                });
                engine.compile(wasm).map_err(|error| HostError::Compile {
                    program: name.to_owned(),
                    engine: engine_name,
                    error,
                })?
            }
        };
        Ok(Compiled {
            kept,
            ..Compiled::new(program, Some(engine), engine_name)
        })
    }
}
