//! `fastly_backend`.

use super::cases;
use crate::check::{Outcome, check_eq, check_status};
use crate::guest::{Misaligned, NEVER, ORIGIN, REFUSED, UNKNOWN, end_of_memory};
use crate::sys::*;

cases![backend_exists, backend_exists_bad_result_pointer];

fn exists(name: &str) -> Result<u32, String> {
    let mut exists = u32::MAX;
    check_status!(OK, backend::exists(name.as_ptr(), name.len(), &mut exists));
    Ok(exists)
}

/// A backend exists when it is configured, whether or not it can be reached.
fn backend_exists() -> Outcome {
    check_eq!(1, exists(ORIGIN)?);
    check_eq!(1, exists(REFUSED)?);
    check_eq!(1, exists(NEVER)?);
    check_eq!(0, exists(UNKNOWN)?);
    check_eq!(0, exists("")?);
    Ok(())
}

fn backend_exists_bad_result_pointer() -> Outcome {
    check_status!(
        INVALID_ARGUMENT,
        backend::exists(ORIGIN.as_ptr(), ORIGIN.len(), end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        backend::exists(ORIGIN.as_ptr(), ORIGIN.len(), Misaligned::new().pointer())
    );
    Ok(())
}
