//! `fastly_compute_runtime`. What the guest is told of its run is what its environment says, too.

use super::cases;
use crate::check::{Outcome, check, check_eq, check_status};
use crate::guest::{self, Misaligned, NEVER, end_of_memory};
use crate::sys::*;
use std::time::{Duration, Instant};

cases![
    runtime_names,
    runtime_names_bad_arguments,
    runtime_products,
    runtime_use,
    runtime_vcpu_does_not_run_while_waiting,
];

type Name = unsafe extern "C" fn(*mut u8, usize, *mut usize) -> Status;

const NAMES: [(&str, Name); 4] = [
    ("FASTLY_TRACE_ID", compute_runtime::get_trace_id),
    ("FASTLY_TRACE_ID", compute_runtime::get_sandbox_id),
    ("FASTLY_HOSTNAME", compute_runtime::get_hostname),
    (
        "FASTLY_SERVICE_VERSION",
        compute_runtime::get_service_version,
    ),
];

fn runtime_names() -> Outcome {
    for (variable, get) in NAMES {
        let (mut buffer, mut nwritten) = ([0; 64], 0);
        check_status!(OK, get(buffer.as_mut_ptr(), buffer.len(), &mut nwritten));
        let expected = std::env::var(variable).map_err(|error| format!("{variable}: {error}"))?;
        check!(!expected.is_empty());
        check_eq!(
            (variable, expected.as_bytes()),
            (variable, &buffer[..nwritten])
        );
    }
    Ok(())
}

fn runtime_names_bad_arguments() -> Outcome {
    for (_, get) in NAMES {
        let (mut buffer, mut nwritten) = ([0; 64], 0);
        check_status!(BUFFER_TOO_SMALL, get(buffer.as_mut_ptr(), 0, &mut nwritten));
        check!(nwritten > 0);
        check_status!(INVALID_ARGUMENT, get(end_of_memory(), 64, &mut nwritten));
        check_status!(
            INVALID_ARGUMENT,
            get(buffer.as_mut_ptr(), 64, end_of_memory())
        );
        check_status!(
            BAD_ALIGNMENT,
            get(buffer.as_mut_ptr(), 64, Misaligned::new().pointer())
        );
    }
    Ok(())
}

/// The service has what the platform can do by itself.
fn runtime_products() -> Outcome {
    type Has = unsafe extern "C" fn(*mut u32) -> Status;
    let products: [(Has, u32); 3] = [
        (compute_runtime::has_domain_inspector, 0),
        (compute_runtime::has_image_optimizer, 1),
        (compute_runtime::has_origin_inspector, 0),
    ];
    for (has, expected) in products {
        let mut value = u32::MAX;
        check_status!(OK, has(&mut value));
        check_eq!(expected, value);
        check_status!(INVALID_ARGUMENT, has(end_of_memory()));
        check_status!(BAD_ALIGNMENT, has(Misaligned::new().pointer()));
    }
    Ok(())
}

fn runtime_use() -> Outcome {
    let (mut before, mut after) = (u64::MAX, u64::MAX);
    check_status!(OK, compute_runtime::get_vcpu_ms(&mut before));
    check_status!(OK, compute_runtime::get_vcpu_ms(&mut after));
    check!(before <= after);
    let mut mebibytes = 0;
    check_status!(OK, compute_runtime::get_heap_mib(&mut mebibytes));
    let expected = core::arch::wasm32::memory_size(0).div_ceil(16);
    check_eq!(expected, mebibytes as usize);
    check_status!(
        INVALID_ARGUMENT,
        compute_runtime::get_vcpu_ms(end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        compute_runtime::get_vcpu_ms(Misaligned::new().pointer())
    );
    check_status!(
        INVALID_ARGUMENT,
        compute_runtime::get_heap_mib(end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        compute_runtime::get_heap_mib(Misaligned::new().pointer())
    );
    Ok(())
}

fn vcpu_ms() -> Result<u64, String> {
    let mut milliseconds = u64::MAX;
    check_status!(OK, compute_runtime::get_vcpu_ms(&mut milliseconds));
    Ok(milliseconds)
}

/// It runs while the guest computes, and stands still while it waits: for backends, and for time to pass.
fn runtime_vcpu_does_not_run_while_waiting() -> Outcome {
    const WAIT_MS: u32 = 600;

    let before = vcpu_ms()?;
    while vcpu_ms()? < before + 5 {
        std::hint::spin_loop();
    }
    let pending = guest::start("/", NEVER)?;
    let waits: [&dyn Fn() -> Outcome; 2] = [
        &|| {
            let mut index = 0;
            check_status!(OK, async_io::select(&pending, 1, WAIT_MS, &mut index));
            check_eq!(TIMED_OUT, index);
            Ok(())
        },
        &|| {
            std::thread::sleep(Duration::from_millis(WAIT_MS.into()));
            Ok(())
        },
    ];
    for wait in waits {
        let (before, started) = (vcpu_ms()?, Instant::now());
        wait()?;
        let (used, passed) = (vcpu_ms()? - before, started.elapsed());
        check!(passed >= Duration::from_millis(u64::from(WAIT_MS) - 1));
        // Enough for a thread that is kept from running on a busy machine.
        check!(used < u64::from(WAIT_MS) / 2);
    }
    Ok(())
}
