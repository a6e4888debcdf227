//! [`BodyWriter`]: writing the body of an object that readers may read already.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_channel::oneshot;
use futures_util::FutureExt;
use http::HeaderMap;
use http_body::Body as _;

use super::content::Content;
use super::overflow::Unstored;
use super::storage::Cache;
use crate::body::{Body, BodyError, OutgoingBody, PipeWriter, pipe};
use crate::platform::Executor;

/// So many bytes may have been written before the cache learns that an object has grown.
const UNCOUNTED_BYTES_MAX: u64 = 64 * 1024;

/// Writes the body of an object.
///
/// It does not wait for readers. It waits while the bodies of objects that are in the cache, and of those that have
/// left it and are still read, take twice what the cache may hold.
///
/// Dropping it without [`finish`](Self::finish) takes the object out of the cache, and its readers get an error.
pub struct BodyWriter {
    target: Target,
    trailers: HeaderMap,
    overflow: Option<Overflow>,
}

/// Where bodies go that the cache has no room for.
struct Overflow {
    reader: oneshot::Sender<Unstored>,
    /// It is known from the start that there is none.
    at_once: bool,
}

enum Target {
    Direct(Appender),
    /// A body that still arrives is ahead of what is written: another task reads it, and all that comes behind it.
    Piped(PipeWriter),
}

impl BodyWriter {
    pub(super) fn new(cache: Cache, content: Arc<Content>) -> Self {
        let appender = Appender {
            writer: content.budget().writer(),
            cache,
            content,
            uncounted: 0,
            finished: false,
        };
        Self {
            target: Target::Direct(appender),
            trailers: HeaderMap::new(),
            overflow: None,
        }
    }

    /// Has a reader get what is [appended](Self::append) and not stored: what is left when there is no more room, or,
    /// where that is known, all of it `at_once`.
    pub(super) fn with_overflow(mut self, at_once: bool) -> (Self, oneshot::Receiver<Unstored>) {
        let (reader, unstored) = oneshot::channel();
        self.overflow = Some(Overflow { reader, at_once });
        (self, unstored)
    }

