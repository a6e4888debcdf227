//! What making an instance and running an almost empty entry point costs, from one thread and from all of them.

use std::thread;
use std::time::SystemTime;

use benches::report::{self, INSTANTIATE, Measure};
use benches::{bare, drive, guests, host, measure};
use criterion::{Criterion, Throughput};
use tokio::runtime::Handle;

fn instances(
    criterion: &mut Criterion,
    measure: Measure,
    wasm: &[u8],
    threads: usize,
    runtime: &Handle,
) {
    let mut group = criterion.benchmark_group(measure.name);
    group.throughput(Throughput::Elements(threads as u64));
    measure::compare(
        &mut group,
        threads,
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
    let all = thread::available_parallelism().map_or(1, usize::from);
    let (memory, imports) = (guests::big_memory(), guests::hello_imports());
    let runs = [(&memory, 1), (&memory, all), (&imports, 1), (&imports, all)];
    for (measure, (wasm, threads)) in INSTANTIATE.into_iter().zip(runs) {
        instances(&mut criterion, measure, wasm, threads, runtime.handle());
    }
    criterion.final_summary();
    report::print(&INSTANTIATE, started);
}
