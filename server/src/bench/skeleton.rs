//! A program with its own work taken away: the same imports, memory and data, and an entry point that does nothing.
//!
//! What is left of a request when it is run is what an instance costs.

use wasmparser::{BinaryReaderError, CompositeInnerType, Parser, Payload, TypeRef};

/// The sections that are kept as they are, by their numbers, in the order of the binary format.
const TYPE: u8 = 1;
const IMPORT: u8 = 2;
const FUNCTION: u8 = 3;
const MEMORY: u8 = 5;
const EXPORT: u8 = 7;
const CODE: u8 = 10;
const DATA: u8 = 11;

/// What is known of the program.
#[derive(Default)]
struct Parts<'a> {
    types: Option<&'a [u8]>,
    imports: Option<&'a [u8]>,
    memories: Option<&'a [u8]>,
    data: Option<&'a [u8]>,
    /// The index of a type without parameters and results.
    entry_type: Option<u32>,
    type_count: u32,
    imported_functions: u32,
    /// Whether a data segment is placed by something other than a number.
    needs_globals: bool,
}

/// The skeleton of a program; `None` for one that has no memory, or whose data cannot stand without its code.
pub(super) fn skeleton(wasm: &[u8]) -> Option<Vec<u8>> {
    let parts = read(wasm).ok()?;
    let entry_type = parts.entry_type?;
    if parts.needs_globals || parts.memories.is_none() {
        return None;
    }
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    section(&mut module, TYPE, parts.types);
    section(&mut module, IMPORT, parts.imports);
    let function = [&[1][..], &leb128(entry_type)].concat();
    section(&mut module, FUNCTION, Some(&function));
    section(&mut module, MEMORY, parts.memories);
    let export = |name: &str, kind: u8, index: u32| {
        let length = u32::try_from(name.len()).unwrap_or_default();
        [&leb128(length), name.as_bytes(), &[kind], &leb128(index)].concat()
    };
    let exports = [
        vec![2],
        export("memory", 2, 0),
        export("_start", 0, parts.imported_functions),
    ];
    section(&mut module, EXPORT, Some(&exports.concat()));
    // One body of two bytes: no locals, and the end.
    section(&mut module, CODE, Some(&[1, 2, 0, 0x0b]));
    section(&mut module, DATA, parts.data);
    Some(module)
}

fn read(wasm: &[u8]) -> Result<Parts<'_>, BinaryReaderError> {
    let mut parts = Parts::default();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::TypeSection(groups) => {
                parts.types = wasm.get(groups.range());
                for group in groups {
                    for ty in group?.into_types() {
                        if let CompositeInnerType::Func(ty) = &ty.composite_type.inner
                            && ty.params().is_empty()
                            && ty.results().is_empty()
                        {
                            parts.entry_type.get_or_insert(parts.type_count);
                        }
                        parts.type_count += 1;
                    }
                }
            }
            Payload::ImportSection(imports) => {
                parts.imports = wasm.get(imports.range());
                for import in imports.into_imports() {
                    let is_function =
                        matches!(import?.ty, TypeRef::Func(_) | TypeRef::FuncExact(_));
                    parts.imported_functions += u32::from(is_function);
                }
            }
            Payload::MemorySection(memories) => parts.memories = wasm.get(memories.range()),
            Payload::DataSection(data) => {
                parts.data = wasm.get(data.range());
                for segment in data {
                    if let wasmparser::DataKind::Active { offset_expr, .. } = segment?.kind {
                        let operator = offset_expr.get_operators_reader().read()?;
                        let is_number = matches!(operator, wasmparser::Operator::I32Const { .. });
                        parts.needs_globals |= !is_number;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(parts)
}

fn section(module: &mut Vec<u8>, number: u8, contents: Option<&[u8]>) {
    let Some(contents) = contents else {
        return;
    };
    // A section of a module that was read is shorter than 4 GiB.
    let Ok(length) = u32::try_from(contents.len()) else {
        return;
    };
    module.push(number);
    module.extend(leb128(length));
    module.extend_from_slice(contents);
}

/// A number as WebAssembly writes it: seven bits a byte, the lowest first.
fn leb128(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::inspect;

    fn of(text: &str) -> Option<Vec<u8>> {
        skeleton(&wat::parse_str(text).unwrap())
    }

    #[test]
    fn a_skeleton_has_the_imports_and_the_memory_of_its_program() {
        let module = of(r#"(module
            (import "fastly_http_req" "new" (func (param i32) (result i32)))
            (import "fastly_http_body" "new" (func (param i32) (result i32)))
            (memory (export "memory") 300)
            (data (i32.const 5) "some data")
            (global (mut i32) (i32.const 7))
            (func (export "_start") (loop (br 0)))
            (func (param i64)))"#)
        .unwrap();
        wasmparser::validate(&module).unwrap();
        let found = inspect(&module).unwrap();
        assert_eq!(found.counts(), (2, 0, 0));
        assert_eq!(found.memory.unwrap().initial_pages, 300);
        assert_eq!(found.functions, 1);
        assert!(found.data_bytes > 9 && found.can_start());
    }

    #[test]
    fn a_guest_of_an_sdk_has_one() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/guests/routes.wasm");
        let module = skeleton(&std::fs::read(file).unwrap()).unwrap();
        wasmparser::validate(&module).unwrap();
    }

    #[test]
    fn a_program_without_memory_has_none() {
        assert!(of(r#"(module (func (export "_start")))"#).is_none());
        assert!(skeleton(b"nothing").is_none());
    }
}
