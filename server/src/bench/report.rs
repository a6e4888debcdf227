//! A page for the browser: one file, with nothing to load from elsewhere.

use std::fmt::Write;

use plotters::style::RGBColor;

use super::plots::{Bars, Failure, colour, latency};
use super::units::{bytes_text, count_text, time_text};
use super::{EngineResult, Workload};

/// What a report says about itself.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The program, by the name of its file.
    program: String,
    /// Names and values.
    lines: Vec<(&'static str, String)>,
}

impl Facts {
    /// What there is to say about a workload on this machine.
    #[must_use]
    pub fn of(program: &str, workload: &Workload) -> Self {
        let mut lines = Vec::new();
        if let Ok(found) = crate::inspect::inspect(&workload.wasm) {
            let sdk = found.sdk.map_or_else(
                || "unknown SDK".to_owned(),
                |sdk| format!("{} {}", sdk.name, sdk.version.unwrap_or_default()),
            );
            let size = bytes_text(found.bytes);
            lines.push(("program", format!("{program}, {size}, {}", sdk.trim_end())));
        }
        let request = &workload.request;
        lines.push((
            "request",
            format!(
                "{} {}, {} at once for {} s on each engine",
                request.method,
                request.uri,
                workload.concurrency,
                workload.duration.as_secs_f64()
            ),
        ));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        lines.push((
            "machine",
            format!(
                "{} {}, {cores} processors{}",
                std::env::consts::OS,
                std::env::consts::ARCH,
                processor()
                    .map(|name| format!(" ({name})"))
                    .unwrap_or_default()
            ),
        ));
        lines.push(("host", format!("fastlike {}", env!("CARGO_PKG_VERSION"))));
        Self {
            program: program.to_owned(),
            lines,
        }
    }
}

/// What the processor calls itself, where the system tells.
fn processor() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The page.
#[must_use]
pub fn html(facts: &Facts, results: &[EngineResult]) -> String {
    let mut page = String::new();
    // Writing to a string does not fail.
    let _ = write_page(&mut page, facts, results);
    page
}

fn write_page(page: &mut String, facts: &Facts, results: &[EngineResult]) -> std::fmt::Result {
    let file = std::path::Path::new(&facts.program).file_name();
    let title = file.map_or(facts.program.as_str().into(), |file| file.to_string_lossy());
    let title = escaped(&title);
    writeln!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}: engines compared</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n<dl>"
    )?;
    for (name, value) in &facts.lines {
        writeln!(page, "<dt>{name}</dt><dd>{}</dd>", escaped(value))?;
    }
    writeln!(page, "</dl>")?;
    write_table(page, results)?;
    write_plots(page, results)?;
    writeln!(page, "{NOTES}</body>\n</html>")
}

fn write_table(page: &mut String, results: &[EngineResult]) -> std::fmt::Result {
    writeln!(
        page,
        "<div class=\"wide\"><table>\n<tr><th>engine</th><th>compile</th><th>load</th><th>instance</th><th>hostcall</th><th>p50</th>\
         <th>p99</th><th>requests/s</th><th>CPU each</th><th>memory</th></tr>"
    )?;
    let best = Best::of(results);
    for (index, result) in results.iter().enumerate() {
        let name = escaped(&result.engine);
        write!(page, "<tr><td>{}{name}</td>", dot(index))?;
        if let Some(error) = &result.error {
            let error = escaped(error);
            writeln!(page, "<td class=\"error\" colspan=\"9\">{error}</td></tr>")?;
            continue;
        }
        let requests = &result.requests;
        for (column, value) in columns(result).into_iter().enumerate() {
            let class = if best.is(column, value) {
                " class=\"best\""
            } else {
                ""
            };
            let text = value.map_or_else(|| "·".to_owned(), COLUMN_TEXTS[column]);
            write!(page, "<td{class}>{text}</td>")?;
        }
        writeln!(page, "</tr>")?;
        if requests.failed > 0 {
            let why = escaped(requests.failure.as_deref().unwrap_or("unknown"));
            writeln!(
                page,
                "<tr><td></td><td class=\"error\" colspan=\"9\">{} of {} requests failed: {why}</td></tr>",
                count_text(requests.failed),
                count_text(requests.count)
            )?;
        }
    }
    writeln!(page, "</table></div>")
}

/// The numbers of an engine, in the order of the table.
fn columns(result: &EngineResult) -> [Option<f64>; 9] {
    let requests = &result.requests;
    [
        Some(result.compile),
        result.load,
        result.instance,
        result.hostcall,
        Some(requests.latency_at(50)),
        Some(requests.latency_at(99)),
        Some(requests.per_second),
        Some(requests.cpu),
        result.resident_bytes.map(|bytes| bytes as f64),
    ]
}

