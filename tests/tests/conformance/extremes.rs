//! Modules, and guests, that go to the limits of what an engine takes, and beyond.

use std::fmt::Write;
use std::time::{Duration, Instant};

use abi_core::Limits;
use abi_core::engine::Exit;
use conformance::cases;
use conformance::context::Context;
use conformance::guests::Guest;
use conformance::host::LIMITS;
use fastlike::{Host, HostError};

use crate::modules::answer;

cases![
    every_kind_of_endless_work_ends_at_the_cpu_limit,
    an_endless_start_section_ends_at_the_cpu_limit,
    recursion_ends_in_a_trap,
    recursion_with_hostcalls_ends_in_a_trap except HOSTCALLS_NEED_STACK,
    a_table_grows_only_so_far,
    a_table_that_is_too_large_from_the_start_fails,
    segments_out_of_bounds_are_traps,
    large_modules_run_or_are_refused,
    growths_in_a_row_are_refused_or_run,
    modules_beyond_all_limits_are_refused,
    a_damaged_module_is_refused_or_is_another_program,
];

/// Wasmer looks up on the guest's stack, under a lock, whether a guest that returns from a hostcall was interrupted. A stack
/// that is full right there is unwound without giving the lock back: see the limitations of `runtime-wasmer`.
const HOSTCALLS_NEED_STACK: &[(&str, &str)] = &[
    (
        "wasmer",
        "a stack that is full there can leave a lock behind",
    ),
    (
        "wasmer-singlepass",
        "a stack that is full there can leave a lock behind",
    ),
];

const CPU: Duration = Duration::from_millis(200);

/// How much later than at its limit a guest is stopped at most, on a machine that has other things to do as well. Where
/// it has not, it is a few milliseconds.
const CPU_MARGIN: Duration = Duration::from_secs(5);

const IMPORTS: &str = r#"
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "fastly_http_req" "new" (func $request (param i32) (result i32)))
    (import "fastly_http_req" "send" (func $send (param i32 i32 i32 i32 i32 i32) (result i32)))
    (import "fastly_http_body" "new" (func $body (param i32) (result i32)))
    (import "fastly_async_io" "select" (func $select (param i32 i32 i32 i32) (result i32)))"#;

/// A module with a few hostcalls, a page of memory and these items.
pub(crate) fn module(items: &str) -> Vec<u8> {
    let text = format!("(module {IMPORTS} (memory (export \"memory\") 1) {items})");
    wat::parse_str(text).expect("this is a module")
}

/// A module whose entry point does this.
fn main(body: &str) -> Vec<u8> {
    module(&format!("(func $main (export \"_start\") {body})"))
}

pub(crate) async fn build(cx: &Context, wasm: Vec<u8>, limits: Limits) -> Result<Host, HostError> {
    let host = Host::builder().engine(cx.engine).limits(limits);
    // These modules never run side by side.
    host.pooled_instances(1).program(wasm).build().await
}

async fn host(cx: &Context, wasm: Vec<u8>, limits: Limits) -> Host {
    let host = build(cx, wasm, limits).await;
    host.unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) async fn run(cx: &Context, wasm: Vec<u8>) -> (u16, String) {
    answer(&host(cx, wasm, LIMITS).await).await
}

async fn ends_at_the_cpu_limit(cx: &Context, name: &str, wasm: Vec<u8>) {
    let limits = Limits { cpu: CPU, ..LIMITS };
    let host = host(cx, wasm, limits).await;
    let started = Instant::now();
    let answer = answer(&host).await;
    let took = started.elapsed();
    assert_eq!(answer, (500, format!("{}\n", Exit::OutOfCpu)), "{name}");
    assert!(took >= CPU, "{name}: {took:?}");
    assert!(took < CPU + CPU_MARGIN, "{name}: {took:?}");
}

