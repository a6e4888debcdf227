//! The start section of a module, run after instantiation instead of within it.
//!
//! A hostcall needs the guest's memory, which is known once there is an instance; wasmer calls the start function before
//! it gives the instance away. So the function becomes an export, which `run` calls ahead of the entry point.

use std::sync::Arc;

use wasmer::sys::wasmparser::{Parser, Payload};
use wasmer::sys::{FunctionMiddleware, MiddlewareError, ModuleMiddleware};
use wasmer::{ExportIndex, LocalFunctionIndex, ModuleInfo};

/// What the start function is exported as. A module with an export of this name keeps its start section.
pub(crate) const EXPORT: &str = "the start section";

/// What makes the start section an export; `None` for a module without one, as nearly all are.
pub(crate) fn deferred(wasm: &[u8]) -> Option<Arc<dyn ModuleMiddleware>> {
    let has_start_section = Parser::new(0)
        .parse_all(wasm)
        .map_while(Result::ok)
        .any(|payload| matches!(payload, Payload::StartSection { .. }));
    has_start_section.then(|| Arc::new(Deferred) as _)
}

#[derive(Debug)]
struct Deferred;

impl ModuleMiddleware for Deferred {
    fn generate_function_middleware<'a>(
        &self,
        _function: LocalFunctionIndex,
    ) -> Box<dyn FunctionMiddleware<'a> + 'a> {
        Box::new(Unchanged)
    }

    fn transform_module_info(&self, module: &mut ModuleInfo) -> Result<(), MiddlewareError> {
        if !module.exports.contains_key(EXPORT)
            && let Some(function) = module.start_function.take()
        {
            let export = ExportIndex::Function(function);
            module.exports.insert(EXPORT.to_owned(), export);
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Unchanged;

impl FunctionMiddleware<'_> for Unchanged {}
