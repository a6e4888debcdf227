//! Clock, randomness, executor, turns, logs and who sweeps the cache: what a [`Platform`](abi_core::Platform) needs beside backends and stores.

mod background;
mod clock;
mod executor;
mod log_capture;
mod log_files;
mod logs;
mod random;
mod runtime;
mod sweep;
mod terminal;
mod turns;

pub(crate) use background::{BackgroundGuard, BackgroundWriter, in_background};
pub use clock::SystemClock;
pub use executor::TokioExecutor;
pub use log_capture::{CapturedLine, CapturedSource, LogCapture};
pub(crate) use log_files::{LogFiles, check_endpoint};
pub use logs::{LogFormat, LogWriter, TracingLogs};
pub(crate) use logs::{Look, lines};
pub use random::{NoRandomness, SystemRandom};
pub(crate) use runtime::{HyperExecutor, InRuntime};
pub(crate) use sweep::keep_swept;
pub(crate) use terminal::steers;
pub(crate) use turns::Turns;
