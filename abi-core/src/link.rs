//! From a module's imports to rows of the hostcall table, once for all engines.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use crate::engine::UnknownImports;
use crate::table::{HOSTCALLS, Hostcall, HostcallId, WasmType, legacy_names};

/// One import of a module, as any engine can describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import<'a> {
    /// The module it is imported from.
    pub module: &'a str,
    /// Its name there.
    pub name: &'a str,
    /// Its type; `None` when it is not a function, or has a type that no hostcall has.
    pub signature: Option<Signature>,
}

/// The type of a function, as far as hostcalls need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Parameter types.
    pub parameters: Vec<WasmType>,
    /// Result types.
    pub results: Vec<WasmType>,
}

/// What an import is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// A row of the table.
    Hostcall(HostcallId),
    /// A function of the imported type that traps when it is called.
    Trap,
}

/// Finds what each import of a module is bound to, in the order of the imports.
///
/// A module may import one name more than once, with one type: a name may have several, but what most engines bind is a
/// name.
///
/// # Errors
///
/// [`LinkError`] with every import that cannot be bound. When unknown imports are to trap, only those that no function
/// could be bound to are left to refuse.
pub fn link<'a>(
    imports: impl IntoIterator<Item = Import<'a>>,
    unknown_imports: UnknownImports,
) -> Result<Vec<Binding>, LinkError> {
    let mut bindings = Vec::new();
    let mut refused = Vec::new();
    let mut all_could_trap = true;
    let mut types = HashMap::new();
    for import in imports {
        let first = types.entry((import.module, import.name));
        let is_other_type = *first.or_insert_with(|| import.signature.clone()) != import.signature;
        let could_trap = import.signature.is_some() && !is_other_type;
        let why = match resolve(&import) {
            _ if is_other_type => "it is imported with two types, and can have one",
            Ok(id) => {
                bindings.push(Binding::Hostcall(id));
                continue;
            }
            Err(_) if unknown_imports == UnknownImports::Trap && could_trap => {
                bindings.push(Binding::Trap);
                continue;
            }
            Err(why) => why,
        };
        refused.push(format!("{}.{}: {why}", import.module, import.name));
        all_could_trap &= could_trap;
    }
    if refused.is_empty() {
        Ok(bindings)
    } else {
        Err(LinkError {
            refused,
            all_could_trap,
        })
    }
}

/// Rows by the module and the name that guests import them by; a name may have more than one type.
type Rows = HashMap<(&'static str, Cow<'static, str>), Vec<HostcallId>>;

fn resolve(import: &Import<'_>) -> Result<HostcallId, &'static str> {
    static BY_NAME: LazyLock<Rows> = LazyLock::new(|| {
        let mut by_name = Rows::new();
        for (id, hostcall) in (0_u16..).map(HostcallId).zip(HOSTCALLS) {
            by_name
                .entry((hostcall.module, Cow::Borrowed(hostcall.import_name())))
                .or_default()
                .push(id);
        }
        for (module, name, (row_module, row)) in legacy_names() {
            let ids = by_name.get(&(row_module, Cow::Owned(row))).cloned();
            let ids = ids.unwrap_or_default();
            by_name.insert((module, Cow::Owned(name)), ids);
        }
        by_name
    });
    let Some(signature) = &import.signature else {
        return Err("not a function that a host could provide");
    };
    let rows = BY_NAME
        .get(&(import.module, Cow::Borrowed(import.name)))
        .ok_or("there is no such hostcall")?;
    rows.iter()
        .copied()
        .find(|id| has_signature(id.hostcall(), signature))
        .ok_or("the hostcall has another type")
}

fn has_signature(hostcall: &Hostcall, signature: &Signature) -> bool {
    let parameters = hostcall.parameters.iter().map(|parameter| parameter.wasm);
    parameters.eq(signature.parameters.iter().copied())
        && hostcall.results().iter().eq(signature.results.iter())
}

/// The imports of a module that cannot be bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkError {
    /// One line each: module, name, why.
    pub refused: Vec<String>,
    /// Whether the module could be linked if unknown imports were to trap.
    pub all_could_trap: bool,
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the program imports what this host does not have:")?;
        for import in &self.refused {
            write!(f, "\n  {import}")?;
        }
        match self.all_could_trap {
            true => f.write_str(
                "\n(with `--unknown-import-behavior trap` it would start, and trap where it calls one)",
            ),
            false => Ok(()),
        }
    }
}

impl std::error::Error for LinkError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn import<'a>(module: &'a str, name: &'a str, parameters: usize) -> Import<'a> {
        Import {
            module,
            name,
            signature: Some(Signature {
                parameters: vec![WasmType::I32; parameters],
                results: vec![WasmType::I32],
            }),
        }
    }

    #[test]
    fn every_unknown_import_is_named() {
        let imports = [
            import("fastly_http_req", "new", 1),
            import("fastly_http_req", "does_not_exist", 1),
            import("nowhere", "at_all", 0),
            import("fastly_http_body", "new", 3),
        ];
        let error = link(imports.clone(), UnknownImports::Refuse).unwrap_err();
        assert_eq!(
            error.refused,
            [
                "fastly_http_req.does_not_exist: there is no such hostcall",
                "nowhere.at_all: there is no such hostcall",
                "fastly_http_body.new: the hostcall has another type",
            ]
        );
        assert!(error.to_string().contains("behavior trap"), "{error}");
        let bindings = link(imports, UnknownImports::Trap).unwrap();
        assert_eq!(bindings[1..], [Binding::Trap; 3]);
    }

    #[test]
    fn one_name_may_have_two_types_but_not_in_one_module() {
        let both = [1, 2]
            .map(|parameters| import("fastly_object_store", "pending_insert_wait", parameters));
        let [one, other] =
            [0, 1].map(|index| link([both[index].clone()], UnknownImports::Refuse).unwrap());
        assert_ne!(one, other);
        let error = link(both, UnknownImports::Trap).unwrap_err();
        assert_eq!(
            error.refused,
            [
                "fastly_object_store.pending_insert_wait: it is imported with two types, and can have one"
            ]
        );
    }

    #[test]
    fn only_functions_can_be_imported() {
        let memory = Import {
            module: "env",
            name: "memory",
            signature: None,
        };
        for unknown_imports in [UnknownImports::Trap, UnknownImports::Refuse] {
            let imports = [memory.clone(), import("nowhere", "at_all", 0)];
            let error = link(imports, unknown_imports).unwrap_err();
            // What would not help is not said.
            assert!(!error.to_string().contains("behavior trap"), "{error}");
        }
    }
}
