//! What this program says: messages on standard error.

use std::io::{IsTerminal, Write};

use tracing_subscriber::EnvFilter;

use super::arguments::{MessageFormat, OutputArguments};
use super::lines::Lines;
use crate::serve::Trace;
use crate::world::{BackgroundGuard, BackgroundWriter, in_background};

/// The target of what scripts wait for: that the program is served, and that it is served anew. It is told however quiet
/// the rest is.
pub(super) const SERVING: &str = "fastlike::serving";

/// Where messages go: to standard error, by a thread of their own. What still waits when this is dropped is written then.
pub(super) struct Messages {
    writer: BackgroundWriter,
    _guard: BackgroundGuard,
}

impl Messages {
    /// A way to write lines among the messages.
    pub(super) fn announcements(&self) -> Announcements {
        Announcements(self.writer.clone())
    }
}

/// Lines as they are, in their order with all other messages.
pub(super) struct Announcements(BackgroundWriter);

impl Announcements {
    pub(super) fn say(&self, line: &str) {
        // It cannot fail: what there is no room for is dropped.
        drop(self.0.clone().write_all(format!("{line}\n").as_bytes()));
    }
}

/// Begins to write messages.
pub(super) fn start(arguments: &OutputArguments) -> Messages {
    let (writer, guard) = in_background(std::io::stderr());
    let of_events = writer.clone();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter(arguments))
        .with_writer(move || of_events.clone())
        .with_ansi(is_colored(&std::io::stderr()));
    // It fails only where a subscriber was set before, which then gets the messages.
    let _ = match arguments.log_format {
        MessageFormat::Json => builder.json().flatten_event(true).try_init(),
        MessageFormat::Text => builder.event_format(Lines).try_init(),
    };
    Messages {
        writer,
        _guard: guard,
    }
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
        // Heads of messages are many lines for each request, and the vendor's command passes -v of itself.
        1 => "info,fastlike=debug,abi_core=debug,fastlike::heads=info",
        2 => "debug",
        _ => "trace",
    };
    let mut directives = match std::env::var(EnvFilter::DEFAULT_ENV) {
        Ok(directives) if !directives.is_empty() => directives,
        // What is asked for by name is said, however quiet the rest is.
        _ if trace(arguments) != Trace::Off => format!("{directives},fastlike::trace=info"),
        _ => directives.to_owned(),
    };
    directives.push_str(&format!(",{SERVING}=info"));
    EnvFilter::new(directives)
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
