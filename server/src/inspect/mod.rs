//! What a program is made of: what it imports, whether this host has that, and where it comes from.
//!
//! [`inspect`] reads a module without compiling it.

mod read;
mod sdk;

use std::fmt;

use serde_json::{Value, json};

pub use read::inspect;
pub use sdk::Sdk;

/// What a program is made of.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Inspection {
    /// The size of the module, in bytes.
    pub bytes: u64,
    /// The SDK that the program was written with, where it can be told.
    pub sdk: Option<Sdk>,
    /// What the module says about who made it: field, name, version.
    pub producers: Vec<(String, String, String)>,
    /// What it imports, by module, in the order of the module's first import.
    pub imports: Vec<ImportedModule>,
    /// Its memory, where it has one.
    pub memory: Option<MemorySize>,
    /// What it exports: name and kind.
    pub exports: Vec<(String, &'static str)>,
    /// How many functions it defines.
    pub functions: u32,
    /// The size of its code, in bytes.
    pub code_bytes: u64,
    /// The size of its data, in bytes.
    pub data_bytes: u64,
    /// Its custom sections: name and size in bytes. They are not needed to run it.
    pub custom_sections: Vec<(String, u64)>,
    /// What makes it one that no engine accepts, and where.
    pub invalid: Option<String>,
}

/// The imports from one module.
#[derive(Clone, Debug)]
pub struct ImportedModule {
    /// The name of the module.
    pub name: String,
    /// What is imported from it.
    pub items: Vec<ImportedItem>,
}

/// One import.
#[derive(Clone, Debug)]
pub struct ImportedItem {
    /// Its name.
    pub name: String,
    /// Whether this host has it.
    pub support: Support,
}

/// Whether this host has what a program imports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Support {
    /// It has a meaning here.
    Supported,
    /// It links, and answers UNSUPPORTED.
    Unsupported,
    /// It does not link; the text says why.
    Unknown(String),
}

/// The size of a linear memory, in pages of 64 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemorySize {
    /// At the start.
    pub initial_pages: u64,
    /// At most.
    pub maximum_pages: Option<u64>,
}

impl Inspection {
    /// Every import, with the name of its module.
    pub fn items(&self) -> impl Iterator<Item = (&str, &ImportedItem)> {
        self.imports.iter().flat_map(|module| {
            let items = module.items.iter();
            items.map(|item| (module.name.as_str(), item))
        })
    }

    /// How many imports there are of each kind: supported, unsupported, unknown.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        let count = |is: fn(&Support) -> bool| {
            let items = self.items();
            items.filter(|(_, item)| is(&item.support)).count()
        };
        (
            count(|support| *support == Support::Supported),
            count(|support| *support == Support::Unsupported),
            count(|support| matches!(support, Support::Unknown(_))),
        )
    }

    /// Whether the program would start: it is valid, imports nothing unknown, and has an entry point.
    #[must_use]
    pub fn can_start(&self) -> bool {
        self.invalid.is_none() && self.counts().2 == 0 && self.has_entry_point()
    }

    /// Whether the module exports the function `_start`.
    #[must_use]
    pub fn has_entry_point(&self) -> bool {
        let mut exports = self.exports.iter();
        exports.any(|(name, kind)| name == "_start" && *kind == "function")
    }

    /// All of it as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let imports = self.items().map(|(module, item)| {
            json!({
                "module": module,
                "name": item.name,
                "support": item.support.name(),
                "why": match &item.support {
                    Support::Unknown(why) => Some(why),
                    _ => None,
                },
            })
        });
        json!({
            "bytes": self.bytes,
            "sdk": self.sdk.as_ref().map(|sdk| json!({
                "name": sdk.name,
                "language": sdk.language,
                "version": sdk.version,
            })),
            "producers": self.producers.iter().map(|(field, name, version)| {
                json!({ "field": field, "name": name, "version": version })
            }).collect::<Vec<_>>(),
            "imports": imports.collect::<Vec<_>>(),
            "memory": self.memory.map(|memory| json!({
                "initial_pages": memory.initial_pages,
                "maximum_pages": memory.maximum_pages,
            })),
            "exports": self.exports.iter().map(|(name, kind)| {
                json!({ "name": name, "kind": kind })
            }).collect::<Vec<_>>(),
            "functions": self.functions,
            "code_bytes": self.code_bytes,
            "data_bytes": self.data_bytes,
            "custom_sections": self.custom_sections.iter().map(|(name, bytes)| {
                json!({ "name": name, "bytes": bytes })
            }).collect::<Vec<_>>(),
            "invalid": self.invalid,
            "can_start": self.can_start(),
        })
    }
}

impl Support {
    /// It in one word.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::Unsupported => "unsupported",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// A module that cannot be read.
#[derive(Debug)]
pub struct InspectError(String);

impl fmt::Display for InspectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the module is damaged: {}", self.0)
    }
}

impl std::error::Error for InspectError {}
