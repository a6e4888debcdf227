//! What an artifact is for.

use std::fmt::Write;
use std::hash::{Hash, Hasher};

use sha2::{Digest, Sha256};

/// Part of every key: what is kept is not understood by versions with another number.
const FORMAT: u32 = 1;

/// The digest of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramDigest([u8; 32]);

impl ProgramDigest {
    /// The digest of a module, binary.
    #[must_use]
    pub fn of(wasm: &[u8]) -> Self {
        Self(Sha256::digest(wasm).into())
    }
}

/// What an artifact is for: a program, an engine, its version, and the settings that its code depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactKey {
    pub(crate) engine: &'static str,
    pub(crate) digits: String,
}

impl ArtifactKey {
    /// A key. The engine's name is made of letters, digits and `-`; `settings` are hashed as they are.
    #[must_use]
    pub fn new(
        engine: &'static str,
        version: &str,
        settings: impl Hash,
        program: &ProgramDigest,
    ) -> Self {
        let mut hasher = Sha256Hasher(Sha256::new());
        (FORMAT, engine, version, program.0).hash(&mut hasher);
        settings.hash(&mut hasher);
        Self {
            engine,
            digits: hex(&hasher.0.finalize()),
        }
    }
}

/// A digest that takes whatever can be hashed.
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Nobody asks for it: the whole digest is taken instead.
    fn finish(&self) -> u64 {
        0
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_in_everything_that_code_depends_on() {
        let program = ProgramDigest::of(b"program");
        let key = ArtifactKey::new("engine", "1", 7, &program);
        assert_eq!(key, ArtifactKey::new("engine", "1", 7, &program));
        let other_program = ProgramDigest::of(b"other");
        for other in [
            ArtifactKey::new("other", "1", 7, &program),
            ArtifactKey::new("engine", "2", 7, &program),
            ArtifactKey::new("engine", "1", 8, &program),
            ArtifactKey::new("engine", "1", 7, &other_program),
            ArtifactKey::new("engine1", "", 7, &program),
        ] {
            assert_ne!(key.digits, other.digits);
        }
    }
}
