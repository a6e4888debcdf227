//! The guests as they are committed.

use std::fs;
use std::path::{Path, PathBuf};

use conformance::case::trial;
use conformance::engines;
use conformance::guests;
use libtest_mimic::Trial;
use sha2::{Digest, Sha256};

/// Tests that have nothing to do with an engine.
pub fn trials() -> Vec<Trial> {
    vec![
        trial("guests::artifacts_are_those_of_the_sources", || async {
            artifacts_are_those_of_the_sources();
        }),
        trial("guests::every_engine_is_tested", || async {
            every_engine_is_tested();
        }),
    ]
}

/// What `guests/build` wrote down when it made the artifacts has to be what is there now.
fn artifacts_are_those_of_the_sources() {
    let folder = guests::folder();
    let recorded = fs::read_to_string(folder.join("sources.sha256"));
    let recorded = recorded.expect("`guests/build` writes it");
    let mut found = format!("{}  sources\n", hash(&sources(&folder)));
    for guest in ["hello.wasm", "raw.wasm", "routes.wasm", "stores.wasm"] {
        let artifact = fs::read(folder.join(guest)).expect("it is committed");
        found.push_str(&format!("{}  {guest}\n", hash(&artifact)));
    }
    assert_eq!(
        found, recorded,
        "the guests' sources or artifacts have changed; run `tests/guests/build` and commit what it writes"
    );
}

fn hash(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// All files that artifacts are made from, with their names: see `guests/build`.
fn sources(folder: &Path) -> Vec<u8> {
    let mut files: Vec<String> = ["build", "wasm-cargo", "Cargo.toml", "Cargo.lock"]
        .map(str::to_owned)
        .into();
    for guest in ["hello", "raw", "routes", "stores"] {
        files.push(format!("{guest}/Cargo.toml"));
        rust_files(folder, &format!("{guest}/src"), &mut files);
    }
    files.sort_unstable();
    let mut all = Vec::new();
    for file in files {
        let content = fs::read(folder.join(&file)).expect("it was listed");
        all.extend_from_slice(format!("{file}\n{}\n", content.len()).as_bytes());
        all.extend_from_slice(&content);
    }
    all
}

/// Every file below `path` whose name ends in `.rs`, relative to `folder` and with `/` on every system.
fn rust_files(folder: &Path, path: &str, files: &mut Vec<String>) {
    let entries: Vec<PathBuf> = fs::read_dir(folder.join(path))
        .expect("guests have sources")
        .map(|entry| entry.expect("a folder can be listed").path())
        .collect();
    for entry in entries {
        let name = entry.file_name().unwrap_or_default().to_string_lossy();
        let file = format!("{path}/{name}");
        if entry.is_dir() {
            rust_files(folder, &file, files);
        } else if file.ends_with(".rs") {
            files.push(file);
        }
    }
}

fn every_engine_is_tested() {
    let mut compiled_in: Vec<_> = fastlike::engines().map(|engine| engine.name).collect();
    let mut tested = engines::NAMES.to_vec();
    compiled_in.sort_unstable();
    tested.sort_unstable();
    assert_eq!(tested, compiled_in);
}
