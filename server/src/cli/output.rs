//! What this program says: messages on standard error.

use std::io::{IsTerminal, Write};

use tracing_subscriber::EnvFilter;

use super::arguments::{MessageFormat, OutputArguments};
use super::lines::Lines;
use crate::serve::Trace;
use crate::world::{BackgroundGuard, in_background};

/// Sends messages to standard error. They are written by a thread of their own; what is still waiting when the guard
/// is dropped is written then.
pub(super) fn start(arguments: &OutputArguments) -> BackgroundGuard {
    let (writer, guard) = in_background(std::io::stderr());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter(arguments))
        .with_writer(move || writer.clone())
        .with_ansi(is_colored(&std::io::stderr()));
    // It fails only where a subscriber was set before, which then gets the messages.
    let _ = match arguments.log_format {
        MessageFormat::Json => builder.json().flatten_event(true).try_init(),
        MessageFormat::Text => builder.event_format(Lines).try_init(),
    };
    guard
}

/// Whether to write colours there: to terminals, where nobody has said no (<https://no-color.org>).
pub(super) fn is_colored(stream: &impl IsTerminal) -> bool {
    let is_refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    stream.is_terminal() && !is_refused
}

fn filter(arguments: &OutputArguments) -> EnvFilter {
    let directives = match arguments.verbose {
        _ if arguments.quiet => "warn",
        0 => "info",
        1 => "info,fastlike=debug,abi_core=debug",
        2 => "debug",
        _ => "trace",
    };
    match std::env::var(EnvFilter::DEFAULT_ENV) {
        Ok(directives) if !directives.is_empty() => EnvFilter::new(directives),
        // What is asked for by name is said, however quiet the rest is.
        _ if trace(arguments) != Trace::Off => {
            EnvFilter::new(format!("{directives},fastlike::trace=info"))
        }
        _ => EnvFilter::new(directives),
    }
}

/// Which requests are traced.
pub(super) fn trace(arguments: &OutputArguments) -> Trace {
    match &arguments.trace_header {
        _ if arguments.trace || arguments.verbose >= 3 => Trace::All,
        Some(name) => Trace::WithHeader(name.clone()),
        None => Trace::Off,
    }
}

/// Says what stopped the program.
pub(super) fn error(error: &(dyn std::error::Error + 'static)) {
    say(&format!("fastlike: {error}"));
}

/// Writes one line to standard error, at once.
pub(super) fn say(line: &str) {
    // Where standard error is closed there is nobody to tell.
    drop(writeln!(std::io::stderr().lock(), "{line}"));
}
