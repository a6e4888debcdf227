//! Options of the program `fastlike`: that they go before `fastly.toml`, and that mistakes are told.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use conformance::case::trial;
use conformance::certificates::Authority;
use conformance::client::{Answer, Client, Content, request};
use conformance::faulty::listen;
use conformance::guests::{Guest, HELLO, RAW, ROUTES};
use conformance::origin::Origin;
use conformance::process::Process;
use http::header::{HOST, HeaderValue};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use libtest_mimic::Trial;
use tokio_rustls::TlsAcceptor;

/// The same entry point as that of the package `fastlike`.
const PROGRAM: &str = env!("CARGO_BIN_EXE_fastlike-under-test");

/// The tests of the options.
pub fn trials() -> Vec<Trial> {
    vec![
        trial(
            "options::they_go_before_the_configuration",
            they_go_before_the_configuration,
        ),
        trial(
            "options::who_is_down_is_not_healthy",
            who_is_down_is_not_healthy,
        ),
        trial("options::hosts_are_overridden", hosts_are_overridden),
        trial("options::hosts_are_elsewhere", hosts_are_elsewhere),
        trial("options::clients_have_a_region", clients_have_a_region),
        trial("options::endpoints_have_files", endpoints_have_files),
        trial(
            "options::lines_in_files_outlive_a_reload",
            lines_in_files_outlive_a_reload,
        ),
        trial("options::functions_have_names", functions_have_names),
        trial("options::runs_have_profiles", runs_have_profiles),
        trial("options::those_of_the_usual_tool", those_of_the_usual_tool),
        trial(
            "options::a_configuration_that_is_not_read",
            a_configuration_that_is_not_read,
        ),
        trial("options::mistakes_are_told", mistakes_are_told),
    ]
}

fn serve(guest: Guest, options: &[&str]) -> Process {
    let mut all = vec![guest.path()];
    all.extend(
        ["--addr", "127.0.0.1:0"]
            .iter()
            .chain(options)
            .map(PathBuf::from),
    );
    Process::start(PROGRAM, all)
}

/// What it says when it cannot serve.
async fn refused(guest: Guest, options: &[&str]) -> String {
    let finished = serve(guest, options).finish().await;
    assert_eq!(finished.status.code(), Some(1), "{finished:?}");
    finished.stderr
}

async fn get(address: SocketAddr, path: &str) -> Answer {
    let client = Client::http1();
    client
        .fetch(address, request("GET", path, Content::empty()))
        .await
}

fn configuration(folder: &Path, text: &str) -> String {
    let file = folder.join("fastly.toml");
    std::fs::write(&file, text).expect("a folder can be written to");
    file.display().to_string()
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("there is room for files")
}

