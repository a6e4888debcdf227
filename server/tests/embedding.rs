//! fastlike as a part of a larger program: backends in this process, a host as a service, the end of a run, mocks.

mod common;

use std::io;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use abi_core::Platform;
use abi_core::body::OutgoingBody;
use abi_core::cache::{CacheKey, CacheSpace, WriteOptions};
use abi_core::engine::Exit;
use abi_core::http::{
    BackendRequest, BackendResponse, Destination, DynamicBackend, SendError, SendErrorKind,
};
use abi_core::platform::{Backends, Clock};
use bytes::Bytes;
use common::guest::host;
use common::{get, request, set, text};
use fastlike::backends::{
    BackendName, BackendSet, FixedResponse, FixedResponses, LocalBackend, read_body,
};
use fastlike::{BackendSettings, Host, test};
use futures_util::future::BoxFuture;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Empty, StreamBody};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tower_service::Service;

const ROUTES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/guests/routes.wasm");

/// The guest with many routes, on the engine that compiles it fastest: the last one.
fn routes() -> test::TestBuilder {
    let engine = fastlike::engines().last().unwrap();
    test::program(ROUTES).engine(engine.name)
}

fn local(backend: LocalBackend) -> BackendSet {
    set(backend.into())
}

async fn answer_of(backends: &BackendSet, sent: BackendRequest) -> String {
    text(backends.send(sent).await.unwrap().body).await
}

async fn failure(backends: &BackendSet) -> SendErrorKind {
    let error = get(backends).await.unwrap_err();
    println!("{error}");
    error.kind
}

#[tokio::test]
async fn a_function_sees_the_request_as_it_would_be_sent() {
    let backends = local(LocalBackend::from_fn(async |request| {
        let name = request.extensions().get::<BackendName>().unwrap().0.clone();
        let (parts, body) = request.into_parts();
        let body = read_body(body).await.unwrap();
        let (method, uri) = (parts.method, parts.uri);
        let host = parts.headers["host"].to_str().unwrap();
        format!("{name}: {method} {uri} for {host}, {} bytes", body.len())
    }));
    let body = OutgoingBody::from(Bytes::from_static(b"12345"));
    let sent = request(Method::POST, "http://example.com/a?b", body);
    assert_eq!(
        answer_of(&backends, sent).await,
        "origin: POST http://localhost/a?b for example.com, 5 bytes"
    );
}

#[tokio::test]
async fn settings_count_for_a_local_backend_too() {
    let mut settings = BackendSettings::local(LocalBackend::from_fn(async |request| {
        request.headers()["host"].to_str().unwrap().to_owned()
    }));
    settings.override_host = Some(HeaderValue::from_static("example.org"));
    let sent = request(Method::GET, "http://example.com/", OutgoingBody::empty());
    assert_eq!(answer_of(&set(settings), sent).await, "example.org");
}

#[tokio::test]
async fn a_failure_is_one_that_guests_can_tell() {
    let refused = LocalBackend::from_fn(async |_| {
        Err::<String, _>(SendError::new(SendErrorKind::ConnectionRefused))
    });
    assert_eq!(
        failure(&local(refused)).await,
        SendErrorKind::ConnectionRefused
    );
    let broken = LocalBackend::from_fn(async |_| Err::<String, _>(io::Error::other("no")));
    assert_eq!(
        failure(&local(broken)).await,
        SendErrorKind::DestinationUnavailable
    );
}

#[tokio::test]
async fn what_arrives_is_what_would_arrive_over_a_connection() {
    let backends = local(LocalBackend::from_fn(
        async |request: Request<OutgoingBody>| match request.uri().path() {
            "/none" => Response::builder().status(204).body("unseen".to_owned()),
            "/early" => Response::builder().status(103).body(String::new()),
            _ => Response::builder().body("hello".to_owned()),
        },
    ));
    let asked = |method, path| backends.send(request(method, path, OutgoingBody::empty()));
    for (method, path, length, body) in [
        (Method::GET, "/", Some("5"), "hello"),
        (Method::HEAD, "/", Some("5"), ""),
        (Method::GET, "/none", None, ""),
    ] {
        let response = asked(method, path).await.unwrap();
        let found = response.head.headers.get("content-length");
        assert_eq!(found.map(|length| length.to_str().unwrap()), length);
        assert_eq!(text(response.body).await, body);
    }
    let error = asked(Method::GET, "/early").await.unwrap_err();
    assert_eq!(error.kind, SendErrorKind::HttpResponseStatusInvalid);
}

