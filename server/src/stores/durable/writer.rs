//! The thread that writes to a file.

use std::path::Path;
use std::time::Duration;

use abi_core::stores::{KvError, KvInsert, KvKey};
use redb::Database;
use tokio::sync::{mpsc, oneshot};

use super::tables::Tables;

/// How many changes may wait for the writer; who has more to say waits.
const WAITING_MAX: usize = 256;

/// How large the values of one transaction may be together, in bytes.
const TRANSACTION_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A change of a store.
pub(super) enum Change {
    Insert(KvKey, Box<KvInsert>),
    Delete(KvKey),
}

impl Change {
    fn bytes(&self) -> usize {
        match self {
            Self::Insert(_, insert) => insert.value.len(),
            Self::Delete(_) => 0,
        }
    }
}

/// A change on its way, and where its outcome goes.
pub(super) struct Request {
    change: Change,
    now: Duration,
    outcome: oneshot::Sender<Result<(), KvError>>,
}

/// The way to the writer.
pub(super) struct Changes(mpsc::Sender<Request>);

/// A way to a writer, and what arrives there.
pub(super) fn channel() -> (Changes, mpsc::Receiver<Request>) {
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    (Changes(sender), receiver)
}

impl Changes {
    /// Has a change made, and waits until it is on the disk.
    pub(super) async fn send(&self, change: Change, now: Duration) -> Result<(), KvError> {
        let (request, outcome) = request(change, now);
        // Without a writer there is none left who could.
        self.0.send(request).await.map_err(|_| KvError::Internal)?;
        outcome.await.unwrap_or(Err(KvError::Internal))
    }

    /// [`send`](Self::send), on a thread that may block.
    pub(super) fn send_blocking(&self, change: Change, now: Duration) -> Result<(), KvError> {
        let (request, outcome) = request(change, now);
        let sent = self.0.blocking_send(request);
        sent.map_err(|_| KvError::Internal)?;
        outcome.blocking_recv().unwrap_or(Err(KvError::Internal))
    }
}

fn request(change: Change, now: Duration) -> (Request, oneshot::Receiver<Result<(), KvError>>) {
    let (outcome, receiver) = oneshot::channel();
    let request = Request {
        change,
        now,
        outcome,
    };
    (request, receiver)
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
        .map(|request| ((request.change, request.now), request.outcome))
        .unzip();
    let outcomes = match commit(database, changes) {
        Ok(outcomes) => outcomes,
        Err(error) => {
            tracing::error!("{}: nothing was written: {error}", path.display());
            vec![Err(KvError::Internal); tellers.len()]
        }
    };
    for (teller, outcome) in tellers.into_iter().zip(outcomes) {
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
            Change::Insert(key, insert) => tables.insert(&key, *insert, now)?,
            Change::Delete(key) => tables.delete(&key, now)?,
        });
    }
    drop(tables);
    transaction.commit()?;
    Ok(outcomes)
}
