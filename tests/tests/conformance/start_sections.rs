//! Start sections: code of a module that runs before its entry point, as a C++ program's may.

use abi_core::engine::{EngineOptions, Exit};
use conformance::cases;
use conformance::context::Context;
use conformance::engines;
use conformance::guests::Guest;
use conformance::host::LIMITS;
use conformance::runs::Runs;
use fastlike::{Host, HostError, ProgramSource};

use crate::extremes::{build, module, run};
use crate::modules::{NO_BACKTRACES, answer, says_hello};

cases![
    one_may_wait,
    it_runs_once_and_has_memory,
    it_runs_whatever_the_module_exports,
    a_trap_in_one_has_the_frames_by_name except NO_BACKTRACES,
    one_with_parameters_is_refused,
    a_program_that_was_kept_has_it_still,
];

async fn one_may_wait(cx: Context) {
    says_hello(&cx, Guest("wat/start_waits.wat")).await;
}

/// A module whose start section fills a byte with what is not zero and counts how often it ran. Its exit code is 7 when it
/// ran once, and what the hostcall said when that was an error.
fn counting(exports: &str) -> Vec<u8> {
    module(&format!(
        r#"{exports}
           (global $ran (mut i32) (i32.const 0))
           (start $begin)
           (func $begin
               (global.set $ran (i32.add (global.get $ran) (i32.const 1)))
               (i32.store (i32.const 0) (call $random (i32.const 8) (i32.const 64))))
           (func (export "_start")
               (if (i32.load (i32.const 0)) (then (call $exit (i32.load (i32.const 0)))))
               (if (i64.eqz (i64.load (i32.const 8))) (then (call $exit (i32.const 99))))
               (call $exit (i32.add (i32.const 6) (global.get $ran))))"#
    ))
}

fn exited(code: u32) -> (u16, String) {
    (500, format!("{}\n", Exit::Exited(code)))
}

async fn it_runs_once_and_has_memory(cx: Context) {
    assert_eq!(run(&cx, counting("")).await, exited(7));
}

/// Exports of the names that the section may be given when it is put off.
async fn it_runs_whatever_the_module_exports(cx: Context) {
    let exports = r#"(func (export "the start section") (call $exit (i32.const 50)))
                     (func (export "the start section'") (call $exit (i32.const 51)))"#;
    assert_eq!(run(&cx, counting(exports)).await, exited(7));
}

async fn a_trap_in_one_has_the_frames_by_name(cx: Context) {
    let wasm = module(
        r#"(start $named_begin)
           (func $named_before unreachable)
           (func $named_begin (call $named_inner))
           (func $named_inner unreachable)
           (func (export "_start"))"#,
    );
    let program = engines::shared(cx.engine).compile(&wasm);
    let program = program.unwrap_or_else(|error| panic!("{error}"));
    let runs = Runs::default();
    let program = ProgramSource::Compiled(runs.of(program), cx.engine);
    let host = Host::builder().program(program).build().await;
    assert_eq!(answer(&host.expect("it starts")).await.0, 500);
    let run = runs.over(0).await;
    let Exit::Trapped {
        backtrace: Some(backtrace),
        ..
    } = run.exit()
    else {
        panic!("{run:?}");
    };
    let (inner, begin) = (backtrace.find("named_inner"), backtrace.find("named_begin"));
    assert!(inner.is_some() && inner < begin, "{backtrace}");
    assert!(!backtrace.contains("named_before"), "{backtrace}");
}

async fn one_with_parameters_is_refused(cx: Context) {
    let wasm = module(
        r#"(start $begin)
           (func $begin (param i32))
           (func (export "_start"))"#,
    );
    let refused = build(&cx, wasm, LIMITS).await;
    assert!(
        matches!(refused, Err(HostError::Compile { .. })),
        "{refused:?}"
    );
}

async fn a_program_that_was_kept_has_it_still(cx: Context) {
    let folder = tempfile::tempdir().expect("there is room for files");
    let mut options = EngineOptions::default();
    options.pooled_instances = 1;
    options.artifact_folder = Some(folder.path().join("programs"));
    let engine = || {
        engines::entry(cx.engine)
            .create(&options)
            .expect("it works here")
    };
    let wasm = counting("");
    drop(engine().compile(&wasm).expect("this is a program"));
    // An interpreter has nothing to keep.
    let Some(kept) = engine().load(&wasm) else {
        assert_eq!(cx.engine, "wasmi");
        return;
    };
    let host = Host::builder().program(ProgramSource::Compiled(kept, cx.engine));
    let host = host.build().await.expect("it starts");
    assert_eq!(answer(&host).await, exited(7));
}
