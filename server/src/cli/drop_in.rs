//! Options of Viceroy that are for what goes on inside of it, so that a command line written for it works here.

use std::ffi::OsString;
use std::path::Path;

use clap::Args;

use super::Failure;

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

    /// More modules that programs may import.
    #[arg(
        long = "experimental_modules",
        alias = "experimental-modules",
        value_name = "MODULE",
        hide = true
    )]
    experimental_modules: Vec<String>,
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
        ];
        for (_, option) in without_effect.iter().filter(|(given, _)| *given) {
            tracing::debug!("--{option} changes nothing here");
        }
        Ok(())
    }
}
