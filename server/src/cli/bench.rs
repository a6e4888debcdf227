//! `fastlike bench`.
//!
//! Each engine is measured in a process of its own, so that none sees the memory and the threads of another. Such a
//! process is this program again, with one engine; it writes its result as JSON to standard output, and what it does at
//! the moment to standard error.

use std::fs::{self, OpenOptions};
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use clap::Args;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Uri};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use super::Failure;
use super::arguments::{backend, whole_number};
use super::table::table;
use crate::backends::BackendSettings;
use crate::bench::{
    BenchRequest, EngineResult, Facts, Step, Workload, bytes_text, count_text, html, measure,
    time_text,
};
use crate::config::Manifest;
use crate::engines::{AUTO, engines, find_engine, has_auto};
use crate::host::HostBuilder;
use crate::program;

/// What a process that measures one engine writes before the name of a step.
const STEP: &str = "step: ";

#[derive(Debug, Args)]
pub(super) struct BenchArguments {
    /// The program: a WebAssembly module, binary or text.
    #[arg(value_name = "PROGRAM")]
    program: PathBuf,

    /// The engines to compare, with commas between them; otherwise all of them.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    engines: Vec<String>,

    /// The path, or the whole URI, that is asked for.
    #[arg(long, value_name = "URI", default_value = "/", value_parser = uri)]
    path: Uri,

    /// The method of the request.
    #[arg(long, value_name = "METHOD", default_value = "GET")]
    method: Method,

    /// A header field of the request; may be repeated.
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(HeaderName, HeaderValue)>,

    /// A file with the body of the request.
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,

    /// How long each engine answers requests, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 3.0, value_parser = duration)]
    seconds: f64,

    /// How many requests are answered at once; otherwise one for each processor.
    #[arg(long, value_name = "NUMBER", value_parser = |text: &str| whole_number(text, 1..=4096_u16))]
    concurrency: Option<u16>,

    /// A fastly.toml with backends and stores.
    #[arg(short = 'C', long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// A backend; may be repeated.
    #[arg(long = "backend", value_name = "NAME=URL[@N]", value_parser = backend)]
    backends: Vec<(String, BackendSettings)>,

    /// Write JSON to standard output instead of a table.
    #[arg(long)]
    json: bool,

    /// Write a page with plots as well.
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,

    /// Measure one engine in this process, for the process that asked for it.
    #[arg(long, hide = true, value_name = "NAME")]
    only_here: Option<String>,
}

fn uri(text: &str) -> Result<Uri, String> {
    let absolute = if text.starts_with('/') {
        format!("http://localhost{text}")
    } else {
        text.to_owned()
    };
    let uri: Uri = absolute.parse().map_err(|error| format!("{error}"))?;
    if uri.scheme().is_none() || uri.host().is_none() {
        return Err("it has to begin with `/`, or be a whole URI".to_owned());
    }
    Ok(uri)
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text
        .split_once(':')
        .ok_or("it has to be a name, `:`, and a value")?;
    let name = name.trim().parse().map_err(|error| format!("{error}"))?;
    let value = value.trim().parse().map_err(|error| format!("{error}"))?;
    Ok((name, value))
}

fn duration(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "it has to be a number")?;
    if (0.05..=3600.0).contains(&number) {
        Ok(number)
    } else {
        Err("it has to be between 0.05 and 3600".to_owned())
    }
}

/// Measures, and says what came of it. Fails when an engine could not be measured, or requests failed.
pub(super) fn run(arguments: &BenchArguments) -> Result<ExitCode, Failure> {
    match &arguments.only_here {
        Some(engine) => only_here(arguments, engine),
        None => compare(arguments),
    }
}

/// Measures one engine, for the process that asked for it.
fn only_here(arguments: &BenchArguments, engine: &str) -> Result<ExitCode, Failure> {
    let entry = find_engine(Some(engine))?;
    let workload = workload(arguments)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let result = runtime.block_on(measure(
        entry,
        &workload,
        |host| configure(host, arguments),
        |step| super::output::say(&format!("{STEP}{}", step.name())),
    ));
    writeln!(std::io::stdout(), "{}", result.to_json())?;
    runtime.shutdown_timeout(Duration::from_millis(500));
    Ok(ExitCode::SUCCESS)
}

fn workload(arguments: &BenchArguments) -> Result<Workload, Failure> {
    let named = |file: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let file = &arguments.program;
    let wasm = program::read(file).map_err(|error| named(file, &error))?;
    let mut headers = HeaderMap::new();
    for (name, value) in &arguments.headers {
        headers.append(name.clone(), value.clone());
    }
    let body = match &arguments.body {
        Some(file) => fs::read(file)
            .map_err(|error| format!("--body: {} cannot be read: {error}", file.display()))?,
        None => Vec::new(),
    };
    let mut workload = Workload::new(wasm);
    workload.request = BenchRequest {
        method: arguments.method.clone(),
        uri: arguments.path.clone(),
        headers,
        body: body.into(),
    };
    workload.duration = Duration::from_secs_f64(arguments.seconds);
    if let Some(concurrency) = arguments.concurrency {
        workload.concurrency = concurrency.into();
    }
    Ok(workload)
}

fn configure(mut host: HostBuilder, arguments: &BenchArguments) -> HostBuilder {
    if let Some(config) = &arguments.config {
        host = host.config(config);
    }
    for (name, settings) in &arguments.backends {
        host = host.backend_with(name, settings.clone());
    }
    host
}

