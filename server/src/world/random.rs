//! Randomness.

use std::fmt;

use abi_core::platform::Random;
use rand::rngs::SysError;
use rand::{Rng, TryRng};

/// A generator for cryptography on each thread, seeded and reseeded by the operating system.
#[derive(Clone, Copy, Debug)]
pub struct SystemRandom(());

impl SystemRandom {
    /// Checks that the operating system gives randomness.
    ///
    /// # Errors
    ///
    /// [`NoRandomness`] when it does not: a machine on which nothing should run.
    pub fn new() -> Result<Self, NoRandomness> {
        rand::rngs::SysRng.try_next_u64().map_err(NoRandomness)?;
        Ok(Self(()))
    }

    /// Eight random bytes.
    #[must_use]
    pub fn number(self) -> u64 {
        rand::rng().next_u64()
    }
}

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

/// The operating system gives no randomness.
#[derive(Debug)]
pub struct NoRandomness(SysError);

impl fmt::Display for NoRandomness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the operating system gives no randomness: {}", self.0)
    }
}

impl std::error::Error for NoRandomness {}