async fn they_go_before_the_configuration() {
    let folder = folder();
    let config = configuration(
        folder.path(),
        r#"
        [local_server]
        limits = { wall_ms = 60000 }
        [local_server.backends]
        one = { respond = { status = 201 } }
        two = { respond = { status = 201 } }
        [local_server.config_stores.strings]
        format = "inline-toml"
        contents = { k = "of the configuration" }
        "#,
    );
    let strings = folder.path().join("strings.json");
    std::fs::write(&strings, r#"{"k": "of an option"}"#).expect("a folder can be written to");
    let origin = Origin::start().await;
    let process = serve(
        ROUTES,
        &[
            "-C",
            &config,
            // Without a scheme, as the other tools have it.
            "-b",
            &format!("two={}", origin.address),
            // Of all other names, and always down.
            "--backend",
            "127.0.0.1:9@0",
            "-d",
            &format!("strings={}", strings.display()),
        ],
    );
    let address = process.ready().await;
    assert_eq!(get(address, "/proxy/one/").await.status, 201);
    assert_eq!(get(address, "/proxy/two/bytes/1").await.status, 200);
    assert_eq!(origin.exchanges().len(), 1);
    assert_eq!(get(address, "/proxy/three/").await.status, 502);
    let answer = get(address, "/dictionary/strings/k").await;
    assert_eq!(answer.ok_text(), "of an option");
}

/// A backend that answers with the name in the handshake and the `Host` of a request.
async fn naming(authority: &Authority, name: &str) -> SocketAddr {
    let tls = TlsAcceptor::from(Arc::new(authority.sign(name).server(&["http/1.1"])));
    listen(move |stream| {
        let tls = tls.clone();
        async move {
            let Ok(stream) = tls.accept(stream).await else {
                return;
            };
            let sni = stream.get_ref().1.server_name().map(str::to_owned);
            let service = service_fn(move |asked: Request<Incoming>| {
                let host = asked.headers().get(HOST).cloned();
                let told = format!("{sni:?} {host:?}");
                async { Ok::<_, Infallible>(Response::new(told)) }
            });
            // Whoever leaves in the middle is not answered.
            drop(
                http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await,
            );
        }
    })
    .await
}

/// What a host is told of a backend that is elsewhere is as if it was not: only the address differs.
async fn hosts_are_elsewhere() {
    let authority = Authority::new("servers");
    let port = naming(&authority, "named.example").await.port();
    let folder = folder();
    let place = format!("named.example:{port}");
    let config = configuration(
        folder.path(),
        &format!(
            "[local_server.backends.one]\nurl = 'https://{place}'\noverride_host = '{place}'\nca_certificate = \"\"\"{}\"\"\"",
            authority.pem()
        ),
    );
    // The system would not know it.
    let elsewhere = format!("Named.example:{port}:127.0.0.1");
    let process = serve(ROUTES, &["-C", &config, "--resolve", &elsewhere]);
    let answer = get(process.ready().await, "/proxy/one/").await;
    let expected = format!("Some(\"named.example\") Some(\"{place}\")");
    assert_eq!(answer.ok_text(), expected);
    // That is another place.
    let another = format!("named.example:{}:127.0.0.1", if port == 1 { 2 } else { 1 });
    let process = serve(ROUTES, &["-C", &config, "--resolve", &another]);
    assert_eq!(get(process.ready().await, "/proxy/one/").await.status, 502);
}

/// The region of an option is that of every client, also of one that the configuration says another one of.
async fn clients_have_a_region() {
    let folder = folder();
    let config = configuration(
        folder.path(),
        r#"
        [local_server.client]
        compliance_region = "us"
        [[local_server.client.user_agents]]
        contains = "Spider"
        compliance_region = "eu"
        "#,
    );
    for (options, of_browsers, of_spiders) in [
        (&["-C", &config][..], "us", "eu"),
        (&["--compliance-region", "us-eu"], "us-eu", "us-eu"),
        (
            &["--compliance-region", "us-eu", "-C", &config],
            "us-eu",
            "us-eu",
        ),
    ] {
        let process = serve(RAW, &[options, &["--engine", "wasmi"]].concat());
        let address = process.ready().await;
        for (agent, expected) in [("Browser", of_browsers), ("Spider", of_spiders)] {
            let mut asking = request("GET", "/raw/identity", Content::empty());
            asking
                .headers_mut()
                .insert("user-agent", HeaderValue::from_static(agent));
            let told = Client::http1().fetch(address, asking).await;
            let expected = format!("downstream_compliance_region: {expected}");
            let text = told.ok_text();
            assert!(text.lines().any(|line| line == expected), "{agent}: {text}");
        }
    }
}

async fn who_is_down_is_not_healthy() {
    let origin = Origin::start().await;
    let down = format!("down={}@0", origin.address);
    let up = format!("up={}@100", origin.address);
    let process = serve(RAW, &["--backend", &down, "--backend", &up]);
    let address = process.ready().await;
    // The health before, the status of the response, the health after: 2 is unhealthy, and 0 is unknown.
    for (name, expected) in [("down", "2 502 2"), ("up", "0 200 0")] {
        let answer = get(address, &format!("/raw/health/{name}")).await;
        assert_eq!(answer.ok_text(), expected, "{name}");
    }
    assert_eq!(origin.exchanges().len(), 1);
}

async fn hosts_are_overridden() {
    let folder = folder();
    let origin = Origin::start().await;
    let place = format!("http://{}", origin.address);
    let config = configuration(
        folder.path(),
        &format!(
            r#"
            [local_server.backends]
            one = {{ url = "{place}", override_host = "of.the.configuration" }}
            two = {{ url = "{place}", override_host = "of.the.configuration" }}
            "#
        ),
    );
    let options = ["-C", &config, "--backend", &place];
    let overriding = [
        "--override-host",
        "one=of.an.option",
        "--override-host",
        "of.others",
    ];
    let process = serve(ROUTES, &[&options[..], &overriding[..]].concat());
    let address = process.ready().await;
    for path in [
        "/proxy/one/bytes/1",
        "/proxy/two/bytes/2",
        "/proxy/three/bytes/3",
    ] {
        assert_eq!(get(address, path).await.status, 200, "{path}");
    }
    let hosts: Vec<_> = origin
        .exchanges()
        .iter()
        .map(|exchange| exchange.headers["host"].clone())
        .collect();
    assert_eq!(hosts, ["of.an.option", "of.the.configuration", "of.others"]);

    let wrong = ["--override-host", "other=example.com"];
    let said = refused(ROUTES, &[&options[..], &wrong[..]].concat()).await;
    for part in ["no backend `other`", "there are: `one`, `two`"] {
        assert!(said.contains(part), "{said}");
    }
}

async fn lines_in_files_outlive_a_reload() {
    let folder = folder();
    let file = folder.path().join("app.log");
    let option = format!("app={}", file.display());
    let process = serve(ROUTES, &["--engine", "wasmi", "--logger", &option]);
    let address = process.ready().await;
    for times in 1..=3 {
        assert_eq!(get(address, "/log/app").await.status, 200);
        process.hang_up();
        process.says_times("reloaded: SIGHUP", times).await;
    }
    // What takes its place is written to from the next time on.
    let moved = folder.path().join("app.log.1");
    std::fs::rename(&file, &moved).expect("files can be renamed");
    process.hang_up();
    process.says_times("reloaded: SIGHUP", 4).await;
    assert_eq!(get(address, "/log/app").await.status, 200);
    process.terminate();
    process.finish().await;
    let of_one = "first record\nsecond record\\nof two lines\n";
    for (file, times) in [(moved, 3), (file, 1)] {
        let written = std::fs::read_to_string(&file).expect("it is there");
        assert_eq!(written, of_one.repeat(times), "{}", file.display());
    }
}

async fn endpoints_have_files() {
    let folder = folder();
    let file = folder.path().join("app.log");
    std::fs::write(&file, "from before\n").expect("a folder can be written to");
    let option = format!("app={}", file.display());
    let process = serve(ROUTES, &["--logger", &option, "--logger", "other"]);
    let address = process.ready().await;
    for path in ["/log/app", "/log/other"] {
        assert_eq!(get(address, path).await.status, 200);
    }
    process.terminate();
    let finished = process.finish().await;
    let written = std::fs::read_to_string(&file).expect("it is there");
    let expected = "from before\nfirst record\nsecond record\\nof two lines\n";
    assert_eq!(written, expected);
    assert!(
        finished.stdout.contains("other :: first record\n"),
        "{finished:?}"
    );
    assert!(!finished.stdout.contains("app :: "), "{finished:?}");

    let nowhere = folder.path().join("not/there.log");
    let option = format!("app={}", nowhere.display());
    let said = refused(ROUTES, &["--logger", &option]).await;
    assert!(said.contains("for the log endpoint `app`"), "{said}");
}

/// A profiler finds the functions of a guest by their names, whose machine code is made (or loaded) at run time.
async fn functions_have_names() {
    let kept = folder();
    let kept = kept.path().display().to_string();
    for made in ["compiled in", "loaded in"] {
        let process = serve(HELLO, &["--profile", "perfmap", "--cache-dir", &kept]);
        let said = process.says("serving").await;
        assert!(
            said.contains("engine wasmtime") && said.contains(made),
            "{said}"
        );
        let map = PathBuf::from(format!("/tmp/perf-{}.map", process.id()));
        let names =
            std::fs::read_to_string(&map).expect("it is written before the program is ready");
        assert!(names.contains("_start"), "{names}");
        process.kill().await;
        std::fs::remove_file(map).expect("it was read");
    }

    let said = refused(HELLO, &["--profile", "perfmap", "--engine", "wasmi"]).await;
    assert!(said.contains("wasmi") && said.contains("`perf`"), "{said}");
}

/// A guest that computes in a function `busy` for a quarter of a second, so that it is looked at also where others keep the
/// processors busy.
const BUSY: &str = "(module
    (import \"wasi_snapshot_preview1\" \"clock_time_get\"
        (func $clock_time_get (param i32 i64 i32) (result i32)))
    (memory (export \"memory\") 1)
    (func $now (result i64)
        (drop (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 0)))
        (i64.load (i32.const 0)))
    (func $busy (param $turns i32)
        (loop $on
            (local.set $turns (i32.sub (local.get $turns) (i32.const 1)))
            (br_if $on (local.get $turns))))
    (func $main (export \"_start\") (local $end i64)
        (local.set $end (i64.add (call $now) (i64.const 250000000)))
        (loop $on
            (call $busy (i32.const 1000000))
            (br_if $on (i64.lt_u (call $now) (local.get $end))))))";

/// What a profile says of the functions of its only thread, and of how many samples there are.
fn profile(file: &Path) -> (String, usize) {
    let text = std::fs::read_to_string(file).expect("it was written");
    let profile: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    let samples = &profile["threads"][0]["samples"]["length"];
    (text, samples.as_u64().expect("they are counted") as usize)
}

async fn runs_have_profiles() {
    let folder = folder();
    let program = folder.path().join("busy.wat");
    std::fs::write(&program, BUSY).expect("a folder can be written to");
    let program = program.display().to_string();
    for engine in ["wasmtime", "winch", "pulley"] {
        let file = folder.path().join(format!("{engine}.json"));
        let option = format!("guest,{},1ms", file.display());
        let options = ["run", "--engine", engine, "--profile", &option, &program];
        let finished = Process::start(PROGRAM, options).finish().await;
        assert!(finished.status.success(), "{finished:?}");
        let (text, samples) = profile(&file);
        assert!(
            text.contains("\"busy\"") && text.contains("\"main\""),
            "{text}"
        );
        assert!(samples > 0, "{text}");
    }

    let profiles = folder.path().join("profiles");
    let option = format!("guest,{}", profiles.display());
    let process = serve(HELLO, &["--profile", &option]);
    let said = process.says("serving").await;
    assert!(said.contains("engine wasmtime"), "{said}");
    let address = process.ready().await;
    for _ in 0..3 {
        assert_eq!(get(address, "/").await.status, 200);
    }
    process.terminate();
    process.finish().await;
    let files = std::fs::read_dir(profiles).expect("it was made");
    let files: Vec<_> = files.map(|file| file.expect("it can be read")).collect();
    assert_eq!(files.len(), 3, "{files:?}");
    for file in files {
        profile(&file.path());
    }

    let said = refused(HELLO, &["--profile", "guest", "--engine", "wasmi"]).await;
    assert!(said.contains("wasmtime, winch, pulley do"), "{said}");
}

/// What Viceroy takes and has no effect here is taken; what would be missed is refused.
async fn those_of_the_usual_tool() {
    let options = "--adapt --wasm-exceptions --wasm-gc --wasm-cm-gc";
    let process = serve(HELLO, &options.split(' ').collect::<Vec<_>>());
    let address = process.ready().await;
    assert_eq!(get(address, "/").await.status, 200);

    process.says("--adapt changes nothing").await;

    let said = refused(HELLO, &["--experimental_modules", "wasi-nn"]).await;
    assert!(said.contains("wasi-nn"), "{said}");
    for arguments in ["adapt", "adapt app.wasm", "adapt -v app.wasm -o new.wasm"] {
        let finished = Process::start(PROGRAM, arguments.split(' ')).finish().await;
        assert_eq!(finished.status.code(), Some(1), "{finished:?}");
        let said = finished.stderr;
        assert!(said.contains("there is no subcommand `adapt`"), "{said}");
        let is_named = said.contains("`fastlike app.wasm` serves it");
        assert_eq!(is_named, arguments.contains("app.wasm"), "{said}");
    }
}

/// Whoever serves a program in the folder of its project learns that its backends and stores are not there.
async fn a_configuration_that_is_not_read() {
    let folder = folder();
    configuration(folder.path(), "");
    for (options, is_told) in [(&[][..], true), (&["-C", "fastly.toml"], false)] {
        let mut command = tokio::process::Command::new(PROGRAM);
        command.current_dir(folder.path()).arg(HELLO.path());
        command.args(["--engine", "wasmi", "--addr", "127.0.0.1:0"]);
        command
            .args(options)
            .env_remove("RUST_LOG")
            .kill_on_drop(true);
        let process = Process::spawn(command);
        process.ready().await;
        process.terminate();
        let finished = process.finish().await;
        let said = finished.stderr.contains("`-C fastly.toml` has it read");
        assert_eq!(said, is_told, "{finished:?}");
    }
}

async fn mistakes_are_told() {
    let said = refused(HELLO, &["--engine", "other"]).await;
    assert!(said.contains("auto, wasmtime,"), "{said}");
    for (options, part) in [
        (["--profile", "jitdump"], "--profile perfmap"),
        (["--override-host", "a="], "is no host"),
        (["--addr", "127.0.0.1"], "--addr"),
    ] {
        let finished = serve(HELLO, &options).finish().await;
        assert_eq!(finished.status.code(), Some(2), "{finished:?}");
        assert!(finished.stderr.contains(part), "{finished:?}");
    }
}
