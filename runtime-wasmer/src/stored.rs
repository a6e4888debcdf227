//! Programs that were compiled before.

use std::io::{self, Read};

use artifact_cache::{Artifact, ArtifactCache, ArtifactKey, ProgramDigest};
use wasmer::sys::Target;
use wasmer::{Engine, Module};

use crate::{VERSION, start_section};

fn key(name: &'static str, wasm: &[u8]) -> ArtifactKey {
    // The target has the features of this machine's processor, which code is made for. All else that a compiler is told
    // here is in its name, but for what becomes of a start section.
    let settings = (Target::default(), start_section::EXPORT);
    ArtifactKey::new(name, VERSION, settings, &ProgramDigest::of(wasm))
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
