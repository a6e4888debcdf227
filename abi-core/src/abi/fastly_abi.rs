//! `fastly_abi`: which ABI the guest speaks.

use crate::error::{Error, Result};
use crate::table::Call;

/// The only version of the ABI that there is.
pub const VERSION: u64 = 1;

/// The guest says which version of the ABI it was built for. Some SDKs never do.
///
/// # Errors
///
/// [`Error::OutOfTurn`] for any version but [`VERSION`].
pub fn init(_call: &mut Call<'_>, abi_version: u64) -> Result<()> {
    if abi_version == VERSION {
        Ok(())
    } else {
        Err(Error::OutOfTurn("only version 1 of the ABI exists"))
    }
}
