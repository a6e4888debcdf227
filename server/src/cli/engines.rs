//! `fastlike engines`.

use std::io::Write;
use std::process::ExitCode;

use super::Failure;
use crate::engines::{AUTO, engines, has_auto};

pub(super) fn list() -> Result<ExitCode, Failure> {
    let mut out = std::io::stdout().lock();
    let named = || engines().map(|engine| (engine, format!("{} {}", engine.name, engine.version)));
    let width = named().map(|(_, name)| name.len()).max();
    let Some(width) = width else {
        writeln!(out, "This program was built without an engine.")?;
        return Ok(ExitCode::FAILURE);
    };
    for (index, (engine, name)) in named().enumerate() {
        let default = match index {
            0 if has_auto() => " (default of `run`)",
            0 => " (default)",
            _ => "",
        };
        let needs = if engine.needs_executable_memory {
            "; makes machine code at run time"
        } else {
            "; needs no executable memory"
        };
        writeln!(out, "{name:width$}  {}{needs}{default}", engine.description)?;
    }
    if has_auto() {
        writeln!(
            out,
            "{AUTO:width$}  wasmi at once, and wasmtime as soon as it has compiled (default for serving)"
        )?;
    }
    Ok(ExitCode::SUCCESS)
}
