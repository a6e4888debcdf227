//! Which pages of a guest's memory are those of its program, unchanged.
//!
//! A memory is a private mapping of the program's data, and of nothing where there is none. A page that is written to becomes
//! a page of the guest's own; until then it is the file's, in memory once for all guests. The system tells one from the
//! other in `/proc/self/pagemap`, eight bytes for each page
//! ([documentation](https://docs.kernel.org/admin-guide/mm/pagemap.html)).

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;

use rustix::mm::{Advice, madvise};
use rustix::param::page_size;

/// How far from its beginning a memory is looked at, in bytes: looking takes time, and data come first.
const REACH_BYTES: usize = 32 * 1024 * 1024;

const ENTRY_BYTES: usize = 8;

/// How many entries are read at once.
const ENTRIES: usize = 1024;

/// The page is in memory.
const PRESENT: u64 = 1 << 63;

/// The page is one of a file, and not a private copy of it.
const OF_FILE: u64 = 1 << 61;

/// Lets go of all pages of a memory that are as their file has them. Memory that is read afterwards has the same content.
///
/// Nothing may write to the memory meanwhile.
pub(crate) fn let_go(memory: &Range<usize>) {
    static PAGEMAP: OnceLock<io::Result<File>> = OnceLock::new();
    // Where there is none, more pages are counted as resident, and that is all.
    if let Ok(pagemap) = PAGEMAP.get_or_init(|| File::open("/proc/self/pagemap"))
        && let Err(error) = find(pagemap, memory, let_go_of)
    {
        tracing::debug!("guests that wait keep the pages of their programs: {error}");
    }
}

/// Calls `found` with each stretch of pages that are as their file has them.
fn find(
    pagemap: &File,
    memory: &Range<usize>,
    mut found: impl FnMut(Range<usize>) -> io::Result<()>,
) -> io::Result<()> {
    let page = page_size();
    let first = memory.start.div_ceil(page);
    let end = memory.end.min(memory.start.saturating_add(REACH_BYTES)) / page;
    let mut buffer = vec![0; ENTRIES.min(end.saturating_sub(first)) * ENTRY_BYTES];
    let mut stretch = first..first;
    let mut at = first;
    while at < end {
        let count = ENTRIES.min(end - at);
        let entries = &mut buffer[..count * ENTRY_BYTES];
        pagemap.read_exact_at(entries, (at * ENTRY_BYTES) as u64)?;
        for (index, entry) in entries.as_chunks::<ENTRY_BYTES>().0.iter().enumerate() {
            if !is_unchanged(u64::from_ne_bytes(*entry)) {
                continue;
            }
            let unchanged = at + index;
            if unchanged != stretch.end {
                hand_on(&stretch, page, &mut found)?;
                stretch.start = unchanged;
            }
            stretch.end = unchanged + 1;
        }
        at += count;
    }
    hand_on(&stretch, page, &mut found)
}

fn is_unchanged(entry: u64) -> bool {
    entry & (PRESENT | OF_FILE) == PRESENT | OF_FILE
}

fn hand_on(
    pages: &Range<usize>,
    page: usize,
    found: &mut impl FnMut(Range<usize>) -> io::Result<()>,
) -> io::Result<()> {
    match pages.is_empty() {
        true => Ok(()),
        false => found(pages.start * page..pages.end * page),
    }
}

#[allow(
    unsafe_code,
    reason = "the system cannot know that nothing is lost with the pages"
)]
fn let_go_of(pages: Range<usize>) -> io::Result<()> {
    let start = std::ptr::with_exposed_provenance_mut(pages.start);
    // SAFETY: the next access to one of these pages finds what their file has there, which is what they have now: the
    // system has just said that they are the file's and not copies. None can have become one since: only the guest and
    // its hostcall write to this memory, and the hostcall, which has it borrowed, waits on this very stack. The file is
    // the program's data, which never change while the program is in use: see `stored.rs`.
    Ok(unsafe { madvise(start, pages.len(), Advice::LinuxDontNeed) }?)
}