/// A service that is ready only when it is asked a second time, and tells when it is called before.
#[derive(Clone, Default)]
struct Slow {
    is_ready: bool,
}

impl Service<Request<OutgoingBody>> for Slow {
    type Response = Response<String>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Response<String>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_ready {
            return Poll::Ready(Ok(()));
        }
        self.is_ready = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn call(&mut self, _: Request<OutgoingBody>) -> Self::Future {
        let answer = if self.is_ready {
            Ok(Response::new("ready".to_owned()))
        } else {
            Err(io::Error::other("not ready"))
        };
        Box::pin(std::future::ready(answer))
    }
}

#[tokio::test]
async fn a_service_is_asked_whether_it_is_ready() {
    let backends = local(LocalBackend::service(Slow::default()));
    let response = get(&backends).await.unwrap();
    assert_eq!(text(response.body).await, "ready");
}

#[tokio::test]
async fn an_axum_router_is_a_backend() {
    let router = axum::Router::new().route("/", axum::routing::get(async || "from axum"));
    let backends = local(LocalBackend::service(router));
    assert_eq!(text(get(&backends).await.unwrap().body).await, "from axum");
    let missing = request(Method::GET, "/nothing", OutgoingBody::empty());
    let response = backends.send(missing).await.unwrap();
    assert_eq!(response.head.status, StatusCode::NOT_FOUND);
}

/// Two frames with a pause of tokio's between them.
fn paused() -> Response<impl http_body::Body<Data = Bytes, Error = io::Error> + Send + 'static> {
    let frames = stream::unfold(0, |number| async move {
        if number == 2 {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        let frame = Frame::data(Bytes::from_static(b"frame "));
        Some((io::Result::Ok(frame), number + 1))
    });
    Response::new(StreamBody::new(frames))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_and_its_body_find_the_runtime_on_any_thread() {
    let backends = local(LocalBackend::from_fn(async |_| {
        tokio::time::sleep(Duration::from_millis(1)).await;
        paused()
    }));
    let elsewhere = std::thread::spawn(move || {
        futures_executor::block_on(async { text(get(&backends).await.unwrap().body).await })
    });
    let joined = tokio::task::spawn_blocking(move || elsewhere.join().unwrap());
    assert_eq!(joined.await.unwrap(), "frame frame ");
}

#[tokio::test]
async fn a_backend_may_be_down_at_times() {
    let uptime = |percent| {
        let mut settings = BackendSettings::local(LocalBackend::from_fn(async |_| "up"));
        settings.uptime_percent = percent;
        set(settings)
    };
    let status = async |backends: &BackendSet| get(backends).await.unwrap().head.status.as_u16();
    assert_eq!(status(&uptime(0)).await, 502);
    assert_eq!(status(&uptime(100)).await, 200);
    let (backends, mut answers) = (uptime(50), 0);
    for _ in 0..500 {
        answers += usize::from(status(&backends).await == 200);
    }
    assert!((100..400).contains(&answers), "{answers}");
}

#[tokio::test]
async fn latency_counts_for_the_limit_on_the_first_byte() {
    let mut settings = BackendSettings::local(LocalBackend::from_fn(async |_| "late"));
    settings.latency = Duration::from_secs(600);
    settings.first_byte_timeout = Some(Duration::from_millis(10));
    assert_eq!(
        failure(&set(settings)).await,
        SendErrorKind::HttpResponseTimeout
    );
}

#[tokio::test]
async fn latency_delays_a_real_backend_too() {
    let origin = common::Origin::new(async |_| common::response("hello")).await;
    let mut settings = origin.settings();
    settings.latency = Duration::from_millis(30);
    let begun = std::time::Instant::now();
    assert_eq!(text(get(&set(settings)).await.unwrap().body).await, "hello");
    assert!(begun.elapsed() >= Duration::from_millis(30));
}

#[tokio::test]
async fn other_names_and_dynamic_backends_have_one_that_answers() {
    let named = |prefix: &'static str| {
        LocalBackend::from_fn(move |request: Request<OutgoingBody>| async move {
            format!(
                "{prefix} {}",
                request.extensions().get::<BackendName>().unwrap().0
            )
        })
    };
    let origin = ("origin".to_owned(), named("known").into());
    let backends = BackendSet::new(Handle::current(), [origin])
        .with_fallback(named("other").into())
        .with_dynamic_backends(named("dynamic").into());
    let to = |destination| BackendRequest {
        destination,
        ..request(Method::GET, "/", OutgoingBody::empty())
    };
    let fixed = |name: &str| to(Destination::Static(name.to_owned()));
    assert_eq!(answer_of(&backends, fixed("origin")).await, "known origin");
    assert_eq!(
        answer_of(&backends, fixed("anything")).await,
        "other anything"
    );
    assert!(backends.exists("anything"));
    let mut defined = DynamicBackend::default();
    defined.target = "example.com:80".to_owned();
    let dynamic = to(Destination::Dynamic(Arc::new(defined)));
    assert_eq!(
        answer_of(&backends, dynamic).await,
        "dynamic example.com:80"
    );
}

