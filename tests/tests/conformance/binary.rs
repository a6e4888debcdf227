//! The program `fastlike`, as its users run it.

use std::path::PathBuf;
use std::process::Command;

use conformance::case::trial;
use conformance::client::{Answer, Begun, Client, Content, request};
use conformance::engines;
use conformance::guests::{Guest, HELLO, RAW, ROUTES, STORES};
use conformance::origin::Origin;
use conformance::process::Process;
use libtest_mimic::{Completion, Trial};

/// The same entry point as that of the package `fastlike`.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_fastlike-under-test");

/// The tests of the program.
pub fn trials() -> Vec<Trial> {
    let mut trials = vec![
        trial(
            "binary::requests_on_their_way_are_finished",
            requests_on_their_way_are_finished,
        ),
        trial(
            "binary::a_second_signal_stops_at_once",
            a_second_signal_stops_at_once,
        ),
        trial(
            "binary::logs_go_to_standard_output",
            logs_go_to_standard_output,
        ),
        trial(
            "binary::the_status_of_a_handed_over_client_is_the_backends",
            the_status_of_a_handed_over_client_is_the_backends,
        ),
        trial("binary::log_endpoints_have_files", log_endpoints_have_files),
        trial("binary::a_log_file_that_is_none", a_log_file_that_is_none),
        trial("binary::a_trap_is_told", a_trap_is_told),
        trial(
            "binary::a_program_that_cannot_be_run",
            a_program_that_cannot_be_run,
        ),
        trial("binary::unknown_imports", unknown_imports),
        trial(
            "binary::a_program_that_is_not_there",
            a_program_that_is_not_there,
        ),
        trial("binary::an_unknown_engine", an_unknown_engine),
        trial("binary::an_address_in_use", an_address_in_use),
        trial(
            "binary::acknowledged_writes_survive_a_kill",
            acknowledged_writes_survive_a_kill,
        ),
        trial(
            "binary::stores_are_given_by_options",
            stores_are_given_by_options,
        ),
        trial("binary::engines", lists_engines),
        trial("binary::goes_over_to_wasmtime", goes_over_to_wasmtime),
        Trial::ignorable_test("binary::curl", curl),
    ];
    for engine in engines::NAMES {
        let name = format!("{engine}::binary::serves_and_stops");
        trials.push(trial(name, move || serves_and_stops(engine)));
    }
    trials
}

/// Serves `guest` on a free port, on wasmtime where nothing else is said.
fn serve(guest: Guest, arguments: &[&str]) -> Process {
    let engine: &[&str] = match arguments.contains(&"--engine") {
        true => &[],
        false => &["--engine", "wasmtime"],
    };
    serve_on_default(guest, &[arguments, engine].concat())
}

fn serve_on_default(guest: Guest, arguments: &[&str]) -> Process {
    let mut all = vec![
        guest.path(),
        PathBuf::from("--addr"),
        PathBuf::from("127.0.0.1:0"),
    ];
    all.extend(arguments.iter().map(PathBuf::from));
    Process::start(PROGRAM, all)
}

pub async fn get(address: std::net::SocketAddr, path: &str) -> Answer {
    let client = Client::http1();
    client
        .fetch(address, request("GET", path, Content::empty()))
        .await
}

async fn serves_and_stops(engine: &'static str) {
    let process = serve(HELLO, &["--engine", engine]);
    let ready = process.says("serving").await;
    assert!(ready.contains("hello.wasm"), "{ready}");
    assert!(ready.contains(&format!("engine {engine}")), "{ready}");
    let address = process.ready().await;
    assert_ne!(address.port(), 0);
    assert_eq!(get(address, "/").await.ok_text(), "Hello from Compute\n");
    process.terminate();
    let finished = process.finish().await;
    assert_eq!(finished.status.code(), Some(0), "{finished:?}");
    assert_eq!(finished.stdout, "", "{finished:?}");
}

