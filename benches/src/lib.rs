//! What a hostcall, an instance and a request cost, beside the same work on the bare engine.
//!
//! A map of the modules:
//!
//! * [`guests`]: the programs that are run;
//! * [`host`]: how fastlike runs them, in the world of a benchmark;
//! * [`bare`]: how each engine runs them without fastlike;
//! * [`measure`]: both, beside each other, by criterion; [`report`]: the ratios.

pub mod bare;
mod drive;
pub mod guests;
pub mod host;
pub mod measure;
pub mod report;
mod world;

pub use drive::drive;

/// That of the program `fastlike`, for both sides.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
