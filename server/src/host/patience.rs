//! Telling that compiling goes on.
//!
//! A compiler that optimises takes more than twice as long for a function that is twice as large: a second for most
//! programs, and minutes for one with a function of megabytes. Nothing else is heard from it until it is done.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Tells time and again that something goes on, until it is dropped.
#[derive(Debug)]
pub(super) struct Patience {
    /// The thread that tells ends when this is gone.
    _over: Sender<()>,
}

impl Patience {
    /// Calls `tell` with the time that has passed: after `first`, and then each time that so much has passed again as had
    /// until then, so that what takes an hour is told in a few lines.
    pub(super) fn new(first: Duration, mut tell: impl FnMut(Duration) + Send + 'static) -> Self {
        let (over, is_over) = channel();
        let began = Instant::now();
        let thread = thread::Builder::new().name("patience".to_owned());
        let thread = thread.spawn(move || {
            let mut next = first;
            loop {
                let left = next.saturating_sub(began.elapsed());
                match is_over.recv_timeout(left) {
                    Err(RecvTimeoutError::Timeout) => tell(began.elapsed()),
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
                }
                next *= 2;
            }
        });
        if let Err(error) = thread {
            tracing::debug!("there is no thread to tell that something goes on: {error}");
        }
        Self { _over: over }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_until_it_is_dropped() {
        let (told, tells) = channel();
        let first = Duration::from_millis(2);
        let patience = Patience::new(first, move |passed| {
            let _ = told.send(passed);
        });
        for at_least in [first, 2 * first, 4 * first] {
            assert!(tells.recv().unwrap() >= at_least);
        }
        drop(patience);
        // What tells is dropped with the thread.
        while tells.recv().is_ok() {}
    }

    #[test]
    fn it_says_nothing_of_what_is_over_soon() {
        let (told, tells) = channel();
        let hour = Duration::from_secs(3600);
        drop(Patience::new(hour, move |passed| {
            let _ = told.send(passed);
        }));
        assert!(tells.recv().is_err());
    }
}
