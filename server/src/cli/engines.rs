//! `fastlike engines`.

use std::io::Write;
use std::process::ExitCode;

use super::Failure;
use crate::engines::engines;

pub(super) fn list() -> Result<ExitCode, Failure> {
    let mut out = std::io::stdout().lock();
    let named = || engines().map(|engine| (engine, format!("{} {}", engine.name, engine.version)));
    let width = named().map(|(_, name)| name.len()).max();
    let Some(width) = width else {
        writeln!(out, "This program was built without an engine.")?;
        return Ok(ExitCode::FAILURE);
    };
    for (index, (engine, name)) in named().enumerate() {
        let default = if index == 0 { " (default)" } else { "" };
        let needs = if engine.needs_executable_memory {
            "; makes machine code at run time"
        } else {
            "; needs no executable memory"
        };
        writeln!(out, "{name:width$}  {}{needs}{default}", engine.description)?;
    }
    Ok(ExitCode::SUCCESS)
}
