//! Programs that were compiled before.

use abi_core::engine::EngineOptions;
use artifact_cache::{Artifact, ArtifactCache, ArtifactKey, ProgramDigest};
use wasmtime::{Engine, Module};

use crate::{VERSION, WasmtimeProgram};

/// The cache, where one is wanted and its folder can be used.
pub(crate) fn open(options: &EngineOptions) -> Option<ArtifactCache> {
    let folder = options.artifact_folder.as_ref()?;
    let opened = ArtifactCache::open(folder);
    opened
        .inspect_err(|error| tracing::warn!("compiled programs are not kept: {error}"))
        .ok()
}

fn key(name: &'static str, engine: &Engine, program: &ProgramDigest) -> ArtifactKey {
    // Everything that wasmtime asks of an artifact is in it: version, target, compiler, settings, features of the CPU.
    let settings = engine.precompile_compatibility_hash();
    ArtifactKey::new(name, VERSION, settings, program)
}

/// Keeps a program that was compiled. It is no failure when that cannot be done.
pub(crate) fn keep(
    artifacts: &ArtifactCache,
    name: &'static str,
    program: &WasmtimeProgram,
    digest: &ProgramDigest,
) {
    let key = key(name, &program.linked.allocation.engine, digest);
    let kept = match program.linked.instance.module().serialize() {
        Ok(bytes) => artifacts
            .keep(&key, &bytes)
            .map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = kept {
        tracing::warn!("the compiled program could not be kept: {error}");
    }
}

/// The module that was kept for a program and this engine.
pub(crate) fn load(
    artifacts: &ArtifactCache,
    name: &'static str,
    engine: &Engine,
    digest: &ProgramDigest,
) -> Option<Module> {
    let artifact = artifacts.find(&key(name, engine, digest))?;
    map(engine, artifact)
        .inspect_err(|error| tracing::debug!("a kept program cannot be used: {error:#}"))
        .ok()
}

#[allow(
    unsafe_code,
    reason = "wasmtime cannot know who wrote an artifact; an `Artifact` is the proof"
)]
fn map(engine: &Engine, artifact: Artifact) -> wasmtime::Result<Module> {
    // SAFETY: the file has to be what `Module::serialize` gave, and must not change while the module is in use. Files of
    // an `ArtifactCache` are written by `keep` above and by nothing else: an `Artifact` exists only for a file that
    // belongs to this user and that no other user may write to, in a folder of which the same holds, both looked at
    // through open descriptors; and its content has the digest that `ArtifactCache::keep` gave it. Such files are
    // written elsewhere and then renamed, are never opened for writing again, and removing one leaves its mapping as it
    // is. Whoever could break that runs as this user, and needs no artifact to run code.
    unsafe { Module::deserialize_open_file(engine, artifact.into_file()) }
}
