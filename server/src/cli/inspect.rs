//! `fastlike inspect`.

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::Failure;
use super::table::table;
use crate::bench::{bytes_text, count_text, counted_text};
use crate::inspect::{ImportedModule, Inspection, MemorySize, Support, inspect};
use crate::program;

#[derive(Debug, Args)]
pub(super) struct InspectArguments {
    /// The program: a WebAssembly module, binary or text.
    #[arg(value_name = "PROGRAM")]
    program: PathBuf,

    /// List every import, not only those that are missing here.
    #[arg(long, conflicts_with = "json")]
    imports: bool,

    /// Write a JSON object instead.
    #[arg(long)]
    json: bool,
}

/// Says what a program is made of. Fails when it could not be started.
pub(super) fn run(arguments: &InspectArguments) -> Result<ExitCode, Failure> {
    let named = |error: &dyn fmt::Display| format!("{}: {error}", arguments.program.display());
    let wasm = program::read(&arguments.program).map_err(|error| named(&error))?;
    let found = inspect(&wasm).map_err(|error| named(&error))?;
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{:#}", found.to_json())?;
    } else {
        write!(out, "{}", text(&found, arguments.imports)?)?;
    }
    Ok(if found.can_start() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn text(found: &Inspection, every_import: bool) -> Result<String, fmt::Error> {
    let mut out = String::new();
    let sdk = found.sdk.as_ref().map_or_else(
        || "unknown".to_owned(),
        |sdk| {
            let version = sdk.version.as_deref().unwrap_or("of an unknown version");
            format!("{} {version} ({})", sdk.name, sdk.language)
        },
    );
    writeln!(out, "SDK       {sdk}")?;
    if !found.producers.is_empty() {
        writeln!(out, "made by   {}", producers(found))?;
    }
    writeln!(
        out,
        "size      {}: {} of {}, {} of data, {} of custom sections",
        bytes_text(found.bytes),
        counted_text(found.functions.into(), "function"),
        bytes_text(found.code_bytes),
        bytes_text(found.data_bytes),
        bytes_text(found.custom_sections.iter().map(|(_, size)| size).sum()),
    )?;
    let memory = found.memory.map_or_else(|| "none".to_owned(), memory);
    writeln!(out, "memory    {memory}")?;
    let exports: Vec<_> = found
        .exports
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    let exports = match exports.is_empty() {
        true => "none".to_owned(),
        false => exports.join(", "),
    };
    writeln!(out, "exports   {exports}")?;
    write_imports(&mut out, found, every_import)?;
    if let Some(why) = &found.invalid {
        writeln!(out, "\nIt cannot be run: it is not valid: {why}")?;
    } else if !found.has_entry_point() {
        writeln!(
            out,
            "\nIt cannot be run: it has no function `_start`. Build it as a program, not as a library."
        )?;
    } else if found.can_start() {
        writeln!(out, "\nIt can be run here.")?;
    } else {
        writeln!(
            out,
            "\nIt cannot be run here, but with `--unknown-import-behavior trap` it would start."
        )?;
    }
    Ok(out)
}

fn write_imports(out: &mut String, found: &Inspection, every: bool) -> fmt::Result {
    if found.imports.is_empty() {
        return writeln!(out, "imports   none");
    }
    writeln!(out, "\n{}", imports_table(found))?;
    let (supported, unsupported, unknown) = found.counts();
    if every && supported > 0 {
        writeln!(out, "\nSupported:")?;
        write_names(out, found, &Support::Supported)?;
    }
    if unsupported > 0 {
        let what = match unsupported {
            1 => "it links, and answers UNSUPPORTED when it is called",
            _ => "they link, and answer UNSUPPORTED when they are called",
        };
        writeln!(out, "\nUnsupported ({what}):")?;
        write_names(out, found, &Support::Unsupported)?;
    }
    if unknown > 0 {
        writeln!(out, "\nUnknown:")?;
        for (module, item) in found.items() {
            if let Support::Unknown(why) = &item.support {
                writeln!(out, "  {module}.{}: {why}", item.name)?;
            }
        }
    }
    Ok(())
}

/// How many imports there are of each module.
fn imports_table(found: &Inspection) -> String {
    let row = |module: &ImportedModule| {
        let count = |name: &str| {
            let items = module.items.iter();
            match items.filter(|item| item.support.name() == name).count() {
                0 => "·".to_owned(),
                count => count_text(count as u64),
            }
        };
        vec![
            module.name.clone(),
            count_text(module.items.len() as u64),
            count("supported"),
            count("unsupported"),
            count("unknown"),
        ]
    };
    let names = [
        "imports from",
        "functions",
        "supported",
        "unsupported",
        "unknown",
    ];
    table(&names, found.imports.iter().map(row).collect())
}

fn write_names(out: &mut String, found: &Inspection, support: &Support) -> fmt::Result {
    let all = found.items().filter(|(_, item)| item.support == *support);
    for (module, item) in all {
        writeln!(out, "  {module}.{}", item.name)?;
    }
    Ok(())
}

fn producers(found: &Inspection) -> String {
    let producers = found.producers.iter().filter(|(field, ..)| field != "sdk");
    let names: Vec<_> = producers
        .map(|(_, name, version)| format!("{name} {version}").trim_end().to_owned())
        .collect();
    names.join(", ")
}

fn memory(size: MemorySize) -> String {
    const PAGE: u64 = 64 * 1024;
    let initial = bytes_text(size.initial_pages.saturating_mul(PAGE));
    match size.maximum_pages {
        Some(pages) => format!(
            "{initial} at the start, {} at most",
            bytes_text(pages.saturating_mul(PAGE))
        ),
        None => format!("{initial} at the start, as much as the host allows at most"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told() {
        let wasm = wat::parse_str(
            r#"(module
              (import "env" "clock" (func))
              (import "fastly_http_body" "new" (func (param i32) (result i32)))
              (func (export "_start")))"#,
        );
        let text = text(&inspect(&wasm.unwrap()).unwrap(), true).unwrap();
        assert!(
            text.contains("env.clock: there is no such hostcall"),
            "{text}"
        );
        assert!(text.contains("  fastly_http_body.new\n"), "{text}");
        assert!(text.contains("--unknown-import-behavior trap"), "{text}");
        assert!(text.contains(": 1 function of "), "{text}");
    }

    #[test]
    fn one_is_no_more_than_one() {
        let said =
            |module: &str| text(&inspect(&wat::parse_str(module).unwrap()).unwrap(), true).unwrap();
        let nothing = said("(module)");
        for expected in [
            ": 0 functions of ",
            "exports   none",
            "imports   none",
            "memory    none",
        ] {
            assert!(nothing.contains(expected), "{expected}: {nothing}");
        }
        let invalid = said("(module (func (export \"_start\") call 5))");
        assert!(
            invalid.contains("It cannot be run: it is not valid: unknown function 5"),
            "{invalid}"
        );
        assert!(!said("(module (import \"env\" \"x\" (func)))").contains("Supported:"));
    }
}
