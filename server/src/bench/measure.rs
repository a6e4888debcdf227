//! Measuring one engine, in this process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use abi_core::body::Body;
use abi_core::engine::{EngineEntry, EngineOptions};
use abi_core::http::RequestHead;
use abi_core::platform::{LogSource, Logs};
use abi_core::{ClientRequest, Engine, Exit, Program, Service};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};

use super::skeleton::skeleton;
use super::{BenchRequest, EngineResult, Requests, Samples, Workload};
use crate::host::{Host, HostBuilder};
use crate::program::ProgramSource;

/// How long something that is done more than once is done at most, and how often.
const REPEAT_FOR: Duration = Duration::from_millis(600);
const REPEAT_MAX: usize = 2_000;
/// Compiling takes long enough to be measured by few.
const COMPILE_FOR: Duration = Duration::from_millis(1_500);
const COMPILE_MAX: usize = 5;
const LOAD_TIMES: usize = 5;

/// How long requests are answered before those that count.
const WARM_UP: Duration = Duration::from_millis(500);

/// How many quantiles of the latency are kept.
const QUANTILES: usize = 201;

/// How many hostcalls one guest makes: so many that its start does not count.
const HOSTCALLS: u32 = 100_000;

/// What is done at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Compiling the program.
    Compile,
    /// Making instances.
    Instances,
    /// Making hostcalls.
    Hostcalls,
    /// Answering requests.
    Requests,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Self; 4] = [
        Self::Compile,
        Self::Instances,
        Self::Hostcalls,
        Self::Requests,
    ];

    /// It in a few words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Compile => "compiling",
            Self::Instances => "making instances",
            Self::Hostcalls => "making hostcalls",
            Self::Requests => "answering requests",
        }
    }
}

/// Measures one engine. `configure` gives the host what the program needs, such as backends; `started` is told of every
/// step.
///
/// Nothing else should run in this process meanwhile: memory is that of the whole process.
pub async fn measure(
    entry: &'static EngineEntry,
    workload: &Workload,
    configure: impl FnOnce(HostBuilder) -> HostBuilder,
    mut started: impl FnMut(Step),
) -> EngineResult {
    started(Step::Compile);
    let engine = match entry.create(&EngineOptions::default()) {
        Ok(engine) => engine,
        Err(error) => return EngineResult::failed(entry.name, error.to_string()),
    };
    let wasm = &workload.wasm;
    let (compile, program) = match compile(&*engine, wasm) {
        Ok(compiled) => compiled,
        Err(error) => return EngineResult::failed(entry.name, error),
    };
    let source = ProgramSource::Compiled(program, entry.name);
    let host = configure(Host::builder()).logs(Silence).program(source);
    let host = match host.build().await {
        Ok(host) => host,
        Err(error) => return EngineResult::failed(entry.name, error.to_string()),
    };

    let load = load_kept(entry, wasm);

    started(Step::Instances);
    let instance = match skeleton(wasm).and_then(|wasm| engine.compile(&wasm).ok()) {
        Some(program) => runs(&of_host(&host, program), REPEAT_MAX).await,
        None => None,
    };
    started(Step::Hostcalls);
    let hostcall = match engine.compile(&hostcalls()) {
        Ok(program) => runs(&of_host(&host, program), REPEAT_MAX).await,
        Err(_) => None,
    };
    started(Step::Requests);
    let requests = requests(&host, workload).await;
    host.finish().await;
    EngineResult {
        engine: entry.name.to_owned(),
        compile,
        load,
        instance,
        hostcall: hostcall.map(|run| run / f64::from(HOSTCALLS)),
        requests,
        resident_bytes: resident_bytes(),
        ..EngineResult::default()
    }
}

/// The log lines of guests are not part of what is measured, and would hide what is printed.
struct Silence;

