//! What can be written on the command line.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use http::header::HeaderName;

use super::bench::BenchArguments;
use super::cache::CacheCommandArguments;
use super::generate::{CompletionsArguments, ManArguments};
use super::inspect::InspectArguments;
use crate::backends::{BackendSettings, InvalidUrl};
use crate::world::check_endpoint;

/// Runs Fastly Compute programs on this machine, on wasmtime, wasmer or wasmi.
#[derive(Debug, Parser)]
#[command(
    name = "fastlike",
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub(super) struct CommandLine {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub serve: ServeArguments,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve a program over HTTP; the default.
    Serve(Box<ServeArguments>),
    /// Run a program once, as a command: its arguments, its output, its exit code.
    Run(Box<RunArguments>),
    /// Look at the compiled programs that are kept, or remove them.
    Cache(CacheCommandArguments),
    /// List the engines this program was built with.
    Engines,
    /// Say what a program is made of, and whether it can be run here.
    Inspect(InspectArguments),
    /// Compare the engines on a program and a request.
    Bench(Box<BenchArguments>),
    /// Write a completion script for a shell.
    Completions(CompletionsArguments),
    /// Write a page of the manual.
    Man(ManArguments),
}

#[derive(Debug, Args)]
pub(super) struct ServeArguments {
    /// The program: a WebAssembly module, binary or text.
    #[arg(value_name = "PROGRAM", required = true)]
    pub program: Option<PathBuf>,

    /// The engine to run it with; `fastlike engines` lists them. `auto`, which is the default for serving, begins on wasmi
    /// and goes over to wasmtime when that has compiled the program.
    #[arg(long, value_name = "NAME")]
    pub engine: Option<String>,

    /// Where to listen; port 0 takes any free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7676")]
    pub addr: SocketAddr,

    /// A fastly.toml with backends and stores.
    #[arg(short = 'C', long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Go over to the program and its configuration anew when one of their files changes. Requests on their way end with
    /// what they began with; what cannot be used is told, and the old one stays. SIGHUP does the same once.
    #[arg(long)]
    pub watch: bool,

    /// A backend, in addition to those of the configuration or in place of one of them; may be repeated. With `@N`
    /// behind the URL, N percent of the requests reach it, and the others are answered 502.
    #[arg(long = "backend", value_name = "NAME=URL[@N]", value_parser = backend)]
    pub backends: Vec<(String, BackendSettings)>,

    /// How many more requests a guest may serve that asks for them [default: 5].
    #[arg(long, value_name = "NUMBER")]
    pub reuse_requests: Option<u32>,

    /// The port on this machine of the proxy that holds connections for publishing (GRIP): Pushpin.
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub local_pushpin_proxy_port: Option<u16>,

    /// A dictionary, from a JSON object of strings; may be repeated.
    #[arg(long = "dictionary", visible_alias = "config-store", value_name = "NAME=FILE", value_parser = file)]
    pub dictionaries: Vec<(String, PathBuf)>,

    /// A KV store in memory, maybe with the values of a JSON object; may be repeated.
    #[arg(long = "kv", value_name = "NAME[=FILE]", value_parser = maybe_file)]
    pub kv_stores: Vec<(String, Option<PathBuf>)>,

    /// An access control list, from a JSON file of entries; may be repeated.
    #[arg(long = "acl", value_name = "NAME=FILE", value_parser = file)]
    pub acls: Vec<(String, PathBuf)>,

    /// A secret store, from a JSON object of strings; may be repeated.
    #[arg(long = "secret-store", value_name = "NAME=FILE", value_parser = file)]
    pub secret_stores: Vec<(String, PathBuf)>,

    /// A certificate chain in PEM, with which to speak TLS too, on the same port.
    #[arg(long, value_name = "FILE", group = "tls", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// The private key of that certificate in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// Speak TLS too, on the same port, with a certificate for localhost that is made now.
    #[arg(long, group = "tls")]
    pub tls_self_signed: bool,

    /// Ask clients for a certificate; the authorities, in PEM, that may have signed it. What becomes of it is for the
    /// program to see: no connection is refused for it.
    #[arg(long, value_name = "FILE", requires = "tls")]
    pub tls_client_ca: Option<PathBuf>,

    /// The address that every client has, whatever its connection says.
    #[arg(long, value_name = "IP")]
    pub client_ip: Option<IpAddr>,

    /// The header that has the address of a client, set by a proxy in front of this host that can be trusted.
    #[arg(long, value_name = "NAME")]
    pub client_ip_header: Option<HeaderName>,

    /// A value of the header Fastly-Key that counts as valid; may be repeated.
    #[arg(long = "fake-fastly-key", value_name = "KEY")]
    pub fake_fastly_keys: Vec<String>,

