//! More guests than an engine has room for at once.

use std::sync::Arc;
use std::time::Duration;

use abi_core::engine::{EngineOptions, Exit, Limits, Program};
use abi_core::http::cache::HttpCacheSettings;
use abi_core::{ClientRequest, Service};
use conformance::cases;
use conformance::context::Context;
use conformance::engines;
use conformance::guests::{Guest, folder};
use conformance::stepped::{Settled, SteppedWorld};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};

use crate::dropped_runs::engine_for_one;

cases![
    as_many_guests_as_one_likes_share_the_room_for_one,
    guests_of_all_sizes_share_the_room_for_one,
    guests_with_foreign_references_share_the_room_for_one except NO_REFERENCES,
    an_engine_has_a_bound_on_memory_whatever_a_run_may_have,
];

/// No compiler for Compute makes them of its own accord.
const NO_REFERENCES: &[(&str, &str)] = &[("winch", "it has no references but those to functions")];

const GUESTS: usize = 8;

const MEMORY: &str = "(memory (export \"memory\") 4)";

/// A guest that waits often, with something else in place of its memory.
fn waiting_guest(memory: &str) -> Vec<u8> {
    let text = std::fs::read_to_string(folder().join("wat/many_waits.wat"));
    let text = text.unwrap_or_else(|error| panic!("{error}"));
    wat::parse_str(text.replace(MEMORY, memory)).expect("this is a module")
}

async fn as_many_guests_as_one_likes_share_the_room_for_one(cx: Context) {
    let engine = engine_for_one(&cx);
    let program = engine.compile(&Guest("wat/many_waits.wat").module());
    let program = program.unwrap_or_else(|error| panic!("{error}"));
    all_return(&cx, &vec![program; GUESTS]);
}

/// With little memory and with much, and with more tables than a place for an instance has.
async fn guests_of_all_sizes_share_the_room_for_one(cx: Context) {
    let engine = engine_for_one(&cx);
    let programs = [
        MEMORY.to_owned(),
        "(memory (export \"memory\") 2000)".to_owned(),
        "(memory (export \"memory\") 60 60)".to_owned(),
        format!("{MEMORY} (table 9 funcref) (table 90000 funcref)"),
    ];
    let programs = programs.map(|memory| {
        let program = engine.compile(&waiting_guest(&memory));
        program.unwrap_or_else(|error| panic!("{error}"))
    });
    let twice: Vec<_> = programs.iter().chain(&programs).cloned().collect();
    all_return(&cx, &twice);
}

async fn guests_with_foreign_references_share_the_room_for_one(cx: Context) {
    let engine = engine_for_one(&cx);
    let program = engine.compile(&waiting_guest(&format!(
        r#"{MEMORY}
           (table $references 10 externref)
           (func (export "reference") (result externref)
               (table.set $references (i32.const 2) (table.get $references (i32.const 1)))
               (ref.null extern))"#
    )));
    let program = program.unwrap_or_else(|error| panic!("{error}"));
    all_return(&cx, &vec![program; GUESTS]);
}

/// Where instances have places that are kept for them, and where they have not.
async fn an_engine_has_a_bound_on_memory_whatever_a_run_may_have(cx: Context) {
    const MIB: u64 = 1024 * 1024;

    // Grows to 2 MiB, and then by one page more.
    let wasm = wat::parse_str(
        r#"(module
            (memory (export "memory") 1)
            (func (export "_start")
                (if (i32.ne (memory.grow (i32.const 31)) (i32.const 1)) (then (return)))
                (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))))"#,
    );
    let wasm = wasm.expect("this is a module");
    for pooled_instances in [1, 0] {
        let mut options = EngineOptions::default();
        options.pooled_instances = pooled_instances;
        options.memory_bytes_max = 2 * MIB;
        let engine = engines::entry(cx.engine).create(&options);
        let engine = engine.unwrap_or_else(|error| panic!("{error}"));
        let program = engine.compile(&wasm);
        let world = SteppedWorld::new(cx.engine.starts_with("wasmer"));
        let platform = world.platform(HttpCacheSettings::disabled());
        let mut service = Service::new(program.expect("this is a program"), platform);
        service.limits.memory_bytes = 8 * MIB;
        let report = service.start(world.request()).finish().await;
        let message = "the guest had reached its memory limit of 2 MiB";
        assert!(report.exit.to_string().contains(message), "{report:?}");
        assert_eq!(report.memory_bytes, 2 * MIB);
    }
}

/// Begins all of them at once, and has them end.
fn all_return(cx: &Context, programs: &[Arc<dyn Program>]) {
    let world = SteppedWorld::new(cx.engine.starts_with("wasmer"));
    let platform = world.platform(HttpCacheSettings::disabled());
    let runs = programs.iter().map(|program| {
        let mut service = Service::new(program.clone(), platform.clone());
        service.limits = Limits {
            wall: Duration::from_secs(1_000_000),
            cpu: Duration::from_secs(1_000_000),
            ..Limits::default()
        };
        run(service, world.request())
    });
    let mut runs: BoxFuture<'static, Vec<Exit>> = join_all(runs).boxed();
    let mut polls = usize::MAX;
    world.begin();
    loop {
        match world.settle(&mut runs, &mut polls) {
            Settled::Ended(exits) => {
                assert_eq!(exits, vec![Exit::Returned; programs.len()]);
                break;
            }
            _ => assert!(world.step(), "all wait for what never happens: {world:?}"),
        }
    }
}

/// A client that reads all of its answer.
fn run(service: Service, request: ClientRequest) -> BoxFuture<'static, Exit> {
    async move {
        let mut run = service.start(request);
        let mut answer = run.answer().await.body.into_body();
        let read = async move { while let Ok(Some(_)) = answer.read(usize::MAX).await {} };
        let (report, ()) = futures_util::join!(run.finish(), read);
        report.exit
    }
    .boxed()
}