impl Logs for Silence {
    fn write(&self, _: LogSource<'_>, _: &[u8]) {}
}

fn compile(engine: &dyn Engine, wasm: &[u8]) -> Result<(f64, Arc<dyn Program>), String> {
    let mut samples = Samples::default();
    let begun = Instant::now();
    let mut left = COMPILE_MAX;
    loop {
        let program = timed(&mut samples, || engine.compile(wasm));
        let program = program.map_err(|error| error.to_string())?;
        left -= 1;
        if left == 0 || begun.elapsed() > COMPILE_FOR {
            return Ok((samples.median(), program));
        }
    }
}

/// Loading what was kept when the program was compiled, where the engine keeps something.
fn load_kept(entry: &EngineEntry, wasm: &[u8]) -> Option<f64> {
    let folder = tempfile::tempdir().ok()?;
    let mut options = EngineOptions::default();
    options.artifact_folder = Some(folder.path().to_owned());
    let engine = entry.create(&options).ok()?;
    // Whether it keeps anything is found out with a program that takes no time.
    let small = hostcalls();
    engine.compile(&small).ok()?;
    engine.load(&small)?;
    engine.compile(wasm).ok()?;
    let mut samples = Samples::default();
    for _ in 0..LOAD_TIMES {
        timed(&mut samples, || engine.load(wasm))?;
    }
    Some(samples.median())
}

fn timed<T>(samples: &mut Samples, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let made = work();
    samples.add(begun.elapsed());
    made
}

/// The same world with another program in it.
fn of_host(host: &Host, program: Arc<dyn Program>) -> Service {
    Service::new(program, host.service().platform.clone())
}

/// The middle of the time that a run takes, from its start to its end; `None` when a run fails.
async fn runs(service: &Service, most: usize) -> Option<f64> {
    let mut samples = Samples::default();
    let begun = Instant::now();
    for _ in 0..most {
        let request = ClientRequest::new(RequestHead::new(), Body::empty());
        let started = Instant::now();
        let report = service.start(request).finish().await;
        samples.add(started.elapsed());
        if report.exit != Exit::Returned {
            return None;
        }
        if begun.elapsed() > REPEAT_FOR {
            break;
        }
    }
    Some(samples.median())
}

/// A guest that reads the method of a request, over and over: three bytes and their number cross into its memory.
fn hostcalls() -> Vec<u8> {
    let text = format!(
        r#"(module
          (import "fastly_http_req" "new" (func $new (param i32) (result i32)))
          (import "fastly_http_req" "method_get"
            (func $method_get (param i32 i32 i32 i32) (result i32)))
          (memory (export "memory") 1)
          (func $expect_ok (param $status i32)
            (if (local.get $status) (then unreachable)))
          (func (export "_start") (local $left i32)
            (call $expect_ok (call $new (i32.const 0)))
            (local.set $left (i32.const {HOSTCALLS}))
            (loop $again
              (call $expect_ok
                (call $method_get (i32.load (i32.const 0)) (i32.const 16) (i32.const 8) (i32.const 4)))
              (local.set $left (i32.sub (local.get $left) (i32.const 1)))
              (br_if $again (local.get $left)))))"#
    );
    // The text is valid; were it not, the measurement would be left out.
    wat::parse_str(text).unwrap_or_default()
}

async fn requests(host: &Host, workload: &Workload) -> Requests {
    load(host, workload, WARM_UP.min(workload.duration)).await;
    let begun = Instant::now();
    let answers = load(host, workload, workload.duration).await;
    let elapsed = begun.elapsed().as_secs_f64();
    Requests {
        count: answers.count,
        failed: answers.failed,
        failure: answers.failure,
        per_second: answers.count as f64 / elapsed,
        latency: answers.latency.quantiles(QUANTILES),
        cpu: answers.cpu.median(),
        guest_bytes: answers.guest_bytes,
    }
}

#[derive(Default)]
struct Answers {
    count: u64,
    failed: u64,
    failure: Option<String>,
    latency: Samples,
    cpu: Samples,
    guest_bytes: u64,
}

/// Has the host answer requests for so long.
async fn load(host: &Host, workload: &Workload, duration: Duration) -> Answers {
    let end = Instant::now() + duration;
    let clients = (0..workload.concurrency.max(1)).map(|_| {
        let (host, request) = (host.clone(), workload.request.clone());
        tokio::spawn(async move {
            let mut answers = Answers::default();
            while Instant::now() < end {
                ask(&host, &request, &mut answers).await;
            }
            answers
        })
    });
    let clients: Vec<_> = clients.collect();
    let mut all = Answers::default();
    for client in clients {
        // A client that was cut off has nothing to tell.
        let Ok(answers) = client.await else { continue };
        all.count += answers.count;
        all.failed += answers.failed;
        all.failure = all.failure.or(answers.failure);
        all.latency.append(answers.latency);
        all.cpu.append(answers.cpu);
        all.guest_bytes = all.guest_bytes.max(answers.guest_bytes);
    }
    all
}

async fn ask(host: &Host, request: &BenchRequest, answers: &mut Answers) {
    let mut asked = Request::new(Full::new(request.body.clone()));
    *asked.method_mut() = request.method.clone();
    *asked.uri_mut() = request.uri.clone();
    *asked.headers_mut() = request.headers.clone();
    let begun = Instant::now();
    let (response, finished) = host.handle_and_report(asked).await;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes());
    answers.latency.add(begun.elapsed());
    answers.count += 1;
    let report = finished.await;
    if let Some(report) = &report {
        answers.cpu.add(report.cpu);
        answers.guest_bytes = answers.guest_bytes.max(report.memory_bytes);
    }
    let failure = match (&body, &report) {
        (Err(error), _) => Some(format!("the body broke off: {error}")),
        (_, Some(report)) if !report.exit.is_success() => Some(report.exit.to_string()),
        (Ok(body), _) if parts.status.is_server_error() => {
            Some(beginning(&Response::from_parts(parts, body.clone())))
        }
        _ => None,
    };
    if let Some(failure) = failure {
        answers.failed += 1;
        answers.failure.get_or_insert(failure);
    }
}

/// Status and first words of a response.
fn beginning(response: &Response<Bytes>) -> String {
    let body = response.body();
    let text = String::from_utf8_lossy(&body[..body.len().min(120)]);
    format!("status {}: {}", response.status(), text.trim())
}

/// The most memory that this process had resident since it began.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}
