//! The start section of a module, run after instantiation instead of within it.
//!
//! wasmi can suspend a guest in a call, and not in its instantiation. So a module with a start section is changed before
//! it is compiled: the section goes, and its function becomes an export, which `run` calls ahead of the entry point.

use std::borrow::Cow;
use std::ops::Range;

use wasmi::{Engine, Module};
use wasmparser::{BinaryReaderError, Parser, Payload};

/// What the start function is exported as; longer where a module has an export of this name.
const EXPORT: &str = "the start section";

/// The numbers of sections.
mod section {
    pub(super) const EXPORT: u8 = 7;
    pub(super) const START: u8 = 8;
}

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
    if Module::validate(engine, wasm).is_err() {
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
    exports: u32,
    /// All sections, by their numbers and their contents.
    sections: Vec<(u8, Range<usize>)>,
}

impl Found {
    fn in_module(wasm: &[u8]) -> Result<Option<Self>, BinaryReaderError> {
        let mut sections = Vec::new();
        let mut function = None;
        let (mut export, mut exports) = (EXPORT.to_owned(), 0);
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload?;
            sections.extend(payload.as_section());
            match payload {
                Payload::StartSection { func, .. } => function = Some(func),
                Payload::ExportSection(section) => {
                    exports = section.count();
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
            exports,
            sections,
        }))
    }

    /// Nothing for a module that has no exports: then it has no entry point either.
    fn without_section(&self, wasm: &[u8]) -> Option<Vec<u8>> {
        let mut changed = wasm.get(..PREAMBLE_BYTES)?.to_vec();
        let mut has_exports = false;
        for (number, content) in &self.sections {
            let content = wasm.get(content.clone())?;
            match *number {
                section::START => {}
                section::EXPORT => {
                    has_exports = true;
                    let content = self.with_export(content)?;
                    append_section(&mut changed, section::EXPORT, &content);
                }
                number => append_section(&mut changed, number, content),
            }
        }
        has_exports.then_some(changed)
    }

    /// The content of the section of exports, with one more.
    fn with_export(&self, content: &[u8]) -> Option<Vec<u8>> {
        const FUNCTION: u8 = 0;

        let mut changed = Vec::with_capacity(content.len() + 64);
        append_number(&mut changed, self.exports.checked_add(1)?);
        let count_ends = content.iter().position(|byte| byte & 0x80 == 0)? + 1;
        changed.extend_from_slice(&content[count_ends..]);
        append_number(&mut changed, u32::try_from(self.export.len()).ok()?);
        changed.extend_from_slice(self.export.as_bytes());
        changed.push(FUNCTION);
        append_number(&mut changed, self.function);
        Some(changed)
    }
}

/// The magic number, and the version.
const PREAMBLE_BYTES: usize = 8;

fn append_section(module: &mut Vec<u8>, number: u8, content: &[u8]) {
    module.push(number);
    // A module is read whole, and no part of it has four gibibytes: its parser allows none.
    append_number(module, content.len() as u32);
    module.extend_from_slice(content);
}

/// Seven bits a byte, the lowest first (LEB128).
fn append_number(bytes: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}
