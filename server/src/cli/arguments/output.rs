//! Options about what is written.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};
use http::header::HeaderName;

use super::values::maybe_file;
use crate::cli::output;
use crate::host::HostBuilder;
use crate::world::check_endpoint;

/// What is written, and where.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(in crate::cli) struct OutputArguments {
    /// Write guests' standard output as `stdout :: line`.
    #[arg(long)]
    pub log_stdout: bool,

    /// Write guests' standard error as `stderr :: line`.
    #[arg(long)]
    pub log_stderr: bool,

    /// Where a log endpoint goes: to the end of a file, or to standard output.
    ///
    /// Endpoints of which nothing is said go to standard output too, each line with the name before it.
    #[arg(long = "logger", value_name = "NAME[=FILE]", value_parser = logger)]
    pub loggers: Vec<(String, Option<PathBuf>)>,

    /// Where a log endpoint goes: `--logger` by its other name.
    #[arg(long = "log-file", value_name = "NAME[=FILE]", value_parser = logger)]
    pub log_files: Vec<(String, Option<PathBuf>)>,

    /// Say more: -v, -vv, -vvv; RUST_LOG says it in detail.
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,

    /// Say nothing about requests that went well.
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,

    /// How messages are written.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub log_format: MessageFormat,

    /// Write every hostcall: its arguments, what it gave, and how long it took; so does -vvv.
    #[arg(long)]
    pub trace: bool,

    /// The same for requests with a header field of this name.
    #[arg(long, value_name = "NAME", conflicts_with = "trace")]
    pub trace_header: Option<HeaderName>,
}

/// How messages are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum MessageFormat {
    /// A line for people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

impl OutputArguments {
    /// Says to a host where log endpoints go, and what is traced.
    pub(in crate::cli) fn apply(&self, builder: HostBuilder) -> HostBuilder {
        let mut builder = builder.trace(output::trace(self));
        for (name, file) in self.loggers.iter().chain(&self.log_files) {
            // Where nothing is said of an endpoint it is written to standard output already.
            if let Some(file) = file {
                builder = builder.log_file(name, file);
            }
        }
        builder
    }
}

fn logger(text: &str) -> Result<(String, Option<PathBuf>), String> {
    let (name, path) = maybe_file(text)?;
    check_endpoint(&name)?;
    Ok((name, path))
}
