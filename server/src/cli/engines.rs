//! `fastlike engines`.

use std::io::Write;
use std::process::ExitCode;

use super::Failure;
use super::table::{table_of_texts, width};
use crate::engines::{AUTO, engines, has_auto};

pub(super) fn list() -> Result<ExitCode, Failure> {
    let mut rows: Vec<_> = engines()
        .map(|engine| {
            let needs = match engine.needs_executable_memory {
                true => "needed",
                false => "no",
            };
            let texts = [engine.name, engine.version, needs, engine.description];
            texts.map(str::to_owned).to_vec()
        })
        .collect();
    let mut out = std::io::stdout().lock();
    let Some(first) = engines().next() else {
        writeln!(out, "This program was built without an engine.")?;
        return Ok(ExitCode::FAILURE);
    };
    let default = first.name;
    if has_auto() {
        let what = "wasmi at once, and wasmtime as soon as it has compiled";
        rows.push([AUTO, "", "if it may", what].map(str::to_owned).to_vec());
    }
    let names = ["engine", "version", "executable memory", "what it is"];
    writeln!(out, "{}", table_of_texts(&names, rows, width()))?;
    match has_auto() {
        true => writeln!(
            out,
            "\nThe default is `{AUTO}` for serving, and `{default}` for `run`."
        )?,
        false => writeln!(out, "\nThe default is `{default}`.")?,
    }
    Ok(ExitCode::SUCCESS)
}