fn compare(arguments: &BenchArguments) -> Result<ExitCode, Failure> {
    let workload = workload(arguments)?;
    let names = names(arguments)?;
    check_files(arguments)?;
    let steps = (names.len() * Step::ALL.len()) as u64;
    let progress = progress(steps, arguments.json);
    let mut results = Vec::new();
    for (index, name) in names.iter().enumerate() {
        progress.set_position((index * Step::ALL.len()) as u64);
        progress.set_message(format!("{name}: starting"));
        let measured = elsewhere(name, &progress);
        let result = measured.unwrap_or_else(|error| EngineResult::failed(name, error.to_string()));
        results.push(result);
    }
    progress.finish_and_clear();
    if arguments.json {
        let all: Vec<_> = results.iter().map(EngineResult::to_json).collect();
        writeln!(std::io::stdout(), "{:#}", Value::from(all))?;
    } else {
        writeln!(std::io::stdout(), "{}", text(&workload, &results))?;
    }
    if let Some(file) = &arguments.report {
        let program = arguments.program.display().to_string();
        let page = html(&Facts::of(&program, &workload), &results);
        fs::write(file, page).map_err(|error| unwritable(file, &error))?;
        super::output::say(&format!("the report is in {}", file.display()));
    }
    let is_fine = |result: &EngineResult| result.error.is_none() && result.requests.failed == 0;
    Ok(if results.iter().all(is_fine) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Finds what would be wrong only after everything was measured, or with every engine anew.
fn check_files(arguments: &BenchArguments) -> Result<(), Failure> {
    if let Some(config) = &arguments.config {
        Manifest::read(config)?;
    }
    if let Some(file) = &arguments.report {
        // What an earlier one says stays until there is another.
        let opened = OpenOptions::new().append(true).create(true).open(file);
        opened.map_err(|error| unwritable(file, &error))?;
    }
    Ok(())
}

fn unwritable(report: &Path, error: &io::Error) -> String {
    let advice = match error.kind() {
        io::ErrorKind::NotFound => "; its folder has to be there",
        io::ErrorKind::IsADirectory => "; a report is a file, such as `report.html`",
        _ => "",
    };
    format!(
        "--report {} cannot be written: {error}{advice}",
        report.display()
    )
}

fn names(arguments: &BenchArguments) -> Result<Vec<&'static str>, Failure> {
    let asked = arguments.engines.iter();
    let mut names = Vec::new();
    for name in asked {
        if name == AUTO && has_auto() {
            let which =
                "`auto` stands for wasmi and wasmtime, which are compared by their own names";
            return Err(format!("--engines: {which}").into());
        }
        names.push(find_engine(Some(name))?.name);
    }
    if names.is_empty() {
        names.extend(engines().map(|engine| engine.name));
    }
    if names.is_empty() {
        return Err("this program was built without an engine".into());
    }
    Ok(names)
}

/// A bar, where there is somebody to see it.
fn progress(steps: u64, json: bool) -> ProgressBar {
    if json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(steps);
    if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len}  {msg}  ({elapsed})") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Measures one engine in a process of its own.
fn elsewhere(engine: &str, progress: &ProgressBar) -> Result<EngineResult, Failure> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .args(["--only-here", engine])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (mut last, mut is_first) = (String::new(), true);
    for line in child
        .stderr
        .take()
        .map(BufReader::new)
        .into_iter()
        .flat_map(BufRead::lines)
    {
        let line = line?;
        match line.strip_prefix(STEP) {
            Some(step) => {
                progress.set_message(format!("{engine}: {step}"));
                // What has begun is not yet done.
                progress.inc(u64::from(!std::mem::take(&mut is_first)));
            }
            None => last = line,
        }
    }
    // The result is one line, which the pipe has room for until it is read here.
    let output = child.wait_with_output()?;
    let value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    EngineResult::from_json(&value)
        .ok_or_else(|| format!("its process ended with {}: {last}", output.status).into())
}

fn text(workload: &Workload, results: &[EngineResult]) -> String {
    let names = [
        "engine",
        "compile",
        "load",
        "instance",
        "hostcall",
        "p50",
        "p99",
        "requests/s",
        "CPU each",
        "memory",
    ];
    let measured = results.iter().filter(|result| result.error.is_none());
    let rows = measured.map(row).collect();
    let mut text = format!(
        "{} {}, {} at once for {} s on each engine\n\n{}\n",
        workload.request.method,
        workload.request.uri,
        workload.concurrency,
        workload.duration.as_secs_f64(),
        table(&names, rows)
    );
    for result in results {
        let (name, requests) = (&result.engine, &result.requests);
        if let Some(error) = &result.error {
            text.push_str(&format!("\n{name} could not be measured: {error}"));
        } else if requests.failed > 0 {
            let (failed, count) = (count_text(requests.failed), count_text(requests.count));
            let why = requests.failure.as_deref().unwrap_or("unknown");
            text.push_str(&format!(
                "\n{name}: {failed} of {count} requests failed: {why}"
            ));
        }
    }
    text.truncate(text.trim_end().len());
    text
}

fn row(result: &EngineResult) -> Vec<String> {
    let or_none = |time: Option<f64>| time.map_or_else(|| "·".to_owned(), time_text);
    let requests = &result.requests;
    vec![
        result.engine.clone(),
        time_text(result.compile),
        or_none(result.load),
        or_none(result.instance),
        or_none(result.hostcall),
        time_text(requests.latency_at(50)),
        time_text(requests.latency_at(99)),
        count_text(requests.per_second.round() as u64),
        time_text(requests.cpu),
        result
            .resident_bytes
            .map_or_else(|| "·".to_owned(), bytes_text),
    ]
}
