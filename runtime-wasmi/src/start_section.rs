//! The start section of a module, run after instantiation instead of within it.
//!
//! wasmi can suspend a guest in a call, and not in its instantiation. So a module with a start section is changed before
//! it is compiled: the section goes, and its function becomes an export, which `run` calls ahead of the entry point.

use std::borrow::Cow;
use std::ops::Range;

use wasm_encoder::{ExportKind, ExportSection, Module, RawSection};
use wasmi::Engine;
use wasmparser::{
    BinaryReader, BinaryReaderError, ExportSectionReader, ExternalKind, Parser, Payload,
};

/// What the start function is exported as; longer where a module has an export of this name.
const EXPORT: &str = "the start section";

/// The number of the section of exports, and that of the start section.
const EXPORT_SECTION: u8 = wasm_encoder::SectionId::Export as u8;
const START_SECTION: u8 = wasm_encoder::SectionId::Start as u8;

/// A module without a start section.
pub(crate) struct Deferred<'a> {
    pub wasm: Cow<'a, [u8]>,
    /// The export that is to be called first.
    pub export: Option<String>,
}

/// Makes an export of the start section, if there is one, as in hardly any module. A module that is not valid is left for
/// the engine to say so.
pub(crate) fn deferred<'a>(engine: &Engine, wasm: &'a [u8]) -> Deferred<'a> {
    let unchanged = Deferred {
        wasm: Cow::Borrowed(wasm),
        export: None,
    };
    let Ok(Some(found)) = Found::in_module(wasm) else {
        return unchanged;
    };
    // What is wrong with the section itself would not be seen any more.
    if wasmi::Module::validate(engine, wasm).is_err() {
        return unchanged;
    }
    match found.without_section(wasm) {
        Some(changed) => Deferred {
            wasm: Cow::Owned(changed),
            export: Some(found.export),
        },
        None => unchanged,
    }
}

/// A start section that was found, and what is needed to make an export of it.
struct Found {
    function: u32,
    export: String,
    /// All sections, by their numbers and their contents.
    sections: Vec<(u8, Range<usize>)>,
}

impl Found {
    fn in_module(wasm: &[u8]) -> Result<Option<Self>, BinaryReaderError> {
        let mut sections = Vec::new();
        let mut function = None;
        let mut export = EXPORT.to_owned();
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload?;
            sections.extend(payload.as_section());
            match payload {
                Payload::StartSection { func, .. } => function = Some(func),
                Payload::ExportSection(section) => {
                    for existing in section {
                        let existing = existing?.name;
                        // Longer than any that begins like it.
                        if existing.starts_with(&export) {
                            export = format!("{existing}'");
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(function.map(|function| Self {
            function,
            export,
            sections,
        }))
    }

    /// Nothing for a module that has no exports: then it has no entry point either.
    fn without_section(&self, wasm: &[u8]) -> Option<Vec<u8>> {
        let mut changed = Module::new();
        let mut has_exports = false;
        for (number, content) in &self.sections {
            let data = wasm.get(content.clone())?;
            match *number {
                START_SECTION => {}
                EXPORT_SECTION => {
                    has_exports = true;
                    changed.section(&self.exports(data, content.start).ok()?);
                }
                id => {
                    changed.section(&RawSection { id, data });
                }
            }
        }
        has_exports.then(|| changed.finish())
    }

    /// The section of exports, with one more.
    fn exports(&self, data: &[u8], offset: usize) -> Result<ExportSection, BinaryReaderError> {
        let mut exports = ExportSection::new();
        for export in ExportSectionReader::new(BinaryReader::new(data, offset))? {
            let export = export?;
            let kind = match export.kind {
                ExternalKind::Func | ExternalKind::FuncExact => ExportKind::Func,
                ExternalKind::Table => ExportKind::Table,
                ExternalKind::Memory => ExportKind::Memory,
                ExternalKind::Global => ExportKind::Global,
                ExternalKind::Tag => ExportKind::Tag,
            };
            exports.export(export.name, kind, export.index);
        }
        exports.export(&self.export, ExportKind::Func, self.function);
        Ok(exports)
    }
}
