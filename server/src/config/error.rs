//! What is wrong with a configuration, and where.

use std::fmt;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A configuration that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file it is about.
    pub file: PathBuf,
    /// The line, counted from 1; `None` when the file could not be read.
    pub line: Option<usize>,
    /// The table or key, as it would be written in one line; empty for the whole file.
    pub key: String,
    /// What is wrong with it, and what to do.
    pub message: String,
}

impl ConfigError {
    pub(super) fn unreadable(file: &Path, error: &std::io::Error) -> Self {
        let advice = match error.kind() {
            ErrorKind::IsADirectory => "; the configuration is a file in it, usually `fastly.toml`",
            ErrorKind::InvalidData => "; a configuration is a text in TOML",
            ErrorKind::NotFound => "; `fastly.toml` is usually in the folder of a project",
            _ => "",
        };
        Self {
            file: file.to_owned(),
            line: None,
            key: String::new(),
            message: format!("the file cannot be read: {error}{advice}"),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": in `{}`", self.key)?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for ConfigError {}

/// Something that is wrong with one value, before anyone has said in which file and line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub span: Range<usize>,
    pub key: String,
    pub message: String,
}

impl Problem {
    pub(super) fn locate(self, file: &Path, text: &str) -> ConfigError {
        let before = text.get(..self.span.start).unwrap_or(text);
        ConfigError {
            file: file.to_owned(),
            line: Some(before.matches('\n').count() + 1),
            key: self.key,
            message: self.message,
        }
    }
}
