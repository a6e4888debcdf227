//! Learning that files have changed.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use super::Failure;

/// How long nothing has to happen before a change counts as complete: editors and build tools write in several steps.
const QUIET: Duration = Duration::from_millis(75);

/// How long that is waited for.
const QUIET_WITHIN: Duration = Duration::from_secs(1);

/// Tells when something happens to files. It watches their folders, as files are often replaced by others of their name,
/// and may tell of more than has changed: whoever is told compares.
pub(super) struct FileWatch {
    watcher: RecommendedWatcher,
    names: Arc<Mutex<HashSet<OsString>>>,
    happened: mpsc::Receiver<()>,
}

impl FileWatch {
    pub(super) fn new() -> Result<Self, Failure> {
        let names = Arc::new(Mutex::new(HashSet::new()));
        let (tell, happened) = mpsc::channel(1);
        let of_interest = names.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // Where something was lost, anything may have happened.
            if event.map_or(true, |event| is_about(&event, &of_interest)) {
                // One that waits already says the same.
                let _ = tell.try_send(());
            }
        })?;
        Ok(Self {
            watcher,
            names,
            happened,
        })
    }

    /// Watches these files from now on, also those that are not there yet.
    pub(super) fn follow<'a>(
        &mut self,
        files: impl IntoIterator<Item = &'a Path>,
    ) -> Result<(), Failure> {
        let mut folders = HashSet::new();
        let mut names = HashSet::new();
        for file in files {
            let file = std::path::absolute(file)?;
            // Where it is a link, either end may change.
            for path in [file.canonicalize().ok(), Some(file)].into_iter().flatten() {
                folders.extend(nearest_folder(&path));
                names.extend(path.components().filter_map(name));
            }
        }
        *self.names.lock().unwrap_or_else(PoisonError::into_inner) = names;
        for folder in folders {
            // A folder that was watched may be another one of its name by now.
            let watched = self.watcher.watch(&folder, RecursiveMode::NonRecursive);
            watched.map_err(|error| format!("{} cannot be watched: {error}", folder.display()))?;
        }
        Ok(())
    }

    /// Waits until something has happened, and then nothing more for a moment.
    pub(super) async fn changed(&mut self) {
        if self.happened.recv().await.is_none() {
            // The watcher holds the other end.
            std::future::pending::<()>().await;
        }
        self.quiet().await;
    }

    /// The same, if it happens within this time.
    pub(super) async fn changed_within(&mut self, time: Duration) -> bool {
        let happens = matches!(timeout(time, self.happened.recv()).await, Ok(Some(())));
        if happens {
            self.quiet().await;
        }
        happens
    }

    async fn quiet(&mut self) {
        let last = Instant::now() + QUIET_WITHIN;
        loop {
            let end = last.min(Instant::now() + QUIET);
            match timeout_at(end, self.happened.recv()).await {
                Ok(Some(())) if Instant::now() < last => {}
                _ => return,
            }
        }
    }
}

fn name(component: Component<'_>) -> Option<OsString> {
    match component {
        Component::Normal(name) => Some(name.to_owned()),
        _ => None,
    }
}

/// The folder of a file, or the nearest one above that is there.
fn nearest_folder(file: &Path) -> Option<PathBuf> {
    let mut folders = file.ancestors().skip(1);
    folders.find(|folder| folder.is_dir()).map(Path::to_owned)
}

/// Whether an event may be the change of a file with one of these names, or of a folder.
fn is_about(event: &Event, names: &Mutex<HashSet<OsString>>) -> bool {
    match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => {}
        // Reading is no change.
        EventKind::Access(_) => return false,
        _ => {}
    }
    let names = names.lock().unwrap_or_else(PoisonError::into_inner);
    let is_named = |path: &PathBuf| {
        path.file_name()
            .is_none_or(|name: &OsStr| names.contains(name))
    };
    event.need_rescan() || event.paths.is_empty() || event.paths.iter().any(is_named)
}
