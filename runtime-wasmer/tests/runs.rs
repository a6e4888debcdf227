//! How runs go and how they end, on both compilers.

mod world;

use std::sync::Arc;
use std::thread;

use abi_core::Service;
use abi_core::body::Body;
use abi_core::engine::{CompileError, Exit, Limits};
use abi_core::http::RequestHead;
use abi_core::session::ClientRequest;

use world::*;

const MIB: u64 = 1 << 20;

fn trap(exit: &Exit) -> (&str, &str) {
    match exit {
        Exit::Trapped { message, backtrace } => (message, backtrace.as_deref().unwrap_or_default()),
        exit => panic!("{exit}"),
    }
}

#[test]
fn a_request_is_answered() {
    let wasm = main(
        "(drop (call $resp_new (i32.const 64)))
         (drop (call $body_new (i32.const 68)))
         (drop (call $status_set (i32.load (i32.const 64)) (i32.const 418)))
         (drop (call $body_write (i32.load (i32.const 68)) (i32.const 8) (i32.const 5) (i32.const 0) (i32.const 72)))
         (drop (call $send_downstream (i32.load (i32.const 64)) (i32.load (i32.const 68)) (i32.const 0)))",
    );
    for engine in engines(&options()) {
        let world = World::new();
        let service = Service::new(engine.compile(&wasm).unwrap(), world.platform.clone());
        let request = ClientRequest::new(RequestHead::new(), Body::empty());
        let mut run = service.start(request);
        let response = block_on(run.answer());
        assert_eq!(response.head.status, 418);
        assert_eq!(response.body.known_length(), Some(5));
        let report = block_on(run.finish());
        assert_eq!(report.exit, Exit::Returned);
        assert_eq!(report.memory_bytes, 2 * 65_536);
        assert!(!report.cpu.is_zero() && report.cpu <= report.wall);
    }
}

#[test]
fn a_trap_names_its_frames() {
    let wasm = guest(
        r#"(func $_ZN5guest5inner17h0123456789abcdefE unreachable)
           (func $outer (call $_ZN5guest5inner17h0123456789abcdefE))
           (func $main (export "_start") (call $outer))"#,
    );
    for exit in exits(&wasm) {
        let expected = ("unreachable", "0: guest::inner\n1: outer\n2: main");
        assert_eq!(trap(&exit), expected);
    }
}

#[test]
fn traps_are_told_apart() {
    let cases = [
        (
            "(drop (i32.load (i32.const -4)))",
            "out of bounds memory access",
        ),
        (
            "(drop (i32.div_u (i32.const 1) (i32.const 0)))",
            "integer divide by zero",
        ),
        ("(call $main)", "call stack exhausted"),
        (
            "(memory.fill (i32.const -4) (i32.const 0) (i32.const 9))",
            "out of bounds memory access",
        ),
    ];
    for (body, message) in cases {
        for exit in exits(&main(body)) {
            assert_eq!(trap(&exit).0, message);
        }
    }
}

#[test]
fn a_guest_exits_with_a_code() {
    for exit in exits(&main("(call $proc_exit (i32.const 3)) unreachable")) {
        assert_eq!(exit, Exit::Exited(3));
    }
}

#[test]
fn a_guest_sleeps() {
    for engine in engines(&options()) {
        let world = World::new();
        let program = engine
            .compile(&main("(call $sleep (i64.const 1000000)) (call $say)"))
            .unwrap();
        let ended = block_on(program.run(world.session(), Limits::default()));
        assert_eq!(ended.exit, Exit::Returned);
        for event in [Event::Sleeps, Event::Line("ready".to_owned()), Event::Gone] {
            world.expect(&event);
        }
    }
}

#[test]
fn sleep_is_not_cpu_time() {
    for engine in engines(&options()) {
        let world = World::new();
        let wasm = main("(call $sleep (i64.const 300000000))");
        let session = world.session();
        let meter = session.meter().clone();
        let program = engine.compile(&wasm).unwrap();
        let started = world.platform.clock.monotonic();
        block_on(program.run(session, Limits::default()));
        let wall = world.platform.clock.monotonic() - started;
        assert!(meter.used() + std::time::Duration::from_millis(300) <= wall);
    }
}

#[test]
fn memory_grows_up_to_the_limit() {
    // Grows to 4 MiB in all, then by one page more; exits with what the last growth said, plus two.
    let wasm = main(
        "(drop (memory.grow (i32.const 62)))
         (call $proc_exit (i32.add (i32.const 2) (memory.grow (i32.const 1))))",
    );
    for engine in engines(&options()) {
        let program = engine.compile(&wasm).unwrap();
        for (mebibytes, code, size) in [(4, 1, 4 * MIB), (5, 66, 4 * MIB + 65_536)] {
            let limits = Limits {
                memory_bytes: mebibytes * MIB,
                ..Limits::default()
            };
            let ended = run(&*program, limits);
            assert_eq!(ended.exit, Exit::Exited(code));
            assert_eq!(ended.memory_bytes, size);
        }
    }
}

#[test]
fn a_trap_after_a_refused_growth_says_so() {
    let limits = Limits {
        memory_bytes: 4 * MIB,
        ..Limits::default()
    };
    for engine in engines(&options()) {
        let program = engine
            .compile(&main("(drop (memory.grow (i32.const 100))) unreachable"))
            .unwrap();
        let ended = run(&*program, limits);
        let message = "unreachable (the guest had reached its memory limit of 4 MiB)";
        assert_eq!(trap(&ended.exit).0, message);
    }
}

#[test]
fn a_program_that_starts_above_the_limit_fails() {
    let limits = Limits {
        memory_bytes: 65_536,
        ..Limits::default()
    };
    for engine in engines(&options()) {
        let program = engine.compile(&main("")).unwrap();
        let Exit::Failed(why) = run(&*program, limits).exit else {
            panic!("ran");
        };
        assert!(why.contains("starts with"), "{why}");
    }
}

