//! The folder with its files.

use std::ffi::CStr;
use std::fs::{DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, Dir, Mode, OFlags, openat, renameat, unlinkat};
use sha2::{Digest, Sha256};

use crate::key::hex;
use crate::{Artifact, ArtifactKey, CacheError, Entry, Unusable};

/// What files that are still being written begin with.
const UNFINISHED: &str = ".new-";

/// After this time a file that is still being written was left behind by a process that ended.
const UNFINISHED_MAX: Duration = Duration::from_secs(3600);

/// How much is read at once.
const PIECE_BYTES: usize = 256 * 1024;

/// What of its permissions lets others than its owner write to a file.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// A folder with compiled programs.
#[derive(Debug)]
pub struct ArtifactCache {
    folder: OwnedFd,
    bytes_max: u64,
}

impl ArtifactCache {
    /// How much is kept, in bytes. What was not used for the longest time is removed first.
    pub const BYTES_MAX: u64 = 1 << 30;

    /// Opens a folder, and makes it where there is none.
    ///
    /// # Errors
    ///
    /// [`CacheError`] when it cannot be used, or when others may write to it.
    pub fn open(folder: &Path) -> Result<Self, CacheError> {
        Self::open_of_size(folder, Self::BYTES_MAX)
    }

    fn open_of_size(folder: &Path, bytes_max: u64) -> Result<Self, CacheError> {
        let unusable = |why| CacheError {
            folder: folder.to_owned(),
            why,
        };
        let opened = make_and_open(folder).map_err(|error| unusable(Unusable::Io(error)))?;
        let metadata = opened.metadata();
        let metadata = metadata.map_err(|error| unusable(Unusable::Io(error)))?;
        if metadata.uid() != own_user() {
            return Err(unusable(Unusable::Foreign));
        }
        if metadata.mode() & WRITABLE_BY_OTHERS != 0 {
            return Err(unusable(Unusable::WritableByOthers));
        }
        Ok(Self {
            folder: opened.into(),
            bytes_max,
        })
    }

    /// What was kept for `key`, if it is whole and nobody else can have written it.
    #[must_use]
    pub fn find(&self, key: &ArtifactKey) -> Option<Artifact> {
        let found = self.files().ok()?.into_iter().find(|name| {
            let name = Name::parse(name);
            name.is_some_and(|name| name.engine == key.engine && name.key == key.digits)
        })?;
        match self.open_file(&found) {
            Ok(file) => Some(Artifact { file }),
            Err(error) => {
                tracing::debug!("{found} is not used and removed: {error}");
                // Another process may have removed it already.
                let _ = self.remove(&found);
                None
            }
        }
    }

    /// Opens a file, if it can be trusted.
    fn open_file(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let mut file = File::from(openat(&self.folder, name, flags, Mode::empty())?);
        let metadata = file.metadata()?;
        let is_own = metadata.uid() == own_user() && metadata.mode() & WRITABLE_BY_OTHERS == 0;
        if !metadata.is_file() || !is_own {
            return Err(io::Error::other("others may have written it"));
        }
        let digest = digest(&mut file)?;
        if Name::parse(name).is_none_or(|name| name.digest != digest) {
            return Err(io::Error::other("its content is not what was written"));
        }
        // When it was last used is no reason to compile again.
        let _ = file.set_modified(SystemTime::now());
        io::Seek::rewind(&mut file)?;
        Ok(file)
    }

