//! What can be written on the command line.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::LazyLock;

use clap::{Arg, ArgAction, Args, Parser, Subcommand, ValueEnum};
use http::header::{HeaderName, HeaderValue};

use super::bench::BenchArguments;
use super::cache::CacheCommandArguments;
use super::drop_in::{AdaptArguments, DropInArguments};
use super::generate::{CompletionsArguments, ManArguments};
use super::inspect::InspectArguments;
use super::profile::Profile;
use crate::backends::{BackendSettings, InvalidUrl, host_field};
use crate::engines::engines;
use crate::host::ALL_OTHERS;
use crate::world::check_endpoint;

// What the options are about: the groups of the help.
const BACKENDS: &str = "Backends";
const STORES: &str = "Stores";
const CLIENTS: &str = "Clients";
const CACHING: &str = "Caching";
const LIMITS: &str = "Limits";
const PROGRAM: &str = "Program";
const OUTPUT: &str = "Output";

/// The version, and with which engines this program was built.
static LONG_VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut text = env!("CARGO_PKG_VERSION").to_owned();
    for engine in engines() {
        text.push_str(&format!("\n{} {}", engine.name, engine.version));
    }
    text
});

/// Runs Fastly Compute programs on this machine, on wasmtime, wasmer or wasmi.
#[derive(Debug, Parser)]
#[command(
    name = "fastlike",
    version,
    long_version = LONG_VERSION.as_str(),
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "What has a name may be given several times: backends, stores, loggers, variables, keys."
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
    #[command(mut_args = hidden_where_nothing_is_served)]
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
    /// Make a component of a program, as Viceroy does, which is not needed here.
    #[command(hide = true)]
    Adapt(AdaptArguments),
}

#[derive(Debug, Args)]
pub(super) struct ServeArguments {
    /// The program: a WebAssembly module, binary or text.
    #[arg(value_name = "PROGRAM", required = true)]
    pub program: Option<PathBuf>,

    /// The engine; `fastlike engines` lists them [default: auto].
    ///
    /// `auto` begins on wasmi and goes over to wasmtime when that has compiled the program.
    #[arg(long, value_name = "NAME")]
    pub engine: Option<String>,