    /// Waits until a write would not wait.
    ///
    /// # Errors
    ///
    /// [`BodyError`] when a body that was appended has failed.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BodyError>> {
        match &mut self.target {
            Target::Direct(appender) => appender.poll_room(cx).map(Ok),
            Target::Piped(pipe) => pipe.poll_ready(cx),
        }
    }

    /// Copies bytes to the end, and says how many.
    ///
    /// # Errors
    ///
    /// [`BodyError`] when there are more than were declared, when the object has become larger than the cache, or when a
    /// body that was appended has failed.
    pub fn write(&mut self, bytes: &[u8]) -> Result<usize, BodyError> {
        match &mut self.target {
            Target::Direct(appender) => {
                appender.copy(bytes)?;
                Ok(bytes.len())
            }
            Target::Piped(pipe) => pipe.write(bytes),
        }
    }

    /// Moves all of `body`, trailers too, to the end. What of it still arrives is read by a task of its own.
    ///
    /// # Errors
    ///
    /// Those of [`write`](Self::write).
    pub fn append(&mut self, body: Body, executor: &dyn Executor) -> Result<(), BodyError> {
        match &mut self.target {
            Target::Piped(pipe) => pipe.append(body),
            Target::Direct(_) if self.overflow.as_ref().is_some_and(|to| to.at_once) => {
                self.pipe(body, executor)
            }
            Target::Direct(appender) => match body.into_bytes() {
                Ok((pieces, trailers)) => {
                    crate::body::merge_trailers(&mut self.trailers, trailers);
                    // Copied: what is kept must not count as held for the run that wrote it.
                    pieces.iter().try_for_each(|piece| appender.copy(piece))
                }
                Err(body) => self.pipe(*body, executor),
            },
        }
    }

    fn pipe(&mut self, body: Body, executor: &dyn Executor) -> Result<(), BodyError> {
        let (mut writer, reader) = pipe();
        std::mem::swap(writer.trailers_mut(), &mut self.trailers);
        let piped = std::mem::replace(&mut self.target, Target::Piped(writer));
        let Target::Direct(appender) = piped else {
            return Ok(());
        };
        let mut body = OutgoingBody::streaming(body, reader);
        let overflow = self.overflow.take();
        // One who has left wants to know nothing, below.
        if let Some(Overflow {
            reader,
            at_once: true,
        }) = overflow
        {
            drop(appender);
            drop(reader.send(Ok(body)));
            return Ok(());
        }
        let stored = async move {
            // How it went is up to whoever reads the object: a failure takes it out of the cache.
            let unstored = match appender.store(&mut body).await {
                Ok(()) => return,
                Err(BodyError::TooLarge) => Ok(body),
                Err(cause) => Err(cause),
            };
            if let Some(overflow) = overflow {
                drop(overflow.reader.send(unstored));
            }
        };
        executor.spawn(stored.boxed());
        Ok(())
    }

    /// The trailers that [`finish`](Self::finish) will store.
    pub fn trailers_mut(&mut self) -> &mut HeaderMap {
        match &mut self.target {
            Target::Direct(_) => &mut self.trailers,
            Target::Piped(pipe) => pipe.trailers_mut(),
        }
    }

    /// Ends the body: the object is complete, unless another length was declared for it.
    pub fn finish(self) {
        match self.target {
            Target::Direct(appender) => appender.finish(self.trailers),
            Target::Piped(pipe) => pipe.finish(),
        }
    }

    /// Reads `body` to its end, and stores it behind what was written.
    ///
    /// # Errors
    ///
    /// [`BodyError`] when the body broke off, or cannot be stored. Then the object is not in the cache any more.
    pub async fn store(self, mut body: OutgoingBody) -> Result<(), BodyError> {
        self.store_from(&mut body).await
    }

    /// [`store`](Self::store), which leaves in `body` what it has not read: what comes behind the last stored byte, when
    /// the object has become [larger than the cache](BodyError::TooLarge).
    ///
    /// # Errors
    ///
    /// Those of [`store`](Self::store).
    pub async fn store_from(self, body: &mut OutgoingBody) -> Result<(), BodyError> {
        match self.target {
            Target::Direct(appender) => appender.store(body).await,
            Target::Piped(mut pipe) => {
                pipe.append(std::mem::take(body).into_body())?;
                pipe.finish();
                Ok(())
            }
        }
    }
}

/// The only one who adds to a body.
struct Appender {
    cache: Cache,
    content: Arc<Content>,
    writer: u64,
    uncounted: u64,
    finished: bool,
}

impl Appender {
    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.content.budget().poll_room(self.writer, cx)
    }

    fn push(&mut self, bytes: Bytes) -> Result<(), BodyError> {
        let length = bytes.len();
        self.content.push(bytes)?;
        self.count(length)
    }

    fn copy(&mut self, bytes: &[u8]) -> Result<(), BodyError> {
        self.content.write(bytes)?;
        self.count(bytes.len())
    }

    /// Tells the cache now and then how large the object has become.
    fn count(&mut self, bytes: usize) -> Result<(), BodyError> {
        self.uncounted += bytes as u64;
        if self.uncounted >= UNCOUNTED_BYTES_MAX {
            self.uncounted = 0;
            if !self.cache.has_grown(&self.content) {
                self.content.fail();
                return Err(BodyError::TooLarge);
            }
        }
        Ok(())
    }

    async fn store(mut self, body: &mut OutgoingBody) -> Result<(), BodyError> {
        let mut trailers = HeaderMap::new();
        loop {
            poll_fn(|cx| self.poll_room(cx)).await;
            let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await;
            let Some(frame) = frame else { break };
            match frame?.into_data() {
                Ok(bytes) => self.push(bytes)?,
                Err(frame) => {
                    if let Ok(more) = frame.into_trailers() {
                        crate::body::merge_trailers(&mut trailers, more);
                    }
                }
            }
        }
        self.finish(trailers);
        Ok(())
    }

    fn finish(mut self, trailers: HeaderMap) {
        self.finished = self.content.finish(trailers);
        if self.finished {
            self.cache.has_grown(&self.content);
        }
    }
}

impl Drop for Appender {
    fn drop(&mut self) {
        self.content.budget().forget(self.writer);
        if !self.finished {
            self.content.fail();
            self.cache.remove_content(&self.content);
        }
    }
}
