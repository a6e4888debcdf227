//! `fastlike run`: a program as a command, such as a test that a runner starts.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use abi_core::engine::Exit;
use abi_core::platform::{LogSource, Logs};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};

use super::Failure;
use super::arguments::{RunArguments, stem};
use super::output;
use crate::world::{Look, lines};

/// The exit code of a command that a signal aborted, which is what shells make of a trap.
const TRAPPED: u8 = 134;

pub(super) fn run(mut arguments: RunArguments) -> Result<ExitCode, Failure> {
    // What is written belongs to the program, unless more is asked for.
    arguments.serve.output.quiet = arguments.serve.output.verbose == 0;
    let messages = output::start(&arguments.serve.output);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("fastlike")
        .build()?;
    let exit = runtime.block_on(run_once(&arguments));
    drop(runtime);
    drop(messages);
    Ok(match exit? {
        Exit::Returned => ExitCode::SUCCESS,
        // The system keeps eight bits of it; those that are lost must not make a failure a success.
        Exit::Exited(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Exit::Trapped { .. } => ExitCode::from(TRAPPED),
        _ => ExitCode::FAILURE,
    })
}

async fn run_once(arguments: &RunArguments) -> Result<Exit, Failure> {
    let program = arguments.serve.program.as_deref().unwrap_or(Path::new("?"));
    let mut all = vec![stem(program)];
    all.extend(arguments.arguments.iter().cloned());
    let mut host = arguments.serve.builder()?.arguments(all).logs(Inherited {
        label_stdout: arguments.serve.output.log_stdout,
        label_stderr: arguments.serve.output.log_stderr,
    });
    if let Some(profile) = &arguments.serve.guest.profile {
        host = profile.of_one_run(host);
    }
    let host = host.build().await?;
    let request = Request::get("http://localhost/").body(Empty::<Bytes>::new())?;
    let (response, finished) = host.handle_and_report(request).await;
    // A guest that streams goes on only while somebody reads.
    let mut body = response.into_body();
    let reading = async { while let Some(Ok(_)) = body.frame().await {} };
    let ((), report) = futures_util::future::join(reading, finished).await;
    host.finish().await;
    let report = report.ok_or("the program was stopped before its end")?;
    Ok(report.exit)
}

/// Writes every line at once, in order, and drops none: a test runner reads them.
struct Inherited {
    label_stdout: bool,
    label_stderr: bool,
}

impl Logs for Inherited {
    fn write(&self, source: LogSource<'_>, message: &[u8]) {
        let label = match source {
            LogSource::Endpoint(name) => Some(name),
            LogSource::Stdout if self.label_stdout => Some("stdout"),
            LogSource::Stderr if self.label_stderr => Some("stderr"),
            _ => None,
        };
        let text = |is_terminal| {
            let look = Look {
                is_terminal,
                ..Look::default()
            };
            lines(label, look, message)
        };
        let (out, error) = (std::io::stdout(), std::io::stderr());
        // Where the stream is closed there is nobody to write for.
        drop(match source {
            LogSource::Stdout => out.lock().write_all(&text(out.is_terminal())),
            _ => error.lock().write_all(&text(error.is_terminal())),
        });
    }
}
