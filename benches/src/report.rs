//! The ratios: what fastlike takes, divided by what the bare engine takes, from criterion's own estimates.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::host;
use crate::measure::{BARE, FASTLIKE};

/// What fastlike may take at most, as a multiple of what the bare engine takes.
const LIMIT: f64 = 1.5;

/// A group of benchmarks.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// Its name.
    pub name: &'static str,
    /// Whether the limit is a promise here.
    pub limited: bool,
}

const fn measure(name: &'static str, limited: bool) -> Measure {
    Measure { name, limited }
}

/// Hostcalls, each time.
pub const HOSTCALL: [Measure; 3] = [
    measure("hostcall_sync", true),
    measure("hostcall_async_ready", false),
    measure("hostcall_async_pending", false),
];

/// Instances, made and run.
pub const INSTANTIATE: [Measure; 4] = [
    measure("instantiate_big_memory_1_thread", true),
    measure("instantiate_big_memory_n_threads", true),
    measure("instantiate_hello_imports_1_thread", true),
    measure("instantiate_hello_imports_n_threads", true),
];

/// Requests.
pub const REQUEST: [Measure; 1] = [measure("request_hello", false)];

/// Prints the ratios of `measures` that were measured since `since`.
pub fn print(measures: &[Measure], since: SystemTime) {
    let Some(home) = criterion_home() else {
        eprintln!("criterion has written no estimates yet: run `cargo bench -p benches` first");
        return;
    };
    let rows: Vec<_> = measures
        .iter()
        .flat_map(|measure| host::engines().map(move |engine| (measure, engine.name)))
        .filter_map(|(measure, engine)| Row::read(&home, *measure, engine, since))
        .collect();
    if rows.is_empty() {
        return;
    }
    println!("\n| measure | engine | bare | fastlike | ratio | at most {LIMIT}× |");
    println!("|---|---|--:|--:|--:|---|");
    rows.iter().for_each(|row| println!("{row}"));
    println!();
}

/// Where criterion keeps its estimates: beside the directory of the profile that this executable was built with, unless
/// the environment says otherwise.
fn criterion_home() -> Option<PathBuf> {
    let named = |name, below: &str| std::env::var_os(name).map(|path| Path::new(&path).join(below));
    let beside = || {
        let executable = std::env::current_exe().ok()?;
        let homes = executable
            .ancestors()
            .skip(2)
            .map(|dir| dir.join("criterion"));
        homes.take(3).find(|home| home.is_dir())
    };
    named("CRITERION_HOME", "")
        .or_else(|| named("CARGO_TARGET_DIR", "criterion"))
        .filter(|home| home.is_dir())
        .or_else(beside)
}

struct Row {
    measure: Measure,
    engine: &'static str,
    bare_ns: f64,
    fastlike_ns: f64,
}

impl Row {
    fn read(
        home: &Path,
        measure: Measure,
        engine: &'static str,
        since: SystemTime,
    ) -> Option<Self> {
        let read = |side: &str| {
            let directory = home.join(measure.name).join(engine).join(side).join("new");
            nanoseconds_each(&directory, since)
        };
        Some(Self {
            measure,
            engine,
            bare_ns: read(BARE)?,
            fastlike_ns: read(FASTLIKE)?,
        })
    }
}

/// The time of one element in the median, when it was measured since `since`.
fn nanoseconds_each(directory: &Path, since: SystemTime) -> Option<f64> {
    let estimates = directory.join("estimates.json");
    // File systems may keep time in whole seconds.
    let modified = fs::metadata(&estimates).ok()?.modified().ok()? + Duration::from_secs(1);
    if modified < since {
        return None;
    }
    let read =
        |file: PathBuf| -> Option<Value> { serde_json::from_slice(&fs::read(file).ok()?).ok() };
    let median = read(estimates)?["median"]["point_estimate"].as_f64()?;
    let benchmark = read(directory.join("benchmark.json"))?;
    let elements = benchmark["throughput"]["Elements"].as_f64().unwrap_or(1.0);
    Some(median / elements)
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ratio = self.fastlike_ns / self.bare_ns;
        let verdict = match self.measure.limited {
            false => "",
            true if ratio <= LIMIT => "met",
            true => "**missed**",
        };
        write!(
            f,
            "| {} | {} | {} | {} | {ratio:.2} | {verdict} |",
            self.measure.name,
            self.engine,
            Nanoseconds(self.bare_ns),
            Nanoseconds(self.fastlike_ns),
        )
    }
}

struct Nanoseconds(f64);

impl fmt::Display for Nanoseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ns if ns < 1e3 => write!(f, "{ns:.1} ns"),
            ns if ns < 1e6 => write!(f, "{:.2} µs", ns / 1e3),
            ns => write!(f, "{:.2} ms", ns / 1e6),
        }
    }
}
