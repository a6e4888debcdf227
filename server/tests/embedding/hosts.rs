//! Hosts: what whoever embeds one can ask of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use abi_core::Platform;
use abi_core::cache::{CacheKey, CacheSpace, WriteOptions};
use abi_core::engine::Exit;
use abi_core::platform::Clock;
use bytes::Bytes;
use fastlike::backends::BackendSet;
use fastlike::{BackendSettings, Host};
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tower_service::Service;

use super::ROUTES;
use crate::common::guest::host;
use crate::common::{get, text};

fn any_request() -> Request<Empty<Bytes>> {
    Request::get("http://localhost/")
        .body(Empty::new())
        .unwrap()
}

#[tokio::test]
async fn a_host_is_a_service() {
    let builder = host(async |mut guest| {
        guest.answer("hello").await;
        Exit::Returned
    });
    let mut service = builder.build().await.unwrap();
    std::future::poll_fn(|cx| Service::<Request<Empty<Bytes>>>::poll_ready(&mut service, cx))
        .await
        .unwrap();
    let response = service.call(any_request()).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "hello");
}

#[tokio::test]
async fn the_size_of_the_cache_is_what_the_builder_or_else_the_configuration_says() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fastly.toml");
    std::fs::write(&file, "[local_server.cache]\nsize_mb = 2\n").unwrap();
    let plain = || host(async |_| Exit::Returned);
    for (builder, mebibytes) in [
        (plain(), 256),
        (plain().config(&file), 2),
        (plain().config(&file).cache_bytes(1 << 20), 1),
    ] {
        let host = builder.build().await.unwrap();
        assert_eq!(host.cache().statistics().capacity, mebibytes << 20);
    }
}

/// A clock that a test sets, whose sleeps end when the test says so.
struct TestClock {
    now: Mutex<Duration>,
    sleeps: mpsc::UnboundedSender<oneshot::Sender<()>>,
}

impl Clock for TestClock {
    fn monotonic(&self) -> Duration {
        *self.now.lock().unwrap()
    }

    fn wall(&self) -> Duration {
        self.monotonic()
    }

    fn sleep(&self, _duration: Duration) -> BoxFuture<'static, ()> {
        let (wake, woken) = oneshot::channel();
        // When nobody wakes any more, the test is over.
        let _ = self.sleeps.send(wake);
        Box::pin(async {
            if woken.await.is_err() {
                std::future::pending().await
            }
        })
    }
}

#[tokio::test]
async fn the_cache_of_a_host_that_nobody_asks_is_swept() {
    let (sleeps, mut asleep) = mpsc::unbounded_channel();
    let now = Mutex::new(Duration::ZERO);
    let clock = Arc::new(TestClock { now, sleeps });
    let given = clock.clone();
    let host = host(async |_| Exit::Returned).platform(|platform| Platform {
        clock: given,
        ..platform
    });
    let host = host.build().await.unwrap();
    let cache = host.cache();
    for number in 0..100_u64 {
        let key = CacheKey::new(CacheSpace::Core, &number.to_be_bytes()).unwrap();
        let options = WriteOptions::new(Duration::from_secs(number + 1));
        let writer = cache.insert(key, &HeaderMap::new(), options, Duration::ZERO);
        writer.finish();
    }
    for (seconds, left) in [(0, 100), (60, 40), (100, 0)] {
        let wake = asleep.recv().await.unwrap();
        *clock.now.lock().unwrap() = Duration::from_secs(seconds);
        wake.send(()).unwrap();
        // It sleeps again when it is done.
        let next = asleep.recv().await.unwrap();
        assert_eq!(cache.statistics().objects, left, "after {seconds} s");
        clock.sleeps.send(next).unwrap();
    }
    let cache = cache.clone();
    drop(host);
    assert_eq!(cache.statistics().expired, 100);
    let mut wake = asleep.recv().await.unwrap();
    wake.closed().await;
}

#[tokio::test]
async fn the_end_of_a_run_can_be_waited_for() {
    let worked = Arc::new(Mutex::new(false));
    let notes = worked.clone();
    let builder = host(move |mut guest| {
        let notes = notes.clone();
        async move {
            guest.answer("early").await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            *notes.lock().unwrap() = true;
            Exit::Exited(3)
        }
    });
    let host = builder.build().await.unwrap();
    let (response, finished) = host.handle_and_report(any_request()).await;
    assert_eq!(response.status(), 200);
    let report = finished.await.unwrap();
    assert!(*worked.lock().unwrap());
    assert_eq!(report.exit, Exit::Exited(3));
}

