//! Messages as lines for people.
//!
//! ```text
//! 09:31:31.123  200    1.24 ms  GET /proxy/x  (wasmtime, CPU 0.31 ms, 1.3 MiB; origin 200 in 0.9 ms)
//! 09:31:31.124  warning: the cache still holds up to 268435456 bytes
//! 09:31:31.125  #12       3 µs  fastly_http_req.method_get(request 1, buf [64]) = OK, buf "GET"
//! ```

use std::fmt::{self, Debug, Write};
use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::decimal::Digits;
use crate::world::steers;

/// The format of messages.
pub(super) struct Lines;

/// Goes to the next line of a message: it begins two columns to the right of what is behind the time of day.
const NEXT_LINE: &str = "\n                 ";

const DIM: &str = "\x1b[2m";
const BOLD_RED: &str = "\x1b[1;31m";
const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const CYAN: &str = "\x1b[36m";
const RESET: &str = "\x1b[0m";

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Line {
            colors: writer.has_ansi_escapes(),
            out: &mut writer,
            is_inside: false,
            rest: String::new(),
            result: Ok(()),
        };
        line.text(DIM, TimeOfDay::now().as_str())?;
        line.out.write_str("  ")?;
        let metadata = event.metadata();
        match metadata.target() {
            // Only the line about a request has a status.
            "fastlike::request" if metadata.fields().field("status").is_some() => {
                event.record(&mut RequestFields(&mut line));
                line.result?;
                line.end_of_request()?;
            }
            "fastlike::trace" => {
                event.record(&mut TraceFields(&mut line));
                line.result?;
                line.out.write_str(&line.rest)?;
            }
            target => {
                line.level(*metadata.level(), target)?;
                event.record(&mut OtherFields(&mut line));
                line.result?;
                line.out.write_str(&line.rest)?;
            }
        }
        writer.write_char('\n')
    }
}

/// Writes escapes for what would steer a terminal: names of functions come from programs, and paths from clients. A message
/// may have several lines, such as the functions of a guest that trapped: they are below the first one.
struct Steerless<'a, W>(&'a mut W);

impl<W: Write> Write for Steerless<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if !text.contains(steers) {
            return self.0.write_str(text);
        }
        for character in text.chars() {
            match character {
                '\n' => self.0.write_str(NEXT_LINE)?,
                character if steers(character) => {
                    write!(self.0, "{}", character.escape_default())?;
                }
                character => self.0.write_char(character)?,
            }
        }
        Ok(())
    }
}

/// A line that is being written.
struct Line<'a, 'w> {
    out: &'a mut Writer<'w>,
    colors: bool,
    /// Whether the parenthesis of a request is open.
    is_inside: bool,
    /// What goes behind the message.
    rest: String,
    /// A visitor cannot fail.
    result: fmt::Result,
}

impl Line<'_, '_> {
    fn paint(&mut self, color: &str, text: impl fmt::Display) -> fmt::Result {
        match self.colors {
            true => write!(self.out, "{color}{text}{RESET}"),
            false => write!(self.out, "{text}"),
        }
    }

    /// [`paint`](Self::paint), of what needs no formatting: the line about a request is written for each of them.
    fn text(&mut self, color: &str, text: &str) -> fmt::Result {
        if !self.colors {
            return self.out.write_str(text);
        }
        self.out.write_str(color)?;
        self.out.write_str(text)?;
        self.out.write_str(RESET)
    }

    fn level(&mut self, level: Level, target: &str) -> fmt::Result {
        match level {
            Level::ERROR => self.text(BOLD_RED, "error: "),
            Level::WARN => self.text(YELLOW, "warning: "),
            Level::INFO => Ok(()),
            // Who said it helps to find out why.
            _ => self.paint(DIM, format_args!("{target}: ")),
        }
    }