/// How they are written.
const COLUMN_TEXTS: [fn(f64) -> String; 9] = [
    time_text,
    time_text,
    time_text,
    time_text,
    time_text,
    time_text,
    |per_second| count_text(per_second.round() as u64),
    time_text,
    |bytes| bytes_text(bytes as u64),
];

/// The column in which more is better.
const PER_SECOND: usize = 6;

/// The best number of each column.
struct Best([Option<f64>; 9]);

impl Best {
    fn of(results: &[EngineResult]) -> Self {
        let mut best = [None; 9];
        for result in results.iter().filter(|result| result.error.is_none()) {
            for (column, value) in columns(result).into_iter().enumerate() {
                best[column] = match (best[column], value) {
                    (Some(best), Some(value)) if column == PER_SECOND => {
                        Some(f64::max(best, value))
                    }
                    (Some(best), Some(value)) => Some(f64::min(best, value)),
                    (best, value) => best.or(value),
                };
            }
        }
        Self(best)
    }

    fn is(&self, column: usize, value: Option<f64>) -> bool {
        value.is_some() && self.0[column] == value
    }
}

/// What is shown with a bar for each engine.
struct Shown {
    title: &'static str,
    text: fn(f64) -> String,
    logarithmic: bool,
    value: fn(&EngineResult) -> Option<f64>,
}

const SHOWN: [Shown; 6] = [
    Shown {
        title: "Requests per second (more is better)",
        text: COLUMN_TEXTS[PER_SECOND],
        logarithmic: false,
        value: |result| Some(result.requests.per_second),
    },
    Shown {
        title: "CPU time of a guest (less is better)",
        text: time_text,
        logarithmic: false,
        value: |result| Some(result.requests.cpu),
    },
    Shown {
        title: "Compiling (less is better; ten times as long is one step)",
        text: time_text,
        logarithmic: true,
        value: |result| Some(result.compile),
    },
    Shown {
        title: "One instance (less is better)",
        text: time_text,
        logarithmic: false,
        value: |result| result.instance,
    },
    Shown {
        title: "One hostcall (less is better)",
        text: time_text,
        logarithmic: false,
        value: |result| result.hostcall,
    },
    Shown {
        title: "Most memory of the process (less is better)",
        text: |bytes| bytes_text(bytes as u64),
        logarithmic: false,
        value: |result| result.resident_bytes.map(|bytes| bytes as f64),
    },
];

impl Shown {
    /// The plot of those engines that were measured.
    fn svg(&self, measured: &[(RGBColor, &EngineResult)]) -> Result<String, Failure> {
        let bars = measured.iter();
        let bars = bars.map(|(colour, result)| {
            let value = (self.value)(result);
            (result.engine.as_str(), *colour, value)
        });
        let plot = Bars {
            title: self.title,
            bars: bars.collect(),
            text: self.text,
            logarithmic: self.logarithmic,
        };
        plot.svg()
    }
}

fn write_plots(page: &mut String, results: &[EngineResult]) -> std::fmt::Result {
    let measured: Vec<_> = results
        .iter()
        .enumerate()
        .filter(|(_, result)| result.error.is_none())
        .map(|(index, result)| (colour(index), result))
        .collect();
    writeln!(page, "<div class=\"plots\">")?;
    for shown in &SHOWN {
        write_figure(page, shown.svg(&measured), "")?;
    }
    write_figure(page, latency(&measured), &legend(results))?;
    writeln!(page, "</div>")
}

/// Writes a plot, unless there is nothing to show in it.
fn write_figure(
    page: &mut String,
    plot: Result<String, Failure>,
    caption: &str,
) -> std::fmt::Result {
    match plot {
        Ok(svg) if svg.is_empty() => Ok(()),
        Ok(svg) => writeln!(page, "<figure>{svg}{caption}</figure>"),
        Err(error) => {
            let error = escaped(&error.to_string());
            writeln!(page, "<p class=\"error\">{error}</p>")
        }
    }
}

/// A dot in the colour of an engine.
fn dot(index: usize) -> String {
    let RGBColor(red, green, blue) = colour(index);
    format!("<span class=\"dot\" style=\"background:rgb({red},{green},{blue})\"></span>")
}

/// Which colour is which engine.
fn legend(results: &[EngineResult]) -> String {
    let measured = results.iter().enumerate();
    let measured = measured.filter(|(_, result)| result.error.is_none());
    let names = measured
        .map(|(index, result)| format!("<span>{}{}</span>", dot(index), escaped(&result.engine)));
    let names: Vec<_> = names.collect();
    format!("<figcaption>{}</figcaption>", names.join(" "))
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            character => escaped.push(character),
        }
    }
    escaped
}