    /// Where to listen; port 0 takes any free one.
    #[arg(
        long,
        alias = "bind",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:7676",
        value_parser = address
    )]
    pub addr: SocketAddr,

    /// A fastly.toml with backends and stores. What options say goes before it.
    #[arg(short = 'C', long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Go over to the program and its configuration anew when one of their files changes.
    ///
    /// Requests on their way end with what they began with; what cannot be used is told, and the old one stays. SIGHUP does
    /// the same once.
    #[arg(long)]
    pub watch: bool,

    /// A backend; `@N`: so many percent of the requests reach it.
    ///
    /// It is added to those of the configuration, or takes the place of one of them. Without a name it is the backend of all
    /// names that no other one has. A place without `http://` or `https://` is spoken to in plain HTTP. The requests that do
    /// not reach it are answered 502.
    #[arg(short = 'b', long = "backend", value_name = "[NAME=]URL[@N]", value_parser = backend, help_heading = BACKENDS)]
    pub backends: Vec<(String, BackendSettings)>,

    /// The `Host` of every request to a backend.
    ///
    /// It goes before what the guest set. The backend may be one of the configuration. Without a name it is the backend of all names that no other one has.
    #[arg(long = "override-host", value_name = "[NAME=]HOST", value_parser = override_host, help_heading = BACKENDS)]
    pub override_hosts: Vec<(String, HeaderValue)>,

    /// Where Pushpin is on this machine, which holds connections for publishing.
    #[arg(
        long,
        value_name = "PORT",
        value_parser = clap::value_parser!(u16).range(1..),
        help_heading = BACKENDS
    )]
    pub local_pushpin_proxy_port: Option<u16>,

    /// A dictionary: a JSON object of strings.
    #[arg(
        short = 'd',
        long = "dictionary",
        visible_alias = "config-store",
        value_name = "NAME=FILE",
        value_parser = file,
        help_heading = STORES
    )]
    pub dictionaries: Vec<(String, PathBuf)>,

    /// A KV store in memory, with the values of a JSON object.
    #[arg(long = "kv", value_name = "NAME[=FILE]", value_parser = maybe_file, help_heading = STORES)]
    pub kv_stores: Vec<(String, Option<PathBuf>)>,

    /// An access control list: a JSON file of entries.
    #[arg(long = "acl", value_name = "NAME=FILE", value_parser = file, help_heading = STORES)]
    pub acls: Vec<(String, PathBuf)>,

    /// A secret store: a JSON object of strings.
    #[arg(long = "secret-store", value_name = "NAME=FILE", value_parser = file, help_heading = STORES)]
    pub secret_stores: Vec<(String, PathBuf)>,

    /// Where addresses are: a MaxMind database (.mmdb), or a JSON object of networks.
    #[arg(long, value_name = "FILE", help_heading = STORES)]
    pub geo: Option<PathBuf>,

    /// Speak TLS too, on the same port, with this certificate chain in PEM.
    #[arg(long, value_name = "FILE", group = "tls", requires = "tls_key", help_heading = CLIENTS)]
    pub tls_cert: Option<PathBuf>,

    /// The private key of that certificate in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert", help_heading = CLIENTS)]
    pub tls_key: Option<PathBuf>,

    /// Speak TLS too, on the same port, with a certificate for localhost made now.
    #[arg(long, group = "tls", help_heading = CLIENTS)]
    pub tls_self_signed: bool,

    /// Ask clients for a certificate of one of these authorities, in PEM.
    ///
    /// What becomes of it is for the program to see: no connection is refused for it.
    #[arg(long, value_name = "FILE", requires = "tls", help_heading = CLIENTS)]
    pub tls_client_ca: Option<PathBuf>,

    /// The address that every client has.
    #[arg(long, value_name = "IP", help_heading = CLIENTS)]
    pub client_ip: Option<IpAddr>,

    /// The header in which a proxy that can be trusted names the client.
    #[arg(long, value_name = "NAME", help_heading = CLIENTS)]
    pub client_ip_header: Option<HeaderName>,

    /// The region whose rules apply to every client, such as `us-eu`.
    #[arg(long, value_name = "REGION", help_heading = CLIENTS)]
    pub compliance_region: Option<String>,

    /// A value of the header Fastly-Key that counts as valid.
    #[arg(long = "fake-fastly-key", value_name = "KEY", help_heading = CLIENTS)]
    pub fake_fastly_keys: Vec<String>,

    /// Send every request of a guest to its backend.
    #[arg(long, help_heading = CACHING)]
    pub no_http_cache: bool,

    /// Do not let guests drive the cache of responses themselves.
    ///
    /// SDKs leave it to the host then, and have no hooks for it.
    #[arg(long, help_heading = CACHING)]
    pub no_guest_caching: bool,

    /// How long responses are fresh that do not say so.
    #[arg(long, value_name = "SECONDS", default_value = "3600", help_heading = CACHING)]
    pub http_cache_ttl: u32,

    /// Give responses no X-Cache and X-Cache-Hits.
    #[arg(long, help_heading = CACHING)]
    pub no_cache_headers: bool,

    /// Let a guest's PURGE request remove what is kept for its URL.
    #[arg(long, help_heading = CACHING)]
    pub enable_purge: bool,

    /// Let a client's PURGE request remove what is kept for its URL.
    ///
    /// The program does not see the request.
    #[arg(long, help_heading = CACHING)]
    pub enable_client_purge: bool,

    /// The memory of the cache [default: 256].
    #[arg(
        long,
        value_name = "MIB",
        value_parser = clap::value_parser!(u64).range(1..=1 << 20),
        help_heading = CACHING
    )]
    pub cache_size: Option<u64>,

    /// An environment variable of the guest.
    #[arg(long = "env", value_name = "KEY=VALUE", value_parser = pair, help_heading = PROGRAM)]
    pub environment: Vec<(String, String)>,

    /// The memory each request may use [default: 128].
    #[arg(
        long,
        value_name = "MIB",
        value_parser = clap::value_parser!(u64).range(1..=4096),
        help_heading = LIMITS
    )]
    pub max_memory: Option<u64>,

    /// How long each request may take [default: 120].
    #[arg(long, value_name = "SECONDS", value_parser = seconds, help_heading = LIMITS)]
    pub timeout: Option<f64>,

    /// How long each request may compute [default: 60].
    #[arg(long, value_name = "SECONDS", value_parser = seconds, help_heading = LIMITS)]
    pub cpu_limit: Option<f64>,

    /// How many more requests a guest may ask for [default: 5].
    #[arg(long, value_name = "NUMBER", help_heading = LIMITS)]
    pub reuse_requests: Option<u32>,

    /// What to do with a guest whose client leaves.
    #[arg(long, value_enum, value_name = "WHAT", default_value_t, help_heading = LIMITS)]
    pub on_disconnect: OnDisconnect,

    /// What to do about imports that are not there.
    #[arg(long, value_enum, value_name = "WHAT", default_value_t, help_heading = PROGRAM)]
    pub unknown_import_behavior: UnknownImportBehavior,

    /// Show where guests spend their time: `perfmap` for `perf`, `guest[,PLACE[,PERIOD]]` for the Firefox Profiler.
    ///
    /// `perfmap` writes the names of functions for `perf record`. `guest` looks at every guest each 50 µs, or each PERIOD
    /// (`200us`, `1ms`), and writes a file for each request to the folder PLACE, or to the file PLACE for `run`; it is what
    /// https://profiler.firefox.com opens. The engines of wasmtime can do both.
    #[arg(long, value_name = "KIND", help_heading = PROGRAM)]
    pub profile: Option<Profile>,

    #[command(flatten)]
    pub cache: CacheArguments,

    /// How long requests may go on when the host is told to stop.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "30", help_heading = LIMITS)]
    pub drain_timeout: f64,

    /// How long a client may take nothing of what it is sent before it loses its connection.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "60", help_heading = LIMITS)]
    pub send_timeout: f64,

    /// How long a client's connection may be without a request, and how long the head of one may take.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "60", help_heading = LIMITS)]
    pub idle_timeout: f64,

    /// Write guests' standard output as `stdout :: line`.
    #[arg(long, help_heading = OUTPUT)]
    pub log_stdout: bool,

    /// Write guests' standard error as `stderr :: line`.
    #[arg(long, help_heading = OUTPUT)]
    pub log_stderr: bool,

    /// Where a log endpoint goes: to the end of a file, or to standard output.
    ///
    /// Endpoints of which nothing is said go to standard output too, each line with the name before it.
    #[arg(
        long = "logger",
        visible_alias = "log-file",
        value_name = "NAME[=FILE]",
        value_parser = logger,
        help_heading = OUTPUT
    )]
    pub loggers: Vec<(String, Option<PathBuf>)>,

    #[command(flatten)]
    pub output: OutputArguments,

    #[command(flatten)]
    pub drop_in: DropInArguments,
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
    /// Where compiled programs are kept, not in `fastlike cache dir`.
    #[arg(long, value_name = "FOLDER", help_heading = PROGRAM)]
    pub cache_dir: Option<PathBuf>,

    /// Keep no compiled programs, and use none.
    #[arg(long, conflicts_with = "cache_dir", help_heading = PROGRAM)]
    pub no_cache: bool,
}

