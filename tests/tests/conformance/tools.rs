//! What the program `fastlike` does besides serving: looking at programs, comparing engines, completions and manuals.

use std::path::{Path, PathBuf};

use conformance::case::trial;
use conformance::guests::{Guest, HELLO, ROUTES};
use conformance::process::{Finished, Process};
use libtest_mimic::{Completion, Failed, Trial};

use crate::binary::get;

/// The same entry point as that of the package `fastlike`.
const PROGRAM: &str = env!("CARGO_BIN_EXE_fastlike-under-test");

/// The tests of the program.
pub fn trials() -> Vec<Trial> {
    vec![
        trial("tools::inspect_an_sdk", inspect_an_sdk),
        trial("tools::inspect_unknown_imports", inspect_unknown_imports),
        trial("tools::inspect_no_program", inspect_no_program),
        trial("tools::bench", bench),
        trial("tools::bench_of_failures", bench_of_failures),
        trial("tools::bench_of_no_program", bench_of_no_program),
        trial("tools::bench_without_files", bench_without_files),
        trial("tools::a_cache_that_is_none", a_cache_that_is_none),
        trial(
            "tools::compiled_programs_are_kept",
            compiled_programs_are_kept,
        ),
        trial(
            "tools::kept_programs_run_as_compiled_ones",
            kept_programs_run_as_compiled_ones,
        ),
        trial("tools::programs_run_as_commands", programs_run_as_commands),
        trial("tools::commands_have_labels", commands_have_labels),
        Trial::ignorable_test(
            "tools::terminals_are_not_steered",
            terminals_are_not_steered,
        ),
        trial("tools::completions_and_manuals", completions_and_manuals),
    ]
}

async fn run(arguments: &[&str]) -> Finished {
    Process::start(PROGRAM, arguments).finish().await
}

/// The path as an argument; those of this repository are text.
fn text(path: &Path) -> &str {
    path.to_str().expect("the path is text")
}

fn of_text(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/wat");
    folder.join(name)
}

/// A second start loads what the first one compiled; a file that was cut short is compiled again.
async fn compiled_programs_are_kept() {
    let folder = tempfile::tempdir().expect("there is room for files");
    let cache = folder.path().join("cache");
    let hello = HELLO.path();
    let start = async |option: &[&str]| {
        let mut arguments = vec![text(&hello), "--engine", "winch", "--addr", "127.0.0.1:0"];
        arguments.extend(option);
        let process = Process::start(PROGRAM, arguments);
        let said = process.says("serving").await;
        process.terminate();
        assert!(process.finish().await.status.success());
        said
    };
    let kept = ["--cache-dir", text(&cache)];
    for expected in ["compiled in", "loaded in"] {
        let said = start(&kept).await;
        assert!(said.contains(expected), "{said}");
    }
    assert!(start(&["--no-cache"]).await.contains("compiled in"));

    let listed = run(&["cache", "list", kept[0], kept[1]]).await;
    assert!(listed.stdout.contains("winch"), "{listed:?}");
    for file in std::fs::read_dir(&cache).expect("the folder was made") {
        let file = std::fs::File::options()
            .write(true)
            .open(file.expect("it can be read").path());
        let cut = file.and_then(|file| file.set_len(1000));
        cut.expect("its owner may change it");
    }
    assert!(start(&kept).await.contains("compiled in"));
    let cleared = run(&["cache", "clear", kept[0], kept[1]]).await;
    assert!(cleared.status.success(), "{cleared:?}");
    assert!(start(&kept).await.contains("compiled in"));
}

async fn kept_programs_run_as_compiled_ones() {
    let folder = tempfile::tempdir().expect("there is room for files");
    let start = async |engine: &str, guest: Guest| {
        let guest = guest.path();
        let arguments = ["--engine", engine, "--addr", "127.0.0.1:0", "--cache-dir"];
        let rest = [text(folder.path()), text(&guest)];
        Process::start(PROGRAM, arguments.into_iter().chain(rest))
    };
    for engine in ["wasmtime", "winch", "pulley", "wasmer", "wasmer-singlepass"] {
        let mut frames = Vec::new();
        for made in ["compiled in", "loaded in"] {
            // Its start section is run too.
            let process = start(engine, Guest("wat/start_waits.wat")).await;
            let said = process.says("serving").await;
            assert!(said.contains(made), "{engine}: {said}");
            let address = process.ready().await;
            assert_eq!(get(address, "/").await.ok_text(), "hello", "{engine}");

            let process = start(engine, Guest("wat/unreachable.wat")).await;
            let said = process.says("serving").await;
            assert!(said.contains(made), "{engine}: {said}");
            assert_eq!(get(process.ready().await, "/").await.status, 500);
            process.terminate();
            let said = process.finish().await.stderr;
            let of_trap = said.lines().skip_while(|line| !line.contains("trapped"));
            let of_trap = of_trap.skip(1).take_while(|line| !line.contains("  500  "));
            frames.push(of_trap.map(str::to_owned).collect::<Vec<_>>());
        }
        assert_eq!(frames[0], frames[1], "{engine}");
        assert!(!frames[0].is_empty(), "{engine}");
    }
}