#[tokio::test]
async fn a_request_that_no_guest_sees_has_no_report() {
    let builder = host(async |_| Exit::Returned);
    let host = builder.build().await.unwrap();
    let connect = Request::connect("localhost:80").body(Empty::new()).unwrap();
    let (response, finished) = host.handle_and_report(connect).await;
    assert_eq!(response.status(), StatusCode::NOT_IMPLEMENTED);
    assert!(finished.await.is_none());
}

#[tokio::test]
async fn messages_of_one_endpoint_go_to_its_function() {
    let (lines, capture) = (
        Arc::new(Mutex::new(Vec::new())),
        fastlike::LogCapture::new(),
    );
    let written = lines.clone();
    let host = Host::builder()
        .engine(fastlike::engines().last().unwrap().name)
        .program(ROUTES)
        .logs(capture.clone())
        .log_endpoint("access", move |message| {
            written
                .lock()
                .unwrap()
                .push(String::from_utf8_lossy(message).into_owned());
        })
        .build()
        .await
        .unwrap();
    for path in ["/log/access", "/log/other"] {
        let request = Request::get(format!("http://localhost{path}"));
        let request = request.body(Empty::<Bytes>::new()).unwrap();
        let (response, finished) = host.handle_and_report(request).await;
        response.into_body().collect().await.unwrap();
        assert!(finished.await.unwrap().exit.is_success());
    }
    assert!(!lines.lock().unwrap().is_empty());
    let others = capture.lines();
    assert!(!others.is_empty());
    let access = fastlike::CapturedSource::Endpoint("access".to_owned());
    assert!(
        others.iter().all(|line| line.source != access),
        "{others:?}"
    );
}

#[tokio::test]
async fn warming_up_shows_nothing_outside() {
    let capture = fastlike::LogCapture::new();
    let asked = Arc::new(Mutex::new(0));
    let counter = asked.clone();
    let host = Host::builder()
        .engine(fastlike::engines().last().unwrap().name)
        .program(ROUTES)
        .logs(capture.clone())
        .backend_fn("origin", move |_| {
            *counter.lock().unwrap() += 1;
            async { "hello" }
        })
        .build()
        .await
        .unwrap();
    for path in ["/hello", "/log/access", "/proxy/origin/"] {
        let request = Request::get(format!("http://localhost{path}"));
        let request = request.body(Empty::<Bytes>::new()).unwrap();
        assert!(host.warm_up(request).await.unwrap().exit.is_success());
    }
    assert_eq!(*asked.lock().unwrap(), 0);
    assert!(capture.lines().is_empty());
    let connect = Request::connect("localhost:80").body(Empty::<Bytes>::new());
    assert!(host.warm_up(connect.unwrap()).await.is_none());
}

#[tokio::test]
async fn a_host_goes_over_to_another_program() {
    let answering = |text: &'static str| {
        host(move |mut guest| async move {
            guest.answer(text).await;
            Exit::Returned
        })
    };
    let asked = async |host: &Host| {
        let request = Request::new(Empty::<Bytes>::new());
        let body = host.handle(request).await.into_body();
        body.collect().await.unwrap().to_bytes()
    };
    let host = answering("one").build().await.unwrap();
    assert_eq!(asked(&host).await, "one");
    host.clone().reload(answering("two")).await.unwrap();
    assert_eq!(asked(&host).await, "two");
    let missing = Host::builder().program("no/such.wasm");
    let error = host.reload(missing).await.unwrap_err().to_string();
    assert!(error.contains("no/such.wasm"), "{error}");
    assert_eq!(asked(&host).await, "two");
    // A builder without a program is no way to change only the rest.
    assert!(host.reload(Host::builder()).await.is_err());
}

#[tokio::test]
async fn connections_to_a_backend_outlive_a_reload() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(Mutex::new(0));
    let counted = connections.clone();
    let router = axum::Router::new().fallback(async || "hello");
    let listener = axum::serve::ListenerExt::tap_io(listener, move |_| {
        *counted.lock().unwrap() += 1;
    });
    tokio::spawn(axum::serve(listener, router).into_future());
    let url = format!("http://{address}");
    let set_after = |previous: Option<&BackendSet>, url: &str| {
        let settings = BackendSettings::new(url.parse().unwrap());
        BackendSet::after(
            previous,
            Handle::current(),
            [("origin".to_owned(), settings)],
        )
    };
    let first = set_after(None, &url);
    text(get(&first).await.unwrap().body).await;
    let second = set_after(Some(&first), &url);
    drop(first);
    text(get(&second).await.unwrap().body).await;
    // Another path, at the same place.
    let third = set_after(Some(&second), &format!("{url}/prefix"));
    text(get(&third).await.unwrap().body).await;
    assert_eq!(*connections.lock().unwrap(), 1);
}
