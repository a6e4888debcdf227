//! The engines this binary was built with, and the choice among them.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use abi_core::Engine;
use abi_core::engine::{EngineEntry, EngineError, EngineOptions};
use cfg_if::cfg_if;

use crate::suggestion::closest;

/// One slice a runtime crate, in the order of preference.
const COMPILED_IN: &[&[EngineEntry]] = &[
    WASMTIME, //
    WASMER, WASMI,
];

/// What stands for two engines: requests run on `wasmi` at once, and on `wasmtime` from when it has compiled the program,
/// or from the beginning if it did so for an earlier process. Where one of them was not compiled in, it is the default.
pub const AUTO: &str = "auto";

/// Whether [`AUTO`] is more than another name of the default.
pub(crate) fn has_auto() -> bool {
    find_engine(Some("wasmi")).is_ok() && find_engine(Some("wasmtime")).is_ok()
}

cfg_if! {
    if #[cfg(feature = "wasmtime")] {
        const WASMTIME: &[EngineEntry] = runtime_wasmtime::ENGINES;
    } else {
        const WASMTIME: &[EngineEntry] = &[];
    }
}

cfg_if! {
    if #[cfg(feature = "wasmer")] {
        const WASMER: &[EngineEntry] = runtime_wasmer::ENGINES;
    } else {
        const WASMER: &[EngineEntry] = &[];
    }
}

cfg_if! {
    if #[cfg(feature = "wasmi")] {
        const WASMI: &[EngineEntry] = runtime_wasmi::ENGINES;
    } else {
        const WASMI: &[EngineEntry] = &[];
    }
}

/// Every engine this binary was built with; the first one is the default.
pub fn engines() -> impl Iterator<Item = &'static EngineEntry> {
    COMPILED_IN.iter().copied().flatten()
}

/// The engine called `name`, or the default one.
///
/// # Errors
///
/// [`UnknownEngine`] when none of that name, or none at all, was compiled in.
pub fn find_engine(name: Option<&str>) -> Result<&'static EngineEntry, UnknownEngine> {
    let mut all = engines();
    let found = match name {
        Some(name) => all.find(|engine| engine.name == name),
        None => all.next(),
    };
    found.ok_or_else(|| UnknownEngine(name.map(str::to_owned)))
}

/// There is no engine of the name that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownEngine(Option<String>);

impl fmt::Display for UnknownEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<_> = engines().map(|engine| engine.name).collect();
        if has_auto() {
            names.insert(0, AUTO);
        }
        if names.is_empty() {
            return f.write_str(
                "this program was built without an engine; build it with one of the features \
                 `wasmtime`, `wasmer`, `wasmi`",
            );
        }
        let name = self.0.as_deref().unwrap_or_default();
        write!(
            f,
            "there is no engine `{name}` here; there are: {}",
            names.join(", ")
        )?;
        match closest(name, names.iter().copied()) {
            Some(meant) if names.len() > 1 => write!(f, "; did you mean `{meant}`?"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for UnknownEngine {}

/// What makes two engines the same: their name and their options.
type EngineKey = (&'static str, EngineOptions);

/// Makes an engine, or gives the one that another host in this process made with the same options.
///
/// An engine may reserve terabytes of address space for its instances. A process has room for a few of those, not for
/// one per host of a test suite.
///
/// # Errors
///
/// [`EngineError`] when the engine does not work here.
pub fn shared_engine(
    entry: &EngineEntry,
    options: &EngineOptions,
) -> Result<Arc<dyn Engine>, EngineError> {
    static ENGINES: Mutex<Vec<(EngineKey, Weak<dyn Engine>)>> = Mutex::new(Vec::new());

    if options.perf_map && !entry.writes_perf_map {
        return Err(EngineError("it writes no map for `perf`".to_owned()));
    }
    if options.guest_profiles.is_some() && !entry.samples_guests {
        let able = engines().filter(|engine| engine.samples_guests);
        let able: Vec<_> = able.map(|engine| engine.name).collect();
        return Err(EngineError(match able.is_empty() {
            true => "it writes no profiles of guests".to_owned(),
            false => format!("it writes no profiles of guests; {} do", able.join(", ")),
        }));
    }
    let key = (entry.name, options.clone());
    // Held while the engine is made, so that two hosts that start at once share it too.
    let mut engines = ENGINES.lock().unwrap_or_else(PoisonError::into_inner);
    engines.retain(|(_, engine)| engine.strong_count() > 0);
    let same = engines.iter().find(|(other, _)| *other == key);
    if let Some(engine) = same.and_then(|(_, engine)| engine.upgrade()) {
        return Ok(engine);
    }
    let engine = entry.create(options)?;
    engines.push((key, Arc::downgrade(&engine)));
    Ok(engine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_that_were_compiled_in() {
        let manifest = include_str!("../../Cargo.toml");
        let manifest: toml::Table = manifest.parse().unwrap();
        let dependencies = manifest["workspace"]["dependencies"].as_table().unwrap();
        for engine in engines() {
            let library = match engine.name {
                "winch" | "pulley" => "wasmtime",
                "wasmer-singlepass" => "wasmer",
                name => name,
            };
            let version = dependencies[library]["version"].as_str();
            assert_eq!(
                version,
                Some(&*format!("={}", engine.version)),
                "{}",
                engine.name
            );
        }
    }

    /// Without a pool every instance costs several times as much.
    #[cfg(feature = "wasmtime")]
    #[test]
    fn what_was_kept_without_a_pool_is_compiled_again_where_there_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let wasm =
            wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "_start")))"#);
        let wasm = wasm.unwrap();
        let engine = |pooled_instances| {
            let mut options = EngineOptions::default();
            options.artifact_folder = Some(folder.path().to_owned());
            options.pooled_instances = pooled_instances;
            find_engine(Some("winch"))
                .unwrap()
                .create(&options)
                .unwrap()
        };
        engine(0).compile(&wasm).unwrap();
        assert!(engine(0).load(&wasm).is_some());
        assert!(engine(4).load(&wasm).is_none());
    }

    #[test]
    fn an_unknown_engine_is_an_error_that_names_the_known_ones() {
        let error = find_engine(Some("v8")).unwrap_err().to_string();
        for engine in engines() {
            assert!(error.contains(engine.name), "{error}");
        }
        assert_eq!(error.contains(" auto,"), has_auto(), "{error}");
        assert!(error.contains("v8") || engines().next().is_none());
        assert!(!error.contains("did you mean"), "{error}");
    }

    #[test]
    fn a_misspelt_engine_is_told_with_what_may_have_been_meant() {
        let error = find_engine(Some("wasmtme")).unwrap_err().to_string();
        assert_eq!(
            error.ends_with("; did you mean `wasmtime`?"),
            find_engine(Some("wasmtime")).is_ok() && engines().count() > 1,
            "{error}"
        );
    }
}
