//! Writing without waiting for whoever reads.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// The most bytes that may wait to be written. When the reader is slower than that, messages are dropped.
const WAITING_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How much of the room that messages have taken is kept for later ones, in bytes.
const KEPT_BYTES: usize = 64 * 1024;

/// How long the thread sleeps after it has written. What comes meanwhile is written at once afterwards, so that under load
/// it is woken a few hundred times a second, and not for every message: waking it costs more than the message.
const PAUSE: Duration = Duration::from_millis(5);

/// How long the end of the process waits for a reader that has stopped reading.
const END_TIMEOUT: Duration = Duration::from_secs(1);

/// Gives messages to a thread that writes them. Clones write to the same place.
#[derive(Clone)]
pub(crate) struct BackgroundWriter(Arc<Shared>);

/// Writes what is still waiting when it is dropped.
pub(crate) struct BackgroundGuard(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Told when the thread sleeps and there is something to write, and when nothing more will come.
    news: Condvar,
    /// Told when the thread has ended.
    ended: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    /// Whether the thread has nothing to do and has to be woken.
    is_idle: bool,
    is_closed: bool,
    has_ended: bool,
}

/// A writer whose messages `out` gets, in their order and each of them whole. It never waits; its thread lives as long as
/// the guard. Where the system has no thread to give, messages are lost: nothing else will run there either.
pub(crate) fn in_background(
    out: impl Write + Send + 'static,
) -> (BackgroundWriter, BackgroundGuard) {
    let shared = Arc::new(Shared {
        state: Mutex::default(),
        news: Condvar::new(),
        ended: Condvar::new(),
    });
    let of_thread = shared.clone();
    let started = thread::Builder::new()
        .name("log-writer".to_owned())
        .spawn(move || of_thread.write_all_to(out));
    shared.lock().has_ended = started.is_err();
    (BackgroundWriter(shared.clone()), BackgroundGuard(shared))
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Messages are added whole and taken all at once: a panic leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_all_to(&self, mut out: impl Write) {
        let mut taken = Vec::new();
        while self.take(&mut taken) {
            // An error here is one that nobody can be told.
            drop(out.write_all(&taken).and_then(|()| out.flush()));
            taken.clear();
            taken.shrink_to(KEPT_BYTES);
            self.pause();
        }
        self.lock().has_ended = true;
        self.ended.notify_all();
    }

    /// Waits for messages, and takes all there are; `false` when none will come any more.
    fn take(&self, taken: &mut Vec<u8>) -> bool {
        let mut state = self.lock();
        state.is_idle = true;
        let nothing_to_do = |state: &mut State| state.waiting.is_empty() && !state.is_closed;
        let state = self.news.wait_while(state, nothing_to_do);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        state.is_idle = false;
        std::mem::swap(&mut state.waiting, taken);
        !taken.is_empty()
    }

    /// Lets messages come together, unless the end is waited for.
    fn pause(&self) {
        let is_open = |state: &mut State| !state.is_closed;
        drop(self.news.wait_timeout_while(self.lock(), PAUSE, is_open));
    }
}

impl Write for BackgroundWriter {
    /// Takes one message whole. It cannot fail.
    fn write(&mut self, message: &[u8]) -> io::Result<usize> {
        let mut state = self.0.lock();
        let fits = state.waiting.len().saturating_add(message.len()) <= WAITING_BYTES_MAX;
        if fits && !state.has_ended {
            state.waiting.extend_from_slice(message);
        }
        if std::mem::take(&mut state.is_idle) {
            drop(state);
            self.0.news.notify_one();
        }
        Ok(message.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for BackgroundGuard {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.is_closed = true;
        self.0.news.notify_one();
        let runs = |state: &mut State| !state.has_ended;
        drop(self.0.ended.wait_timeout_while(state, END_TIMEOUT, runs));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// Hands over what is written, and does not go on before it was taken.
    struct Reader(mpsc::SyncSender<Vec<u8>>);

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_message_is_written_while_the_guard_lives() {
        let (sender, read) = mpsc::sync_channel(0);
        let (mut writer, _guard) = in_background(Reader(sender));
        for message in [b"one", b"two"] {
            writer.write_all(message).unwrap();
            assert_eq!(read.recv().unwrap(), message);
        }
    }

    #[test]
    fn what_waits_is_written_at_once_and_when_the_guard_is_dropped() {
        let (sender, read) = mpsc::sync_channel(0);
        let (mut writer, guard) = in_background(Reader(sender));
        writer.write_all(b"one").unwrap();
        assert_eq!(read.recv().unwrap(), b"one");
        writer.clone().write_all(b"two\n").unwrap();
        writer.write_all(b"three\n").unwrap();
        let reader = thread::spawn(move || read.iter().collect::<Vec<_>>().concat());
        drop(guard);
        assert_eq!(reader.join().unwrap(), b"two\nthree\n");
    }

    #[test]
    fn a_slow_reader_costs_messages_and_no_memory() {
        let (sender, read) = mpsc::sync_channel(0);
        let (mut writer, guard) = in_background(Reader(sender));
        let message = vec![b'x'; WAITING_BYTES_MAX / 4];
        for _ in 0..20 {
            writer.write_all(&message).unwrap();
        }
        assert!(writer.0.lock().waiting.len() <= WAITING_BYTES_MAX);
        let reader = thread::spawn(move || read.iter().map(|bytes| bytes.len()).sum::<usize>());
        drop(guard);
        assert!(reader.join().unwrap() <= 2 * WAITING_BYTES_MAX);
    }
}
