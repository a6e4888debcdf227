use clap::{CommandFactory, Parser};

use super::backends::{backend, resolve};
use super::{Command, CommandLine};
use crate::cli::profile::Profile;

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
        "fastlike a.wasm --compliance-region=",
        "fastlike a.wasm --compliance-region US",
        "fastlike a.wasm --compliance-region us-",
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
    assert_eq!(line.serve.caching.cache_size, Some(2));
    assert!(line.serve.caching.enable_client_purge && !line.serve.caching.enable_purge);
    let line = parse("fastlike a.wasm").unwrap();
    assert_eq!(
        (
            line.serve.caching.cache_size,
            line.serve.caching.enable_client_purge
        ),
        (None, false)
    );
}

#[test]
fn options_of_the_usual_tool_keep_their_names() {
    let line = "fastlike -v --log-stdout --log-stderr --unknown-import-behavior trap a.wasm";
    let line = parse(line).unwrap();
    assert!(line.serve.output.log_stdout && line.serve.output.log_stderr);
    assert_eq!(line.serve.output.verbose, 1);
    let line = "fastlike --adapt --wasm-exceptions --wasm-gc --wasm-cm-gc --profile=perfmap \
                --enable-local-websocket-passthrough -C a.toml --addr localhost:0 a.wasm";
    let line = parse(&line.split_whitespace().collect::<Vec<_>>().join(" ")).unwrap();
    assert_eq!(line.serve.addr.to_string(), "127.0.0.1:0");
    assert_eq!(line.serve.guest.profile, Some(Profile::PerfMap));
    line.serve.drop_in.check().unwrap();
    let line = parse("fastlike --experimental_modules wasi-nn a.wasm").unwrap();
    let error = line.serve.drop_in.check().unwrap_err().to_string();
    assert!(error.contains("wasi-nn"), "{error}");
}

#[test]
fn hosts_may_be_elsewhere() {
    let read = |text: &str| {
        let found = resolve(text).unwrap();
        let addresses: Vec<_> = found.addresses.iter().map(ToString::to_string).collect();
        (found.host, found.port, addresses.join(" "))
    };
    for (text, host, port, addresses) in [
        ("example.com:443:127.0.0.1", "example.com", 443, "127.0.0.1"),
        ("a:80:127.0.0.1,[::1]", "a", 80, "127.0.0.1 ::1"),
        ("a:80:::1", "a", 80, "::1"),
    ] {
        assert_eq!(read(text), (host.to_owned(), port, addresses.to_owned()));
    }
    for (text, told) in [
        ("", "it has to be a host, a port and an address"),
        ("a:80", "it has to be a host, a port and an address"),
        ("a:80:", "`` is no address"),
        ("a:80:b", "`b` is no address"),
        ("a:80:127.0.0.1,", "`` is no address"),
        ("a:0:127.0.0.1", "from 1 to 65535"),
        ("a:65536:127.0.0.1", "from 1 to 65535"),
        (":80:127.0.0.1", "`` is no host"),
        ("a b:80:127.0.0.1", "`a b` is no host"),
        (
            "127.0.0.1:80:127.0.0.2",
            "`127.0.0.1` is an address already",
        ),
        ("[::1]:80:127.0.0.2", "is an address already"),
    ] {
        let error = resolve(text).unwrap_err();
        assert!(error.contains(told), "{text}: {error}");
    }
}

#[test]
fn mistakes_say_what_is_expected() {
    for (options, told) in [
        ("--backend origin=", "such as http://127.0.0.1:8080"),
        ("--backend origin=@50", "such as http://127.0.0.1:8080"),
        (
            "--backend a=https://a..b",
            "`a..b` cannot be the name in a certificate",
        ),
        (
            "--max-memory 0",
            "it has to be a whole number from 1 to 4096",
        ),
        ("--cache-size x", "a whole number from 1 to 1048576"),
        ("--http-cache-ttl x", "a whole number from 0 to 4294967295"),
        (
            "--reuse-requests 1.5",
            "a whole number from 0 to 4294967295",
        ),
        (
            "--local-pushpin-proxy-port 0",
            "a whole number from 1 to 65535",
        ),
        ("--addr :80", "it has to be an address and a port"),
    ] {
        let error = parse(&format!("fastlike a.wasm {options}")).unwrap_err();
        assert!(error.to_string().contains(told), "{options}: {error}");
    }
    let error = parse("fastlike bench a.wasm --path x").unwrap_err();
    assert!(error.to_string().contains("begin with `/`"), "{error}");
}

#[test]
fn what_a_program_is_given_is_no_option() {
    let mut line = CommandLine::command();
    let run = line.find_subcommand_mut("run").unwrap();
    let help = run.render_help().to_string();
    let options = help.find("\nOptions:").unwrap();
    assert!(help.find("[ARGUMENT]...  ").unwrap() < options, "{help}");
}

/// An option with two names is told by the one that was written.
#[test]
fn the_option_that_was_used_is_named() {
    for option in ["--dictionary", "--config-store", "--logger", "--log-file"] {
        let error = parse(&format!("fastlike a.wasm {option} =x")).unwrap_err();
        assert!(
            error.to_string().contains(&format!("'{option} <")),
            "{error}"
        );
    }
    for option in ["dictionary", "config-store"] {
        let line = parse(&format!("fastlike a.wasm --{option} a=/no/such.json")).unwrap();
        let error = line.serve.builder().err().unwrap().to_string();
        assert!(error.starts_with(&format!("--{option} a: ")), "{error}");
    }
}

/// Whoever asks for help wants to find one option among many: by what it is about, on a line or two.
#[test]
fn the_help_is_grouped_and_short() {
    let help = CommandLine::command().render_help().to_string();
    for heading in [
        "Backends", "Stores", "Clients", "Caching", "Limits", "Program", "Output",
    ] {
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