    /// Keeps what was compiled for `key`, and removes what has not been used for long where there is too much.
    ///
    /// # Errors
    ///
    /// When it cannot be written. What was there before is still there.
    pub fn keep(&self, key: &ArtifactKey, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() as u64 > self.bytes_max {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        let digest = hex(&Sha256::digest(bytes));
        let name = format!("{}.{}.{digest}", key.engine, key.digits);
        let unfinished = unfinished_name();
        let written = self.write(&unfinished, bytes).and_then(|()| {
            let renamed = renameat(&self.folder, &*unfinished, &self.folder, &*name);
            renamed.map_err(io::Error::from)
        });
        if written.is_err() {
            // It may not be there.
            let _ = self.remove(&unfinished);
        }
        written?;
        self.make_room(&name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = openat(&self.folder, name, flags, Mode::RUSR | Mode::WUSR)?;
        File::from(file).write_all(bytes)
    }

    /// Removes what was not used for the longest time, until the rest is not too much; `newest` stays.
    fn make_room(&self, newest: &str) -> io::Result<()> {
        let mut kept = Vec::new();
        for name in self.files()? {
            let Ok((bytes, used)) = self.state(&name) else {
                continue;
            };
            if !name.starts_with(UNFINISHED) {
                kept.push((used, bytes, name));
            } else if used.elapsed().is_ok_and(|age| age > UNFINISHED_MAX) {
                self.remove(&name)?;
            }
        }
        let mut total: u64 = kept.iter().map(|(_, bytes, _)| bytes).sum();
        kept.sort();
        for (_, bytes, name) in kept {
            if total <= self.bytes_max {
                break;
            }
            if name != newest {
                self.remove(&name)?;
                total -= bytes;
            }
        }
        Ok(())
    }

    /// Everything that is kept, what was used last first.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read.
    pub fn list(&self) -> io::Result<Vec<Entry>> {
        let names = self.files()?;
        let mut entries: Vec<_> = names.iter().filter_map(|name| self.entry(name)).collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.used));
        Ok(entries)
    }

    fn entry(&self, name: &str) -> Option<Entry> {
        let parsed = Name::parse(name)?;
        // It may have been removed meanwhile.
        let (bytes, used) = self.state(name).ok()?;
        Some(Entry {
            engine: parsed.engine.to_owned(),
            key: parsed.key.get(..12)?.to_owned(),
            bytes,
            used,
        })
    }

    /// Removes everything that is kept, and says what that was. Other files stay.
    ///
    /// # Errors
    ///
    /// When something cannot be removed.
    pub fn clear(&self) -> io::Result<Vec<Entry>> {
        let mut removed = Vec::new();
        for name in self.files()? {
            removed.extend(self.entry(&name));
            self.remove(&name)?;
        }
        Ok(removed)
    }

    /// The names of the files of this cache, in no particular order.
    fn files(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(self.folder.as_fd())? {
            let entry = entry?;
            let name = CStr::to_str(entry.file_name()).unwrap_or_default();
            if Name::parse(name).is_some() || name.starts_with(UNFINISHED) {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    fn state(&self, name: &str) -> io::Result<(u64, SystemTime)> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = File::from(openat(&self.folder, name, flags, Mode::empty())?);
        let metadata = file.metadata()?;
        Ok((metadata.len(), metadata.modified()?))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match unlinkat(&self.folder, name, AtFlags::empty()) {
            // Another process was first.
            Err(rustix::io::Errno::NOENT) => Ok(()),
            other => other.map_err(io::Error::from),
        }
    }
}

/// The name of a file, in its parts: engine, key, digest of the content.
struct Name<'a> {
    engine: &'a str,
    key: &'a str,
    digest: &'a str,
}

impl<'a> Name<'a> {
    fn parse(name: &'a str) -> Option<Self> {
        let mut parts = name.split('.');
        let (engine, key, digest) = (parts.next()?, parts.next()?, parts.next()?);
        let is_digest =
            |text: &str| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let is_name = !engine.is_empty() && is_digest(key) && is_digest(digest);
        (is_name && parts.next().is_none()).then_some(Self {
            engine,
            key,
            digest,
        })
    }
}

fn make_and_open(folder: &Path) -> io::Result<File> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = rustix::fs::open(folder, flags, Mode::empty())?;
    Ok(opened.into())
}

fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// A name that no other thread or process uses.
fn unfinished_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = since_1970.unwrap_or_default().as_nanos();
    format!("{UNFINISHED}{}-{number}-{now}", std::process::id())
}

fn digest(file: &mut File) -> io::Result<String> {
    let mut digest = Sha256::new();
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hex(&digest.finalize())),
            read => digest.update(&piece[..read]),
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
