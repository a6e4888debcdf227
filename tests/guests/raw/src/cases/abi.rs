//! `fastly_abi`.

use super::cases;
use crate::check::{Outcome, check_status};
use crate::sys::*;

cases![abi_init, abi_init_other_version];

/// The one version there is, and asking for it again changes nothing.
fn abi_init() -> Outcome {
    check_status!(OK, abi::init(1));
    check_status!(OK, abi::init(1));
    Ok(())
}

fn abi_init_other_version() -> Outcome {
    check_status!(ERROR, abi::init(0));
    check_status!(ERROR, abi::init(2));
    // The version is a 64-bit number, all of which counts.
    check_status!(ERROR, abi::init(1 << 32 | 1));
    Ok(())
}
