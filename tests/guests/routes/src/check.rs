//! Assertions made inside the guest. A failed one becomes the answer instead of a trap, so that the
//! test which asked can show where it failed and with which values.

use fastly::Response;
use fastly::http::StatusCode;

/// What a run of assertions comes to: nothing, or the first one that failed.
pub type Outcome = Result<(), String>;

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

pub(crate) use {check, check_eq};

/// Answers `ok`, or 500 with the assertion that failed.
pub fn report(outcome: Outcome) {
    match outcome {
        Ok(()) => crate::answer("ok"),
        Err(failure) => Response::from_status(StatusCode::INTERNAL_SERVER_ERROR)
            .with_body_text_plain(&failure)
            .send_to_client(),
    }
}
