//! Modules that no compiler for Compute makes, or only some do.

use abi_core::FastlyStatus;
use abi_core::engine::{Exit, UnknownImports};
use abi_core::table::{HOSTCALLS, WasmType, legacy_names};
use conformance::cases;
use conformance::client::request;
use conformance::context::Context;
use conformance::engines;
use conformance::guests::Guest;
use conformance::runs::Runs;
use fastlike::{Host, HostBuilder, HostError, ProgramSource};

cases![
    the_smallest_program,
    names_of_earlier_days,
    every_name_of_earlier_days_reaches_its_hostcall,
    a_program_that_does_nothing,
    imports_may_be_repeated,
    unknown_imports_are_refused_by_name,
    unknown_imports_may_be_left_uncalled,
    unknown_imports_trap_when_they_are_called,
    a_wrong_signature_is_refused,
    a_name_that_is_imported_with_two_types_is_refused,
    no_entry_point_is_refused,
    no_memory_is_an_error_of_the_call,
    an_unreachable_has_the_frames_by_name except NO_BACKTRACES,
    an_unreachable_is_a_trap,
    a_stack_overflow_is_a_trap,
    what_an_earlier_guest_has_added_to_memory_is_gone,
    bytes_that_are_no_module_are_refused,
    a_second_memory_is_refused,
    a_module_has_what_its_engine_takes,
];

pub(crate) const NO_BACKTRACES: &[(&str, &str)] =
    &[("wasmi", "it does not tell the frames of a guest that traps")];

pub(crate) async fn says_hello(cx: &Context, guest: Guest) {
    let host = cx.host(guest).start().await;
    assert_eq!(host.text("/").await, "hello");
}

async fn the_smallest_program(cx: Context) {
    says_hello(&cx, Guest("wat/answer.wat")).await;
}

async fn names_of_earlier_days(cx: Context) {
    let host = cx.host(Guest("wat/earlier_names.wat")).start().await;
    let answer = host.get("/").await;
    assert_eq!(answer.status, 203);
    assert_eq!(answer.text(), "hello");
}

/// A module that calls every import there is a name of earlier days for, one after the other, without arguments of any
/// sense.
fn caller_of_legacy_names() -> String {
    let (mut imports, mut calls) = (String::new(), String::new());
    for (index, (module, name, row)) in legacy_names().enumerate() {
        let hostcall = HOSTCALLS
            .iter()
            .find(|hostcall| (hostcall.module, hostcall.name) == (row.0, &row.1));
        let hostcall = hostcall.unwrap_or_else(|| panic!("{name} means no row"));
        let (mut parameters, mut arguments) = (String::new(), String::new());
        for parameter in hostcall.parameters {
            let ty = match parameter.wasm {
                WasmType::I32 => "i32",
                WasmType::I64 => "i64",
            };
            parameters.push_str(&format!(" {ty}"));
            arguments.push_str(&format!(" ({ty}.const 0)"));
        }
        imports.push_str(&format!(
            "(import \"{module}\" \"{name}\" (func $f{index} (param{parameters}) (result i32)))\n"
        ));
        calls.push_str(&format!("(drop (call $f{index}{arguments}))\n"));
    }
    format!(
        "(module\n{imports}(memory (export \"memory\") 1)\n(func (export \"_start\")\n{calls}))"
    )
}

async fn every_name_of_earlier_days_reaches_its_hostcall(cx: Context) {
    let module = wat::parse_str(caller_of_legacy_names()).expect("this is a module");
    let program = engines::shared(cx.engine).compile(&module);
    let program = program.unwrap_or_else(|error| panic!("{error}"));
    let runs = Runs::default();
    let program = ProgramSource::Compiled(runs.of(program), cx.engine);
    let host = Host::builder().program(program).build().await;
    let host = host.unwrap_or_else(|error| panic!("{error}"));
    let request = http::Request::get("http://test/").body(http_body_util::Empty::new());
    host.handle(request.expect("this is a valid request")).await;
    let run = runs.over(0).await;
    assert_eq!(*run.exit(), Exit::Returned);
    let made = run.hostcalls.iter();
    let made: Vec<_> = made
        .map(|made| (made.hostcall.module, made.hostcall.name.to_owned()))
        .collect();
    let meant: Vec<_> = legacy_names().map(|(_, _, row)| row).collect();
    assert_eq!(made, meant);
}

async fn a_program_that_does_nothing(cx: Context) {
    let host = cx.host(Guest("wat/empty.wat")).start().await;
    assert_eq!(host.text("/").await, "");
}

async fn imports_may_be_repeated(cx: Context) {
    says_hello(&cx, Guest("wat/duplicate_imports.wat")).await;
}

/// A builder for a module that is compiled for one test only.
fn builder(cx: &Context, guest: Guest) -> HostBuilder {
    Host::builder()
        .engine(cx.engine)
        // These modules never run side by side.
        .pooled_instances(1)
        .program(guest.path())
}

