//! `fastlike completions` and `fastlike man`: what shells and manuals know about this program.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, Command, CommandFactory, Id};
use clap_complete::Shell;

use super::Failure;
use super::arguments::CommandLine;

#[derive(Clone, Copy, Debug, Args)]
pub(super) struct CompletionsArguments {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Clone, Debug, Args)]
pub(super) struct ManArguments {
    /// The subcommand whose page is wanted; without it, that of the program.
    #[arg(value_name = "SUBCOMMAND")]
    subcommand: Option<String>,
}

/// Writes a completion script to standard output.
pub(super) fn completions(arguments: CompletionsArguments) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    let mut command = shown(&CommandLine::command());
    clap_complete::generate(arguments.shell, &mut command, "fastlike", &mut script);
    io::stdout().lock().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}

/// A command without what its help does not list, which no shell needs to offer.
fn shown(command: &Command) -> Command {
    // A script is made once in the life of the process, and the parser wants names that live as long as that.
    let name: &'static str = Box::leak(command.get_name().into());
    let arguments = command.get_arguments().filter(|one| !one.is_hide_set());
    let arguments: Vec<_> = arguments.cloned().collect();
    let is_shown = |id: &Id| arguments.iter().any(|one| one.get_id() == id);
    let groups = command.get_groups();
    let groups: Vec<_> = groups
        .filter(|group| group.get_args().all(is_shown))
        .cloned()
        .collect();
    let subcommands = command.get_subcommands().filter(|one| !one.is_hide_set());
    Command::new(name)
        .about(command.get_about().cloned().unwrap_or_default())
        .groups(groups)
        .subcommands(subcommands.map(shown).collect::<Vec<_>>())
        .args(arguments)
}

/// Writes a page of the manual to standard output.
pub(super) fn man(arguments: &ManArguments) -> Result<ExitCode, Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command(arguments.subcommand.as_deref())?).render(&mut page)?;
    io::stdout().lock().write_all(&page)?;
    Ok(ExitCode::SUCCESS)
}

fn command(subcommand: Option<&str>) -> Result<Command, Failure> {
    let mut all = CommandLine::command();
    // Without it a subcommand does not know the name of the program.
    all.build();
    let Some(name) = subcommand else {
        return Ok(all);
    };
    let found = all.find_subcommand(name).filter(|one| !one.is_hide_set());
    let found = found.cloned();
    found.ok_or_else(|| {
        let all = all.get_subcommands().filter(|one| !one.is_hide_set());
        let names: Vec<_> = all.map(Command::get_name).collect();
        format!(
            "there is no subcommand `{name}`; there are: {}",
            names.join(", ")
        )
        .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn every_shell_has_a_script_that_knows_the_subcommands() {
        for shell in Shell::value_variants() {
            let mut script = Vec::new();
            let mut command = shown(&CommandLine::command());
            clap_complete::generate(*shell, &mut command, "fastlike", &mut script);
            let script = String::from_utf8(script).unwrap();
            for offered in ["inspect", "override-host", "reuse-requests"] {
                assert!(script.contains(offered), "{shell}: {offered}");
            }
            for hidden in ["adapt", "wasm-gc", "experimental"] {
                assert!(!script.contains(hidden), "{shell}: {hidden}");
            }
        }
    }

    #[test]
    fn pages_have_the_name_of_their_subcommand() {
        let page = |name| {
            let mut page = Vec::new();
            let man = clap_mangen::Man::new(command(name).unwrap());
            man.render(&mut page).unwrap();
            String::from_utf8(page).unwrap()
        };
        assert!(page(None).contains(".TH fastlike 1"));
        assert!(page(Some("inspect")).contains(".TH fastlike-inspect 1"));
        assert!(command(Some("nothing")).is_err());
        assert!(command(Some("adapt")).is_err());
    }
}