#[derive(Clone, Debug, Args)]
pub(super) struct OutputArguments {
    /// Say more: -v, -vv, -vvv; RUST_LOG says it in detail.
    #[arg(short, long, action = ArgAction::Count, help_heading = OUTPUT)]
    pub verbose: u8,

    /// Say nothing about requests that went well.
    #[arg(short, long, conflicts_with = "verbose", help_heading = OUTPUT)]
    pub quiet: bool,

    /// How messages are written.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t, help_heading = OUTPUT)]
    pub log_format: MessageFormat,

    /// Write every hostcall: its arguments, what it gave, and how long it took; so does -vvv.
    #[arg(long, help_heading = OUTPUT)]
    pub trace: bool,

    /// The same for requests with a header field of this name.
    #[arg(long, value_name = "NAME", conflicts_with = "trace", help_heading = OUTPUT)]
    pub trace_header: Option<HeaderName>,
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

/// What only matters where clients connect. `run` takes it, since command lines are shared, and does not list it.
fn hidden_where_nothing_is_served(argument: Arg) -> Arg {
    let is_for_serving = matches!(
        argument.get_id().as_str(),
        "addr"
            | "watch"
            | "tls_cert"
            | "tls_key"
            | "tls_self_signed"
            | "tls_client_ca"
            | "client_ip_header"
            | "fake_fastly_keys"
            | "enable_client_purge"
            | "drain_timeout"
            | "send_timeout"
            | "idle_timeout"
            | "on_disconnect"
            | "trace_header"
    );
    let is_hidden = is_for_serving || argument.is_hide_set();
    let argument = argument.hide(is_hidden);
    if argument.get_id() != "engine" {
        return argument;
    }
    // A command that ends soon has nothing of being compiled twice.
    argument
        .help("The engine; `fastlike engines` lists them [default: wasmtime]")
        .long_help(None)
}

/// An address, or the first one that a name has.
fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let port = text.rsplit_once(':').filter(|(name, _)| !name.is_empty());
    if port.is_none_or(|(_, port)| port.parse::<u16>().is_err()) {
        let expected = "it has to be an address and a port, such as 127.0.0.1:7676 or localhost:0";
        return Err(expected.to_owned());
    }
    let found = text.to_socket_addrs().map_err(|error| error.to_string())?;
    let mut all: Vec<_> = found.collect();
    // Whoever says `localhost` means what clients try, which for most is the older protocol.
    all.sort_by_key(|address| !address.is_ipv4());
    all.into_iter()
        .next()
        .ok_or_else(|| "no address has that name".to_owned())
}

