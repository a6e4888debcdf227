//! What answering a request costs, without a socket.
//!
//! The bare engine cannot answer: without hostcalls there is no request. Beside the answer stands what of it remains
//! when hostcalls and the guest's own work are taken away: an instance with the same imports, and an empty entry point.

use std::time::SystemTime;

use benches::report::{self, REQUEST};
use benches::{bare, drive, guests, host, measure};

fn main() {
    let started = SystemTime::now();
    let runtime = measure::runtime();
    let mut criterion = measure::criterion();
    let (hello, imports) = (guests::hello(), guests::hello_imports());
    let mut group = criterion.benchmark_group(REQUEST[0].name);
    measure::compare(
        &mut group,
        1,
        |engine| {
            let program = bare::program(engine.name, &imports);
            move || drive(program.run())
        },
        |engine| {
            let service = host::service(engine, &hello, runtime.handle());
            move || host::answer(&service)
        },
    );
    group.finish();
    criterion.final_summary();
    report::print(&REQUEST, started);
}
