//! The program `fastlike`, for the tests that run it as a process.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    fastlike::cli::main()
}