/// A program answers before wasmtime has compiled it, what it has begun by then it ends, and the next process need not
/// compile it.
async fn goes_over_to_wasmtime() {
    let folder = tempfile::tempdir().expect("there is room for files");
    let kept = folder.path().join("kept");
    let origin = Origin::start().await;
    let backend = format!("origin=http://{}", origin.address);
    let kept = kept.to_str().expect("its name is text");
    let arguments = ["--backend", &backend, "--cache-dir", kept];

    let process = serve_on_default(ROUTES, &arguments);
    let address = process.ready().await;
    let ready = process.says("serving").await;
    assert!(ready.contains("(engine wasmi, compiled in "), "{ready}");
    let get_gate = request("GET", "/proxy/origin/gate", Content::empty());
    let answering = Client::http1().begin(address, get_gate);
    origin.arrived(1).await;
    process.says("now on wasmtime, compiled in ").await;
    assert_eq!(get(address, "/stdio").await.status, 200);
    origin.open_gate();
    assert_eq!(answering.answer().await.ok_text(), "the gate is open");
    process.terminate();
    let finished = process.finish().await;
    assert_eq!(finished.status.code(), Some(0), "{finished:?}");
    let mut lines = finished.stderr.lines();
    let line = lines.find(|line| line.contains("GET /stdio  ("));
    assert!(
        line.is_some_and(|line| line.contains("(wasmtime, CPU ")),
        "{finished:?}"
    );

    let process = serve_on_default(ROUTES, &arguments);
    process.ready().await;
    let ready = process.says("serving").await;
    assert!(ready.contains("(engine wasmtime, loaded in "), "{ready}");
    process.terminate();
    let finished = process.finish().await;
    assert!(!finished.stderr.contains("now on"), "{finished:?}");
}

/// Asks the guest for what makes it wait for the backend.
async fn waits(origin: &Origin) -> (Process, Begun) {
    let backend = format!("origin=http://{}", origin.address);
    let process = serve(ROUTES, &["--backend", &backend]);
    let address = process.ready().await;
    let get = request("GET", "/proxy/origin/gate", Content::empty());
    let answering = Client::http1().begin(address, get);
    origin.arrived(1).await;
    process.terminate();
    process.says("stopping").await;
    (process, answering)
}

async fn requests_on_their_way_are_finished() {
    let origin = Origin::start().await;
    let (process, answering) = waits(&origin).await;
    origin.open_gate();
    assert_eq!(answering.answer().await.ok_text(), "the gate is open");
    let finished = process.finish().await;
    assert_eq!(finished.status.code(), Some(0), "{finished:?}");
}

async fn a_second_signal_stops_at_once() {
    let origin = Origin::start().await;
    let (process, answering) = waits(&origin).await;
    process.terminate();
    let finished = process.finish().await;
    assert_eq!(finished.status.code(), Some(1), "{finished:?}");
    answering.leave();
}

async fn logs_go_to_standard_output() {
    let process = serve(ROUTES, &[]);
    let address = process.ready().await;
    get(address, "/log/app").await;
    get(address, "/stdio").await;
    process.terminate();
    let finished = process.finish().await;
    for line in [
        "app :: first record",
        r"app :: second record\nof two lines",
        "a line for standard output",
    ] {
        assert!(
            finished.stdout.lines().any(|other| other == line),
            "{finished:?}"
        );
    }
    assert!(
        finished.stderr.contains("a line for standard error"),
        "{finished:?}"
    );
    // One line for each request.
    assert!(
        finished.stderr.contains("GET /stdio  (wasmtime, "),
        "{finished:?}"
    );
}

async fn the_status_of_a_handed_over_client_is_the_backends() {
    let chat = format!("chat=http://{}", crate::hand_off::server().await);
    let origin = Origin::start().await;
    let origin = format!("origin=http://{}", origin.address);
    let process = serve(RAW, &["--backend", &chat, "--backend", &origin]);
    let address = process.ready().await;
    let mut socket = crate::hand_off::connect(address, "/raw/websocket/chat").await;
    let socket = socket.as_mut().expect("it is upgraded");
    // The line is there while the two talk.
    let said = process.says("GET /raw/websocket/chat  (").await;
    assert!(said.contains("  101  "), "{said}");
    socket.close(None).await.expect("the connection is open");
    get(address, "/raw/websocket/origin").await;
    let said = process.says("GET /raw/websocket/origin  (").await;
    assert!(said.contains("  404  "), "{said}");
    process.terminate();
    assert!(process.finish().await.status.success());
}

async fn log_endpoints_have_files() {
    let folder = tempfile::tempdir().expect("there is room for files");
    let (by_option, by_file) = (folder.path().join("option"), folder.path().join("file"));
    let manifest = folder.path().join("fastly.toml");
    let text = "[local_server.log_endpoints]\nfile = 'file'\nboth = { file = 'file' }\n";
    std::fs::write(&manifest, text).expect("the folder can be written to");
    let option = format!("option={}", by_option.display());
    // An option goes before the file.
    let both = format!("both={}", by_option.display());
    let manifest = manifest.to_str().expect("its name is text");
    let process = serve(
        ROUTES,
        &["-C", manifest, "--log-file", &option, "--log-file", &both],
    );
    let address = process.ready().await;
    for endpoint in ["option", "file", "both", "other"] {
        let path = format!("/log/{endpoint}");
        assert_eq!(get(address, &path).await.ok_text(), "ok");
    }
    process.terminate();
    let finished = process.finish().await;
    let records = "first record\nsecond record\\nof two lines\n";
    let read = |path| std::fs::read_to_string(path).expect("it was made");
    assert_eq!(read(by_option), [records, records].concat());
    assert_eq!(read(by_file), records);
    let others: Vec<_> = finished.stdout.lines().collect();
    assert_eq!(
        others,
        [
            "other :: first record",
            r"other :: second record\nof two lines"
        ]
    );
}