#[test]
fn tables_are_limited() {
    let wasm = guest(
        r#"(table $table 1 funcref)
           (func (export "_start")
               (call $proc_exit (i32.add (i32.const 2) (table.grow $table (ref.null func) (i32.const 1000000)))))"#,
    );
    for exit in exits(&wasm) {
        assert_eq!(exit, Exit::Exited(1));
    }
}

#[test]
fn a_start_section_has_memory() {
    let wasm = guest(
        r#"(start $before)
           (func $before (drop (call $random_get (i32.const 100) (i32.const 4))))
           (func (export "_start") (call $proc_exit (i32.load8_u (i32.const 103))))"#,
    );
    for exit in exits(&wasm) {
        assert_eq!(exit, Exit::Exited(7));
    }
}

#[test]
fn a_trap_in_instantiation_is_a_trap() {
    let wasm = guest(r#"(func (export "_start")) (data (i32.const 200000) "too far")"#);
    for exit in exits(&wasm) {
        assert_eq!(trap(&exit).0, "out of bounds memory access");
    }
}

#[test]
fn a_guest_without_memory_runs() {
    let wasm = wat::parse_str(
        r#"(module
            (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
            (func (export "_start") (call $proc_exit (call $random_get (i32.const 0) (i32.const 1)))))"#,
    )
    .unwrap();
    for exit in exits(&wasm) {
        // EFAULT
        assert_eq!(exit, Exit::Exited(21));
    }
}

const UNKNOWN: &str = r#"(module
    (import "fastly_http_req" "not_yet" (func $not_yet (param i32 f64) (result f32)))
    (import "fastly_http_req" "nor_this" (func $nor_this (param i32) (result i32)))
    (func $main (export "_start") (drop (call $nor_this (i32.const 0)))))"#;

#[test]
fn unknown_imports_are_refused_by_name() {
    let wasm = wat::parse_str(UNKNOWN).unwrap();
    for engine in engines(&options()) {
        let CompileError::Imports(error) = compile_error(&*engine, &wasm) else {
            panic!("refused for something else");
        };
        let [first, second] = &error.refused[..] else {
            panic!("{error}");
        };
        assert!(first.starts_with("fastly_http_req.not_yet: "), "{first}");
        assert!(second.starts_with("fastly_http_req.nor_this: "), "{second}");
    }
}

#[test]
fn unknown_imports_can_trap_when_called() {
    let wasm = wat::parse_str(UNKNOWN.replace("f64) (result f32", "i64) (result i32")).unwrap();
    for engine in engines(&trapping()) {
        let ended = run(&*engine.compile(&wasm).unwrap(), Limits::default());
        let message = "the program called fastly_http_req.nor_this, which this host does not have";
        assert_eq!(trap(&ended.exit).0, message);
    }
}

#[test]
fn an_import_can_be_called_through_a_table() {
    let text = r#"(module
        (import "nowhere" "unknown" (func $unknown))
        (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
        (table funcref (elem $unknown $proc_exit))
        (func $main (export "_start") BODY))"#;
    let cases = [
        ("(call_indirect (param i32) (i32.const 4) (i32.const 1))", 4),
        ("(call_indirect (i32.const 0))", 0),
    ];
    for engine in engines(&trapping()) {
        for (body, code) in cases {
            let wasm = wat::parse_str(text.replace("BODY", body)).unwrap();
            let ended = run(&*engine.compile(&wasm).unwrap(), Limits::default());
            match code {
                0 => assert!(trap(&ended.exit).0.contains("nowhere.unknown")),
                code => assert_eq!(ended.exit, Exit::Exited(code)),
            }
        }
    }
}

#[test]
fn what_is_no_program_is_refused() {
    let other_type = r#"(module (func (export "_start") (param i32)))"#;
    for engine in engines(&options()) {
        for text in ["(module)", other_type] {
            let error = compile_error(&*engine, &wat::parse_str(text).unwrap());
            assert_eq!(error, CompileError::NoEntryPoint);
        }
        let error = compile_error(&*engine, b"\0asm\x01\0\0\0 and so on");
        assert!(matches!(error, CompileError::Invalid(_)), "{error}");
    }
}

#[test]
fn many_guests_run_at_once() {
    let wasm = main(
        "(call $sleep (i64.const 1000000))
         (drop (call $sched_yield))
         (call $proc_exit (i32.const 5))",
    );
    let mut options = options();
    options.guest_threads_max = 16;
    for engine in engines(&options) {
        let program = engine.compile(&wasm).unwrap();
        let threads: Vec<_> = (0..64)
            .map(|_| {
                let program = Arc::clone(&program);
                thread::spawn(move || run(&*program, Limits::default()).exit)
            })
            .collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), Exit::Exited(5));
        }
    }
}

#[test]
fn a_thread_survives_stack_overflows() {
    let mut options = options();
    options.guest_threads_max = 1;
    for engine in engines(&options) {
        let overflows = engine.compile(&main("(call $main)")).unwrap();
        let recurses = engine.compile(&guest(
            r#"(func $down (param i32) (result i32)
                   (if (result i32) (local.get 0)
                       (then (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1)))))
                       (else (i32.const 0))))
               (func (export "_start") (call $proc_exit (call $down (i32.const 5000))))"#,
        ));
        let recurses = recurses.unwrap();
        for _ in 0..10 {
            assert_eq!(
                trap(&run(&*overflows, Limits::default()).exit).0,
                "call stack exhausted"
            );
            assert_eq!(run(&*recurses, Limits::default()).exit, Exit::Exited(5000));
        }
    }
}