#[tokio::test]
async fn responses_may_be_written_down() {
    let backends = local(LocalBackend::fixed(FixedResponses::from_iter([
        FixedResponse {
            path: Some("/a".to_owned()),
            status: StatusCode::CREATED,
            body: Bytes::from_static(b"written"),
            ..FixedResponse::default()
        },
    ])));
    let asked = |path| backends.send(request(Method::GET, path, OutgoingBody::empty()));
    let BackendResponse { head, body } = asked("/a").await.unwrap();
    assert_eq!(
        (head.status, text(body).await.as_str()),
        (StatusCode::CREATED, "written")
    );
    assert_eq!(
        asked("/b").await.unwrap().head.status,
        StatusCode::NOT_FOUND
    );
}

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
async fn a_test_sees_what_a_program_sends_and_logs() {
    let host = routes()
        .backend("origin", async |request| {
            let length = read_body(request.into_body()).await?.len();
            Ok::<_, abi_core::body::BodyError>(format!("{length} bytes"))
        })
        .start()
        .await
        .unwrap();
    let request = Request::post("http://localhost/proxy/origin/path?query");
    let request = request.header("x-a", "1").body("some text".to_owned());
    let answer = host.send(request.unwrap()).await;
    assert_eq!(answer.text(), "9 bytes");
    let [sent] = answer.sent_to("origin")[..] else {
        panic!("{answer:?}");
    };
    assert_eq!(
        (&sent.method, sent.body.as_ref()),
        (&Method::POST, &b"some text"[..])
    );
    assert!(
        sent.uri
            .path_and_query()
            .unwrap()
            .as_str()
            .starts_with("/path")
    );
    assert!(answer.is_success() && answer.broken_off.is_none());
    assert!(answer.sent_to("other").is_empty());

    let answer = host.get("/log/access").await;
    assert!(
        answer.requests.is_empty(),
        "an answer has what came after the one before"
    );
    assert_eq!(answer.log("access").len(), answer.logs.len());
    assert!(host.get("/hello").await.logs.is_empty());
}

#[tokio::test]
async fn a_mock_that_does_not_read_has_been_sent_the_body_all_the_same() {
    let answer = routes()
        .backend("origin", async |_| StatusCode::NO_CONTENT)
        .send(
            Request::post("http://localhost/proxy/origin/")
                .body("some text".to_owned())
                .unwrap(),
        )
        .await
        .unwrap();
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(answer.requests[0].body, "some text");
}

#[tokio::test]
async fn a_backend_that_panics_is_a_failure_of_the_host() {
    let backends = local(LocalBackend::from_fn(async |request| -> StatusCode {
        panic!("no {}", request.uri().path())
    }));
    let error = get(&backends).await.unwrap_err();
    assert_eq!(error.kind, SendErrorKind::InternalError);
    assert!(error.to_string().contains("panicked: no /"), "{error}");
}

#[tokio::test]
#[should_panic(expected = "the program asks for /x")]
async fn an_assertion_in_a_mock_is_one_of_the_test() {
    let asked = routes().backend("origin", async |request| {
        assert_eq!(request.uri().path(), "/y", "the program asks for /x");
        "hello"
    });
    drop(asked.get("/proxy/origin/x").await);
}

#[tokio::test]
async fn a_guest_that_fails_says_so_in_its_answer() {
    let answer = routes().get("/panic").await.unwrap();
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!answer.is_success());
    let error = test::program("no/such.wasm").get("/").await.unwrap_err();
    assert!(error.to_string().contains("no/such.wasm"), "{error}");
}

#[tokio::test]
async fn a_mock_of_a_configuration_answers() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fastly.toml");
    let text = "[local_server.backends.origin]\n\
        respond = { status = 201, headers = { x-a = 'b' }, body = 'from the file' }\n";
    std::fs::write(&file, text).unwrap();
    let answer = routes()
        .configure(|host| host.config(file))
        .get("/proxy/origin/")
        .await
        .unwrap();
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(
        (answer.header("x-a"), answer.text().as_str()),
        (Some("b"), "from the file")
    );
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
