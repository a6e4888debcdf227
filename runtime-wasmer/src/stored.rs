//! Programs that were compiled before.

use std::io::{self, Read};

use artifact_cache::{Artifact, ArtifactCache, ArtifactKey, ProgramDigest};
use wasmer::sys::Target;
use wasmer::{Engine, Module};

use crate::VERSION;

/// What this crate tells a compiler: as text, since no number that somebody would have to raise can be forgotten then. A
/// change that changes no code has programs compiled once more.
const SETTINGS: &str = include_str!("compiler.rs");

/// The key of what is compiled of a program for this machine and this version of the crate. The compiler is in the
/// engine's name.
fn key(name: &'static str, wasm: &[u8]) -> ArtifactKey {
    key_for(name, &Target::default(), SETTINGS, wasm)
}

/// `target` has the features of the processor, which code is made for.
fn key_for(name: &'static str, target: &Target, settings: &str, wasm: &[u8]) -> ArtifactKey {
    ArtifactKey::new(name, VERSION, (target, settings), &ProgramDigest::of(wasm))
}

/// Keeps a program that was compiled.
pub(crate) fn keep(artifacts: &ArtifactCache, name: &'static str, module: &Module, wasm: &[u8]) {
    artifacts.keep_compiled(&key(name, wasm), module.serialize());
}

/// The module that was kept for a program; `engine` is one that could compile it.
pub(crate) fn load(
    artifacts: &ArtifactCache,
    name: &'static str,
    engine: &Engine,
    wasm: &[u8],
) -> Option<Module> {
    artifacts.load_compiled(&key(name, wasm), |artifact| read(engine, artifact))
}

#[allow(
    unsafe_code,
    reason = "wasmer cannot know who wrote an artifact; an `Artifact` is the proof"
)]
fn read(engine: &Engine, artifact: Artifact) -> io::Result<Module> {
    let mut bytes = Vec::new();
    artifact.into_file().read_to_end(&mut bytes)?;
    // SAFETY: the bytes have to be what `Module::serialize` gave, for the same compiler and target. Files of an
    // `ArtifactCache` are written by `keep` above and by nothing else, and `key` has the compiler and the target: an
    // `Artifact` exists only for a file that belongs to this user and that no other user may write to, in a folder of
    // which the same holds, both looked at through open descriptors; and its content has the digest that
    // `ArtifactCache::keep` gave it. The bytes are a copy, which nothing else can change. Whoever could break that runs as
    // this user, and needs no artifact to run code.
    unsafe { Module::deserialize(engine, bytes) }.map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use wasmer::sys::CpuFeature;

    use super::*;

    #[test]
    fn keys_differ_in_every_feature_of_the_processor() {
        let here = Target::default();
        let key_of = |target: &Target| key_for("wasmer", target, SETTINGS, b"program");
        assert_eq!(key("wasmer", b"program"), key_of(&here));
        for feature in CpuFeature::all() {
            let mut features = *here.cpu_features();
            if !features.remove(feature) {
                features.insert(feature);
            }
            let other = Target::new(here.triple().clone(), features);
            assert_ne!(key_of(&other), key_of(&here), "{feature:?}");
        }
    }

    #[test]
    fn keys_differ_in_how_programs_are_compiled() {
        let key_of = |name, settings| key_for(name, &Target::default(), settings, b"program");
        let here = key_of("wasmer", SETTINGS);
        for other in [key_of("wasmer-singlepass", SETTINGS), key_of("wasmer", "")] {
            assert_ne!(other, here);
        }
        assert!(SETTINGS.contains("set_features"));
    }
}
