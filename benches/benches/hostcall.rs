//! What one hostcall costs: one that never waits, one that could, and one that does.

use std::time::SystemTime;

use benches::report::{self, HOSTCALL, Measure};
use benches::{bare, drive, guests, host, measure};
use criterion::{Criterion, Throughput};
use tokio::runtime::Handle;

fn hostcalls(criterion: &mut Criterion, measure: Measure, wasm: &[u8], runtime: &Handle) {
    let mut group = criterion.benchmark_group(measure.name);
    group.throughput(Throughput::Elements(guests::HOSTCALLS.into()));
    measure::compare(
        &mut group,
        1,
        |engine| {
            let program = bare::program(engine.name, wasm);
            move || drive(program.run())
        },
        |engine| {
            let service = host::service(engine, wasm, runtime);
            move || host::run(&service)
        },
    );
    group.finish();
}

fn main() {
    let started = SystemTime::now();
    let runtime = measure::runtime();
    let mut criterion = measure::criterion();
    let guests = [
        guests::sync_hostcalls(),
        guests::ready_hostcalls(),
        guests::pending_hostcalls(),
    ];
    for (measure, wasm) in HOSTCALL.into_iter().zip(&guests) {
        hostcalls(&mut criterion, measure, wasm, runtime.handle());
    }
    criterion.final_summary();
    report::print(&HOSTCALL, started);
}
