//! Guests that wait for long: the host may take from their memory what it can give them again.

use std::time::Duration;

use abi_core::Service;
use abi_core::engine::{Exit, Limits};
use abi_core::http::cache::HttpCacheSettings;
use conformance::cases;
use conformance::context::Context;
use conformance::engines;
use conformance::stepped::{Settled, SteppedWorld};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::dropped_runs::engine_for_one;

cases![a_guest_that_has_waited_for_long_finds_its_memory_as_it_was];

/// What mappings are multiples of everywhere.
const UNIT_BYTES: usize = 64 * 1024;

/// How much data the first engine's program has. Each other has one more, so that no two mappings in the process are of one
/// size.
const DATA_UNITS: usize = 37;

/// At the beginning of the data and at their end.
const PATTERN_BYTES: usize = 4096;

/// Reads and writes its data, waits for half an hour, and traps unless it finds them as it left them.
const GUEST: &str = r#"
(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 64)
  ;; A subscription to a clock, and the event.
  (data (i32.const 256) "")
  (global $begin i32 (i32.const 65536))
  (global $end i32 (i32.const END))
  (data (i32.const 65536) "PATTERN")
  (data (i32.const LAST) "PATTERN")

  (func $sum (result i64) (local $at i32) (local $sum i64)
    (local.set $at (global.get $begin))
    (loop $again
      (local.set $sum (i64.add
        (i64.rotl (local.get $sum) (i64.const 1))
        (i64.load (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (br_if $again (i32.lt_u (local.get $at) (global.get $end))))
    (local.get $sum))

  (func $write (local $at i32)
    (local.set $at (global.get $begin))
    (loop $again
      (i32.store (local.get $at) (i32.const 0x5bd1e995))
      (local.set $at (i32.add (local.get $at) (i32.const 20480)))
      (br_if $again (i32.lt_u (local.get $at) (global.get $end)))))

  (func (export "_start") (local $sum i64)
    (drop (call $sum))
    (call $write)
    (local.set $sum (call $sum))
    (i32.store (i32.const 272) (i32.const 1))
    (i64.store (i32.const 280) (i64.const NANOSECONDS))
    (if (call $poll (i32.const 256) (i32.const 384) (i32.const 1) (i32.const 60))
      (then unreachable))
    (if (i64.ne (call $sum) (local.get $sum))
      (then unreachable))))
"#;

const HALF_AN_HOUR: Duration = Duration::from_secs(30 * 60);

async fn a_guest_that_has_waited_for_long_finds_its_memory_as_it_was(cx: Context) {
    let engines = engines::NAMES.iter();
    let number = engines.take_while(|name| **name != cx.engine).count();
    let bytes = (DATA_UNITS + number) * UNIT_BYTES;
    let program = engine_for_one(&cx).compile(&guest(bytes));
    let program = program.unwrap_or_else(|error| panic!("{error}"));
    let world = SteppedWorld::new(cx.engine.starts_with("wasmer"));
    let platform = world.platform(HttpCacheSettings::disabled());
    let mut service = Service::new(program, platform);
    service.limits = Limits {
        wall: 3 * HALF_AN_HOUR,
        ..Limits::default()
    };

    let mut run = run(service, &world);
    let mut polls = usize::MAX;
    world.begin();
    assert_eq!(world.settle(&mut run, &mut polls), Settled::Waits);
    let before = shared_kib(bytes);
    assert!(world.step(), "an alarm after a second");
    assert_eq!(world.settle(&mut run, &mut polls), Settled::Waits);
    if maps_data(&cx) {
        assert_ne!(before, Some(0), "the guest has read what it did not write");
        assert_eq!(shared_kib(bytes), Some(0), "after a second");
    }
    let exit = loop {
        match world.settle(&mut run, &mut polls) {
            Settled::Ended(exit) => break exit,
            _ => assert!(world.step(), "the guest waits for ever: {world:?}"),
        }
    };
    assert_eq!(exit, Exit::Returned);
}

fn guest(bytes: usize) -> Vec<u8> {
    let end = UNIT_BYTES + bytes;
    let pattern = (0..PATTERN_BYTES).map(|index| format!("\\{:02x}", (index * 7 % 251) as u8));
    let text = GUEST
        .replace("END", &end.to_string())
        .replace("LAST", &(end - PATTERN_BYTES).to_string())
        .replace("NANOSECONDS", &HALF_AN_HOUR.as_nanos().to_string())
        .replace("PATTERN", &pattern.collect::<String>());
    wat::parse_str(text).expect("this is a module")
}

fn run(service: Service, world: &SteppedWorld) -> BoxFuture<'static, Exit> {
    let world = world.clone();
    async move {
        let mut run = service.start(world.request());
        world.read(run.answer().await.body);
        run.finish().await.exit
    }
    .boxed()
}

/// Whether memories of the engine begin as mappings of the program's data here.
fn maps_data(cx: &Context) -> bool {
    cfg!(target_os = "linux") && ["wasmtime", "winch", "pulley"].contains(&cx.engine)
}

/// How much of the program's data is resident and not the guest's own; where that is nothing, there is such a mapping.
fn shared_kib(bytes: usize) -> Option<usize> {
    let mappings = std::fs::read_to_string("/proc/self/smaps").ok()?;
    let size = format!("Size: {:>18} kB", bytes / 1024);
    // Files of libraries have mappings of all sizes, and those in memory have no others.
    let mut mappings = mappings.split("/memfd:").skip(1);
    let mapping = mappings.find(|mapping| mapping.lines().nth(1) == Some(&size))?;
    let kib = |name: &str| -> Option<usize> {
        let line = mapping.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    };
    Some(kib("Rss:")? - kib("Anonymous:")?)
}
