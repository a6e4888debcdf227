//! Programs that were compiled before.

use artifact_cache::{Artifact, ArtifactCache, ArtifactKey, ProgramDigest};
use wasmtime::{Engine, Module};

use crate::{Allocation, VERSION, WasmtimeProgram};

fn key(
    name: &'static str,
    allocation: &Allocation,
    has_pool: bool,
    program: &ProgramDigest,
) -> ArtifactKey {
    // Everything that wasmtime asks of an artifact is in the hash: version, target, compiler, settings, features of the
    // CPU; nothing is done to a program before. Pools are not in it, but count: a program that was kept by an engine
    // without one would go without where there is one, and every instance cost several times as much.
    let engine = &allocation.engine;
    let settings = (
        engine.precompile_compatibility_hash(),
        allocation.slots.is_some(),
        has_pool,
    );
    ArtifactKey::new(name, VERSION, settings, program)
}

/// Keeps a program that was compiled; `has_pool`: whether the engine has a pool for programs like it.
pub(crate) fn keep(
    artifacts: &ArtifactCache,
    name: &'static str,
    program: &WasmtimeProgram,
    has_pool: bool,
    digest: &ProgramDigest,
) {
    let key = key(name, &program.linked.allocation, has_pool, digest);
    artifacts.keep_compiled(&key, program.linked.instance.module().serialize());
}

/// The module that was kept for a program and this way to allocate instances.
pub(crate) fn load(
    artifacts: &ArtifactCache,
    name: &'static str,
    allocation: &Allocation,
    has_pool: bool,
    digest: &ProgramDigest,
) -> Option<Module> {
    let key = key(name, allocation, has_pool, digest);
    artifacts.load_compiled(&key, |artifact| map(&allocation.engine, artifact))
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

#[cfg(test)]
mod tests {
    use wasmtime::Config;

    use super::*;
    use crate::{Compiler, EngineOptions, checking, config};

    fn key_of(config: &Config) -> ArtifactKey {
        let options = EngineOptions::default();
        let allocation = Allocation::new(config, None, &options, None).unwrap();
        let program = ProgramDigest::of(b"program");
        key("wasmtime", &allocation, false, &program)
    }

    #[test]
    fn keys_differ_in_how_programs_are_compiled() {
        let options = EngineOptions::default();
        let cranelift = config(Compiler::Cranelift, &options).unwrap();
        let here = key_of(&cranelift);
        assert_eq!(key_of(&cranelift.clone()), here);
        let change = |change: fn(&mut Config) -> &mut Config| {
            let mut changed = cranelift.clone();
            change(&mut changed);
            changed
        };
        for (what, other) in [
            ("winch", config(Compiler::Winch, &options).unwrap()),
            ("pulley", config(Compiler::Pulley, &options).unwrap()),
            ("checks of bounds", checking(&cranelift, &options)),
            ("epochs", change(|config| config.epoch_interruption(false))),
            ("memories", change(|config| config.wasm_multi_memory(true))),
        ] {
            assert_ne!(key_of(&other), here, "{what}");
        }
    }
}
