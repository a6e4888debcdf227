//! Options of Viceroy that are for what goes on inside of it, so that a command line written for it works here.

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
        let without_effect = [
            (self.adapt, "adapt"),
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
