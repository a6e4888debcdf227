//! The hostcall table as a page: `docs/abi.md` is what this makes.

use std::fmt::Write;

use super::{HOSTCALLS, Hostcall, Kind};

/// The page. `tested_by` gives the case of a row, as a link that the page can have.
#[must_use]
pub fn markdown(tested_by: impl Fn(&Hostcall) -> Option<String>) -> String {
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
                "\n## {module}\n\n| hostcall | | case | parameters |\n|---|---|---|---|\n"
            );
        }
        row(&mut page, hostcall, tested_by(hostcall).as_deref());
    }
    page
}

const INTRODUCTION: &str = "\
# The hostcalls

This page is made from the hostcall table; `UPDATE_DOCS=1 cargo test -p abi-core` writes it anew, and a test fails when
it is not what the table says.

A program imports hostcalls by module and name. `waits` marks those that may suspend the guest. **unsupported** marks
those that link and answer UNSUPPORTED (status 5): their semantics are still to come. The case is where a guest calls the
hostcall and asserts what it does, which the conformance suite runs on every engine.

";

fn row(page: &mut String, hostcall: &Hostcall, case: Option<&str>) {
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
    let _ = writeln!(
        page,
        "| `{}` | {kind} | {} | {parameters} |",
        hostcall.name,
        case.unwrap_or_default()
    );
}
