//! Backends in the process of the host.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use abi_core::body::OutgoingBody;
use abi_core::http::{
    BackendRequest, BackendResponse, Destination, DynamicBackend, SendError, SendErrorKind,
};
use abi_core::platform::Backends;
use bytes::Bytes;
use fastlike::BackendSettings;
use fastlike::backends::{
    BackendName, BackendSet, FixedResponse, FixedResponses, LocalBackend, read_body,
};
use futures_util::future::BoxFuture;
use futures_util::stream;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::runtime::Handle;
use tower_service::Service;

use crate::common::{get, request, set, text};

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
    let origin = crate::common::Origin::new(async |_| crate::common::response("hello")).await;
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

#[tokio::test]
async fn a_backend_that_panics_is_a_failure_of_the_host() {
    let backends = local(LocalBackend::from_fn(async |request| -> StatusCode {
        panic!("no {}", request.uri().path())
    }));
    let error = get(&backends).await.unwrap_err();
    assert_eq!(error.kind, SendErrorKind::InternalError);
    assert!(error.to_string().contains("panicked: no /"), "{error}");
}