async fn a_log_file_that_is_none() {
    let folder = tempfile::tempdir().expect("there is room for files");
    let option = format!("app={}", folder.path().display());
    let finished = serve(HELLO, &["--log-file", &option]).finish().await;
    assert_eq!(finished.status.code(), Some(1), "{finished:?}");
    assert!(
        finished.stderr.contains("for the log endpoint `app`"),
        "{finished:?}"
    );
    let reserved = serve(HELLO, &["--log-file", "stdout=x"]).finish().await;
    assert_eq!(reserved.status.code(), Some(2), "{reserved:?}");
    assert!(reserved.stderr.contains("reserved"), "{reserved:?}");
}

async fn a_trap_is_told() {
    let process = serve(ROUTES, &[]);
    let address = process.ready().await;
    assert_eq!(get(address, "/panic").await.status, 500);
    process.terminate();
    let finished = process.finish().await;
    assert!(
        finished.stderr.contains("GET /panic: the guest trapped"),
        "{finished:?}"
    );
    assert!(finished.stderr.contains("panic_route"), "{finished:?}");
}

/// Clients write until the process is killed, in the middle of whatever it does; what they were told is written has to
/// be there afterwards.
async fn acknowledged_writes_survive_a_kill() {
    let folder = tempfile::tempdir().expect("there is room for files");
    let manifest = folder.path().join("fastly.toml");
    let text = "[local_server.kv_stores.kv]\npersist = \"data\"\n";
    std::fs::write(&manifest, text).expect("a folder can be written to");
    let arguments = ["-C", manifest.to_str().expect("its name is text")];
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        let process = serve(STORES, &arguments);
        let address = process.ready().await;
        let (told, mut telling) = tokio::sync::mpsc::unbounded_channel();
        for client in 0..4 {
            let told = told.clone();
            tokio::spawn(async move {
                let http = Client::http1();
                for number in 0.. {
                    let key = format!("{round}-{client}-{number}");
                    let put = request("PUT", &format!("/kv/kv/{key}"), key.clone());
                    match http.send(address, put).await {
                        Ok(response) if response.status() == 200 => {
                            // The test may have heard enough.
                            let _ = told.send(key);
                        }
                        _ => return,
                    }
                }
            });
        }
        drop(told);
        for _ in 0..40 {
            acknowledged.push(telling.recv().await.expect("writes are acknowledged"));
        }
        process.kill().await;
        while let Some(key) = telling.recv().await {
            acknowledged.push(key);
        }
    }
    let process = serve(STORES, &arguments);
    let address = process.ready().await;
    for key in &acknowledged {
        let found = get(address, &format!("/kv/kv/{key}")).await;
        assert_eq!(found.status, 200, "{key}: {}", found.text());
        assert_eq!(found.ok_text(), *key);
    }

    let second = fails(serve(STORES, &arguments)).await;
    assert!(
        second.contains("another process has this store open"),
        "{second}"
    );
}

async fn stores_are_given_by_options() {
    let folder = tempfile::tempdir().expect("there is room for files");
    let write = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("a folder can be written to");
        path.display().to_string()
    };
    let kv = write(
        "kv.json",
        r#"{"k": {"body": "from a file", "metadata": "m"}}"#,
    );
    let strings = write("strings.json", r#"{"k": "string"}"#);
    let acl = write(
        "acl.json",
        r#"{"entries": [{"prefix": "10.0.0.0/8", "action": "BLOCK"}]}"#,
    );
    let process = serve(
        STORES,
        &[
            "--kv",
            &format!("filled={kv}"),
            "--kv",
            "empty",
            "--config-store",
            &format!("config={strings}"),
            "--dictionary",
            &format!("dictionary={strings}"),
            "--secret-store",
            &format!("secrets={strings}"),
            "--acl",
            &format!("list={acl}"),
        ],
    );
    let address = process.ready().await;
    for (path, expected) in [
        ("/kv/filled/k", "from a file"),
        ("/kv-list/empty", ""),
        ("/config/config/k", "string"),
        ("/config/dictionary/k", "string"),
        ("/secret/secrets/k", "string"),
    ] {
        assert_eq!(get(address, path).await.ok_text(), expected, "{path}");
    }
    let entry = get(address, "/acl/list/10.0.0.1").await.ok_text();
    assert!(entry.contains("10.0.0.0/8"), "{entry}");

    let wrong = write("wrong.json", "{\"entries\": [{}]}");
    let said = fails(serve(STORES, &["--acl", &format!("list={wrong}")])).await;
    for part in [
        "--acl list: ",
        "wrong.json: `entries[0]`: the key `prefix` is missing",
    ] {
        assert!(said.contains(part), "{said}");
    }
}