async fn every_kind_of_endless_work_ends_at_the_cpu_limit(cx: Context) {
    const HUNDRED_MIB: &str = "(drop (memory.grow (i32.const 1600)))";
    /// The handle of a body, from byte 64 to the end of the page.
    const ONE_BODY_OFTEN: &str = "(drop (call $body (i32.const 0)))
        (i32.store (i32.const 4) (i32.const 64))
        (loop $fill
            (i32.store (i32.load (i32.const 4)) (i32.load (i32.const 0)))
            (i32.store (i32.const 4) (i32.add (i32.load (i32.const 4)) (i32.const 4)))
            (br_if $fill (i32.lt_u (i32.load (i32.const 4)) (i32.const 65536))))";

    let works = [
        ("nothing", String::new(), ""),
        (
            "filling",
            HUNDRED_MIB.to_owned(),
            "(memory.fill (i32.const 0) (i32.const 1) (i32.const 104857600))",
        ),
        (
            "copying",
            HUNDRED_MIB.to_owned(),
            "(memory.copy (i32.const 0) (i32.const 52428800) (i32.const 52428800))",
        ),
        (
            "growing until it is refused, and on",
            String::new(),
            "(drop (memory.grow (i32.const 1)))",
        ),
        (
            "growing beyond all bounds",
            String::new(),
            "(drop (memory.grow (i32.const -1)))",
        ),
        (
            "growing a table beyond all bounds",
            String::new(),
            "(drop (table.grow $table (ref.null func) (i32.const -1)))",
        ),
        (
            "growing by nothing",
            String::new(),
            "(drop (memory.grow (i32.const 0)))",
        ),
        (
            "filling a table",
            "(drop (table.grow $table (ref.null func) (i32.const 90000)))".to_owned(),
            "(table.fill $table (i32.const 0) (ref.null func) (i32.const 90000))",
        ),
        (
            "growing a table until it is refused, and on",
            String::new(),
            "(drop (table.grow $table (ref.null func) (i32.const 1)))",
        ),
        (
            "hostcalls",
            String::new(),
            "(drop (call $random (i32.const 0) (i32.const 64)))",
        ),
        (
            "hostcalls that could wait",
            String::new(),
            "(drop (call $yield))",
        ),
        (
            "hostcalls that have much to do",
            HUNDRED_MIB.to_owned(),
            "(drop (call $random (i32.const 0) (i32.const 2097152)))",
        ),
        (
            "hostcalls that could wait and have much to do",
            ONE_BODY_OFTEN.to_owned(),
            "(drop (call $select (i32.const 64) (i32.const 16000) (i32.const 1) (i32.const 0)))",
        ),
        ("calls", String::new(), "(call $deep (i32.const 5000))"),
    ];
    for (name, before, again) in works {
        let wasm = module(&format!(
            r#"(table $table 1 funcref)
               (func $deep (param i32)
                   (if (local.get 0)
                       (then (call $deep (i32.sub (local.get 0) (i32.const 1))))))
               (func (export "_start") {before} (loop $again {again} (br $again)))"#
        ));
        ends_at_the_cpu_limit(&cx, name, wasm).await;
    }
}

async fn an_endless_start_section_ends_at_the_cpu_limit(cx: Context) {
    let wasm = module(
        r#"(start $endless)
           (func $endless (loop $again (br $again)))
           (func (export "_start"))"#,
    );
    ends_at_the_cpu_limit(&cx, "the start section", wasm).await;
}

async fn recursion_ends_in_a_trap(cx: Context) {
    recurses(&cx, "").await;
}

/// The stack is full at any place: in the guest's own code, and in each hostcall on the way.
async fn recursion_with_hostcalls_ends_in_a_trap(cx: Context) {
    let hostcalls = [
        "(call $random (i32.const 0) (i32.const 8))",
        "(call $yield)",
        "(call $send (i32.load (i32.const 0)) (i32.load (i32.const 4)) (i32.const 8) (i32.const 1)
             (i32.const 16) (i32.const 20))",
    ];
    for hostcall in hostcalls {
        recurses(&cx, &format!("(drop {hostcall})")).await;
    }
}

/// Calls itself without end, directly and through a table, from the entry point and from a start section.
async fn recurses(cx: &Context, before: &str) {
    let recursions = [
        "(i32.add (call $down (i32.const 0)) (i32.const 1))",
        "(i32.add (call_indirect (type $down) (i32.const 0) (i32.const 0)) (i32.const 1))",
    ];
    for recursion in recursions {
        for start in ["", "(start $begin)"] {
            let wasm = module(&format!(
                r#"(type $down (func (param i32) (result i32)))
                   (table funcref (elem $down))
                   (func $down (type $down) {before} {recursion})
                   (func $begin
                       (drop (call $request (i32.const 0)))
                       (drop (call $body (i32.const 4)))
                       (drop (call $down (i32.const 0))))
                   {start}
                   (func (export "_start") (call $begin))"#
            ));
            let host = host(cx, wasm, LIMITS).await;
            for _ in 0..2 {
                let (status, text) = answer(&host).await;
                assert_eq!(status, 500);
                assert!(text.contains("stack"), "{before} {recursion}: {text}");
            }
        }
    }
}

async fn a_table_grows_only_so_far(cx: Context) {
    // What is refused leaves the table as it was.
    let wasm = module(
        r#"(table $table 1 funcref)
           (func (export "_start")
               (drop (table.grow $table (ref.null func) (i32.const -1)))
               (drop (table.grow $table (ref.null func) (i32.const 1000000)))
               (drop (table.grow $table (ref.null func) (i32.const 9)))
               (call $exit (table.size $table)))"#,
    );
    assert_eq!(
        run(&cx, wasm).await,
        (500, format!("{}\n", Exit::Exited(10)))
    );
}

