//! `fastlike engines`.

use std::io::Write;
use std::process::ExitCode;

use super::Failure;
use crate::engines::{AUTO, engines, has_auto};

pub(super) fn list() -> Result<ExitCode, Failure> {
    let mut rows =
        vec![["engine", "version", "executable memory", "what it is"].map(str::to_owned)];
    rows.extend(engines().map(|engine| {
        let needs = match engine.needs_executable_memory {
            true => "needed",
            false => "no",
        };
        let texts = [engine.name, engine.version, needs, engine.description];
        texts.map(str::to_owned)
    }));
    let mut out = std::io::stdout().lock();
    let Some(first) = engines().next() else {
        writeln!(out, "This program was built without an engine.")?;
        return Ok(ExitCode::FAILURE);
    };
    let default = first.name;
    if has_auto() {
        let what = "wasmi at once, and wasmtime as soon as it has compiled";
        rows.push([AUTO, "", "if it may", what].map(str::to_owned));
    }
    let widths =
        [0, 1, 2].map(|column| rows.iter().map(|row| row[column].len()).max().unwrap_or(0));
    for [name, version, needs, what] in &rows {
        let [first, second, third] = widths;
        writeln!(
            out,
            "{name:first$}  {version:second$}  {needs:third$}  {what}"
        )?;
    }
    match has_auto() {
        true => writeln!(
            out,
            "\nThe default is `{AUTO}` for serving, and `{default}` for `run`."
        )?,
        false => writeln!(out, "\nThe default is `{default}`.")?,
    }
    Ok(ExitCode::SUCCESS)
}
