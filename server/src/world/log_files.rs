//! Files for the messages of log endpoints.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use abi_core::platform::is_reserved_endpoint;

use super::background::{BackgroundGuard, BackgroundWriter, in_background};
use super::logs::{Look, lines, shortened};

/// Checks that guests can write to an endpoint of this name.
///
/// # Errors
///
/// What is wrong with it.
pub(crate) fn check_endpoint(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("a log endpoint has a name".to_owned());
    }
    if is_reserved_endpoint(name) {
        return Err(format!(
            "`{name}` is reserved, so that no guest can write to an endpoint of that name; what guests write to standard \
             output and standard error is told apart with `--log-stdout` and `--log-stderr`"
        ));
    }
    Ok(())
}

/// Files that are open; a thread for each does the writing.
#[derive(Default)]
pub(crate) struct LogFiles(HashMap<PathBuf, Arc<LogFile>>);

impl LogFiles {
    /// The file of that path: made if it is not there, and written to at its end. Endpoints that share a file share a
    /// writer, so that their lines stay whole.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub(crate) fn open(&mut self, path: &Path) -> io::Result<Arc<LogFile>> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let path = path.canonicalize()?;
        let (out, guard) = in_background(file);
        let opened = self
            .0
            .entry(path)
            .or_insert_with(|| Arc::new(LogFile { out, _guard: guard }));
        Ok(opened.clone())
    }
}

/// A file that is open. What is still waiting is written when it is dropped.
pub(crate) struct LogFile {
    out: BackgroundWriter,
    _guard: BackgroundGuard,
}

impl LogFile {
    /// Writes a message as a line, without waiting.
    pub(crate) fn write(&self, message: &[u8]) {
        // It cannot fail: what there is no room for is dropped.
        let text = lines(None, Look::default(), shortened(message));
        drop(self.out.clone().write_all(&text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_may_share_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        std::fs::write(&path, "earlier\n").unwrap();
        let mut files = LogFiles::default();
        let (one, two) = (files.open(&path).unwrap(), files.open(&path).unwrap());
        assert!(Arc::ptr_eq(&one, &two));
        one.write(b"first");
        two.write(b"second");
        drop((files, one, two));
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "earlier\nfirst\nsecond\n");
        assert!(LogFiles::default().open(folder.path()).is_err());
    }

    #[test]
    fn reserved_names_are_told() {
        assert!(check_endpoint("app").is_ok());
        for name in ["", "stdout", "STDERR", "fst_managed_x"] {
            assert!(check_endpoint(name).is_err(), "{name}");
        }
    }
}
