//! What an engine adapter implements: [`Engine`] compiles, [`Program`] runs.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::session::Session;

/// One way to compile and run programs.
pub trait Engine: Send + Sync {
    /// The name by which users choose it.
    fn name(&self) -> &'static str;

    /// Compiles a WebAssembly module and resolves its imports.
    ///
    /// It blocks, and there is no bound on how long: a compiler that optimises may take minutes for a function of megabytes,
    /// and cannot be stopped.
    ///
    /// # Errors
    ///
    /// [`CompileError`] when the module is not valid or cannot be linked.
    fn compile(&self, wasm: &[u8]) -> Result<Arc<dyn Program>, CompileError>;

    /// What [`compile`](Self::compile) kept of a module when it compiled it before: in this process or another, in the
    /// folder that [`EngineOptions::artifact_folder`] names. `None` when nothing can be used.
    fn load(&self, wasm: &[u8]) -> Option<Arc<dyn Program>> {
        let _ = wasm;
        None
    }
}

/// How long a guest stands still before its adapter may take away what it does not need meanwhile.
///
/// A run that waits is polled after this time although nothing has happened, and then again at growing intervals of eight
/// times as much at most: [`CpuMeter::stood_still`](crate::CpuMeter::stood_still) says for how long it has waited.
pub const REST_AFTER: Duration = Duration::from_secs(1);

/// A compiled program.
pub trait Program: Send + Sync {
    /// Makes an instance, runs its entry point, and says how it ended.
    ///
    /// The guest runs while the future is polled (or, on an engine that cannot suspend a guest, on a thread of its own),
    /// and gives other work a turn every few milliseconds. Dropping the future stops the guest.
    fn run(&self, session: Box<Session>, limits: Limits) -> BoxFuture<'static, Ended>;
}

/// An engine that a binary was built with: one row of the table that `--engine` chooses from.
#[derive(Clone, Copy)]
pub struct EngineEntry {
    /// The name by which users choose it.
    pub name: &'static str,
    /// What it is, in one line.
    pub description: &'static str,
    /// The version of the library that it comes from.
    pub version: &'static str,
    /// Whether it makes machine code at run time, which some systems forbid.
    pub needs_executable_memory: bool,
    /// Whether it can do what [`EngineOptions::perf_map`] says.
    pub writes_perf_map: bool,
    /// Whether it can do what [`EngineOptions::guest_profiles`] says.
    pub samples_guests: bool,
    /// Makes the engine as the adapter has it. [`create`](Self::create) gives one that can be used.
    pub adapter: fn(&EngineOptions) -> Result<Arc<dyn Engine>, EngineError>,
}

impl EngineEntry {
    /// Makes the engine.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when it does not work here.
    pub fn create(&self, options: &EngineOptions) -> Result<Arc<dyn Engine>, EngineError> {
        Ok(Arc::new(BoundedEngine {
            adapter: (self.adapter)(options)?,
            memory_bytes_max: options.memory_bytes_max,
        }))
    }
}

/// An engine of which no run gets more memory than its options allow: what adapters lay out for an instance depends on it.
struct BoundedEngine {
    adapter: Arc<dyn Engine>,
    memory_bytes_max: u64,
}

impl BoundedEngine {
    fn bounded(&self, program: Arc<dyn Program>) -> Arc<dyn Program> {
        Arc::new(BoundedProgram {
            program,
            memory_bytes_max: self.memory_bytes_max,
        })
    }
}

impl Engine for BoundedEngine {
    fn name(&self) -> &'static str {
        self.adapter.name()
    }

    fn compile(&self, wasm: &[u8]) -> Result<Arc<dyn Program>, CompileError> {
        Ok(self.bounded(self.adapter.compile(wasm)?))
    }

    fn load(&self, wasm: &[u8]) -> Option<Arc<dyn Program>> {
        Some(self.bounded(self.adapter.load(wasm)?))
    }
}

struct BoundedProgram {
    program: Arc<dyn Program>,
    memory_bytes_max: u64,
}

impl Program for BoundedProgram {
    fn run(&self, session: Box<Session>, limits: Limits) -> BoxFuture<'static, Ended> {
        let memory_bytes = limits.memory_bytes.min(self.memory_bytes_max);
        let limits = Limits {
            memory_bytes,
            ..limits
        };
        self.program.run(session, limits)
    }
}

impl fmt::Debug for EngineEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineEntry")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What holds for every program of an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineOptions {
    /// What to do about imports that no hostcall answers to.
    pub unknown_imports: UnknownImports,
    /// The most linear memory that any program of this engine will be given, in bytes. A run's own limit may be lower; a
    /// higher one counts as this.
    pub memory_bytes_max: u64,
    /// How many instances there is room for, on an engine that pools them. More than that wait for one another. Room is
    /// address space, not memory.
    pub pooled_instances: u32,
    /// How many threads guests may block at once, on an engine that cannot suspend them.
    pub guest_threads_max: usize,
    /// Where compiled programs are kept for later processes, by an engine that can do that; `None` keeps none.
    pub artifact_folder: Option<PathBuf>,
    /// Tell `perf` the names of guests' functions, in the file `/tmp/perf-PID.map`. Only for an engine whose entry
    /// [`writes_perf_map`](EngineEntry::writes_perf_map).
    pub perf_map: bool,
    /// Look time and again in which functions guests are, and write that down for each run. Only for an engine whose entry
    /// [`samples_guests`](EngineEntry::samples_guests); guests are slower meanwhile.
    pub guest_profiles: Option<GuestProfiles>,
}

