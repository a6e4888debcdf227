//! Programs that were compiled before.

use abi_core::engine::EngineOptions;
use artifact_cache::{Artifact, ArtifactCache, ArtifactKey, ProgramDigest};
use wasmtime::{Engine, Module};

use crate::{Allocation, VERSION, WasmtimeProgram};

/// The cache, where one is wanted and its folder can be used.
pub(crate) fn open(options: &EngineOptions) -> Option<ArtifactCache> {
    let folder = options.artifact_folder.as_ref()?;
    let opened = ArtifactCache::open(folder);
    opened
        .inspect_err(|error| tracing::warn!("compiled programs are not kept: {error}"))
        .ok()
}

fn key(
    name: &'static str,
    allocation: &Allocation,
    has_pool: bool,
    program: &ProgramDigest,
) -> ArtifactKey {
    // Everything that wasmtime asks of an artifact is in the hash: version, target, compiler, settings, features of the
    // CPU. Pools are not; but a program must not end up without one for having been kept by an engine that had none, or
    // another: there every instance costs several times as much.
    let engine = &allocation.engine;
    let settings = (
        engine.precompile_compatibility_hash(),
        allocation.slots.is_some(),
        has_pool,
    );
    ArtifactKey::new(name, VERSION, settings, program)
}

/// Keeps a program that was compiled; `has_pool`: whether the engine has a pool for programs like it. It is no failure when that cannot be done.
pub(crate) fn keep(
    artifacts: &ArtifactCache,
    name: &'static str,
    program: &WasmtimeProgram,
    has_pool: bool,
    digest: &ProgramDigest,
) {
    let key = key(name, &program.linked.allocation, has_pool, digest);
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

/// The module that was kept for a program and this way to allocate instances.
pub(crate) fn load(
    artifacts: &ArtifactCache,
    name: &'static str,
    allocation: &Allocation,
    has_pool: bool,
    digest: &ProgramDigest,
) -> Option<Module> {
    let artifact = artifacts.find(&key(name, allocation, has_pool, digest))?;
    map(&allocation.engine, artifact)
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