/// The name, which may be left out, and what it is given.
fn maybe_named(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, _)) if !name.contains("://") => pair(text),
        _ if text.is_empty() => Err("it has to be a name, `=`, and a value".to_owned()),
        _ => Ok((ALL_OTHERS.to_owned(), text.to_owned())),
    }
}

fn override_host(text: &str) -> Result<(String, HeaderValue), String> {
    let (name, host) = maybe_named(text)?;
    Ok((name, host_field(&host)?))
}

pub(super) fn backend(text: &str) -> Result<(String, BackendSettings), String> {
    let (name, place) = maybe_named(text)?;
    let (url, uptime) = match place.rsplit_once('@') {
        Some((url, number)) if is_number(number) => (url, Some(number)),
        _ => (place.as_str(), None),
    };
    let url = match url.contains("://") {
        true => url.to_owned(),
        false => format!("http://{url}"),
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

fn logger(text: &str) -> Result<(String, Option<PathBuf>), String> {
    let (name, path) = maybe_file(text)?;
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
            "fastlike a.wasm --backend origin=",
            "fastlike a.wasm --backend =http://a",
            "fastlike a.wasm --override-host origin=",
            "fastlike a.wasm --override-host a=\u{1}",
            "fastlike a.wasm --profile other",
            "fastlike a.wasm --profile guest,",
            "fastlike a.wasm --logger =x",
            "fastlike a.wasm --addr 127.0.0.1",
            "fastlike a.wasm --backend origin=http://a@101",
            "fastlike a.wasm --backend origin=http://user@a:80",
            "fastlike a.wasm --reuse-requests x",
            "fastlike a.wasm --timeout 0",
            "fastlike a.wasm --timeout NaN",
            "fastlike a.wasm --env =x",
            "fastlike a.wasm --log-file =x",
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
            ("a=localhost:80@5", "http://localhost:80", 5),
            ("a=127.0.0.1", "http://127.0.0.1", 100),
        ] {
            let (name, settings) = backend(text).unwrap();
            assert_eq!(name, "a");
            let found = (settings.url.to_string(), settings.uptime_percent);
            assert_eq!(found, (url.to_owned(), percent));
        }
        for text in ["http://a:80", "a:80", "*=http://a:80"] {
            let (name, settings) = backend(text).unwrap();
            assert_eq!((&*name, &*settings.url.to_string()), ("*", "http://a:80"));
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
        let line = "fastlike --adapt --wasm-exceptions --wasm-gc --wasm-cm-gc --profile=perfmap \
                    --enable-local-websocket-passthrough -C a.toml --addr localhost:0 a.wasm";
        let line = parse(&line.split_whitespace().collect::<Vec<_>>().join(" ")).unwrap();
        assert_eq!(line.serve.addr.to_string(), "127.0.0.1:0");
        assert_eq!(line.serve.profile, Some(Profile::PerfMap));
        line.serve.drop_in.check().unwrap();
        let line = parse("fastlike --experimental_modules wasi-nn a.wasm").unwrap();
        let error = line.serve.drop_in.check().unwrap_err().to_string();
        assert!(error.contains("wasi-nn"), "{error}");
    }

    /// Whoever asks for help wants to find one option among many: by what it is about, on a line or two.
    #[test]
    fn the_help_is_grouped_and_short() {
        let help = CommandLine::command().render_help().to_string();
        for heading in [BACKENDS, STORES, CLIENTS, CACHING, LIMITS, PROGRAM, OUTPUT] {
            assert!(
                help.contains(&format!("\n{heading}:\n")),
                "{heading}: {help}"
            );
        }
        let longest = help.lines().map(str::len).max();
        assert!(longest <= Some(130), "{longest:?}: {help}");
        assert!(!help.contains("--adapt"), "{help}");
        assert!(!help.contains("  adapt "), "{help}");
    }

    #[test]
    fn each_subcommand_tells_its_own_engine() {
        let mut command = CommandLine::command();
        let mut help = |name| {
            let subcommand = command.find_subcommand_mut(name);
            subcommand.unwrap().render_long_help().to_string()
        };
        assert!(help("serve").contains("[default: auto]"));
        assert!(help("run").contains("[default: wasmtime]"));
    }

    #[test]
    fn the_help_of_run_lists_nothing_about_connections() {
        let mut line = CommandLine::command();
        let run = line.find_subcommand_mut("run").unwrap();
        let help = run.render_help().to_string();
        assert!(
            help.contains("--timeout") && help.contains("--backend"),
            "{help}"
        );
        for option in [
            "--addr",
            "--tls-cert",
            "--drain-timeout",
            "--send-timeout",
            "--idle-timeout",
        ] {
            assert!(!help.contains(option), "{option}: {help}");
        }
    }
}