/// For every width, and for the light and the dark. What the plots have of text and lines is coloured here as well.
const STYLE: &str = "\
:root { color-scheme: light dark; --text: #333a45; --faint: #76808e; --line: #d9dee5; --row: #eef1f4; --wrong: #b3261e }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: #fff; max-width: 980px; margin: 2.5em auto; \
padding: 0 1em }
h1 { font-size: 1.5em; margin: 0 0 .6em }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1em 1.2em; margin: 0 0 1.6em }
dt { color: var(--faint) }
dd { margin: 0; overflow-wrap: anywhere }
.wide { overflow-x: auto }
table { border-collapse: collapse; width: 100%; margin-bottom: 1.8em; font-variant-numeric: tabular-nums }
th { font-weight: 600; color: var(--faint); border-bottom: 2px solid var(--line) }
th, td { padding: .4em .5em; text-align: right; white-space: nowrap }
th:first-child, td:first-child { text-align: left }
tr + tr td { border-top: 1px solid var(--row) }
td.best { font-weight: 700 }
td.error { text-align: left; white-space: normal; color: var(--wrong) }
.dot { display: inline-block; width: .7em; height: .7em; border-radius: 50%; margin-right: .5em }
.plots { display: grid; grid-template-columns: 1fr 1fr; gap: 1.6em 1.2em }
figure { margin: 0 }
figcaption { color: var(--faint); padding-left: 5em }
figcaption span { white-space: nowrap; margin-right: 1em }
figcaption .dot { margin-right: .5em }
figure:last-child { grid-column: 1 / -1 }
svg { max-width: 100%; height: auto }
svg text { fill: var(--text) }
svg [stroke='#D9DEE5'] { stroke: var(--line) }
svg [stroke='#FFFFFF'] { stroke: none }
.notes { color: var(--faint); font-size: .9em; margin-top: 2em }
@media (max-width: 760px) {
.plots { grid-template-columns: minmax(0, 1fr) }
figure:last-child { overflow-x: auto }
figure:last-child svg { max-width: none; width: 640px }
figcaption { padding-left: 0 }
}
@media (prefers-color-scheme: dark) {
:root { --text: #d6dbe3; --faint: #949fae; --line: #3b434f; --row: #262c35; --wrong: #f2958f }
body { background: #16191e }
}
";

const NOTES: &str = "\
<div class=\"notes\">
<p><b>compile</b>: from the module to code that runs; <b>load</b>: the same from what was stored before, where the \
engine can store it. <b>instance</b>: an instance with the program's imports, memory and data, made, started and \
ended, without the program's own work. <b>hostcall</b>: one that reads guest memory and writes it. <b>p50</b>, \
<b>p99</b>: from the start of a request to the end of its answer, without a socket. <b>CPU each</b>: while the guest \
itself ran. <b>memory</b>: the most that the process had resident.</p>
<p>Each engine was measured in a process of its own. The best of each column is bold; a dot stands for what could not be measured, or what the \
engine does not do.</p>
</div>
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Requests;

    fn result(engine: &str, scale: f64) -> EngineResult {
        EngineResult {
            engine: engine.to_owned(),
            compile: 0.5 * scale,
            instance: Some(1e-5 * scale),
            hostcall: Some(3e-8 * scale),
            requests: Requests {
                count: 1000,
                per_second: 1000.0 / scale,
                latency: (1..=201)
                    .map(|step| f64::from(step) * 1e-5 * scale)
                    .collect(),
                cpu: 1e-5 * scale,
                ..Requests::default()
            },
            resident_bytes: Some(50 << 20),
            ..EngineResult::default()
        }
    }

    #[test]
    fn a_page_shows_every_engine_and_loads_nothing() {
        let mut broken = result("c", 1.0);
        broken.requests.failed = 3;
        broken.requests.failure = Some("status 500 <b>".to_owned());
        let results = [
            result("a", 1.0),
            result("b", 30.0),
            broken,
            EngineResult::failed("d", "no executable memory & no luck"),
        ];
        let workload = Workload::new(wat::parse_str("(module)").unwrap());
        let page = html(&Facts::of("app <1>.wasm", &workload), &results);
        assert_eq!(page.matches("<svg").count(), 7);
        assert!(page.contains("app &lt;1&gt;.wasm"));
        assert!(page.contains("no executable memory &amp; no luck"));
        assert!(page.contains("3 of 1,000 requests failed: status 500 &lt;b&gt;"));
        assert!(!page.contains("src=") && !page.contains("href="));
    }

    #[test]
    fn a_page_without_results_is_a_page() {
        let workload = Workload::new(Vec::new());
        let page = html(
            &Facts::of("a", &workload),
            &[EngineResult::failed("a", "no")],
        );
        assert!(page.ends_with("</html>\n"));
    }
}
