//! `fastly_erl`. The counters of these cases are read over ten seconds and more: a case takes far less.

use super::cases;
use crate::check::{Outcome, check, check_eq, check_status};
use crate::guest::{Misaligned, end_of_memory};
use crate::sys::*;

cases![
    erl_ratecounter,
    erl_penaltybox,
    erl_check_rate,
    erl_bad_arguments,
    erl_bad_result_pointer,
];

const COUNTER: &str = "counter";
const BOX: &str = "box";

fn increment(entry: &str, delta: u32) -> Outcome {
    check_status!(
        OK,
        erl::ratecounter_increment(
            COUNTER.as_ptr(),
            COUNTER.len(),
            entry.as_ptr(),
            entry.len(),
            delta
        )
    );
    Ok(())
}

fn rate(entry: &str, window: u32, rate: *mut u32) -> Status {
    unsafe {
        erl::ratecounter_lookup_rate(
            COUNTER.as_ptr(),
            COUNTER.len(),
            entry.as_ptr(),
            entry.len(),
            window,
            rate,
        )
    }
}

fn count(entry: &str, seconds: u32, count: *mut u32) -> Status {
    unsafe {
        erl::ratecounter_lookup_count(
            COUNTER.as_ptr(),
            COUNTER.len(),
            entry.as_ptr(),
            entry.len(),
            seconds,
            count,
        )
    }
}

fn penalize(entry: &str, seconds: u32) -> Status {
    unsafe {
        erl::penaltybox_add(
            BOX.as_ptr(),
            BOX.len(),
            entry.as_ptr(),
            entry.len(),
            seconds,
        )
    }
}

fn has(entry: &str, has: *mut u32) -> Status {
    unsafe { erl::penaltybox_has(BOX.as_ptr(), BOX.len(), entry.as_ptr(), entry.len(), has) }
}

fn check(entry: &str, window: u32, limit: u32, seconds: u32, refused: *mut u32) -> Status {
    unsafe {
        erl::check_rate(
            COUNTER.as_ptr(),
            COUNTER.len(),
            entry.as_ptr(),
            entry.len(),
            5,
            window,
            limit,
            BOX.as_ptr(),
            BOX.len(),
            seconds,
            refused,
        )
    }
}

fn erl_ratecounter() -> Outcome {
    let entry = "erl_ratecounter";
    let mut number = u32::MAX;
    check_eq!(OK, count(entry, 60, &mut number));
    check_eq!(0, number);
    increment(entry, 100)?;
    increment(entry, 20)?;
    increment("erl_ratecounter of another", 1)?;
    for seconds in [20, 30, 40, 50, 60] {
        check_eq!(OK, count(entry, seconds, &mut number));
        check_eq!(120, number);
    }
    check_eq!(OK, rate(entry, 60, &mut number));
    check_eq!(2, number);
    // These windows may have moved on a slow machine.
    check_eq!(OK, rate(entry, 1, &mut number));
    check!(number <= 120);
    check_eq!(OK, rate(entry, 10, &mut number));
    check!(number <= 12);
    check_eq!(OK, count(entry, 10, &mut number));
    check!(number <= 120);
    Ok(())
}

fn erl_penaltybox() -> Outcome {
    let entry = "erl_penaltybox";
    let mut is_there = u32::MAX;
    check_eq!(OK, has(entry, &mut is_there));
    check_eq!(0, is_there);
    check_eq!(OK, penalize(entry, 3600));
    check_eq!(OK, has(entry, &mut is_there));
    check_eq!(1, is_there);
    Ok(())
}

fn erl_check_rate() -> Outcome {
    let entry = "erl_check_rate";
    let mut refused = u32::MAX;
    // Ten events in a minute are no more than one a second.
    for _ in 0..2 {
        check_eq!(OK, check(entry, 60, 1, 60, &mut refused));
        check_eq!(0, refused);
    }
    check_eq!(OK, check(entry, 60, 0, 60, &mut refused));
    check_eq!(1, refused);
    let mut is_there = 0;
    check_eq!(OK, has(entry, &mut is_there));
    check_eq!(1, is_there);
    // Once there, a limit that is far away does not help.
    check_eq!(OK, check(entry, 60, 1000, 60, &mut refused));
    check_eq!(1, refused);
    let mut events = 0;
    check_eq!(OK, count(entry, 60, &mut events));
    check_eq!(20, events);
    Ok(())
}

fn erl_bad_arguments() -> Outcome {
    let entry = "erl_bad_arguments";
    let mut number = 77;
    for window in [0, 2, 11, 61] {
        check_eq!(INVALID_ARGUMENT, rate(entry, window, &mut number));
        check_eq!(INVALID_ARGUMENT, check(entry, window, 1, 60, &mut number));
    }
    for seconds in [0, 1, 15, 70] {
        check_eq!(INVALID_ARGUMENT, count(entry, seconds, &mut number));
    }
    for seconds in [0, 59, 3601] {
        check_eq!(INVALID_ARGUMENT, penalize(entry, seconds));
        check_eq!(INVALID_ARGUMENT, check(entry, 60, 1, seconds, &mut number));
    }
    let long = "x".repeat(1025);
    check_eq!(INVALID_ARGUMENT, has(&long, &mut number));
    check_status!(
        INVALID_ARGUMENT,
        erl::ratecounter_increment(end_of_memory(), 1, "a".as_ptr(), 1, 1)
    );
    check_status!(
        INVALID_ARGUMENT,
        erl::ratecounter_increment("a".as_ptr(), 1, b"\xff".as_ptr(), 1, 1)
    );
    check_status!(
        INVALID_ARGUMENT,
        erl::penaltybox_add(end_of_memory(), 1, "a".as_ptr(), 1, 60)
    );
    check_status!(
        INVALID_ARGUMENT,
        erl::penaltybox_has("a".as_ptr(), 1, end_of_memory(), 1, &mut number)
    );
    check_status!(
        INVALID_ARGUMENT,
        erl::ratecounter_lookup_rate(end_of_memory(), 1, "a".as_ptr(), 1, 60, &mut number)
    );
    check_status!(
        INVALID_ARGUMENT,
        erl::ratecounter_lookup_count("a".as_ptr(), 1, end_of_memory(), 1, 60, &mut number)
    );
    check_status!(
        INVALID_ARGUMENT,
        erl::check_rate(
            "a".as_ptr(),
            1,
            "a".as_ptr(),
            1,
            1,
            60,
            1,
            end_of_memory(),
            1,
            60,
            &mut number
        )
    );
    check_eq!(77, number);
    Ok(())
}

fn erl_bad_result_pointer() -> Outcome {
    let entry = "erl_bad_result_pointer";
    check_eq!(INVALID_ARGUMENT, rate(entry, 60, end_of_memory()));
    check_eq!(INVALID_ARGUMENT, count(entry, 60, end_of_memory()));
    check_eq!(INVALID_ARGUMENT, has(entry, end_of_memory()));
    let mut odd = Misaligned::new();
    check_eq!(BAD_ALIGNMENT, rate(entry, 60, odd.pointer()));
    check_eq!(BAD_ALIGNMENT, count(entry, 60, odd.pointer()));
    check_eq!(BAD_ALIGNMENT, has(entry, odd.pointer()));
    check_eq!(INVALID_ARGUMENT, check(entry, 60, 1, 60, end_of_memory()));
    check_eq!(BAD_ALIGNMENT, check(entry, 60, 1, 60, odd.pointer()));
    // It was not counted.
    let mut events = u32::MAX;
    check_eq!(OK, count(entry, 60, &mut events));
    check_eq!(0, events);
    Ok(())
}