async fn a_table_that_is_too_large_from_the_start_fails(cx: Context) {
    let wasm = module(r#"(table 4000000 funcref) (func (export "_start"))"#);
    match build(&cx, wasm, LIMITS).await {
        Ok(host) => {
            let (status, text) = answer(&host).await;
            assert_eq!(status, 500);
            assert!(text.contains("table"), "{text}");
        }
        Err(error) => assert!(matches!(error, HostError::Compile { .. }), "{error}"),
    }
}

async fn segments_out_of_bounds_are_traps(cx: Context) {
    let segments = [
        (r#"(data (i32.const 65530) "too far")"#, "memory"),
        (r#"(data (i32.const -1) "far too far")"#, "memory"),
        ("(table 1 funcref) (elem (i32.const 1) $main)", "table"),
        ("(table 1 funcref) (elem (i32.const -1) $main)", "table"),
    ];
    for (segment, place) in segments {
        let wasm = module(&format!(r#"{segment} (func $main (export "_start"))"#));
        let (status, text) = run(&cx, wasm).await;
        assert_eq!(status, 500, "{segment}");
        assert!(text.starts_with("the guest trapped: "), "{segment}: {text}");
        assert!(text.contains("out of bounds"), "{segment}: {text}");
        assert!(text.contains(place), "{segment}: {text}");
    }
}

fn nested(depth: usize) -> Vec<u8> {
    main(&("(block ".repeat(depth) + &")".repeat(depth)))
}

fn branching(targets: usize) -> Vec<u8> {
    main(&format!(
        "(block $out (br_table {} (i32.const 7)))",
        "$out ".repeat(targets)
    ))
}

fn functions(count: usize) -> Vec<u8> {
    let mut items = String::new();
    for index in 0..count {
        // Writing to a string does not fail.
        let _ = writeln!(items, "(func (result i32) (i32.const {index}))");
    }
    module(&format!("{items} (func (export \"_start\"))"))
}

fn locals(count: usize) -> Vec<u8> {
    main(&format!("(local {})", "i64 ".repeat(count)))
}

fn straight(instructions: usize) -> Vec<u8> {
    main(&"(drop (i32.add (i32.load (i32.const 0)) (i32.const 1)))".repeat(instructions))
}

async fn large_modules_run_or_are_refused(cx: Context) {
    let large = [
        ("blocks in blocks", nested(2_000)),
        ("a branch with many targets", branching(60_000)),
        ("many functions", functions(50_000)),
        ("many locals", locals(10_000)),
        ("a long function", straight(20_000)),
    ];
    for (name, wasm) in large {
        let (status, text) = run(&cx, wasm).await;
        assert_eq!((status, &*text), (200, ""), "{name}");
    }
}

async fn growths_in_a_row_are_refused_or_run(cx: Context) {
    let growths = [
        "(drop (memory.grow (i32.const -1)))",
        "(drop (table.grow $table (ref.null func) (i32.const -1)))",
    ];
    for growth in growths {
        for (count, is_allowed) in [(500, true), (2_000, false)] {
            let wasm = module(&format!(
                r#"(table $table 1 funcref) (func (export "_start") {})"#,
                growth.repeat(count)
            ));
            match build(&cx, wasm, LIMITS).await {
                Ok(host) => assert_eq!(answer(&host).await, (200, String::new()), "{growth}"),
                Err(error) => assert!(
                    !is_allowed && matches!(error, HostError::Compile { .. }),
                    "{growth}: {error}"
                ),
            }
        }
    }
}

async fn modules_beyond_all_limits_are_refused(cx: Context) {
    let beyond = [
        ("a branch with too many targets", branching(8_000_000)),
        ("too many locals", locals(60_000)),
    ];
    for (name, wasm) in beyond {
        let built = build(&cx, wasm, LIMITS).await;
        assert!(matches!(built, Err(HostError::Compile { .. })), "{name}");
    }
}

/// Whatever a bit of a module becomes, and wherever it ends: there is an error, or a program.
async fn a_damaged_module_is_refused_or_is_another_program(cx: Context) {
    let whole = Guest("wat/answer.wat").module();
    let engine = conformance::engines::shared(cx.engine);
    for end in 0..whole.len() {
        // The names are at its end, and can be left out.
        drop(engine.compile(&whole[..end]));
    }
    for bit in 0..whole.len() * 8 {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        drop(engine.compile(&damaged));
    }
}
