//! The program `fastlike`.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    fastlike::cli::main()
}
