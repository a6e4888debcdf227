//! The assertions that cases are made of.

/// What a case comes to: nothing, or `<file>:<line>: expected …, got …` of its first failure.
pub type Outcome = Result<(), String>;

/// Makes a call. Every import is unsafe to call; what makes it sound is the same everywhere in this
/// guest: a pointer is either that of a live buffer, handed over with the length it has, or one that
/// the host has to refuse to touch, which is what the case is about.
macro_rules! call {
    ($call:expr) => {{
        let status: $crate::sys::Status = unsafe { $call };
        status
    }};
}

/// Makes a call and returns from the surrounding function when its status is not the expected one.
macro_rules! check_status {
    ($expected:expr, $call:expr) => {{
        let status = $crate::check::call!($call);
        let expected: $crate::sys::Status = $expected;
        if status != expected {
            return Err(format!(
                "{}:{}: expected status {} from {}, got {}",
                file!(),
                line!(),
                expected,
                stringify!($call),
                status
            ));
        }
    }};
}

/// Returns from the surrounding function when the two values differ.
macro_rules! check_eq {
    ($expected:expr, $actual:expr) => {{
        let (expected, actual) = (&$expected, &$actual);
        if expected != actual {
            return Err(format!(
                "{}:{}: expected {:?}, got {:?}",
                file!(),
                line!(),
                expected,
                actual
            ));
        }
    }};
}

/// Returns from the surrounding function when the condition does not hold.
macro_rules! check {
    ($condition:expr) => {
        if !$condition {
            return Err(format!(
                "{}:{}: expected {}, got the opposite",
                file!(),
                line!(),
                stringify!($condition)
            ));
        }
    };
}

pub(crate) use {call, check, check_eq, check_status};
