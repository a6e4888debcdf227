//! That the pages of this repository speak of what is there: their links, the pages of decisions, the files and folders of
//! ARCHITECTURE.md, which has all of the core, and the keys of the configurations that they show.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use conformance::certificates::Authority;
use fastlike::config::Manifest;

fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("this is a folder of it").to_owned()
}

/// Whether a folder is made by tools and not written.
fn is_made(name: &str) -> bool {
    name.starts_with('.') || matches!(name, "target" | "node_modules")
}

/// Every page below `folder`.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let mut pages = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let entry = entry.expect("the folder can be read");
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if path.is_dir() && !path.is_symlink() && !is_made(&name) {
            pages.extend(self::pages(&path));
        } else if name.ends_with(".md") {
            pages.push(path);
        }
    }
    pages
}

fn read(page: &Path) -> String {
    fs::read_to_string(page).unwrap_or_else(|error| panic!("{}: {error}", page.display()))
}

/// Where the links of a page lead to, as they are written; what is in a block of code is none.
fn links(text: &str) -> Vec<&str> {
    let blocks = text.split("```").step_by(2);
    blocks
        .flat_map(|text| {
            let targets = text.split("](").skip(1);
            targets.filter_map(|rest| rest.split([')', ' ']).next())
        })
        .collect()
}

/// The fragment by which a heading is linked to.
fn fragment(heading: &str) -> String {
    let kept = heading
        .trim()
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | ' '))
        .collect::<String>();
    kept.replace(' ', "-")
}

fn has_fragment(page: &Path, wanted: &str) -> bool {
    let text = read(page);
    let mut headings = text.lines().filter(|line| line.starts_with('#'));
    headings.any(|line| fragment(line.trim_start_matches('#')) == wanted)
}

#[test]
fn links_lead_somewhere() {
    let mut dead = Vec::new();
    let mut count = 0;
    for page in pages(&root()) {
        let text = read(&page);
        for link in links(&text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            count += 1;
            let (path, wanted) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => page.clone(),
                path => page.parent().expect("a page is in a folder").join(path),
            };
            let is_there = target.exists() && (wanted.is_empty() || has_fragment(&target, wanted));
            if !is_there {
                dead.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(count > 100, "{count} links were found");
    assert!(dead.is_empty(), "dead links:\n{}", dead.join("\n"));
}

#[test]
fn decisions_are_numbered_and_listed() {
    let folder = root().join("docs/adr");
    let index = read(&folder.join("README.md"));
    let listed: BTreeSet<_> = links(&index).into_iter().map(str::to_owned).collect();
    let mut pages = BTreeSet::new();
    for page in self::pages(&folder) {
        let name = page.file_name().expect("it is a file").to_string_lossy();
        if name == "README.md" {
            continue;
        }
        let (number, _) = name.split_once('-').expect("0001-a-title.md");
        let number: u32 = number.parse().expect("0001-a-title.md");
        let text = read(&page);
        let heading = text.lines().next().unwrap_or_default();
        assert!(
            heading.starts_with(&format!("# {number}. ")),
            "{name}: {heading}"
        );
        pages.insert(name.into_owned());
    }
    assert_eq!(listed, pages, "docs/adr/README.md is to list every page");
}

/// What is written as code in ARCHITECTURE.md and looks like a file or a folder.
fn places(text: &str) -> Vec<&str> {
    let codes = text.split('`').skip(1).step_by(2);
    let is_place = |code: &&str| {
        let is_path = code
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'));
        let ends = [".rs", ".toml", ".md", "/"];
        is_path && (code.contains('/') || ends.iter().any(|end| code.ends_with(end)))
    };
    codes.filter(is_place).collect()
}

#[test]
fn the_architecture_is_the_one_there_is() {
    let root = root();
    let text = read(&root.join("ARCHITECTURE.md"));
    let outside_blocks: String = text.split("```").step_by(2).collect();
    // A section about a crate names its files from there.
    let mut bases = vec![root.clone()];
    for crate_name in [
        "abi-core",
        "server",
        "runtime-wasmtime",
        "runtime-wasmer",
        "runtime-wasmi",
    ] {
        bases.push(root.join(crate_name).join("src"));
    }
    let places = places(&outside_blocks);
    assert!(places.len() > 40, "{places:?}");
    for place in &places {
        if *place == "fastly.toml" {
            // That is the user's.
            continue;
        }
        let is_there = bases.iter().any(|base| base.join(place).exists());
        assert!(is_there, "ARCHITECTURE.md: there is no `{place}`");
    }
    for entry in fs::read_dir(root.join("abi-core/src")).expect("the folder can be read") {
        let entry = entry.expect("the folder can be read");
        let mut name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            name.push('/');
        }
        assert!(
            places.contains(&&*name),
            "ARCHITECTURE.md: `{name}` is left out"
        );
    }
}

/// A folder with the files that configurations on pages name.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("there is room for files");
    let authority = Authority::new("pages");
    let signed = authority.sign("localhost");
    for (name, content) in [
        ("ca.pem", &*authority.pem()),
        ("cert.pem", &signed.chain),
        ("index.html", "<p>"),
        ("items.json", "{}"),
        ("key.pem", &signed.key),
        ("office.json", r#"{ "entries": [] }"#),
        ("signing.pem", "secret"),
        ("users.json", "[]"),
    ] {
        fs::write(folder.path().join(name), content).expect("a folder can be written to");
    }
    folder
}

#[test]
fn configurations_are_read() {
    let folder = project();
    let manifest = folder.path().join("fastly.toml");
    let root = root();
    let mut pages = self::pages(&root.join("docs"));
    pages.push(root.join("README.md"));
    let mut count = 0;
    for page in pages {
        let text = read(&page);
        let blocks = text.split("```toml\n").skip(1);
        let blocks = blocks.filter_map(|rest| rest.split("```").next());
        for block in blocks.filter(|block| block.contains("[local_server")) {
            count += 1;
            let read = Manifest::parse(block, &manifest);
            let read = read.unwrap_or_else(|error| panic!("{}: {error}", page.display()));
            let warnings = read.warnings.iter().map(ToString::to_string);
            // Only the reader of a page knows whether it is set.
            let warnings = warnings.filter(|warning| !warning.contains("`API_KEY` is not set"));
            let warnings: Vec<_> = warnings.collect();
            assert!(warnings.is_empty(), "{}: {warnings:?}", page.display());
        }
    }
    assert!(count >= 8, "{count} configurations were found");
}