    /// The next detail of a request.
    fn detail(&mut self, write: impl FnOnce(&mut Writer<'_>) -> fmt::Result) -> fmt::Result {
        let separator = match std::mem::replace(&mut self.is_inside, true) {
            true => ", ",
            false => "  (",
        };
        if self.colors {
            self.out.write_str(DIM)?;
        }
        self.out.write_str(separator)?;
        write(self.out)?;
        if self.colors {
            self.out.write_str(RESET)?;
        }
        Ok(())
    }

    /// The next detail, in parts.
    fn detail_of(&mut self, parts: &[&str]) -> fmt::Result {
        self.detail(|out| parts.iter().try_for_each(|part| out.write_str(part)))
    }

    fn spaced(&mut self, space: &str, text: &str) -> fmt::Result {
        self.out.write_str(space)?;
        self.out.write_str(text)
    }

    fn end_of_request(&mut self) -> fmt::Result {
        match self.is_inside {
            true => self.text(DIM, ")"),
            false => Ok(()),
        }
    }

    fn status(&mut self, status: u64) -> fmt::Result {
        let color = match status {
            0 => return self.text(DIM, "  –"),
            1..=299 => GREEN,
            300..=399 => CYAN,
            400..=499 => YELLOW,
            _ => RED,
        };
        self.text(color, Digits::of(status).as_str())
    }

    fn and(&mut self, write: impl FnOnce(&mut Self) -> fmt::Result) {
        self.result = self.result.and_then(|()| write(self));
    }
}

/// The fields of a request, in the order in which `serve::report` has them.
struct RequestFields<'a, 'b, 'w>(&'a mut Line<'b, 'w>);

impl Visit for RequestFields<'_, '_, '_> {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.and(|line| match field.name() {
            "status" => line.status(value),
            "memory_kib" if value == 0 => Ok(()),
            "memory_kib" => line.detail_of(&[tenths_of_mebibytes(value).as_str(), " MiB"]),
            _ => Ok(()),
        });
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.and(|line| match field.name() {
            "ms" => {
                line.out.write_str("  ")?;
                line.out.write_str(two_decimals(value).padded(8).as_str())?;
                line.out.write_str(" ms")
            }
            "cpu_ms" => line.detail_of(&["CPU ", two_decimals(value).as_str(), " ms"]),
            _ => Ok(()),
        });
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.and(|line| match field.name() {
            "method" => line.spaced("  ", value),
            "path" => {
                line.out.write_char(' ')?;
                Steerless(line.out).write_str(value)
            }
            "engine" => line.detail_of(&[value]),
            _ => Ok(()),
        });
    }

    fn record_bool(&mut self, field: &Field, _: bool) {
        if field.name() == "left" {
            self.0.and(|line| line.detail_of(&["the client left"]));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.and(|line| match field.name() {
            "cache" => line.detail(|out| write!(out, "cache {value:?}")),
            "backends" => line.detail(|out| write!(out, "{value:?}")),
            _ => Ok(()),
        });
    }
}

/// A number of which there are no more than two decimals.
fn two_decimals(number: f64) -> Digits {
    Digits::hundredths((number * 100.0).round() as u64)
}

fn tenths_of_mebibytes(kibibytes: u64) -> Digits {
    Digits::tenths((kibibytes.saturating_mul(10) + 512) / 1024)
}

/// The fields of a hostcall.
struct TraceFields<'a, 'b, 'w>(&'a mut Line<'b, 'w>);

impl Visit for TraceFields<'_, '_, '_> {
    fn record_u64(&mut self, _: &Field, micros: u64) {
        self.0
            .and(|line| line.paint(DIM, format_args!("  {micros:>6} µs")));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.and(|line| match field.name() {
            // It is the first field, and goes behind the others.
            "message" => write!(Steerless(&mut line.rest), "  {value:?}"),
            _ => line.paint(CYAN, format_args!("{value:?}")),
        });
    }
}

/// A message, and behind it what it has of fields.
struct OtherFields<'a, 'b, 'w>(&'a mut Line<'b, 'w>);

impl Visit for OtherFields<'_, '_, '_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.and(|line| match field.name() {
            "message" => write!(Steerless(line.out), "{value:?}"),
            // What comes from the crate `log` has fields of its own.
            name if name.starts_with("log.") => Ok(()),
            name => write!(Steerless(&mut line.rest), " {name}={value:?}"),
        });
    }
}

/// Hours, minutes, seconds and milliseconds, UTC, as text.
struct TimeOfDay([u8; 13]);