    /// Where addresses are: a database in the format of MaxMind (.mmdb), or a JSON object of addresses and networks.
    #[arg(long, value_name = "FILE")]
    pub geo: Option<PathBuf>,

    /// Send every request of a guest to its backend: keep no responses for later ones.
    #[arg(long)]
    pub no_http_cache: bool,

    /// Do not let guests drive the cache of responses themselves: SDKs leave it to the host then, and have no hooks for it.
    #[arg(long)]
    pub no_guest_caching: bool,

    /// How long responses are fresh that do not say so themselves, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "3600")]
    pub http_cache_ttl: u32,

    /// Give responses no X-Cache and X-Cache-Hits.
    #[arg(long)]
    pub no_cache_headers: bool,

    /// Let a guest that sends a PURGE request remove what is kept for its URL.
    #[arg(long)]
    pub enable_purge: bool,

    /// Let a client that sends a PURGE request remove what is kept for its URL: the program does not see the request.
    #[arg(long)]
    pub enable_client_purge: bool,

    /// An environment variable of the guest; may be repeated.
    #[arg(long = "env", value_name = "KEY=VALUE", value_parser = pair)]
    pub environment: Vec<(String, String)>,

    /// The memory each request may use, in MiB [default: 128].
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=4096))]
    pub max_memory: Option<u64>,

    /// The memory that the cache may use, in MiB [default: 256].
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    pub cache_size: Option<u64>,

    /// How long each request may take, in seconds [default: 120].
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub timeout: Option<f64>,

    /// How long each request may compute, in seconds [default: 60].
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub cpu_limit: Option<f64>,

    /// What to do with a guest whose client leaves before the answer.
    #[arg(long, value_enum, default_value_t)]
    pub on_disconnect: OnDisconnect,

    /// What to do about imports that no hostcall answers to.
    #[arg(long, value_enum, default_value_t)]
    pub unknown_import_behavior: UnknownImportBehavior,

    #[command(flatten)]
    pub cache: CacheArguments,

    /// How long requests may take to finish when the program is told to stop, in seconds.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "30")]
    pub drain_timeout: f64,

    /// Write the messages of a log endpoint to the end of a file, and not as `NAME :: message` to standard output; may
    /// be repeated.
    #[arg(long = "log-file", value_name = "NAME=FILE", value_parser = log_file)]
    pub log_files: Vec<(String, PathBuf)>,

    /// Write guests' standard output as `stdout :: line`.
    #[arg(long)]
    pub log_stdout: bool,

    /// Write guests' standard error as `stderr :: line`, to standard output.
    #[arg(long)]
    pub log_stderr: bool,

    #[command(flatten)]
    pub output: OutputArguments,
}

#[derive(Debug, Args)]
pub(super) struct RunArguments {
    #[command(flatten)]
    pub serve: ServeArguments,

    /// The program's arguments.
    #[arg(
        value_name = "ARGUMENT",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub arguments: Vec<String>,
}

#[derive(Clone, Debug, Args)]
pub(super) struct CacheArguments {
    /// Where compiled programs are kept, instead of the folder that `fastlike cache dir` tells.
    #[arg(long, value_name = "FOLDER")]
    pub cache_dir: Option<PathBuf>,

    /// Keep no compiled programs, and use none that were kept.
    #[arg(long, conflicts_with = "cache_dir")]
    pub no_cache: bool,
}

#[derive(Clone, Copy, Debug, Args)]
pub(super) struct OutputArguments {
    /// Say more: -v, -vv, -vvv. The variable RUST_LOG says it in detail.
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,

    /// Say nothing about requests that went well.
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,

    /// How messages are written.
    #[arg(long, value_enum, default_value_t)]
    pub log_format: MessageFormat,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum MessageFormat {
    /// A line for people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum OnDisconnect {
    /// Let it finish its work, within its limits.
    #[default]
    Finish,
    /// Stop it.
    Cancel,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum UnknownImportBehavior {
    /// Refuse the program.
    #[default]
    LinkError,
    /// Run the program, and trap when one is called.
    Trap,
}

pub(super) fn backend(text: &str) -> Result<(String, BackendSettings), String> {
    let (name, place) = pair(text)?;
    let (url, uptime) = match place.rsplit_once('@') {
        Some((url, number)) if is_number(number) => (url, Some(number)),
        _ => (place.as_str(), None),
    };
    let url = url.parse().map_err(|error: InvalidUrl| error.to_string())?;
    let mut settings = BackendSettings::new(url);
    if let Some(number) = uptime {
        let percent = number.parse().ok().filter(|percent| *percent <= 100);
        settings.uptime_percent =
            percent.ok_or("what follows the `@` has to be a share in percent, from 0 to 100")?;
    }
    Ok((name, settings))
}

/// An `@` before anything else belongs to the URL.
fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it has to be a name, `=`, and a value".to_owned()),
    }
}