async fn refused(cx: &Context, guest: Guest) -> String {
    match builder(cx, guest).build().await {
        Err(error @ HostError::Compile { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

/// The limit on memory is on one.
async fn a_second_memory_is_refused(cx: Context) {
    let error = refused(&cx, Guest("wat/two_memories.wat")).await;
    assert!(
        error.contains("memories") || error.contains("multi"),
        "{error}"
    );
}

/// What a module may have beyond the first version of WebAssembly: items with a function `$test` that gives 42, and the
/// engines that take it. README.md says the same.
const FEATURES: &[(&str, &str, &[&str])] = &[
    (
        "several results",
        "(func $pair (result i32 i32) (i32.const 40) (i32.const 2))
         (func $test (result i32) (i32.add (call $pair)))",
        &engines::NAMES,
    ),
    (
        "constants that are computed",
        "(global $sum i32 (i32.add (i32.const 40) (i32.const 2)))
         (func $test (result i32) (global.get $sum))",
        &engines::NAMES,
    ),
    (
        "copying memory, and numbers that are cut off",
        "(memory 1)
         (func $test (result i32)
             (memory.fill (i32.const 8) (i32.const 42) (i32.const 1))
             (memory.copy (i32.const 0) (i32.const 8) (i32.const 8))
             (i32.add (i32.load8_s (i32.const 0)) (i32.trunc_sat_f32_s (f32.const nan))))",
        &engines::NAMES,
    ),
    (
        "references to functions, in several tables",
        "(table $a 1 funcref) (table $b 1 funcref) (elem declare func $test)
         (func $test (result i32)
             (table.set $b (i32.const 0) (ref.func $test))
             (i32.add (i32.const 42) (ref.is_null (table.get $b (i32.const 0)))))",
        &engines::NAMES,
    ),
    (
        "foreign references",
        "(table $a 1 externref)
         (func $test (result i32)
             (i32.add (i32.const 41) (ref.is_null (table.get $a (i32.const 0)))))",
        &["wasmtime", "pulley", "wasmer", "wasmer-singlepass", "wasmi"],
    ),
    (
        "vectors",
        "(func $test (result i32)
             (i32x4.extract_lane 0
                 (i32x4.add (v128.const i32x4 40 0 0 0) (v128.const i32x4 2 0 0 0))))",
        &["wasmtime", "winch", "pulley", "wasmer", "wasmi"],
    ),
    (
        "tail calls",
        "(func $down (param i32) (result i32)
             (if (result i32) (local.get 0)
                 (then (return_call $down (i32.sub (local.get 0) (i32.const 1))))
                 (else (i32.const 42))))
         (func $test (result i32) (call $down (i32.const 1000000)))",
        &["wasmtime", "pulley", "wasmi"],
    ),
    (
        "relaxed vectors",
        "(func $test (result i32)
             (i32x4.extract_lane 0 (i32x4.relaxed_trunc_f32x4_s (f32x4.splat (f32.const 42)))))",
        &["wasmtime", "pulley", "wasmi"],
    ),
    (
        "calls of references",
        "(type $t (func (result i32))) (elem declare func $f) (func $f (type $t) (i32.const 42))
         (func $test (result i32) (call_ref $t (ref.func $f)))",
        &[],
    ),
    // In a memory of their own, which the limit would not be on.
    (
        "arrays",
        "(type (array (mut i8))) (func $test (result i32) (i32.const 42))",
        &[],
    ),
    (
        "structures",
        "(type (struct (field i32))) (func $test (result i32) (i32.const 42))",
        &[],
    ),
    (
        "exceptions",
        "(tag $thrown) (func $test (result i32) (throw $thrown))",
        &[],
    ),
    (
        "memories of 64 bits",
        "(memory i64 1) (func $test (result i32) (i32.const 42))",
        &[],
    ),
    (
        "shared memories",
        "(memory 1 1 shared) (func $test (result i32) (i32.const 42))",
        &[],
    ),
];

async fn a_module_has_what_its_engine_takes(cx: Context) {
    for (name, items, engines) in FEATURES {
        let text = format!(
            r#"(module
                (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
                {items}
                (func (export "_start") (call $exit (call $test))))"#
        );
        let host = Host::builder().engine(cx.engine).pooled_instances(1);
        match host.program(text.as_bytes()).build().await {
            Ok(host) => {
                assert!(engines.contains(&cx.engine), "{name} is taken");
                let expected = format!("{}\n", Exit::Exited(42));
                assert_eq!(answer(&host).await, (500, expected), "{name}");
            }
            Err(error) => {
                assert!(!engines.contains(&cx.engine), "{name}: {error}");
                assert!(
                    matches!(error, HostError::Compile { .. }),
                    "{name}: {error}"
                );
            }
        }
    }
}

async fn unknown_imports_are_refused_by_name(cx: Context) {
    let error = refused(&cx, Guest("wat/unknown_import.wat")).await;
    assert!(error.contains("fastly_http_req.does_not_exist"), "{error}");
    assert!(error.contains("nowhere.at_all"), "{error}");
    // What is known is not in the list, and what could be done about it is below.
    assert!(!error.contains("send_downstream"), "{error}");
    assert!(error.contains("--unknown-import-behavior trap"), "{error}");
}

async fn answer_with_trapping_imports(cx: &Context, guest: Guest) -> (u16, String) {
    let host = builder(cx, guest)
        .unknown_imports(UnknownImports::Trap)
        .build()
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    answer(&host).await
}

/// The status of what a host answers without a socket, and its text.
pub(crate) async fn answer(host: &Host) -> (u16, String) {
    let request = http::Request::get("http://test/").body(http_body_util::Empty::new());
    let response = host.handle(request.expect("this is a valid request")).await;
    let (head, body) = response.into_parts();
    let body = http_body_util::BodyExt::collect(body).await;
    let body = body.expect("the body does not break off").to_bytes();
    let text = String::from_utf8_lossy(&body).into_owned();
    (head.status.as_u16(), text)
}

async fn unknown_imports_may_be_left_uncalled(cx: Context) {
    let guest = Guest("wat/unknown_import.wat");
    let (status, text) = answer_with_trapping_imports(&cx, guest).await;
    assert_eq!((status, &*text), (200, "hello"));
}

async fn unknown_imports_trap_when_they_are_called(cx: Context) {
    let guest = Guest("wat/unknown_import_called.wat");
    let (status, text) = answer_with_trapping_imports(&cx, guest).await;
    assert_eq!(status, 500, "{text}");
    assert!(text.contains("fastly_http_req"), "{text}");
    assert!(text.contains("does_not_exist"), "{text}");
}

async fn a_wrong_signature_is_refused(cx: Context) {
    let error = refused(&cx, Guest("wat/wrong_signature.wat")).await;
    assert!(error.contains("fastly_http_body.new"), "{error}");
}

/// Each of the two is a hostcall, and the engines that bind names can bind one of them.
async fn a_name_that_is_imported_with_two_types_is_refused(cx: Context) {
    let text = r#"(module
        (import "fastly_object_store" "pending_insert_wait" (func (param i32) (result i32)))
        (import "fastly_object_store" "pending_insert_wait" (func (param i32 i32) (result i32)))
        (func (export "_start")))"#;
    let host = Host::builder().engine(cx.engine).pooled_instances(1);
    let refused = host.program(text.as_bytes()).build().await;
    let Err(error @ HostError::Compile { .. }) = refused else {
        panic!("{refused:?}");
    };
    let error = error.to_string();
    assert!(
        error.contains("fastly_object_store.pending_insert_wait: it is imported with two types"),
        "{error}"
    );
}

