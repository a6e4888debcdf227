//! What makes command lines work here that were written for other hosts: options of Viceroy that are for what goes on
//! inside of it, and options with one dash, as the host of the same name that is written in Go has them.

use std::ffi::OsString;
use std::path::Path;

use clap::{Args, CommandFactory};

use super::Failure;
use super::arguments::CommandLine;

/// Not listed in the help: whoever writes them has them from elsewhere.
#[derive(Debug, Args)]
pub(super) struct DropInArguments {
    /// Make a component of the program before it is run. The program does the same without.
    #[arg(long, hide = true)]
    adapt: bool,

    /// Let programs have exceptions. Whether they may is for the engine to say: those of wasmtime take them.
    #[arg(long, hide = true)]
    wasm_exceptions: bool,

    /// Let programs have collected memory. Whether they may is for the engine to say: those of wasmtime take it.
    #[arg(long, hide = true)]
    wasm_gc: bool,

    /// Let components have collected memory. There are none here.
    #[arg(long, hide = true)]
    wasm_cm_gc: bool,

    /// Hand clients to websocket backends, which is always done.
    #[arg(long, alias = "enable-local-websockets-passthrough", hide = true)]
    enable_local_websocket_passthrough: bool,

    /// Begin anew on SIGHUP, which is always done.
    #[arg(long, hide = true)]
    reload: bool,

    /// More modules that programs may import.
    #[arg(
        long = "experimental_modules",
        alias = "experimental-modules",
        value_name = "MODULE",
        hide = true
    )]
    experimental_modules: Vec<String>,
}

/// The same command line with two dashes before the names of options that have one: `-backend` for `--backend`.
///
/// What begins with a subcommand is left alone. The host that knows one dash has none, and what `run` hands on to its
/// program is the program's.
pub(super) fn with_two_dashes(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let command = CommandLine::command();
    let is_option = |name: &str| {
        let mut all = command.get_arguments();
        all.any(|one| {
            let aliases = one.get_all_aliases().unwrap_or_default();
            one.get_long() == Some(name) || aliases.contains(&name)
        })
    };
    let has_one_dash = |argument: &OsString| {
        let name = argument.to_str()?.strip_prefix('-')?;
        let name = name.split('=').next()?;
        // A single letter is an option of its own.
        (name.len() > 1 && is_option(name)).then_some(())
    };
    let mut all: Vec<_> = arguments.into_iter().collect();
    let first = all.get(1).and_then(|first| first.to_str());
    if first.is_some_and(|first| command.find_subcommand(first).is_some()) {
        return all;
    }
    let options = all.iter_mut().skip(1);
    for argument in options.take_while(|argument| *argument != "--") {
        if has_one_dash(argument).is_some() {
            let mut changed = OsString::from("-");
            changed.push(&argument);
            *argument = changed;
        }
    }
    all
}

/// Viceroy's subcommand, whatever is given to it.
#[derive(Debug, Args)]
pub(super) struct AdaptArguments {
    #[arg(
        value_name = "ARGUMENT",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    arguments: Vec<OsString>,
}

impl AdaptArguments {
    /// Why there is no such subcommand, and what to do.
    pub(super) fn refusal(&self) -> Failure {
        let program = self.arguments.iter().map(Path::new);
        let mut program = program.filter(|argument| argument.extension().is_some());
        let program = program.next().unwrap_or(Path::new("PROGRAM"));
        format!(
            "there is no subcommand `adapt`: it makes a component of a program, and programs are run here as the core \
             modules that they are built as; `fastlike {}` serves it",
            program.display()
        )
        .into()
    }
}

impl DropInArguments {
    /// Says no to what would be missed.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if let Some(module) = self.experimental_modules.first() {
            return Err(format!(
                "--experimental_modules {module}: it is not here; a program that imports it but does not call it runs \
                 with `--unknown-import-behavior trap`"
            )
            .into());
        }
        if self.adapt {
            tracing::info!(
                "--adapt changes nothing: programs are run here as core modules, and not as components"
            );
        }
        let without_effect = [
            (self.wasm_exceptions, "wasm-exceptions"),
            (self.wasm_gc, "wasm-gc"),
            (self.wasm_cm_gc, "wasm-cm-gc"),
            (
                self.enable_local_websocket_passthrough,
                "enable-local-websocket-passthrough",
            ),
            (self.reload, "reload"),
        ];
        for (_, option) in without_effect.iter().filter(|(given, _)| *given) {
            tracing::debug!("--{option} changes nothing here");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn changed(line: &str) -> String {
        let all = with_two_dashes(line.split(' ').map(OsString::from));
        let all: Vec<_> = all.iter().filter_map(|one| one.to_str()).collect();
        all.join(" ")
    }

    #[test]
    fn options_may_have_one_dash() {
        let line = "fastlike -backend origin=a:80@95 -bind localhost:0 -kv=k -fake-fastly-key x -reload -v app.wasm";
        let expected = "fastlike --backend origin=a:80@95 --bind localhost:0 --kv=k --fake-fastly-key x --reload -v app.wasm";
        assert_eq!(changed(line), expected);
        let line = CommandLine::try_parse_from(changed(line).split(' ')).unwrap();
        assert_eq!(line.serve.backends.backends[0].0, "origin");
        line.serve.drop_in.check().unwrap();
    }

    #[test]
    fn everything_else_is_left_alone() {
        for line in [
            "fastlike",
            "fastlike app.wasm -C fastly.toml -vvv -q",
            "fastlike app.wasm -b=origin=http://a -borigin=http://a",
            "fastlike --backend a=http://a -unknown",
            "fastlike -- -backend",
            "fastlike run app.wasm -backend",
        ] {
            assert_eq!(changed(line), line);
        }
    }
}
