//! Reading a module, section by section.

use abi_core::engine::UnknownImports;
use abi_core::link::{Binding, Import, Signature, link};
use abi_core::table::{Kind, WasmType};
use wasmparser::{
    BinaryReaderError, CompositeInnerType, ExternalKind, FuncType, KnownCustom, Parser, Payload,
    SubType, TypeRef, ValType, Validator,
};

use super::{ImportedItem, ImportedModule, InspectError, Inspection, MemorySize, Support, sdk};

impl From<BinaryReaderError> for InspectError {
    fn from(error: BinaryReaderError) -> Self {
        Self(error.to_string())
    }
}

/// Finds out what a module is made of.
///
/// # Errors
///
/// [`InspectError`] when a section cannot be read.
pub fn inspect(wasm: &[u8]) -> Result<Inspection, InspectError> {
    let mut found = Inspection {
        bytes: wasm.len() as u64,
        ..Inspection::default()
    };
    let mut types = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        section(payload?, &mut types, &mut found)?;
    }
    found.sdk = sdk::find(&found.producers, wasm);
    let validated = Validator::new().validate_all(wasm);
    found.invalid = validated.err().map(|error| error.to_string());
    Ok(found)
}

fn section(
    payload: Payload<'_>,
    types: &mut Vec<Option<Signature>>,
    found: &mut Inspection,
) -> Result<(), InspectError> {
    match payload {
        Payload::TypeSection(groups) => {
            for group in groups {
                types.extend(group?.into_types().map(|ty| signature(&ty)));
            }
        }
        Payload::ImportSection(imports) => {
            for import in imports.into_imports() {
                let import = import?;
                add_import(&import, types, found);
            }
        }
        Payload::FunctionSection(functions) => found.functions = functions.count(),
        Payload::MemorySection(memories) => {
            for memory in memories {
                found.memory.get_or_insert(size(&memory?));
            }
        }
        Payload::ExportSection(exports) => {
            for export in exports {
                let export = export?;
                found
                    .exports
                    .push((export.name.to_owned(), kind(export.kind)));
            }
        }
        Payload::CodeSectionStart { size, .. } => found.code_bytes = size.into(),
        Payload::DataSection(data) => found.data_bytes = data.range().len() as u64,
        Payload::CustomSection(custom) => {
            let size = custom.data().len() as u64;
            found.custom_sections.push((custom.name().to_owned(), size));
            if let KnownCustom::Producers(fields) = custom.as_known() {
                for field in fields {
                    let field = field?;
                    for value in field.values {
                        let value = value?;
                        let (name, version) = (value.name.to_owned(), value.version.to_owned());
                        found.producers.push((field.name.to_owned(), name, version));
                    }
                }
            }
        }
        _ => {}
    }
    Ok(())
}

fn add_import(
    import: &wasmparser::Import<'_>,
    types: &[Option<Signature>],
    found: &mut Inspection,
) {
    if let TypeRef::Memory(memory) = &import.ty {
        found.memory.get_or_insert(size(memory));
    }
    let signature = match import.ty {
        TypeRef::Func(index) | TypeRef::FuncExact(index) => {
            types.get(index as usize).cloned().flatten()
        }
        _ => None,
    };
    let item = ImportedItem {
        name: import.name.to_owned(),
        support: support(import, signature),
    };
    let mut modules = found.imports.iter_mut();
    match modules.find(|module| module.name == import.module) {
        Some(module) => module.items.push(item),
        None => found.imports.push(ImportedModule {
            name: import.module.to_owned(),
            items: vec![item],
        }),
    }
}

fn support(import: &wasmparser::Import<'_>, signature: Option<Signature>) -> Support {
    let (module, name) = (import.module, import.name);
    let asked = Import {
        module,
        name,
        signature,
    };
    match link([asked], UnknownImports::Refuse) {
        Ok(bindings) => match bindings.first() {
            Some(Binding::Hostcall(id)) if id.hostcall().kind == Kind::Unsupported => {
                Support::Unsupported
            }
            _ => Support::Supported,
        },
        Err(error) => {
            let why = error.refused.into_iter().next().unwrap_or_default();
            let prefix = format!("{module}.{name}: ");
            Support::Unknown(why.strip_prefix(&prefix).unwrap_or(&why).to_owned())
        }
    }
}

