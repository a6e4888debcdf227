//! What this program says: messages on standard error.

use std::fmt;
use std::io::{IsTerminal, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

use super::arguments::{MessageFormat, OutputArguments};
use crate::world::{BackgroundGuard, in_background};

/// Sends messages to standard error. They are written by a thread of their own; what is still waiting when the guard
/// is dropped is written then.
pub(super) fn start(arguments: OutputArguments) -> BackgroundGuard {
    let (writer, guard) = in_background(std::io::stderr());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter(arguments))
        .with_writer(move || writer.clone())
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none());
    // It fails only where a subscriber was set before, which then gets the messages.
    let _ = match arguments.log_format {
        MessageFormat::Json => builder.json().flatten_event(true).try_init(),
        MessageFormat::Text => builder
            .with_target(false)
            .with_timer(TimeOfDay)
            .compact()
            .try_init(),
    };
    guard
}

fn filter(arguments: OutputArguments) -> EnvFilter {
    let directives = match arguments.verbose {
        _ if arguments.quiet => "warn",
        0 => "info",
        1 => "info,fastlike=debug,abi_core=debug",
        2 => "debug",
        _ => "trace",
    };
    match std::env::var(EnvFilter::DEFAULT_ENV) {
        Ok(directives) if !directives.is_empty() => EnvFilter::new(directives),
        _ => EnvFilter::new(directives),
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

/// Hours, minutes, seconds and milliseconds, UTC.
struct TimeOfDay;

impl FormatTime for TimeOfDay {
    fn format_time(&self, w: &mut Writer<'_>) -> fmt::Result {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default();
        let seconds = now.as_secs() % (24 * 60 * 60);
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        let (seconds, millis) = (seconds % 60, now.subsec_millis());
        write!(w, "{hours:02}:{minutes:02}:{seconds:02}.{millis:03}Z")
    }
}
