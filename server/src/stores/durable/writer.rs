//! The thread that writes to a file.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use abi_core::stores::{KvError, KvInsert, KvKey};
use redb::Database;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::tables::Tables;

/// How many changes may wait for the writer; who has more to say waits.
const WAITING_MAX: usize = 256;

/// How large the values of one transaction may be together, in bytes.
const TRANSACTION_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How large the values may be together that wait to be written, in bytes. They are held in memory, and no longer count for
/// the guests that have sent them.
const WAITING_BYTES_MAX: usize = 256 * 1024 * 1024;

/// A change of a store.
pub(super) enum Change {
    /// Into a store of at most so many bytes.
    Insert(KvKey, Box<KvInsert>, u64),
    Delete(KvKey),
}

impl Change {
    fn bytes(&self) -> usize {
        match self {
            Self::Insert(_, insert, _) => insert.value.len(),
            Self::Delete(_) => 0,
        }
    }
}

/// A change on its way, and where its outcome goes.
pub(super) struct Request {
    change: Change,
    now: Duration,
    outcome: oneshot::Sender<Result<(), KvError>>,
    /// Given back when the change was made.
    room: OwnedSemaphorePermit,
}

/// A change that is about to be sent.
pub(super) struct Prepared {
    request: Request,
    receiver: oneshot::Receiver<Result<(), KvError>>,
}

/// The way to the writer.
pub(super) struct Changes {
    sender: mpsc::Sender<Request>,
    /// How many bytes of values may be added to what waits.
    room: Arc<Semaphore>,
}

/// A way to a writer, and what arrives there.
pub(super) fn channel() -> (Changes, mpsc::Receiver<Request>) {
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    let room = Arc::new(Semaphore::new(WAITING_BYTES_MAX));
    (Changes { sender, room }, receiver)
}

impl Changes {
    /// A change to be sent, for which there is room among those that wait.
    ///
    /// # Errors
    ///
    /// [`KvError::TooManyRequests`] when there is none.
    pub(super) fn prepare(&self, change: Change, now: Duration) -> Result<Prepared, KvError> {
        let bytes = u32::try_from(change.bytes()).map_err(|_| KvError::PayloadTooLarge)?;
        let room = self.room.clone().try_acquire_many_owned(bytes);
        let room = room.map_err(|_| KvError::TooManyRequests)?;
        let (outcome, receiver) = oneshot::channel();
        let request = Request {
            change,
            now,
            outcome,
            room,
        };
        Ok(Prepared { request, receiver })
    }

    /// Has a change made, and waits until it is on the disk.
    pub(super) async fn send(&self, prepared: Prepared) -> Result<(), KvError> {
        let Prepared { request, receiver } = prepared;
        // Without a writer there is none left who could.
        let sent = self.sender.send(request).await;
        sent.map_err(|_| KvError::Internal)?;
        receiver.await.unwrap_or(Err(KvError::Internal))
    }

    /// [`send`](Self::send), on a thread that may block.
    pub(super) fn send_blocking(&self, prepared: Prepared) -> Result<(), KvError> {
        let Prepared { request, receiver } = prepared;
        let sent = self.sender.blocking_send(request);
        sent.map_err(|_| KvError::Internal)?;
        receiver.blocking_recv().unwrap_or(Err(KvError::Internal))
    }
}

/// Makes changes until there is nobody left to ask for any.
pub(super) fn run(database: &Database, path: &Path, mut arriving: mpsc::Receiver<Request>) {
    while let Some(first) = arriving.blocking_recv() {
        let mut bytes = first.change.bytes();
        let mut batch = vec![first];
        while batch.len() < WAITING_MAX
            && bytes < TRANSACTION_BYTES_MAX
            && let Ok(next) = arriving.try_recv()
        {
            bytes += next.change.bytes();
            batch.push(next);
        }
        make_all(database, path, batch);
    }
}

/// Makes changes in one transaction. Nobody is told an outcome before all of them are on the disk: one that was refused
/// may have been refused because of one before it.
fn make_all(database: &Database, path: &Path, batch: Vec<Request>) {
    let (changes, tellers): (Vec<_>, Vec<_>) = batch
        .into_iter()
        .map(|request| {
            (
                (request.change, request.now),
                (request.outcome, request.room),
            )
        })
        .unzip();
    let outcomes = match commit(database, changes) {
        Ok(outcomes) => outcomes,
        Err(error) => {
            tracing::error!("{}: nothing was written: {error}", path.display());
            vec![Err(KvError::Internal); tellers.len()]
        }
    };
    for ((teller, _room), outcome) in tellers.into_iter().zip(outcomes) {
        // Whoever no longer waits need not be told.
        let _ = teller.send(outcome);
    }
}

fn commit(
    database: &Database,
    changes: Vec<(Change, Duration)>,
) -> Result<Vec<Result<(), KvError>>, redb::Error> {
    let transaction = database.begin_write()?;
    let mut tables = Tables::open(&transaction)?;
    let mut outcomes = Vec::with_capacity(changes.len());
    for (change, now) in changes {
        outcomes.push(match change {
            Change::Insert(key, insert, bytes_max) => {
                tables.insert(&key, *insert, bytes_max, now)?
            }
            Change::Delete(key) => tables.delete(&key, now)?,
        });
    }
    drop(tables);
    transaction.commit()?;
    Ok(outcomes)
}