async fn no_entry_point_is_refused(cx: Context) {
    let error = refused(&cx, Guest("wat/no_start.wat")).await;
    assert!(error.contains("_start"), "{error}");
}

/// For calls that need memory, a guest that exports none has none.
async fn no_memory_is_an_error_of_the_call(cx: Context) {
    let host = cx.host(Guest("wat/no_memory.wat")).start().await;
    assert_eq!(host.text("/").await, "");
    let run = host.runs.over(0).await;
    assert_eq!(*run.exit(), Exit::Returned);
    let codes: Vec<_> = run.hostcalls.iter().map(|made| made.code).collect();
    assert_eq!(codes, [Some(FastlyStatus::Inval.code())]);
}

async fn an_unreachable_has_the_frames_by_name(cx: Context) {
    let host = cx.host(Guest("wat/unreachable.wat")).start().await;
    assert_eq!(host.get("/").await.status, 500);
    let run = host.runs.over(0).await;
    let Exit::Trapped {
        backtrace: Some(backtrace),
        ..
    } = run.exit()
    else {
        panic!("{run:?}");
    };
    let inner = backtrace.find("named_inner");
    let outer = backtrace.find("named_outer");
    assert!(inner.is_some() && inner < outer, "{backtrace}");
}

async fn an_unreachable_is_a_trap(cx: Context) {
    let host = cx.host(Guest("wat/unreachable.wat")).start().await;
    let answer = host.get("/").await;
    assert_eq!(answer.status, 500);
    let text = answer.text();
    assert!(text.contains("unreachable"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

async fn a_stack_overflow_is_a_trap(cx: Context) {
    let host = cx.host(Guest("wat/stack_overflow.wat")).start().await;
    for _ in 0..3 {
        let answer = host.get("/").await;
        assert_eq!(answer.status, 500);
        let text = answer.text();
        assert!(text.contains("stack"), "{text}");
    }
}

async fn what_an_earlier_guest_has_added_to_memory_is_gone(cx: Context) {
    let host = cx.host(Guest("wat/grown_memory.wat")).start().await;
    for _ in 0..3 {
        let grown = host.begin(request("POST", "/", "")).answer().await;
        assert_eq!(grown.ok_text(), "");
        let beyond = host.get("/").await;
        assert_eq!(beyond.status, 500);
        let text = beyond.text();
        assert!(text.contains("out of bounds memory access"), "{text}");
    }
}

async fn bytes_that_are_no_module_are_refused(cx: Context) {
    for bytes in [&b"\0asm\x01\0\0\0\xff"[..], b"\0asm\x01\0\0\0\x01\xff\xff"] {
        let host = Host::builder().engine(cx.engine).pooled_instances(1);
        let error = host.program(bytes).build().await;
        assert!(matches!(error, Err(HostError::Compile { .. })), "{error:?}");
    }
}