fn size(memory: &wasmparser::MemoryType) -> MemorySize {
    MemorySize {
        initial_pages: memory.initial,
        maximum_pages: memory.maximum,
    }
}

/// The type of a function, if a hostcall could have it.
fn signature(ty: &SubType) -> Option<Signature> {
    let CompositeInnerType::Func(ty) = &ty.composite_type.inner else {
        return None;
    };
    Some(Signature {
        parameters: wasm_types(ty.params())?,
        results: wasm_types(FuncType::results(ty))?,
    })
}

fn wasm_types(types: &[ValType]) -> Option<Vec<WasmType>> {
    let types = types.iter().map(|ty| match ty {
        ValType::I32 => Some(WasmType::I32),
        ValType::I64 => Some(WasmType::I64),
        _ => None,
    });
    types.collect()
}

fn kind(kind: ExternalKind) -> &'static str {
    match kind {
        ExternalKind::Func | ExternalKind::FuncExact => "function",
        ExternalKind::Table => "table",
        ExternalKind::Memory => "memory",
        ExternalKind::Global => "global",
        ExternalKind::Tag => "tag",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inspected(text: &str) -> Inspection {
        inspect(&wat::parse_str(text).unwrap()).unwrap()
    }

    #[test]
    fn imports_are_told_by_what_this_host_has() {
        let found = inspected(
            r#"(module
              (import "fastly_http_req" "new" (func (param i32) (result i32)))
              (import "fastly_http_req" "nothing" (func))
              (import "fastly_http_req" "new" (func (param f64) (result i32)))
              (import "env" "memory" (memory 3 4))
              (func (export "_start")))"#,
        );
        let support: Vec<_> = found.items().map(|(_, item)| item.support.name()).collect();
        assert_eq!(support, ["supported", "unknown", "unknown", "unknown"]);
        assert_eq!(found.counts(), (1, 0, 3));
        assert_eq!(found.imports.len(), 2);
        let memory = found.memory.unwrap();
        assert_eq!((memory.initial_pages, memory.maximum_pages), (3, Some(4)));
        assert!(found.has_entry_point() && !found.can_start());
    }

    #[test]
    fn a_row_without_semantics_is_unsupported() {
        let Some(row) = abi_core::HOSTCALLS
            .iter()
            .find(|row| row.kind == Kind::Unsupported)
        else {
            return;
        };
        let parameters = row.parameters.iter().map(|parameter| match parameter.wasm {
            WasmType::I32 => "i32 ",
            _ => "i64 ",
        });
        let found = inspected(&format!(
            r#"(module (import "{}" "{}" (func (param {}) (result i32))))"#,
            row.module,
            row.import_name(),
            parameters.collect::<String>(),
        ));
        assert_eq!(found.counts(), (0, 1, 0));
        assert!(!found.can_start());
    }

    #[test]
    fn sizes_and_sections_are_counted() {
        let found = inspected(
            r#"(module
              (memory (export "memory") 2)
              (data (i32.const 0) "0123456789")
              (func (export "_start") nop)
              (func nop)
              (@custom "note" "abc"))"#,
        );
        assert_eq!(found.functions, 2);
        assert!(found.data_bytes > 10 && found.code_bytes > 4);
        assert_eq!(found.custom_sections, [("note".to_owned(), 3)]);
        assert!(found.can_start());
        let json = found.to_json();
        assert_eq!(json["memory"]["initial_pages"], 2);
        assert_eq!(json["exports"][1]["name"], "_start");
    }

    #[test]
    fn a_damaged_module_is_an_error() {
        let mut wasm = wat::parse_str("(module (func))").unwrap();
        wasm.truncate(wasm.len() - 1);
        assert!(inspect(&wasm).is_err());
        assert!(inspect(b"").is_err());
    }
}
