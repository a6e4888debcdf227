//! What is wrong with a command line, where the parser of options would tell of something else: to it, whatever is no
//! subcommand is a program.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Error};

use super::arguments::CommandLine;
use crate::suggestion::closest;

/// The error to show for one of the parser; `first` is the first argument.
pub(super) fn explained(error: Error, first: Option<&str>) -> Error {
    if let (ErrorKind::UnknownArgument, Some(ContextValue::String(argument))) =
        (error.kind(), error.get(ContextKind::InvalidArg))
        && let Some((kind, message)) = unknown(argument)
    {
        return CommandLine::command().error(kind, message);
    }
    let too_many = match (error.kind(), error.get(ContextKind::InvalidSubcommand)) {
        (ErrorKind::ArgumentConflict, Some(ContextValue::String(argument))) => argument,
        _ => return error,
    };
    let mut command = CommandLine::command();
    if command.find_subcommand(too_many).is_some() {
        return error;
    }
    let message = match first.and_then(misspelt) {
        Some(message) => message,
        None => format!(
            "`{too_many}` is one argument too many: one program is served at a time, and `fastlike run` passes arguments \
             on to its program"
        ),
    };
    command.error(ErrorKind::InvalidSubcommand, message)
}

/// What to say of an option that there is not, where more is known of it than that.
fn unknown(argument: &str) -> Option<(ErrorKind, String)> {
    if argument.parse::<f64>().is_ok() {
        // Of more than one digit this is the beginning.
        let message =
            format!("a number that begins with `{argument}`: no option takes one below 0");
        return Some((ErrorKind::InvalidValue, message));
    }
    // What others call it.
    let is_listening = ["--port", "-p", "--host", "--listen"].contains(&argument);
    is_listening.then(|| {
        let message =
            format!("there is no option `{argument}`; `--addr ADDRESS:PORT` says where to listen");
        (ErrorKind::UnknownArgument, message)
    })
}

/// What to say of a name that is like one of a subcommand.
pub(super) fn misspelt(name: &str) -> Option<String> {
    // That is a file.
    if name.contains(['.', '/', '\\']) {
        return None;
    }
    let command = CommandLine::command();
    let offered = command.get_subcommands().filter(|one| !one.is_hide_set());
    let offered: Vec<_> = offered.map(clap::Command::get_name).collect();
    let advice = match closest(name, offered.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("the subcommands are {}", offered.join(", ")),
    };
    Some(format!(
        "there is neither a program nor a subcommand `{name}`; {advice}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn told(line: &str) -> String {
        let arguments: Vec<_> = line.split(' ').collect();
        let error = CommandLine::try_parse_from(&arguments).unwrap_err();
        explained(error, arguments.get(1).copied()).to_string()
    }

    #[test]
    fn what_is_meant_is_told() {
        let said = told("fastlike inspct a.wasm");
        assert!(said.contains("did you mean `inspect`?"), "{said}");
        assert!(misspelt("server.wasm").is_none());
        let said = told("fastlike a.wasm b.wasm");
        assert!(said.contains("`b.wasm` is one argument too many"), "{said}");
        let said = told("fastlike a.wasm engines");
        assert!(said.contains("'engines' cannot be used with"), "{said}");
        let said = misspelt("deploy").unwrap();
        assert!(said.contains("the subcommands are serve, run,"), "{said}");
        // It is for those who come from elsewhere, and nobody is sent there.
        assert!(!misspelt("adap").unwrap().contains("adapt"));
        let said = told("fastlike a.wasm --max-memory -1");
        assert!(said.contains("begins with `-1`: no option"), "{said}");
        let said = told("fastlike serve a.wasm --timeout -0.5");
        assert!(said.contains("begins with `-0`: no option"), "{said}");
        for option in ["--port", "-p", "--listen"] {
            let said = told(&format!("fastlike serve a.wasm {option} 80"));
            assert!(said.contains("`--addr ADDRESS:PORT` says where"), "{said}");
        }
        let said = told("fastlike a.wasm --egnine x");
        assert!(said.contains("--engine"), "{said}");
    }
}
