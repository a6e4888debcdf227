//! What can be written on the command line.
//!
//! Each group of options has a file: what can be written, how, and what it says to a host.

mod backends;
mod caching;
mod clients;
mod guest;
mod limits;
mod output;
mod stores;
#[cfg(test)]
mod tests;
mod values;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use clap::builder::Resettable;
use clap::{Arg, Args, Parser, Subcommand};

use super::Failure;
use super::bench::BenchArguments;
use super::cache::CacheCommandArguments;
use super::drop_in::{AdaptArguments, DropInArguments};
use super::generate::{CompletionsArguments, ManArguments};
use super::inspect::InspectArguments;
use crate::engines::engines;
use crate::host::{Host, HostBuilder};
use backends::BackendArguments;
pub(super) use backends::backend;
use caching::CachingArguments;
use clients::ClientArguments;
pub(super) use guest::CacheArguments;
use guest::GuestArguments;
use limits::LimitArguments;
pub(super) use output::{MessageFormat, OutputArguments};
use stores::StoreArguments;
use values::address;
pub(super) use values::whole_number;

/// The version, and with which engines this program was built.
static LONG_VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut text = env!("CARGO_PKG_VERSION").to_owned();
    for engine in engines() {
        text.push_str(&format!("\n{} {}", engine.name, engine.version));
    }
    text
});

/// Runs Fastly Compute programs on this machine, on wasmtime, wasmer or wasmi.
#[derive(Debug, Parser)]
#[command(
    name = "fastlike",
    version,
    long_version = LONG_VERSION.as_str(),
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "What has a name may be given several times: backends, stores, loggers, variables, keys."
)]
pub(super) struct CommandLine {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub serve: ServeArguments,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve a program over HTTP; the default.
    Serve(Box<ServeArguments>),
    /// Run a program once, as a command: its arguments, its output, its exit code.
    #[command(mut_args = hidden_where_nothing_is_served)]
    Run(Box<RunArguments>),
    /// Look at the compiled programs that are kept, or remove them.
    Cache(CacheCommandArguments),
    /// List the engines this program was built with.
    Engines,
    /// Say what a program is made of, and whether it can be run here.
    Inspect(InspectArguments),
    /// Compare the engines on a program and a request.
    Bench(Box<BenchArguments>),
    /// Write a completion script for a shell.
    Completions(CompletionsArguments),
    /// Write a page of the manual.
    Man(ManArguments),
    /// Make a component of a program, as Viceroy does, which is not needed here.
    #[command(hide = true)]
    Adapt(AdaptArguments),
}

#[derive(Debug, Args)]
pub(super) struct ServeArguments {
    /// The program: a WebAssembly module, binary or text.
    #[arg(value_name = "PROGRAM", required = true)]
    pub program: Option<PathBuf>,

    /// The engine; `fastlike engines` lists them [default: auto].
    ///
    /// `auto` begins on wasmi and goes over to wasmtime when that has compiled the program.
    #[arg(long, value_name = "NAME")]
    pub engine: Option<String>,

    /// Where to listen; port 0 takes any free one.
    #[arg(
        long,
        alias = "bind",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:7676",
        value_parser = address
    )]
    pub addr: SocketAddr,

    /// A fastly.toml with backends and stores. What options say goes before it.
    #[arg(short = 'C', long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Go over to the program and its configuration anew when one of their files changes.
    ///
    /// Requests on their way end with what they began with; what cannot be used is told, and the old one stays. SIGHUP does
    /// the same once.
    #[arg(long)]
    pub watch: bool,

    #[command(flatten)]
    pub backends: BackendArguments,

    #[command(flatten)]
    pub stores: StoreArguments,

    #[command(flatten)]
    pub clients: ClientArguments,

    #[command(flatten)]
    pub caching: CachingArguments,

    #[command(flatten)]
    pub guest: GuestArguments,

    #[command(flatten)]
    pub limits: LimitArguments,

    #[command(flatten)]
    pub output: OutputArguments,

    #[command(flatten)]
    pub drop_in: DropInArguments,
}

impl ServeArguments {
    /// A host of which is said what these arguments say.
    pub(super) fn builder(&self) -> Result<HostBuilder, Failure> {
        self.drop_in.check()?;
        let mut builder = Host::builder();
        if let Some(program) = &self.program {
            builder = builder
                .program(program.clone())
                .arguments(vec![stem(program)]);
        }
        if let Some(engine) = &self.engine {
            builder = builder.engine(engine);
        }
        if let Some(config) = &self.config {
            builder = builder.config(config);
        }
        let builder = self.limits.apply(self.caching.apply(builder));
        let builder = self.output.apply(self.guest.apply(builder));
        let builder = self.clients.apply(self.backends.apply(builder))?;
        self.stores.apply(builder)
    }
}

#[derive(Debug, Args)]
pub(super) struct RunArguments {
    #[command(flatten)]
    pub serve: ServeArguments,

    /// The program's arguments.
    #[arg(
        value_name = "ARGUMENT",
        // It is in no group of options.
        help_heading = Resettable::Reset,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub arguments: Vec<String>,
}

/// What only matters where clients connect. `run` takes it, since command lines are shared, and does not list it.
fn hidden_where_nothing_is_served(argument: Arg) -> Arg {
    let is_for_serving = matches!(
        argument.get_id().as_str(),
        "addr"
            | "watch"
            | "tls_cert"
            | "tls_key"
            | "tls_self_signed"
            | "tls_client_ca"
            | "client_ip_header"
            | "fake_fastly_keys"
            | "enable_client_purge"
            | "drain_timeout"
            | "send_timeout"
            | "idle_timeout"
            | "on_disconnect"
            | "trace_header"
    );
    let is_hidden = is_for_serving || argument.is_hide_set();
    let argument = argument.hide(is_hidden);
    if argument.get_id() != "engine" {
        return argument;
    }
    // A command that ends soon has nothing of being compiled twice.
    argument
        .help("The engine; `fastlike engines` lists them [default: wasmtime]")
        .long_help(None)
}

/// The name by which a guest knows its own program.
pub(super) fn stem(program: &Path) -> String {
    let stem = program.file_stem().unwrap_or(program.as_os_str());
    stem.to_string_lossy().into_owned()
}
