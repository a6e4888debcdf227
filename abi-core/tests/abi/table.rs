//! The hostcall table beside the tables of the ABI.

use std::collections::BTreeMap;
use std::path::Path;

use abi_core::engine::UnknownImports;
use abi_core::table::{Kind, WasmType};
use abi_core::{HOSTCALLS, Hostcall};

type Signatures = BTreeMap<(String, String), (String, String)>;

/// A row that the ABI's tables do not have: the same import under its second type.
const SECOND_TYPE: (&str, &str) = ("fastly_object_store", "pending_insert_wait_with_error");

fn read(csv: &str) -> Signatures {
    let columns = |line: &str| -> Vec<String> { line.splitn(5, ',').map(str::to_owned).collect() };
    csv.lines()
        .skip(1)
        .map(columns)
        .map(|row| {
            let name = (row[0].clone(), row[1].clone());
            (name, (row[2].clone(), row[3].clone()))
        })
        .collect()
}

fn text(types: impl IntoIterator<Item = WasmType>) -> String {
    let names: Vec<_> = types
        .into_iter()
        .map(|ty| match ty {
            WasmType::I32 => "i32",
            WasmType::I64 => "i64",
        })
        .collect();
    names.join(" ")
}

#[test]
fn rows_are_those_of_the_abi() {
    let mut expected = read(include_str!("../data/hostcalls.csv"));
    assert_eq!(expected.len(), 255);
    let extra = read(include_str!("../data/extra.csv"));
    assert_eq!(extra.len(), 12);
    let wasi = read(include_str!("../data/wasi.csv"));
    assert_eq!(wasi.len(), 46);
    expected.extend(extra);
    expected.extend(wasi);

    let actual: Signatures = HOSTCALLS
        .iter()
        .filter(|hostcall| (hostcall.module, hostcall.name) != SECOND_TYPE)
        .map(|hostcall| {
            let name = (hostcall.module.to_owned(), hostcall.name.to_owned());
            let parameters = hostcall.parameters.iter().map(|parameter| parameter.wasm);
            let results = hostcall.results().iter().copied();
            (name, (text(parameters), text(results)))
        })
        .collect();
    assert_eq!(actual, expected);
    assert_eq!(HOSTCALLS.len(), expected.len() + 1, "no row stands twice");
}

/// Programs of earlier days import the same hostcalls by other names, with the same types.
#[test]
fn earlier_names_link_as_the_rows_that_they_mean() {
    let names = read(include_str!("../data/legacy.csv"));
    assert_eq!(names.len(), 111);
    assert_eq!(abi_core::table::legacy_names().count(), names.len());
    for line in include_str!("../data/legacy.csv").lines().skip(1) {
        let columns: Vec<_> = line.split(',').collect();
        let wasm = |types: &str| {
            let types = types.split_whitespace().map(|ty| match ty {
                "i64" => WasmType::I64,
                _ => WasmType::I32,
            });
            types.collect::<Vec<_>>()
        };
        let import = |module, name| abi_core::link::Import {
            module,
            name,
            signature: Some(abi_core::link::Signature {
                parameters: wasm(columns[2]),
                results: wasm(columns[3]),
            }),
        };
        let (module, name) = columns[4].split_once('.').unwrap();
        let imports = [import(columns[0], columns[1]), import(module, name)];
        let bound = abi_core::link::link(imports, UnknownImports::Refuse).expect(line);
        assert_eq!(bound[0], bound[1], "{line}");
    }
}

#[test]
fn what_waits_is_what_the_abi_lets_wait() {
    let csv = include_str!("../data/hostcalls.csv");
    let may_wait = |module: &str, name: &str| {
        csv.lines().any(|line| {
            let row: Vec<_> = line.split(',').collect();
            row[0] == module && row[1] == name && row[5] == "yes"
        })
    };
    let waiting = HOSTCALLS
        .iter()
        .filter(|hostcall| hostcall.kind == Kind::Async && hostcall.module.starts_with("fastly_"));
    for hostcall in waiting {
        assert!(
            may_wait(hostcall.module, hostcall.import_name()),
            "{}.{} waits and should not",
            hostcall.module,
            hostcall.name
        );
    }
}

#[test]
fn no_hostcall_has_more_parameters_than_every_engine_can_bind() {
    let most = HOSTCALLS.iter().map(|hostcall| hostcall.parameters.len());
    assert!(most.max() <= Some(16));
}

#[test]
fn the_page_is_what_the_table_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/abi.md");
    let cases = Cases::read();
    let page = abi_core::table::markdown(|hostcall| cases.link(hostcall));
    if option_env!("UPDATE_DOCS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == page,
        "docs/abi.md is not what the table says; write it with `UPDATE_DOCS=1 cargo test -p abi-core`"
    );
}

/// The sources of the cases inside guests, by their paths from the project's folder.
struct Cases(BTreeMap<String, String>);

impl Cases {
    fn read() -> Self {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let mut sources = BTreeMap::new();
        for folder in [
            "tests/guests/raw/src/cases",
            "tests/guests/wat",
            "abi-core/tests/abi",
        ] {
            for entry in std::fs::read_dir(root.join(folder)).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    continue;
                }
                let name = path.file_name().unwrap().to_str().unwrap();
                sources.insert(
                    format!("{folder}/{name}"),
                    std::fs::read_to_string(&path).unwrap(),
                );
            }
        }
        Self(sources)
    }

    /// A link to the file that calls the hostcall.
    fn link(&self, hostcall: &Hostcall) -> Option<String> {
        let calls = |source: &str, call: &str| {
            source.match_indices(call).any(|(start, _)| {
                let is_part = |c: char| c.is_alphanumeric() || c == '_';
                let end = start + call.len();
                !source[..start].ends_with(is_part) && !source[end..].starts_with(is_part)
            })
        };
        // What the guest without an SDK calls the import modules, how the text of a module imports, and, for what every
        // SDK's guest uses all the time, how the tests on a vector of bytes call it.
        let forms = [
            (
                "tests/guests/raw",
                format!(
                    "{}::{}",
                    hostcall.module.trim_start_matches("fastly_"),
                    hostcall.name
                ),
            ),
            // Requests and responses have the same calls for headers, and one file for both.
            (
                "tests/guests/raw/src/cases/headers.rs",
                format!("$module::{}", hostcall.name),
            ),
            (
                "tests/guests/wat",
                format!("\"{}\" \"{}\"", hostcall.module, hostcall.import_name()),
            ),
            ("abi-core/tests", format!("wasi::{}", hostcall.name)),
        ];
        let is_wasi = hostcall.module == "wasi_snapshot_preview1";
        forms
            .iter()
            .filter(|(folder, _)| match *folder {
                "abi-core/tests" => is_wasi,
                "tests/guests/raw/src/cases/headers.rs" => hostcall.name.contains("header"),
                _ => true,
            })
            .find_map(|(folder, call)| {
                let mut sources = self.0.iter();
                sources.find(|(path, source)| path.starts_with(folder) && calls(source, call))
            })
            .map(|(path, _)| {
                let file = path.rsplit('/').next().unwrap_or(path);
                format!("[{file}](../{path})")
            })
    }
}