/// A program that is run once ends as its guest does.
async fn programs_run_as_commands() {
    let folder = tempfile::tempdir().expect("there is room for files");
    let program = folder.path().join("app.wat");
    let write = |start: &str| {
        let text = format!(
            r#"(module
                (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
                (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
                (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
                (memory (export "memory") 1)
                (func (export "_start")
                    (drop (call $args (i32.const 64) (i32.const 128)))
                    (i32.store (i32.const 0) (i32.load (i32.const 68)))
                    (i32.store (i32.const 4) (i32.const 6))
                    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
                    {start}))"#
        );
        std::fs::write(&program, text).expect("a folder can be written to");
    };
    for (start, code) in [
        ("", 0),
        ("(call $exit (i32.const 7))", 7),
        ("unreachable", 134),
    ] {
        write(start);
        let finished = run(&["run", "--no-cache", "--", text(&program), "--list"]).await;
        assert_eq!(finished.status.code(), Some(code), "{finished:?}");
        assert_eq!(finished.stdout, "--list\n", "{finished:?}");
        assert_eq!(finished.stderr.is_empty(), code == 0, "{finished:?}");
    }
}

/// Clears the screen on both standard streams, and then does something else.
fn clears_screen(then: &str) -> String {
    format!(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "\10\00\00\00\05\00\00\00")
            (data (i32.const 16) "\1b[2J\0a")
            (func $main (export "_start")
                (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
                (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
                {then}))"#
    )
}

/// What a command writes is labelled where that is asked for, and is what the program has written otherwise.
async fn commands_have_labels() {
    let folder = tempfile::tempdir().expect("there is room for files");
    let program = folder.path().join("app.wat");
    std::fs::write(&program, clears_screen("")).expect("a folder can be written to");
    for (options, out, error) in [
        (&[][..], "", ""),
        (&["--log-stdout"], "stdout :: ", ""),
        (&["--log-stderr"], "", "stderr :: "),
    ] {
        let program = ["--engine", "wasmi", text(&program)];
        let finished = run(&[&["run"][..], options, &program].concat()).await;
        assert!(finished.status.success(), "{finished:?}");
        assert_eq!(finished.stdout, format!("{out}\x1b[2J\n"), "{options:?}");
        assert_eq!(finished.stderr, format!("{error}\x1b[2J\n"), "{options:?}");
    }
}

/// A terminal shows what a guest has written, and does nothing else. What the host says is in colour there.
fn terminals_are_not_steered() -> Result<Completion, Failed> {
    let script = std::process::Command::new("script")
        .arg("--version")
        .output();
    if !script.is_ok_and(|output| output.stdout.starts_with(b"script from util-linux")) {
        return Ok(Completion::ignored_with("there is no `script` here"));
    }
    let folder = tempfile::tempdir()?;
    let program = folder.path().join("app.wat");
    std::fs::write(&program, clears_screen("unreachable"))?;
    let command = format!("'{PROGRAM}' run --no-cache '{}'", program.display());
    let output = std::process::Command::new("script")
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .env_remove("NO_COLOR")
        .env_remove("RUST_LOG")
        .stdin(std::process::Stdio::null())
        .output()?;
    let shown = String::from_utf8(output.stdout)?;
    let below = " ".repeat("00:00:00.000Z    ".len());
    let is_right = output.status.code() == Some(134)
        && shown.matches("\\u{1b}[2J\r\n").count() == 2
        && !shown.contains("\x1b[2J")
        && shown.contains("\x1b[1;31merror: \x1b[0mGET /: the guest trapped")
        && shown.contains(&format!("\n{below}0: main\r\n"));
    match is_right {
        true => Ok(Completion::Completed),
        false => Err(format!("{}: {shown:?}", output.status).into()),
    }
}

async fn inspect_an_sdk() {
    let finished = run(&["inspect", text(&ROUTES.path())]).await;
    assert!(finished.status.success(), "{finished:?}");
    for expected in [
        "SDK       fastly 0.",
        "(Rust)",
        "fastly_http_req",
        "It can be run here.",
    ] {
        assert!(
            finished.stdout.contains(expected),
            "{expected}: {finished:?}"
        );
    }
}

async fn inspect_unknown_imports() {
    let program = of_text("unknown_import.wat");
    let finished = run(&["inspect", text(&program)]).await;
    assert_eq!(finished.status.code(), Some(1), "{finished:?}");
    let unknown = "nowhere.at_all: there is no such hostcall";
    assert!(finished.stdout.contains(unknown), "{finished:?}");
    let finished = run(&["inspect", "--json", text(&program)]).await;
    assert_eq!(finished.status.code(), Some(1), "{finished:?}");
    assert!(
        finished.stdout.contains("\"can_start\": false"),
        "{finished:?}"
    );
    assert!(
        finished.stdout.contains("\"support\": \"unknown\""),
        "{finished:?}"
    );
}

async fn inspect_no_program() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let finished = run(&["inspect", manifest]).await;
    assert_eq!(finished.status.code(), Some(1), "{finished:?}");
    assert!(
        finished
            .stderr
            .contains("Cargo.toml: this is not WebAssembly"),
        "{finished:?}"
    );
}

async fn bench() {
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let report = folder.path().join("report.html");
    let (program, seconds) = (HELLO.path(), ["--seconds", "0.05"]);
    let mut arguments = vec!["bench", text(&program), "--engines", "wasmi", "--json"];
    arguments.extend(seconds);
    arguments.extend(["--report", text(&report)]);
    let finished = run(&arguments).await;
    assert!(finished.status.success(), "{finished:?}");
    for expected in [
        "\"engine\": \"wasmi\"",
        "\"failed\": 0",
        "\"instance_s\": ",
        "\"p99_s\": ",
    ] {
        assert!(
            finished.stdout.contains(expected),
            "{expected}: {finished:?}"
        );
    }
    assert!(
        !finished.stdout.contains("\"instance_s\": null"),
        "{finished:?}"
    );
    let page = std::fs::read_to_string(&report).expect("the report was written");
    assert!(
        page.contains("<svg") && page.contains("hello.wasm"),
        "{page}"
    );
}

async fn bench_of_failures() {
    let program = ROUTES.path();
    let finished = run(&[
        "bench",
        text(&program),
        "--engines",
        "wasmi",
        "--seconds",
        "0.05",
        "--path",
        "/panic",
    ])
    .await;
    assert_eq!(finished.status.code(), Some(1), "{finished:?}");
    assert!(
        finished.stdout.contains("requests failed: "),
        "{finished:?}"
    );
}

async fn bench_of_no_program() {
    let program = of_text("wrong_signature.wat");
    let finished = run(&["bench", text(&program), "--engines", "wasmi"]).await;
    assert_eq!(finished.status.code(), Some(1), "{finished:?}");
    assert!(
        finished.stdout.contains("wasmi could not be measured"),
        "{finished:?}"
    );
    assert!(
        finished.stdout.contains("the hostcall has another type"),
        "{finished:?}"
    );
}

/// Nobody waits for what is measured to learn that.
async fn bench_without_files() {
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let nowhere = folder.path().join("none").join("report.html");
    let manifest = folder.path().join("fastly.toml");
    std::fs::write(&manifest, "local_server = 1").expect("a folder can be written to");
    let program = HELLO.path();
    for (option, file, expected) in [
        ("--report", &*nowhere, "report.html cannot be written"),
        ("--report", folder.path(), "a report is a file"),
        ("-C", &manifest, "fastly.toml:1: in `local_server`"),
    ] {
        let finished = run(&["bench", text(&program), option, text(file)]).await;
        assert_eq!(finished.status.code(), Some(1), "{finished:?}");
        assert!(finished.stderr.contains(expected), "{finished:?}");
        assert_eq!(finished.stdout, "");
    }
}

async fn a_cache_that_is_none() {
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let nowhere = folder.path().join("none");
    for action in ["list", "clear"] {
        let finished = run(&["cache", "--cache-dir", text(&nowhere), action]).await;
        assert!(finished.status.success(), "{finished:?}");
        assert!(finished.stdout.contains("Nothing is kept"), "{finished:?}");
        assert!(!nowhere.exists());
    }
    let file = folder.path().join("file");
    std::fs::write(&file, "x").expect("a folder can be written to");
    let finished = run(&["cache", "--cache-dir", text(&file), "list"]).await;
    assert_eq!(finished.status.code(), Some(1), "{finished:?}");
    assert!(finished.stderr.contains("is not a folder"), "{finished:?}");
}

async fn completions_and_manuals() {
    for shell in ["bash", "zsh", "fish"] {
        let finished = run(&["completions", shell]).await;
        assert!(finished.status.success(), "{finished:?}");
        assert!(finished.stdout.contains("inspect"), "{shell}: {finished:?}");
    }
    let finished = run(&["man", "bench"]).await;
    assert!(
        finished.stdout.contains(".TH fastlike-bench 1"),
        "{finished:?}"
    );
    assert!(!finished.stdout.contains("only\\-here"), "{finished:?}");
    let finished = run(&["man", "nothing"]).await;
    assert_eq!(finished.status.code(), Some(1), "{finished:?}");
}
