//! The program: a WebAssembly module, as bytes or as text.

use std::borrow::Cow;
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use abi_core::Program;

use crate::config::read_bounded;

/// What a host is to run.
#[derive(Clone)]
pub enum ProgramSource {
    /// A module, binary or text.
    Bytes(Vec<u8>),
    /// A file with a module, binary or text.
    File(PathBuf),
    /// A program that was compiled before. The name is that of its engine.
    Compiled(Arc<dyn Program>, &'static str),
}

impl From<Vec<u8>> for ProgramSource {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<&[u8]> for ProgramSource {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<PathBuf> for ProgramSource {
    fn from(file: PathBuf) -> Self {
        Self::File(file)
    }
}

impl From<&Path> for ProgramSource {
    fn from(file: &Path) -> Self {
        Self::File(file.to_owned())
    }
}

/// A text is the path of a file.
impl From<&str> for ProgramSource {
    fn from(file: &str) -> Self {
        Self::File(file.into())
    }
}

impl fmt::Debug for ProgramSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "a program of {} bytes", bytes.len()),
            Self::File(file) => write!(f, "{}", file.display()),
            Self::Compiled(_, engine) => write!(f, "a program compiled by {engine}"),
        }
    }
}

/// Why a program cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// The file cannot be read.
    #[error("the file cannot be read: {}{}", .0, where_programs_are(.0))]
    Unreadable(std::io::Error),
    /// The text is not a module.
    #[error("not WebAssembly text: {0}")]
    Text(wat::Error),
    /// It is a component.
    #[error(
        "this is a component, and only core modules can be run; build the program for `wasm32-wasip1` without \
         turning it into a component"
    )]
    Component,
    /// There is nothing in it.
    #[error("the file is empty; its build may have failed, or may be under way")]
    Empty,
    /// It is what the Fastly CLI uploads.
    #[error(
        "this is a compressed archive, such as the package of a service; the program is `bin/main.wasm` in it, as in the \
         folder that the package was made of"
    )]
    Archive,
    /// It is neither binary nor text.
    #[error("this is not WebAssembly: it begins neither like a binary module nor like a text")]
    NotWebAssembly,
}

/// Where to look instead of a file that cannot be read.
fn where_programs_are(error: &std::io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::NotFound => {
            "; programs are built to `bin/main.wasm` by `fastly compute build`, and below `target/wasm32-wasip1` by cargo"
        }
        ErrorKind::IsADirectory => {
            "; a program is a file, such as `bin/main.wasm` in the folder of a project"
        }
        _ => "",
    }
}

/// The module in `file`, in its binary form.
pub(crate) fn read(file: &Path) -> Result<Vec<u8>, ProgramError> {
    let bytes = read_bounded(file).map_err(ProgramError::Unreadable)?;
    match to_binary(&bytes) {
        Ok(Cow::Borrowed(_)) => Ok(bytes),
        Ok(Cow::Owned(binary)) => Ok(binary),
        Err(ProgramError::Text(mut error)) => {
            error.set_path(file);
            Err(ProgramError::Text(error))
        }
        Err(error) => Err(error),
    }
}

/// The binary form of a module that is given as bytes or as text.
pub(crate) fn to_binary(bytes: &[u8]) -> Result<Cow<'_, [u8]>, ProgramError> {
    /// The number after the magic bytes: version, then layer.
    const MODULE: [u8; 4] = [1, 0, 0, 0];
    const COMPONENT_LAYER: [u8; 2] = [1, 0];
    const GZIP: [u8; 2] = [0x1f, 0x8b];

    if bytes.is_empty() {
        return Err(ProgramError::Empty);
    }
    if bytes.starts_with(&GZIP) {
        return Err(ProgramError::Archive);
    }
    let Some(rest) = bytes.strip_prefix(b"\0asm") else {
        return from_text(bytes);
    };
    if !rest.starts_with(&MODULE) && rest.get(2..4) == Some(&COMPONENT_LAYER) {
        return Err(ProgramError::Component);
    }
    Ok(Cow::Borrowed(bytes))
}

fn from_text(bytes: &[u8]) -> Result<Cow<'_, [u8]>, ProgramError> {
    let text = std::str::from_utf8(bytes).map_err(|_| ProgramError::NotWebAssembly)?;
    let begins = text.trim_start();
    if !begins.starts_with(['(', ';']) {
        return Err(ProgramError::NotWebAssembly);
    }
    let binary = wat::parse_str(text).map_err(ProgramError::Text)?;
    match to_binary(&binary) {
        Err(error) => Err(error),
        Ok(_) => Ok(Cow::Owned(binary)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_may_be_binary_or_text() {
        let binary = to_binary(b"(module)").unwrap().into_owned();
        assert_eq!(binary, b"\0asm\x01\0\0\0");
        assert_eq!(to_binary(&binary).unwrap(), &binary[..]);
    }

    #[test]
    fn what_is_no_module_is_refused_for_what_it_is() {
        let refused = |bytes: &[u8]| to_binary(bytes).unwrap_err();
        assert!(matches!(
            refused(b"\0asm\x0d\0\x01\0"),
            ProgramError::Component
        ));
        assert!(matches!(refused(b"(component)"), ProgramError::Component));
        assert!(matches!(refused(b"(module"), ProgramError::Text(_)));
        assert!(matches!(
            refused(b"\x7fELF\xff"),
            ProgramError::NotWebAssembly
        ));
        assert!(matches!(
            refused(b"#!/bin/sh"),
            ProgramError::NotWebAssembly
        ));
        assert!(matches!(refused(b""), ProgramError::Empty));
        assert!(matches!(refused(b"\x1f\x8b\x08\0"), ProgramError::Archive));
    }

    #[test]
    fn mistakes_in_text_have_their_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("broken.wat");
        std::fs::write(&file, "(module\n  (func)").unwrap();
        let told = read(&file).unwrap_err().to_string();
        assert!(told.contains("broken.wat:2:"), "{told}");
        std::fs::write(&file, "(module)").unwrap();
        assert_eq!(read(&file).unwrap(), b"\0asm\x01\0\0\0");
        let told = read(folder.path()).unwrap_err().to_string();
        assert!(told.contains("a program is a file"), "{told}");
    }
}
