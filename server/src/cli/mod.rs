//! The command line.

mod arguments;
mod bench;
mod cache;
mod drop_in;
mod engines;
mod generate;
mod inspect;
mod lines;
mod mistaken;
mod output;
mod profile;
mod reload;
mod run;
mod serve;
mod signals;
mod table;
mod watch;

use std::ffi::OsStr;
use std::process::ExitCode;

use clap::Parser;

use arguments::{Command, CommandLine};

/// Reads the command line, and does what it says.
#[must_use]
pub fn main() -> ExitCode {
    let first = std::env::args_os().nth(1);
    let first = first.as_deref().and_then(OsStr::to_str);
    let line = CommandLine::try_parse_from(drop_in::with_two_dashes(std::env::args_os()))
        .unwrap_or_else(|error| mistaken::explained(error, first).exit());
    let done = match line.command {
        Some(Command::Run(arguments)) => run::run(*arguments),
        Some(Command::Cache(arguments)) => cache::run(&arguments),
        Some(Command::Engines) => engines::list(),
        Some(Command::Inspect(arguments)) => inspect::run(&arguments),
        Some(Command::Bench(arguments)) => bench::run(&arguments),
        Some(Command::Completions(arguments)) => generate::completions(arguments),
        Some(Command::Man(arguments)) => generate::man(&arguments),
        Some(Command::Adapt(arguments)) => Err(arguments.refusal()),
        Some(Command::Serve(arguments)) => serve::serve(*arguments),
        None => serve::serve(line.serve),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            output::error(&*error);
            ExitCode::FAILURE
        }
    }
}

/// Whatever stops the program, in words for whoever started it.
type Failure = Box<dyn std::error::Error + Send + Sync>;