fn file(text: &str) -> Result<(String, PathBuf), String> {
    let (name, path) = pair(text)?;
    Ok((name, PathBuf::from(path)))
}

fn log_file(text: &str) -> Result<(String, PathBuf), String> {
    let (name, path) = file(text)?;
    check_endpoint(&name)?;
    Ok((name, path))
}

fn maybe_file(text: &str) -> Result<(String, Option<PathBuf>), String> {
    if text.is_empty() {
        return Err("it has to be a name, or a name, `=`, and a file".to_owned());
    }
    if !text.contains('=') {
        return Ok((text.to_owned(), None));
    }
    let (name, path) = file(text)?;
    Ok((name, Some(path)))
}

/// A length of time in seconds that a `Duration` can hold: from a millisecond to a year.
fn seconds(text: &str) -> Result<f64, String> {
    const YEAR: f64 = 365.0 * 24.0 * 3600.0;
    let number: f64 = text
        .parse()
        .map_err(|_| "it has to be a number".to_owned())?;
    if (0.001..=YEAR).contains(&number) {
        Ok(number)
    } else {
        Err("it has to be between 0.001 and a year".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<CommandLine, clap::Error> {
        CommandLine::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_definition_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn serving_is_the_default() {
        let line = parse("fastlike --addr 127.0.0.1:0 -C a.toml app.wasm").unwrap();
        assert!(line.command.is_none());
        assert_eq!(line.serve.program.unwrap().to_str(), Some("app.wasm"));
        let line = parse("fastlike serve --engine wasmi app.wasm").unwrap();
        let Some(Command::Serve(arguments)) = line.command else {
            panic!("{line:?}");
        };
        assert_eq!(arguments.engine.as_deref(), Some("wasmi"));
        assert!(matches!(
            parse("fastlike engines").unwrap().command,
            Some(Command::Engines)
        ));
    }

    #[test]
    fn mistakes_are_told() {
        for line in [
            "fastlike",
            "fastlike serve",
            "fastlike a.wasm --backend origin",
            "fastlike a.wasm --backend origin=127.0.0.1",
            "fastlike a.wasm --backend origin=http://a@101",
            "fastlike a.wasm --backend origin=http://user@a:80",
            "fastlike a.wasm --reuse-requests x",
            "fastlike a.wasm --timeout 0",
            "fastlike a.wasm --timeout NaN",
            "fastlike a.wasm --env =x",
            "fastlike a.wasm --log-file x",
            "fastlike a.wasm --log-file stdout=x",
            "fastlike a.wasm --kv =x",
            "fastlike a.wasm --cache-size 0",
            "fastlike a.wasm --cache-size 1048577",
            "fastlike a.wasm --cache-size 1.5",
            "fastlike a.wasm --acl x",
            "fastlike a.wasm --tls-cert x",
            "fastlike a.wasm --tls-key x",
            "fastlike a.wasm --tls-client-ca x",
            "fastlike a.wasm --tls-self-signed --tls-cert x --tls-key x",
            "fastlike a.wasm --client-ip x",
            "fastlike a.wasm --client-ip-header x:y",
            "fastlike a.wasm -q -v",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn backends_may_be_down_at_times() {
        for (text, url, percent) in [
            ("a=http://a:80", "http://a:80", 100),
            ("a=http://a:80@0", "http://a:80", 0),
            ("a=https://a/b@75", "https://a/b", 75),
            ("a=https://a/@b", "https://a/@b", 100),
        ] {
            let (name, settings) = backend(text).unwrap();
            assert_eq!(name, "a");
            let found = (settings.url.to_string(), settings.uptime_percent);
            assert_eq!(found, (url.to_owned(), percent));
        }
        // What is before a host stays with the URL, and is told as such.
        let error = backend("a=http://user@host:80").unwrap_err();
        assert!(error.contains("user name"), "{error}");
    }

    #[test]
    fn the_cache_has_a_size_and_may_be_purged() {
        let line = parse("fastlike a.wasm --cache-size 2 --enable-client-purge").unwrap();
        assert_eq!(line.serve.cache_size, Some(2));
        assert!(line.serve.enable_client_purge && !line.serve.enable_purge);
        let line = parse("fastlike a.wasm").unwrap();
        assert_eq!(
            (line.serve.cache_size, line.serve.enable_client_purge),
            (None, false)
        );
    }

    #[test]
    fn options_of_the_usual_tool_keep_their_names() {
        let line = "fastlike -v --log-stdout --log-stderr --unknown-import-behavior trap a.wasm";
        let line = parse(line).unwrap();
        assert!(line.serve.log_stdout && line.serve.log_stderr);
        assert_eq!(line.serve.output.verbose, 1);
    }
}
