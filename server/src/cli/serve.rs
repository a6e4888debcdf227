//! `fastlike serve`.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::Failure;
use super::arguments::{MessageFormat, ServeArguments};
use super::mistaken::misspelt;
use super::output::{self, SERVING};
use super::reload::{Reloader, Setup};
use super::signals::{Hangups, Signals};
use crate::host::{Drained, Host};

/// How long background work may take to stop when the process ends.
const STOP_TIMEOUT: Duration = Duration::from_millis(500);

/// The configuration of a project, in its folder. Nobody reads it without being told to.
const MANIFEST: &str = "fastly.toml";

pub(super) fn serve(arguments: ServeArguments) -> Result<ExitCode, Failure> {
    check_program(&arguments)?;
    let messages = output::start(&arguments.output);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("fastlike")
        .build()?;
    let setup = Arc::new(Setup::new(arguments, messages.announcements())?);
    let outcome = runtime.block_on(run(&setup));
    runtime.shutdown_timeout(STOP_TIMEOUT);
    // What guests have logged is written before the process ends.
    drop(setup);
    drop(messages);
    outcome
}

/// Says what a mistyped subcommand may have been: it is taken for a program.
fn check_program(arguments: &ServeArguments) -> Result<(), Failure> {
    let program = arguments.program.as_deref();
    let name = program
        .filter(|program| !program.exists())
        .and_then(Path::to_str);
    match name.and_then(misspelt) {
        Some(message) => Err(message.into()),
        None => Ok(()),
    }
}

async fn run(setup: &Arc<Setup>) -> Result<ExitCode, Failure> {
    let started = Instant::now();
    let arguments = &setup.arguments;
    let mut signals = Signals::new()?;
    let hangups = Hangups::new()?;
    // Clients may connect from here on. The system keeps them waiting until the program is compiled.
    let listener = bind(arguments.addr).await?;
    let address = listener.local_addr()?;
    tracing::debug!("listening on {address}");
    let (host, files) = tokio::select! {
        built = setup.build() => built?,
        () = signals.next() => return Ok(ExitCode::SUCCESS),
    };
    let reloader = Reloader::new(setup.clone(), host.clone(), files, hangups)?;
    say_ready(setup, &host, address, started.elapsed());
    if arguments.config.is_none() && Path::new(MANIFEST).is_file() {
        tracing::info!("the {MANIFEST} of this folder is not read; `-C {MANIFEST}` has it read");
    }

    let (stop, stopped) = oneshot::channel();
    let serving = host.serve(listener, async {
        // It ends also when the sender is dropped, which it is not before the host has stopped.
        drop(stopped.await);
    });
    tokio::pin!(serving);
    tokio::select! {
        _ = &mut serving => return Ok(ExitCode::SUCCESS),
        () = signals.next() => {}
        // Whoever started this program is gone.
        () = reloader.run() => {}
    }
    tracing::info!("stopping: requests on their way may finish; a second signal stops at once");
    // The host may have stopped already.
    let _ = stop.send(());
    tokio::select! {
        drained = &mut serving => {
            if drained == Drained::CutOff {
                tracing::warn!(
                    "requests that took longer than {} s were cut off", arguments.limits.drain_timeout
                );
            }
            Ok(ExitCode::SUCCESS)
        }
        () = signals.next() => {
            tracing::warn!("stopped at once");
            Ok(ExitCode::FAILURE)
        }
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let advice = match error.kind() {
            io::ErrorKind::AddrInUse => "; another program listens there, choose another `--addr`",
            io::ErrorKind::AddrNotAvailable => "; this machine does not have that address",
            io::ErrorKind::PermissionDenied => "; ports below 1024 are often reserved",
            _ => "",
        };
        format!("cannot listen on {address}: {error}{advice}").into()
    })
}

fn say_ready(setup: &Setup, host: &Host, address: SocketAddr, took: Duration) {
    let arguments = &setup.arguments;
    let program = arguments.program.as_deref().unwrap_or(Path::new("?"));
    let (version, engine) = (env!("CARGO_PKG_VERSION"), host.started_on());
    let compiled_in = host.compile_time().as_secs_f64();
    tracing::debug!("ready after {:.2} s", took.as_secs_f64());
    if arguments.output.log_format == MessageFormat::Json {
        let program = program.display();
        tracing::info!(target: SERVING, %program, %address, engine, compiled_in, version, "serving");
        return;
    }
    let made = if host.was_kept() {
        "loaded"
    } else {
        "compiled"
    };
    let and_https = if host.current().settings.tls.is_some() {
        format!(" and https://{address}")
    } else {
        String::new()
    };
    setup.announcements.say(&format!(
        "fastlike {version}: serving {} on http://{address}{and_https} (engine {engine}, {made} in {compiled_in:.2} s)",
        program.display()
    ));
}
