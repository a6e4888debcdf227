//! `fastly.toml`: it is read, or an error says in which line what is wrong.
#![no_main]

use std::path::Path;

use fastlike::Manifest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // Files that a manifest names are read; those of this machine are none of its business.
    if ["file", "path", "certificate", "persist", "env"]
        .iter()
        .any(|name| text.contains(name))
    {
        return;
    }
    if let Err(error) = Manifest::parse(text, Path::new("fastly.toml")) {
        assert!(
            error
                .line
                .is_some_and(|line| line <= text.matches('\n').count() + 1)
        );
        assert!(error.to_string().starts_with("fastly.toml:"));
    }
});
