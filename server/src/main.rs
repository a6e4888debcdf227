//! The program `fastlike`.

#![forbid(unsafe_code)]

use std::process::ExitCode;

/// Requests allocate on every thread and free on another: the system's allocator spends a tenth of a small request on it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    fastlike::cli::main()
}
