//! The start section of a module, run after instantiation instead of within it.
//!
//! An engine calls the start function before it gives the instance away, when nothing knows the guest's memory yet, and
//! some engines cannot suspend a guest there. So the section goes, and its function becomes an export, which an adapter
//! calls ahead of the entry point. Functions keep their numbers, and with them their names.

use std::borrow::Cow;
use std::ops::Range;

use wasm_encoder::{Encode, ExportKind, Module, RawSection, SectionId};
use wasmparser::{BinaryReader, BinaryReaderError, Parser, Payload};

/// What the start function is exported as; longer where a module has an export of this name.
const EXPORT: &str = "the start section";

const EXPORT_SECTION: u8 = SectionId::Export as u8;
const START_SECTION: u8 = SectionId::Start as u8;

/// A module to compile in place of the one that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deferred<'a> {
    /// The module, without a start section.
    pub wasm: Cow<'a, [u8]>,
    /// The export to call ahead of the entry point; `None` where there was no start section.
    pub export: Option<String>,
}

/// Makes an export of the start section, if there is one, as in hardly any module.
///
/// `is_valid` asks the engine about the module as it was given: what is wrong with a start section would not be seen any
/// more without it. A module that is not valid is left for the engine to say so, and so is one without exports, which has
/// no entry point either.
pub fn deferred<'a>(wasm: &'a [u8], is_valid: impl FnOnce(&[u8]) -> bool) -> Deferred<'a> {
    let found = Found::in_module(wasm).ok().flatten();
    let changed = found
        .filter(|_| is_valid(wasm))
        .and_then(|found| Some((found.without_section(wasm)?, found.export)));
    match changed {
        Some((wasm, export)) => Deferred {
            wasm: Cow::Owned(wasm),
            export: Some(export),
        },
        None => Deferred {
            wasm: Cow::Borrowed(wasm),
            export: None,
        },
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

    /// Nothing for a module that has no exports.
    fn without_section(&self, wasm: &[u8]) -> Option<Vec<u8>> {
        let mut changed = Module::new();
        let mut has_exports = false;
        for (id, content) in &self.sections {
            let data = wasm.get(content.clone())?;
            let exports;
            let data = match *id {
                START_SECTION => continue,
                EXPORT_SECTION => {
                    has_exports = true;
                    exports = self.exports(data)?;
                    &exports
                }
                _ => data,
            };
            changed.section(&RawSection { id: *id, data });
        }
        has_exports.then(|| changed.finish())
    }

    /// The content of the section of exports, with one more.
    fn exports(&self, data: &[u8]) -> Option<Vec<u8>> {
        let mut reader = BinaryReader::new(data, 0);
        let count = reader.read_var_u32().ok()?;
        let mut exports = Vec::with_capacity(data.len() + self.export.len() + 16);
        count.checked_add(1)?.encode(&mut exports);
        exports.extend_from_slice(data.get(reader.current_position()..)?);
        self.export.encode(&mut exports);
        ExportKind::Func.encode(&mut exports);
        self.function.encode(&mut exports);
        Some(exports)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything but code: the functions' names are in a section of their own.
    const MODULE: &str = r#"(module
        (import "a" "b" (func $imported))
        (memory (export "memory") 1)
        (func $begin (call $imported))
        (func $main (export "_start"))
        (func (export "the start section"))
        (func (export "the start section'"))
        START
        (table funcref (elem $begin $main))
        (data (i32.const 0) "text"))"#;

    fn module(start: &str) -> Vec<u8> {
        wat::parse_str(MODULE.replace("START", start)).unwrap()
    }

    /// What a module has.
    #[derive(Default)]
    struct Parts<'a> {
        /// The numbers and contents of all sections but the exports.
        sections: Vec<(u8, &'a [u8])>,
        exports: Vec<(&'a str, u32)>,
    }

    fn parts(wasm: &[u8]) -> Parts<'_> {
        let mut parts = Parts::default();
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload.unwrap();
            if let Payload::ExportSection(section) = payload {
                let section = section.into_iter().map(Result::unwrap);
                let exports = section.map(|export| (export.name, export.index));
                parts.exports.extend(exports);
            } else if let Some((id, content)) = payload.as_section() {
                parts.sections.push((id, &wasm[content]));
            }
        }
        parts
    }

    #[test]
    fn a_start_section_becomes_one_more_export() {
        let wasm = module("(start $begin)");
        let deferred = deferred(&wasm, |wasm| wasmparser::validate(wasm).is_ok());
        let name = "the start section''";
        assert_eq!(deferred.export.as_deref(), Some(name));
        assert!(wasmparser::validate(&deferred.wasm).is_ok());
        let (changed, mut expected) = (parts(&deferred.wasm), parts(&wasm));
        // Names and all else stay as they were.
        expected.sections.retain(|(id, _)| *id != START_SECTION);
        assert!(changed.sections.iter().any(|(id, _)| *id == 0));
        assert_eq!(changed.sections, expected.sections);
        expected.exports.push((name, 1));
        assert_eq!(changed.exports, expected.exports);
    }

    #[test]
    fn all_other_modules_stay_as_they_are() {
        let without_exports = r#"(module (func $begin) (start $begin))"#;
        let whole = module("(start $begin)");
        for (wasm, is_asked) in [
            (module(""), false),
            (Vec::new(), false),
            (whole[..whole.len() - 1].to_vec(), false),
            // The engine finds fault with it.
            (whole, true),
        ] {
            let mut asked = false;
            let deferred = deferred(&wasm, |_| {
                asked = true;
                false
            });
            assert_eq!((&*deferred.wasm, deferred.export), (&wasm[..], None));
            assert_eq!(asked, is_asked);
        }
        // Whatever a bit of it becomes.
        let whole = module("(start $begin)");
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let changed = deferred(&damaged, |_| true);
            assert_eq!(changed.export.is_none(), changed.wasm == damaged);
        }
        let wasm = wat::parse_str(without_exports).unwrap();
        assert_eq!(deferred(&wasm, |_| true).wasm, wasm);
    }
}
