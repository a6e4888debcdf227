//! Prints the ratios of everything that was measured last, at whatever time.

use std::time::SystemTime;

use benches::report::{self, HOSTCALL, INSTANTIATE, REQUEST};

fn main() {
    let all = [&HOSTCALL[..], &INSTANTIATE, &REQUEST].concat();
    report::print(&all, SystemTime::UNIX_EPOCH);
}
