//! The hostcall table as a page: `docs/abi.md` is what this makes.

use std::fmt::Write;

use super::{HOSTCALLS, Hostcall, Kind};

/// The page.
#[must_use]
pub fn markdown() -> String {
    let mut page = String::from(INTRODUCTION);
    let count = |kind| HOSTCALLS.iter().filter(|row| row.kind == kind).count();
    let unsupported = count(Kind::Unsupported);
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(
        page,
        "{} rows: {} with semantics, {unsupported} without.",
        HOSTCALLS.len(),
        HOSTCALLS.len() - unsupported
    );
    let mut module = "";
    for hostcall in HOSTCALLS {
        if hostcall.module != module {
            module = hostcall.module;
            let _ = write!(
                page,
                "\n## {module}\n\n| hostcall | | parameters |\n|---|---|---|\n"
            );
        }
        row(&mut page, hostcall);
    }
    page
}

const INTRODUCTION: &str = "\
# The hostcalls

This page is made from the hostcall table; `UPDATE_DOCS=1 cargo test -p abi-core` writes it anew, and a test fails when
it is not what the table says.

A program imports hostcalls by module and name. `waits` marks those that may suspend the guest. **unsupported** marks
those that link and answer UNSUPPORTED (status 5): their semantics are still to come.

";

fn row(page: &mut String, hostcall: &Hostcall) {
    let kind = match hostcall.kind {
        Kind::Sync => "",
        Kind::Async => "waits",
        Kind::Exit => "ends the guest",
        Kind::Unsupported => "**unsupported**",
    };
    let parameters: Vec<_> = hostcall
        .parameters
        .iter()
        .map(|parameter| format!("`{}: {}`", parameter.name, parameter.ty.replace(' ', "")))
        .collect();
    let parameters = parameters.join(", ");
    let _ = writeln!(page, "| `{}` | {kind} | {parameters} |", hostcall.name);
}
