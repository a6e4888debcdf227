//! Requests that are answered from the cache.

mod bodies;
mod invalid;
mod stale;
mod storing;
mod waiting;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use abi_core::body::{Body, OutgoingBody};
use abi_core::http::cache::{HttpCacheSettings, Readthrough};
use abi_core::http::{
    BackendRequest, BackendResponse, Destination, RequestHead, ResponseHead, SendError,
    SendErrorKind,
};
use abi_core::platform::{Clock, Platform};
use abi_core::testing::World;
use http::{HeaderName, HeaderValue, Method, StatusCode};

type Fields<'a> = &'a [(&'static str, &'static str)];

/// A world with one backend, which answers with what is scripted, the last one again and again.
struct Edge {
    world: World,
    platform: Platform,
    asked: Arc<Mutex<Vec<RequestHead>>>,
    script: Arc<Mutex<Vec<Scripted>>>,
}

#[derive(Clone)]
struct Scripted {
    status: u16,
    fields: Vec<(&'static str, &'static str)>,
    body: &'static str,
}

impl Edge {
    fn new() -> Self {
        Self::with(HttpCacheSettings::default())
    }

    fn with(settings: HttpCacheSettings) -> Self {
        let world = World::new();
        let platform = Platform {
            http_cache: settings,
            ..world.platform()
        };
        let edge = Self {
            platform,
            world,
            asked: Arc::default(),
            script: Arc::default(),
        };
        let (world, asked, script) = (edge.world.clone(), edge.asked.clone(), edge.script.clone());
        edge.world
            .add_backend("origin", move |request: BackendRequest| {
                asked.lock().unwrap().push(request.head);
                let mut script = script.lock().unwrap();
                let next = match script.len() {
                    1 => script[0].clone(),
                    _ => script.remove(0),
                };
                let world = world.clone();
                async move {
                    world.sleep(Duration::from_millis(100)).await;
                    respond(next)
                }
            });
        edge
    }

    fn answers(&self, status: u16, fields: Fields<'_>, body: &'static str) -> &Self {
        self.script.lock().unwrap().push(Scripted {
            status,
            fields: fields.to_vec(),
            body,
        });
        self
    }

    fn get(&self, fields: Fields<'_>) -> Got {
        self.send(request(Method::GET, fields))
    }

    fn send(&self, request: BackendRequest) -> Got {
        let edge = Readthrough::new(self.platform.clone());
        self.world.drive(got(edge.send(request)))
    }

    fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    fn last(&self) -> RequestHead {
        self.asked.lock().unwrap().last().unwrap().clone()
    }

    fn pass_seconds(&self, seconds: u64) {
        self.world.advance(Duration::from_secs(seconds));
    }
}

fn respond(next: Scripted) -> Result<BackendResponse, SendError> {
    if next.status == 0 {
        return Err(SendError::new(SendErrorKind::ConnectionRefused));
    }
    let mut head = ResponseHead::new();
    head.status = StatusCode::from_u16(next.status).unwrap();
    for (name, value) in next.fields {
        let name = HeaderName::from_static(name);
        head.headers.append(name, HeaderValue::from_static(value));
    }
    let body = Body::from(bytes::Bytes::from_static(next.body.as_bytes()));
    Ok(BackendResponse { head, body })
}

fn request(method: Method, fields: Fields<'_>) -> BackendRequest {
    let mut head = RequestHead::new();
    head.method = method;
    head.uri = "http://example.org/a".parse().unwrap();
    for (name, value) in fields {
        let name = HeaderName::from_static(name);
        head.headers.append(name, HeaderValue::from_static(value));
    }
    BackendRequest {
        destination: Destination::Static("origin".to_owned()),
        head,
        body: OutgoingBody::empty(),
        bypass_cache: false,
    }
}

#[derive(Debug)]
struct Got {
    status: u16,
    head: ResponseHead,
    body: String,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        let value = self.head.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }
}

async fn got(sent: impl Future<Output = Result<BackendResponse, SendError>>) -> Got {
    match sent.await {
        Err(error) => Got {
            status: 0,
            head: ResponseHead::new(),
            body: error.to_string(),
        },
        Ok(mut response) => {
            let mut body = Vec::new();
            while let Some(bytes) = response.body.read(usize::MAX).await.unwrap() {
                body.extend_from_slice(&bytes);
            }
            Got {
                status: response.head.status.as_u16(),
                head: response.head,
                body: String::from_utf8(body).unwrap(),
            }
        }
    }
}

const FRESH: (&str, &str) = ("cache-control", "max-age=60");