/// Profiles of guest runs, in the format of the Firefox Profiler
/// ([processed profiles](https://github.com/firefox-devtools/profiler/blob/main/docs-developer/processed-profile-format.md)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestProfiles {
    /// Where they are written to.
    pub place: ProfilePlace,
    /// The time from one look to the next; the system may look more seldom, and no engine more often than each 10 µs.
    pub period: Duration,
}

/// Where profiles of guest runs are written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProfilePlace {
    /// Each to a file of its own in this folder, which is made where it is not there.
    Folder(PathBuf),
    /// To this file, where only one run is expected: a later one takes the place of an earlier one.
    File(PathBuf),
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            unknown_imports: UnknownImports::default(),
            memory_bytes_max: Limits::default().memory_bytes,
            pooled_instances: 4_000,
            guest_threads_max: 256,
            artifact_folder: None,
            perf_map: false,
            guest_profiles: None,
        }
    }
}

/// What to do about imports that no hostcall answers to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownImports {
    /// Refuse the program, and name them all.
    #[default]
    Refuse,
    /// Run the program, and trap when one is called.
    Trap,
}

/// The most elements of a table on any engine. Programs with many functions need large ones.
pub const TABLE_ELEMENTS_MAX: usize = 98_765;

/// What one run may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory, in bytes. A guest that asks for more is refused the growth.
    pub memory_bytes: u64,
    /// Time from start to end, waiting included.
    pub wall: Duration,
    /// Time during which the guest itself runs.
    pub cpu: Duration,
    /// Requests that it may send to backends for one request of its client; nothing is any number. What is sent beyond is
    /// refused with LIMITEXCEEDED.
    pub subrequests: Option<u32>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 128 * 1024 * 1024,
            wall: Duration::from_secs(120),
            cpu: Duration::from_secs(60),
            subrequests: None,
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Why.
    pub exit: Exit,
    /// The size of linear memory at the end, in bytes.
    pub memory_bytes: u64,
}

/// Why a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// The entry point returned.
    Returned,
    /// The guest called `proc_exit` with this code.
    Exited(u32),
    /// The guest trapped.
    Trapped {
        /// What happened, in one line.
        message: String,
        /// The guest's frames, innermost first, one a line, where the engine knows them.
        backtrace: Option<String>,
    },
    /// The run took longer than [`Limits::wall`].
    OutOfTime,
    /// The guest ran for longer than [`Limits::cpu`].
    OutOfCpu,
    /// The run could not begin; the text says why. The guest is not at fault.
    Failed(String),
}

impl Exit {
    /// A trap, with a word about memory where the guest was refused some: most programs answer that with a trap.
    #[must_use]
    pub fn trapped(
        mut message: String,
        backtrace: Option<String>,
        session: &Session,
        limits: Limits,
    ) -> Self {
        if session.memory_limit_reached() {
            let mebibytes = limits.memory_bytes >> 20;
            message.push_str(" (the guest had reached its memory limit of ");
            message.push_str(&format!("{mebibytes} MiB)"));
        }
        Self::Trapped { message, backtrace }
    }

    /// Whether the guest ended as it meant to.
    #[must_use]
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Returned | Self::Exited(0))
    }

    /// Whether the guest was stopped because of a limit on its time.
    #[must_use]
    pub fn is_limit(&self) -> bool {
        matches!(self, Self::OutOfTime | Self::OutOfCpu)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Returned => f.write_str("the guest returned"),
            Self::Exited(code) => write!(f, "the guest exited with code {code}"),
            Self::Trapped { message, .. } => write!(f, "the guest trapped: {message}"),
            Self::OutOfTime => {
                f.write_str("the guest was stopped: it took longer than its time limit")
            }
            Self::OutOfCpu => {
                f.write_str("the guest was stopped: it ran for longer than its CPU limit")
            }
            Self::Failed(why) => write!(f, "the guest could not be started: {why}"),
        }
    }
}

/// Why an engine could not be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineError(pub String);

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EngineError {}

/// Why a program could not be compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CompileError {
    /// The bytes are not a module this engine accepts; the text is the engine's.
    Invalid(String),
    /// The module imports what no hostcall answers to.
    Imports(crate::link::LinkError),
    /// The module exports no function `_start` without parameters and results.
    NoEntryPoint,
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(why) => write!(f, "not a program that can be run: {why}"),
            Self::Imports(error) => error.fmt(f),
            Self::NoEntryPoint => f.write_str(
                "the module exports no function `_start`; a Compute program is built as a WASI command",
            ),
        }
    }
}

impl std::error::Error for CompileError {}

impl From<crate::link::LinkError> for CompileError {
    fn from(error: crate::link::LinkError) -> Self {
        Self::Imports(error)
    }
}
