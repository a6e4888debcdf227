//! Keeps compiled programs on the disk, so that a program that was compiled once starts at once.
//!
//! A compiled program is machine code, and whoever runs it has to trust whoever wrote it. So an [`Artifact`] can be had
//! only from an [`ArtifactCache`], and only if nobody but this user can have written it:
//!
//! * folder and file belong to this user, and nobody else may write to them. Both are looked at through the descriptors
//!   that are used afterwards, so nothing can be put in their place in between;
//! * the file is whole: its name has the digest of its content;
//! * it is for this program, engine, version of the engine and settings: all of that is in [`ArtifactKey`].
//!
//! Files are written beside their place and then renamed, and never changed afterwards. So processes that start at once
//! see whole files or none, and a file that another process removes stays usable for those that have it.

#![forbid(unsafe_code)]

mod engine;
#[cfg(not(unix))]
#[path = "none.rs"]
mod folder;
#[cfg(unix)]
mod folder;
mod key;

use std::fmt;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

pub use folder::ArtifactCache;
pub use key::{ArtifactKey, ProgramDigest};

/// A file that only this user can have written, and that is whole.
#[derive(Debug)]
pub struct Artifact {
    file: File,
}

impl Artifact {
    /// The file, at its beginning.
    #[must_use]
    pub fn into_file(self) -> File {
        self.file
    }
}

/// What is known about a file of a cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The engine that it is for.
    pub engine: String,
    /// The first digits of what it is for; two entries of one engine differ in it.
    pub key: String,
    /// Its size.
    pub bytes: u64,
    /// When it was last used.
    pub used: SystemTime,
}

/// Why a folder cannot be used to keep compiled programs.
#[derive(Debug)]
pub struct CacheError {
    /// The folder.
    pub folder: PathBuf,
    /// Why.
    pub why: Unusable,
}

/// Why a folder cannot be used to keep compiled programs.
#[derive(Debug)]
#[non_exhaustive]
pub enum Unusable {
    /// It cannot be made, opened or read.
    Io(io::Error),
    /// It belongs to somebody else.
    Foreign,
    /// Others may write to it.
    WritableByOthers,
    /// On this system nothing can be said about who may write to a file.
    Unsupported,
}

impl fmt::Display for CacheError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let folder = self.folder.display();
        match &self.why {
            Unusable::Io(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                write!(f, "{folder} is there, and is not a folder")
            }
            Unusable::Io(error) => write!(f, "{folder}: {error}"),
            Unusable::Foreign => write!(f, "{folder} belongs to another user"),
            Unusable::WritableByOthers => write!(
                f,
                "other users may write to {folder}; `chmod 700` makes it safe, if what is in it is yours"
            ),
            Unusable::Unsupported => {
                write!(f, "this system does not say who may write to {folder}")
            }
        }
    }
}

impl std::error::Error for CacheError {}
