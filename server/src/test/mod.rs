//! Testing a program: one request, backends that are functions, no sockets.
//!
//! ```no_run
//! #[tokio::test]
//! async fn the_greeting_is_passed_on() {
//!     let answer = fastlike::test::program("app.wasm")
//!         .backend("origin", async |_| "hello from the mock")
//!         .get("/")
//!         .await
//!         .unwrap();
//!     assert_eq!(answer.text(), "hello from the mock");
//!     assert_eq!(answer.sent_to("origin").len(), 1);
//! }
//! ```
//!
//! [`TestBuilder::configure`] reaches everything else that a [`HostBuilder`] has: stores, limits, a `fastly.toml`.
//! [`TestBuilder::start`] keeps the program for several requests, so that it is compiled once.

mod answer;
mod sent;

use std::error::Error as StdError;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;

use abi_core::body::OutgoingBody;
use abi_core::http::cache::HttpCacheSettings;
use abi_core::http::{SendError, SendErrorKind};
use bytes::Bytes;
use futures_util::FutureExt;
use http::Request;
use http_body_util::Empty;

pub use answer::Answer;
pub use sent::SentRequest;
use sent::{Recorded, Recorder};

use crate::backends::{LocalAnswer, LocalBackend};
use crate::host::{Host, HostBuilder, HostError};
use crate::program::ProgramSource;
use crate::world::LogCapture;

/// A program to be tested: the path of a file, or the bytes of a module.
///
/// Every request that it sends gets to its mock: responses are not kept for later ones, unless the host is
/// [told to](HostBuilder::http_cache).
pub fn program(program: impl Into<ProgramSource>) -> TestBuilder {
    TestBuilder {
        host: Host::builder()
            .program(program)
            .http_cache(HttpCacheSettings::disabled()),
        sent: Recorder::default(),
    }
}

/// A program with its mocked backends.
#[derive(Debug)]
#[must_use = "nothing runs before a request is sent"]
pub struct TestBuilder {
    host: HostBuilder,
    sent: Recorder,
}

impl TestBuilder {
    /// A backend that is a function. See [`LocalAnswer`] for what it may return.
    pub fn backend<F, R>(mut self, name: impl Into<String>, answer: F) -> Self
    where
        F: Fn(Request<OutgoingBody>) -> R + Send + Sync + 'static,
        R: Future + Send + 'static,
        R::Output: LocalAnswer,
    {
        let mock = self.mock(answer);
        self.host = self.host.backend_with(name, mock);
        self
    }

    /// What answers in the place of every other backend: of any other name, and of those that the program defines itself.
    pub fn other_backends<F, R>(mut self, answer: F) -> Self
    where
        F: Fn(Request<OutgoingBody>) -> R + Send + Sync + 'static,
        R: Future + Send + 'static,
        R::Output: LocalAnswer,
    {
        let mock = self.mock(answer);
        let host = self.host.default_backend(mock.clone());
        self.host = host.dynamic_backends(mock);
        self
    }

    fn mock<F, R>(&self, answer: F) -> LocalBackend
    where
        F: Fn(Request<OutgoingBody>) -> R + Send + Sync + 'static,
        R: Future + Send + 'static,
        R::Output: LocalAnswer,
    {
        let (sent, answer) = (self.sent.clone(), Arc::new(answer));
        LocalBackend::from_fn(move |request| {
            let (sent, answer) = (sent.clone(), answer.clone());
            async move {
                let request = sent.record(request).await.map_err(|error| {
                    SendError::new(SendErrorKind::ConnectionTerminated).with_source(error)
                })?;
                let answering = AssertUnwindSafe(async { answer(request).await });
                match answering.catch_unwind().await {
                    Ok(answer) => answer.into_answer(),
                    Err(panic) => Err(sent.note_panic(panic)),
                }
            }
        })
    }

    /// The engine to run the program with; otherwise the default one.
    pub fn engine(self, name: &str) -> Self {
        self.configure(|host| host.engine(name))
    }

    /// Everything else about the host. Its logs are those of the test, whatever is set here.
    pub fn configure(mut self, change: impl FnOnce(HostBuilder) -> HostBuilder) -> Self {
        self.host = change(self.host);
        self
    }

    /// Compiles the program, for several requests.
    ///
    /// # Errors
    ///
    /// [`HostError`].
    pub async fn start(self) -> Result<TestHost, HostError> {
        let logs = LogCapture::new();
        let host = self.host.logs(logs.clone()).build().await?;
        Ok(TestHost {
            host,
            sent: self.sent,
            logs,
        })
    }

    /// Asks the program for one path, and waits until it has ended. See [`TestHost::get`].
    ///
    /// # Errors
    ///
    /// [`HostError`] when the program cannot be run.
    ///
    /// # Panics
    ///
    /// When `uri` is none.
    pub async fn get(self, uri: &str) -> Result<Answer, HostError> {
        Ok(self.start().await?.get(uri).await)
    }

    /// Sends one request to the program, and waits until it has ended.
    ///
    /// # Errors
    ///
    /// [`HostError`] when the program cannot be run.
    pub async fn send<B>(self, request: Request<B>) -> Result<Answer, HostError>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        Ok(self.start().await?.send(request).await)
    }
}

/// A compiled program with its mocked backends.
///
/// What several requests at once log and send is not told apart: send them one behind the other where that matters.
#[derive(Debug)]
pub struct TestHost {
    host: Host,
    sent: Recorder,
    logs: LogCapture,
}

impl TestHost {
    /// Asks the program for a path, such as `/` or `http://example.com/`, and waits until it has ended.
    ///
    /// # Panics
    ///
    /// When `uri` is none.
    pub async fn get(&self, uri: &str) -> Answer {
        let absolute = if uri.starts_with('/') {
            format!("http://localhost{uri}")
        } else {
            uri.to_owned()
        };
        match Request::get(absolute).body(Empty::new()) {
            Ok(request) => self.send(request).await,
            Err(error) => panic!("`{uri}` cannot be asked for: {error}"),
        }
    }

    /// Sends a request to the program, and waits until it has ended.
    ///
    /// # Panics
    ///
    /// When a mocked backend did.
    pub async fn send<B>(&self, request: Request<B>) -> Answer
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        let (response, finished) = self.host.handle_and_report(request).await;
        let (parts, body) = response.into_parts();
        let reading = answer::read(body);
        let ((body, broken_off), report) = futures_util::future::join(reading, finished).await;
        if let Some(panic) = self.sent.take_panic() {
            // An assertion in a mock is one of the test.
            resume_unwind(panic);
        }
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
            broken_off,
            requests: self
                .sent
                .take()
                .into_iter()
                .map(Recorded::into_request)
                .collect(),
            logs: self.logs.take(),
            report,
        }
    }

    /// The host that runs the program.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }
}
