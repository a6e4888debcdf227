//! The cache, in folders that a test owns.

use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use super::*;
use crate::ProgramDigest;

fn key(program: &[u8]) -> ArtifactKey {
    ArtifactKey::new("engine", "1", (), &ProgramDigest::of(program))
}

fn content(cache: &ArtifactCache, key: &ArtifactKey) -> Option<String> {
    let mut text = String::new();
    let mut file = cache.find(key)?.into_file();
    file.read_to_string(&mut text).unwrap();
    Some(text)
}

/// The files of a folder that holds one.
fn only_file(folder: &Path) -> PathBuf {
    let mut files = fs::read_dir(folder).unwrap();
    let file = files.next().unwrap().unwrap().path();
    assert!(files.next().is_none());
    file
}

#[test]
fn what_was_kept_is_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b");
    let cache = ArtifactCache::open(&path).unwrap();
    assert!(cache.find(&key(b"p")).is_none());
    cache.keep(&key(b"p"), b"code").unwrap();
    cache.keep(&key(b"p"), b"code").unwrap();
    let again = ArtifactCache::open(&path).unwrap();
    assert_eq!(content(&again, &key(b"p")).as_deref(), Some("code"));
    assert!(again.find(&key(b"q")).is_none());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    assert_eq!(mode(&only_file(&path)), 0o600);
    let entries = again.list().unwrap();
    assert_eq!((entries[0].bytes, &*entries[0].engine), (4, "engine"));
    assert_eq!(again.clear().unwrap().len(), 1);
    assert!(again.find(&key(b"p")).is_none());
}

#[test]
fn a_file_that_was_changed_or_cut_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let cache = ArtifactCache::open(&folder.path().join("c")).unwrap();
    for damaged in ["", "cod", "codE", "code and more"] {
        cache.keep(&key(b"p"), b"code").unwrap();
        let file = only_file(&folder.path().join("c"));
        fs::write(&file, damaged).unwrap();
        assert!(cache.find(&key(b"p")).is_none(), "{damaged}");
        assert!(!file.exists(), "{damaged}");
    }
}

#[test]
fn what_others_may_have_written_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c");
    let cache = ArtifactCache::open(&path).unwrap();

    cache.keep(&key(b"p"), b"code").unwrap();
    let file = only_file(&path);
    fs::set_permissions(&file, Permissions::from_mode(0o660)).unwrap();
    assert!(cache.find(&key(b"p")).is_none());

    let elsewhere = folder.path().join("elsewhere");
    fs::write(&elsewhere, "code").unwrap();
    symlink(&elsewhere, &file).unwrap();
    assert!(cache.find(&key(b"p")).is_none());
    assert!(elsewhere.exists());

    fs::set_permissions(&path, Permissions::from_mode(0o770)).unwrap();
    let error = ArtifactCache::open(&path).unwrap_err();
    assert!(matches!(error.why, Unusable::WritableByOthers), "{error}");
}

#[test]
fn an_engine_goes_without_what_cannot_be_kept_or_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c");
    assert!(ArtifactCache::for_engine(None).is_none());
    let cache = ArtifactCache::for_engine(Some(&path)).unwrap();
    let load = |text: &'static str| {
        cache.load_compiled(&key(b"p"), |artifact| {
            let mut found = String::new();
            artifact.into_file().read_to_string(&mut found).unwrap();
            if found == text {
                Ok(found)
            } else {
                Err("other code")
            }
        })
    };
    cache.keep_compiled(&key(b"p"), Err::<Vec<u8>, _>("it cannot be serialised"));
    assert_eq!(load("code"), None);
    cache.keep_compiled(&key(b"p"), Ok::<_, String>(b"code"));
    assert_eq!(load("code").as_deref(), Some("code"));
    assert_eq!(load("other"), None);

    fs::set_permissions(&path, Permissions::from_mode(0o770)).unwrap();
    assert!(ArtifactCache::for_engine(Some(&path)).is_none());
}

#[test]
fn what_was_not_used_for_long_makes_room() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c");
    let cache = ArtifactCache::open_of_size(&path, 10).unwrap();
    let long_ago = |days: u64| SystemTime::now() - Duration::from_secs(days * 24 * 3600);
    for (program, age) in [(b"a", 3), (b"b", 2)] {
        cache.keep(&key(program), b"code").unwrap();
        let file = cache.find(&key(program)).unwrap().into_file();
        file.set_modified(long_ago(age)).unwrap();
    }
    // Using it makes it the one that was used last.
    assert!(cache.find(&key(b"a")).is_some());
    let unfinished = path.join(".new-1-1");
    fs::write(&unfinished, "half").unwrap();
    File::open(&unfinished)
        .unwrap()
        .set_modified(long_ago(1))
        .unwrap();
    cache.keep(&key(b"c"), b"more").unwrap();
    assert!(cache.find(&key(b"b")).is_none());
    assert!(cache.find(&key(b"a")).is_some());
    assert!(cache.find(&key(b"c")).is_some());
    assert!(!unfinished.exists());
    assert!(cache.keep(&key(b"d"), b"far too much").is_err());
}

#[test]
fn several_may_write_and_read_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let cache = ArtifactCache::open(&path).unwrap();
                for _ in 0..20 {
                    cache.keep(&key(b"p"), &[7; 10_000]).unwrap();
                    let found = cache.find(&key(b"p")).unwrap().into_file();
                    assert_eq!(found.metadata().unwrap().len(), 10_000);
                }
            });
        }
    });
}