/// What the program says when it cannot serve.
async fn fails(process: Process) -> String {
    let finished = process.finish().await;
    assert_eq!(finished.status.code(), Some(1), "{finished:?}");
    assert_eq!(finished.stdout, "");
    finished.stderr
}

async fn a_program_that_cannot_be_run() {
    let said = fails(serve(Guest("wat/no_start.wat"), &[])).await;
    assert!(said.starts_with("fastlike: "), "{said}");
    assert!(said.contains("`_start`"), "{said}");
    // No other engine could run it.
    assert!(!said.contains("the engine"), "{said}");
}

async fn unknown_imports() {
    let guest = Guest("wat/unknown_import.wat");
    let said = fails(serve(guest, &[])).await;
    assert!(said.contains("nowhere.at_all"), "{said}");

    let process = serve(guest, &["--unknown-import-behavior", "trap"]);
    let address = process.ready().await;
    assert_eq!(get(address, "/").await.ok_text(), "hello");
}

async fn a_program_that_is_not_there() {
    let said = fails(serve(Guest("not-there.wasm"), &[])).await;
    assert!(said.contains("not-there.wasm"), "{said}");
    assert!(said.contains("bin/main.wasm"), "{said}");
    let said = fails(Process::start(PROGRAM, ["inspct"])).await;
    assert!(said.contains("did you mean `inspect`?"), "{said}");
}

async fn an_unknown_engine() {
    let said = fails(serve(HELLO, &["--engine", "other"])).await;
    assert!(said.contains("`other`"), "{said}");
    for engine in engines::NAMES {
        assert!(said.contains(engine), "{said}");
    }
}

async fn an_address_in_use() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let taken = taken.expect("there is a free port");
    let address = taken
        .local_addr()
        .expect("a listener has an address")
        .to_string();
    let arguments = [
        HELLO.path(),
        PathBuf::from("--addr"),
        PathBuf::from(&address),
    ];
    let said = fails(Process::start(PROGRAM, arguments)).await;
    assert!(said.contains(&address), "{said}");
}

async fn lists_engines() {
    let finished = Process::start(PROGRAM, ["engines"]).finish().await;
    assert_eq!(finished.status.code(), Some(0), "{finished:?}");
    let mut listed: Vec<_> = finished.stdout.lines().collect();
    let longest = listed.iter().map(|line| line.len()).max();
    assert!(longest <= Some(100), "{finished:?}");
    // What is said of an engine may go on below.
    listed.retain(|line| !line.is_empty() && !line.starts_with(' '));
    // With the head of the table, and what is said of defaults.
    assert_eq!(listed.len(), engines::NAMES.len() + 3, "{finished:?}");
    for engine in engines::NAMES.into_iter().chain(["auto"]) {
        let found = listed
            .iter()
            .any(|line| line.split(' ').next() == Some(engine));
        assert!(found, "{engine}: {finished:?}");
    }
    let finished = Process::start(PROGRAM, ["--version"]).finish().await;
    for engine in engines::NAMES {
        assert!(
            finished.stdout.contains(&format!("\n{engine} ")),
            "{engine}: {finished:?}"
        );
    }
}

/// A client that was not written by the same people as the host.
fn curl() -> Result<Completion, libtest_mimic::Failed> {
    if Command::new("curl").arg("--version").output().is_err() {
        return Ok(Completion::ignored_with("there is no curl here"));
    }
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let process = serve(ROUTES, &[]);
        let address = process.ready().await;
        let url = |path: &str| format!("http://{address}{path}");
        for (arguments, expected) in [
            (vec![url("/hello")], "Hello from Compute\n"),
            (vec![url("/stream/3/2")], "aabbcc"),
            (
                vec!["--data".to_owned(), "x=y".to_owned(), url("/echo")],
                "x=y",
            ),
            (
                vec!["--http2-prior-knowledge".to_owned(), url("/hello")],
                "Hello from Compute\n",
            ),
        ] {
            let output = tokio::process::Command::new("curl")
                .args(["--silent", "--show-error", "--fail", "--max-time", "30"])
                .args(&arguments)
                .output()
                .await?;
            let text = String::from_utf8_lossy(&output.stdout);
            if !output.status.success() || text != expected {
                return Err(format!("curl {arguments:?}: {output:?}").into());
            }
        }
        Ok(Completion::Completed)
    })
}
