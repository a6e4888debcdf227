//! Options about what guests run with.

use std::path::PathBuf;

use abi_core::engine::UnknownImports;
use clap::{Args, ValueEnum};

use super::values::pair;
use crate::cli::cache;
use crate::cli::profile::Profile;
use crate::host::HostBuilder;

/// What guests run with.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Program")]
pub(in crate::cli) struct GuestArguments {
    /// An environment variable of the guest.
    #[arg(long = "env", value_name = "KEY=VALUE", value_parser = pair)]
    pub environment: Vec<(String, String)>,

    /// What to do about imports that are not there.
    #[arg(long, value_enum, value_name = "WHAT", default_value_t)]
    pub unknown_import_behavior: UnknownImportBehavior,

    /// Show where guests spend their time: `perfmap` for `perf`, `guest[,PLACE[,PERIOD]]` for the Firefox Profiler.
    ///
    /// `perfmap` writes the names of functions for `perf record`. `guest` looks at every guest each 50 µs, or each PERIOD
    /// (`200us`, `1ms`), and writes a file for each request to the folder PLACE, or to the file PLACE for `run`; it is what
    /// https://profiler.firefox.com opens. The engines of wasmtime can do both.
    #[arg(long, value_name = "KIND")]
    pub profile: Option<Profile>,

    #[command(flatten)]
    pub cache: CacheArguments,
}

/// Whether and where compiled programs are kept.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct CacheArguments {
    /// Where compiled programs are kept, not in `fastlike cache dir`.
    #[arg(long, value_name = "FOLDER")]
    pub cache_dir: Option<PathBuf>,

    /// Keep no compiled programs, and use none.
    #[arg(long, conflicts_with = "cache_dir")]
    pub no_cache: bool,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(in crate::cli) enum UnknownImportBehavior {
    /// Refuse the program.
    #[default]
    LinkError,
    /// Run the program, and trap when one is called.
    Trap,
}

impl GuestArguments {
    /// Says them to a host.
    pub(in crate::cli) fn apply(&self, builder: HostBuilder) -> HostBuilder {
        let mut builder = builder.unknown_imports(match self.unknown_import_behavior {
            UnknownImportBehavior::LinkError => UnknownImports::Refuse,
            UnknownImportBehavior::Trap => UnknownImports::Trap,
        });
        for (name, value) in &self.environment {
            builder = builder.env(name, value);
        }
        if let Some(profile) = &self.profile {
            builder = profile.of_requests(builder);
        }
        match cache::folder(&self.cache) {
            Some(folder) => builder.artifact_folder(folder),
            None => builder,
        }
    }
}
