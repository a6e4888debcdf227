//! A run whose future is dropped ends, whatever its guest is doing, and leaves its thread in order.

mod world;

use std::sync::Arc;
use std::time::Duration;

use abi_core::Service;
use abi_core::body::Body;
use abi_core::engine::{Engine, EngineOptions, Exit, Limits, Program};
use abi_core::http::RequestHead;
use abi_core::session::ClientRequest;

use world::*;

/// More rounds shake out more races: `STOP_ROUNDS=50 cargo test`.
fn rounds() -> usize {
    let rounds = std::env::var("STOP_ROUNDS").ok();
    rounds.and_then(|rounds| rounds.parse().ok()).unwrap_or(2)
}

fn one_thread() -> EngineOptions {
    let mut options = options();
    options.guest_threads_max = 1;
    options
}

/// That the engine's only thread can run a guest with hostcalls: nothing was left behind by the run before.
fn thread_is_in_order(engine: &dyn Engine, waiting: &dyn Program) {
    let ended = run(waiting, Limits::default());
    assert_eq!(ended.exit, Exit::Returned, "{}", engine.name());
}

/// Starts a guest that says when it is ready, drops it then, and waits until it is gone.
fn drop_when_ready(body: &str) {
    let wasm = guest(&format!(
        r#"(global $i (mut i64) (i64.const 0))
           (func $deep (param i32) (if (local.get 0)
               (then (call $deep (i32.sub (local.get 0) (i32.const 1))))
               (else (loop $again (br $again)))))
           (func $main (export "_start") (call $say) {body})"#
    ));
    let polite =
        main("(drop (call $random_get (i32.const 0) (i32.const 8))) (drop (call $sched_yield))");
    for engine in engines(&one_thread()) {
        let program = engine.compile(&wasm).unwrap();
        let polite = engine.compile(&polite).unwrap();
        for _ in 0..rounds() {
            let world = World::asleep();
            let mut run = program.run(world.session(), Limits::default());
            begin(&mut run);
            world.expect(&Event::Line("ready".to_owned()));
            drop(run);
            world.expect(&Event::Gone);
            thread_is_in_order(&*engine, &*polite);
        }
    }
}

#[test]
fn an_endless_loop() {
    drop_when_ready("(loop $again (br $again))");
}

#[test]
fn an_endless_loop_deep_in_the_stack() {
    drop_when_ready("(call $deep (i32.const 5000))");
}

#[test]
fn a_loop_of_hostcalls() {
    drop_when_ready(
        "(loop $again (drop (call $random_get (i32.const 64) (i32.const 1))) (br $again))",
    );
}

#[test]
fn a_loop_of_hostcalls_that_could_wait() {
    drop_when_ready("(loop $again (drop (call $sched_yield)) (br $again))");
}

#[test]
fn a_loop_of_growing() {
    drop_when_ready("(loop $again (drop (memory.grow (i32.const 0))) (br $again))");
}

#[test]
fn a_loop_of_filling() {
    drop_when_ready(
        "(drop (memory.grow (i32.const 1000)))
         (loop $again (memory.fill (i32.const 4096) (i32.const 1) (i32.const 60000000)) (br $again))",
    );
}

#[test]
fn a_loop_that_turns_to_hostcalls_late() {
    drop_when_ready(
        "(loop $outer
             (global.set $i (i64.const 100000000))
             (loop $inner
                 (global.set $i (i64.sub (global.get $i) (i64.const 1)))
                 (br_if $inner (i64.ne (global.get $i) (i64.const 0))))
             (drop (call $random_get (i32.const 64) (i32.const 1)))
             (br $outer))",
    );
}

#[test]
fn a_sleeper() {
    for engine in engines(&one_thread()) {
        let program = engine
            .compile(&main("(call $sleep (i64.const 1000000000000))"))
            .unwrap();
        let polite = engine.compile(&main("")).unwrap();
        for _ in 0..rounds() {
            let world = World::asleep();
            let mut run = program.run(world.session(), Limits::default());
            begin(&mut run);
            world.expect(&Event::Sleeps);
            drop(run);
            world.expect(&Event::Gone);
            thread_is_in_order(&*engine, &*polite);
        }
    }
}

#[test]
fn at_any_moment() {
    let programs = [
        "(loop $again (br $again))",
        "(loop $again (drop (call $random_get (i32.const 64) (i32.const 1))) (br $again))",
        "(call $sleep (i64.const 1000000000000))",
        "",
    ];
    for engine in engines(&one_thread()) {
        let programs: Vec<_> = programs
            .iter()
            .map(|body| engine.compile(&main(body)).unwrap())
            .collect();
        for round in 0..rounds() * 4 {
            let program = &programs[round % programs.len()];
            let world = World::asleep();
            let mut run = program.run(world.session(), Limits::default());
            begin(&mut run);
            // Somewhere between the hand-over to the thread and the guest's own code.
            for _ in 0..round * 97 % 5_000 {
                std::hint::spin_loop();
            }
            drop(run);
            world.wait_until_gone();
        }
        thread_is_in_order(&*engine, &*programs[3]);
    }
}

#[test]
fn a_run_that_waits_for_a_thread() {
    for engine in engines(&one_thread()) {
        let sleeper = engine
            .compile(&main("(call $sleep (i64.const 1000000000000))"))
            .unwrap();
        let polite = engine.compile(&main("")).unwrap();
        let (world, other) = (World::asleep(), World::new());
        let mut sleeping = sleeper.run(world.session(), Limits::default());
        begin(&mut sleeping);
        world.expect(&Event::Sleeps);
        let mut waiting = polite.run(other.session(), Limits::default());
        begin(&mut waiting);
        drop(waiting);
        other.expect(&Event::Gone);
        drop(sleeping);
        world.expect(&Event::Gone);
        thread_is_in_order(&*engine, &*polite);
    }
}

#[test]
fn limits_on_time_hold() {
    let cases = [
        ("(loop $again (br $again))", Exit::OutOfCpu),
        ("(call $sleep (i64.const 1000000000000))", Exit::OutOfTime),
    ];
    for engine in engines(&one_thread()) {
        for (body, exit) in &cases {
            let program: Arc<dyn Program> = engine.compile(&main(body)).unwrap();
            let mut service = Service::new(program, World::new().platform);
            service.limits.cpu = Duration::from_millis(50);
            service.limits.wall = Duration::from_millis(500);
            let request = ClientRequest::new(RequestHead::new(), Body::empty());
            let report = block_on(service.start(request).finish());
            assert_eq!(report.exit, *exit);
        }
    }
}

#[test]
fn many_at_once() {
    let mut options = options();
    options.guest_threads_max = 32;
    let bodies = [
        "(call $say) (loop $again (br $again))",
        "(call $say) (loop $again (drop (call $random_get (i32.const 64) (i32.const 1))) (br $again))",
        "(call $say) (call $sleep (i64.const 1000000000000))",
    ];
    for engine in engines(&options) {
        let programs: Vec<_> = bodies
            .iter()
            .map(|body| engine.compile(&main(body)).unwrap())
            .collect();
        for _ in 0..rounds() {
            let mut runs = Vec::new();
            for program in programs.iter().cycle().take(24) {
                let world = World::asleep();
                let mut run = program.run(world.session(), Limits::default());
                begin(&mut run);
                world.expect(&Event::Line("ready".to_owned()));
                runs.push((run, world));
            }
            let worlds: Vec<_> = runs.into_iter().map(|(_, world)| world).collect();
            for world in worlds {
                world.wait_until_gone();
            }
        }
    }
}