impl TimeOfDay {
    fn now() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let millis = now.unwrap_or_default().as_millis();
        // A day has few milliseconds.
        Self::of((millis % (24 * 60 * 60 * 1000)) as u64)
    }

    fn of(millis: u64) -> Self {
        let (seconds, millis) = (millis / 1000, millis % 1000);
        let mut time = Self(*b"00:00:00.000Z");
        time.put(seconds / 3600, 0..2);
        time.put(seconds / 60 % 60, 3..5);
        time.put(seconds % 60, 6..8);
        time.put(millis, 9..12);
        time
    }

    fn put(&mut self, mut number: u64, place: Range<usize>) {
        for digit in self.0[place].iter_mut().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
        }
    }

    fn as_str(&self) -> &str {
        // All of it is ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written of events, without the time of day.
    fn written(ansi: bool, tell: impl FnOnce()) -> String {
        let written = Written::default();
        let writer = written.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .with_max_level(Level::TRACE)
            .with_ansi(ansi)
            .event_format(Lines)
            .finish();
        tracing::subscriber::with_default(subscriber, tell);
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let time = "00:00:00.000Z".len();
        let lines = text.lines().map(|line| match ansi {
            true => line,
            false => &line[time..],
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    fn request(status: u16, backends: Option<&str>) {
        tracing::info!(
            target: "fastlike::request",
            status,
            ms = 1.5,
            method = "GET",
            path = "/a",
            engine = "wasmi",
            cpu_ms = 0.25,
            memory_kib = 1536_u64,
            backends = backends.map(tracing::field::display),
            left = (status == 0).then_some(true),
        );
    }

    #[test]
    fn a_request_is_one_line() {
        assert_eq!(
            written(false, || request(200, None)),
            "  200      1.50 ms  GET /a  (wasmi, CPU 0.25 ms, 1.5 MiB)"
        );
        assert_eq!(
            written(false, || request(502, Some("origin 502 in 1 ms"))),
            "  502      1.50 ms  GET /a  (wasmi, CPU 0.25 ms, 1.5 MiB, origin 502 in 1 ms)"
        );
        assert_eq!(
            written(false, || request(0, None)),
            "    –      1.50 ms  GET /a  (wasmi, CPU 0.25 ms, 1.5 MiB, the client left)"
        );
    }

    #[test]
    fn the_time_of_day_has_two_digits_and_three_for_milliseconds() {
        assert_eq!(TimeOfDay::of(0).as_str(), "00:00:00.000Z");
        let millis = ((23 * 60 + 9) * 60 + 41) * 1000 + 57;
        assert_eq!(TimeOfDay::of(millis).as_str(), "23:09:41.057Z");
    }

    #[test]
    fn no_message_steers_a_terminal() {
        let told = written(false, || {
            tracing::error!(name = "a\x1b", "GET /\u{9b}2J: it trapped\tin \x1b[2J");
        });
        let expected = "  error: GET /\\u{9b}2J: it trapped\tin \\u{1b}[2J name=\"a\\u{1b}\"";
        assert_eq!(told, expected);
    }

    #[test]
    fn further_lines_are_below_their_message() {
        let told = written(false, || {
            tracing::error!("GET /: it trapped\n0: inner\n1: outer")
        });
        assert_eq!(
            told,
            "  error: GET /: it trapped\n    0: inner\n    1: outer"
        );
    }

    #[test]
    fn a_hostcall_is_one_line() {
        let told = written(false, || {
            tracing::info!(target: "fastlike::trace", request = %"#7", us = 12_u64, "m.f() = OK");
        });
        assert_eq!(told, "  #7      12 µs  m.f() = OK");
    }

    #[test]
    fn other_messages_say_how_bad_it_is() {
        let told = written(false, || {
            tracing::error!("it broke");
            tracing::warn!(why = "so", "it bent");
            tracing::info!("it is");
            tracing::debug!(target: "fastlike::x", "it was");
        });
        assert_eq!(
            told,
            "  error: it broke\n  warning: it bent why=\"so\"\n  it is\n  fastlike::x: it was"
        );
    }

    #[test]
    fn colours_are_for_terminals() {
        let colored = written(true, || request(404, None));
        assert!(colored.contains("\x1b[33m404\x1b[0m"), "{colored:?}");
        assert!(!written(false, || request(404, None)).contains('\x1b'));
    }
}
