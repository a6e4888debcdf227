//! `fastlike cache`, and where compiled programs are kept.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use artifact_cache::{ArtifactCache, Entry};
use clap::{Args, Subcommand};
use etcetera::BaseStrategy;

use super::Failure;
use super::arguments::CacheArguments;
use super::table::table;
use crate::bench::counted_text;

#[derive(Debug, Args)]
pub(super) struct CacheCommandArguments {
    #[command(subcommand)]
    action: Action,

    /// The folder, where it is not the usual one.
    #[arg(long, global = true, value_name = "FOLDER")]
    cache_dir: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum Action {
    /// Tell the folder.
    Dir,
    /// List what is kept.
    List,
    /// Remove what is kept.
    Clear,
}

/// Where compiled programs are kept, if at all.
pub(super) fn folder(arguments: &CacheArguments) -> Option<PathBuf> {
    if arguments.no_cache {
        return None;
    }
    arguments.cache_dir.clone().or_else(usual_folder)
}

/// The folder for what can be made again, by the rules of the system; `None` where the user has no home.
fn usual_folder() -> Option<PathBuf> {
    let strategy = etcetera::choose_base_strategy().ok()?;
    Some(strategy.cache_dir().join("fastlike").join("programs"))
}

pub(super) fn run(arguments: &CacheCommandArguments) -> Result<ExitCode, Failure> {
    let folder = arguments.cache_dir.clone().or_else(usual_folder);
    let folder = folder.ok_or("there is no home folder; `--cache-dir` names a folder instead")?;
    let mut out = std::io::stdout().lock();
    match arguments.action {
        Action::Dir => writeln!(out, "{}", folder.display())?,
        // Looking makes no folder.
        _ if !folder.exists() => {
            writeln!(out, "Nothing is kept: there is no {}", folder.display())?
        }
        Action::List => writeln!(out, "{}", listed(&ArtifactCache::open(&folder)?.list()?))?,
        Action::Clear => {
            let removed = ArtifactCache::open(&folder)?.clear()?;
            writeln!(out, "removed {}", total(&removed))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn listed(entries: &[Entry]) -> String {
    if entries.is_empty() {
        return "Nothing is kept.".to_owned();
    }
    let rows = entries.iter().map(|entry| {
        let age = entry.used.elapsed().unwrap_or_default();
        vec![
            entry.engine.clone(),
            entry.key.clone(),
            mebibytes(entry.bytes),
            format!("{} min ago", age.as_secs() / 60),
        ]
    });
    let names = ["engine", "program", "size", "used"];
    format!("{}\n{}", table(&names, rows.collect()), total(entries))
}

fn total(entries: &[Entry]) -> String {
    let bytes = entries.iter().map(|entry| entry.bytes).sum();
    let programs = counted_text(entries.len() as u64, "program");
    format!("{programs}, {}", mebibytes(bytes))
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
