//! Finding out whether a backend answers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use abi_core::body::OutgoingBody;
use abi_core::http::{BackendHealth, BackendRequest, Destination, Healthcheck, RequestHead};
use http::header::HOST;
use http::{HeaderValue, Method, Uri};

use super::send::Backend;
use super::simulate;

/// How long a backend is checked after a guest has last used it, or has asked for its health.
const CHECKED_AFTER_USE: Duration = Duration::from_secs(600);

/// Checks a backend from time to time, while guests use it.
pub(super) struct Monitor {
    check: Healthcheck,
    state: Mutex<State>,
}

struct State {
    /// The latest outcomes, the oldest first.
    outcomes: VecDeque<bool>,
    is_running: bool,
    last_use: Instant,
}

impl Monitor {
    pub(super) fn new(check: Healthcheck) -> Self {
        let window = check.window as usize;
        // Those that are taken as good come last, so that they count for longest.
        let bad = window.saturating_sub(check.initial as usize);
        let outcomes = (0..window).map(|index| index >= bad).collect();
        Self {
            check,
            state: Mutex::new(State {
                outcomes,
                is_running: false,
                last_use: Instant::now(),
            }),
        }
    }

    pub(super) fn health(&self) -> BackendHealth {
        let state = self.lock();
        let good = state.outcomes.iter().filter(|good| **good).count();
        if good >= self.check.threshold as usize {
            BackendHealth::Healthy
        } else {
            BackendHealth::Unhealthy
        }
    }

    /// Notes that a guest uses the backend, and begins to check it where nobody does.
    pub(super) fn used(&self, backend: &Arc<Backend>) {
        let mut state = self.lock();
        state.last_use = Instant::now();
        if !std::mem::replace(&mut state.is_running, true) {
            let checking = check_for_long(Arc::downgrade(backend), self.check.interval);
            backend.runtime().spawn(checking);
        }
    }

    fn note(&self, good: bool) {
        let mut state = self.lock();
        state.outcomes.pop_front();
        state.outcomes.push_back(good);
    }

    /// Whether nobody has used the backend for long, in which case this ends.
    fn stops(&self) -> bool {
        let mut state = self.lock();
        let stops = state.last_use.elapsed() > CHECKED_AFTER_USE;
        state.is_running = !stops;
        stops
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic leaves at most one outcome out.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn check_for_long(backend: Weak<Backend>, interval: Duration) {
    loop {
        {
            let Some(backend) = backend.upgrade() else {
                return;
            };
            let Some(monitor) = backend.monitor() else {
                return;
            };
            if monitor.stops() {
                return;
            }
            let good = is_good(&backend, &monitor.check).await;
            monitor.note(good);
        }
        tokio::time::sleep(interval).await;
    }
}

async fn is_good(backend: &Arc<Backend>, check: &Healthcheck) -> bool {
    let Some(request) = request(check) else {
        return false;
    };
    let sending = simulate::send(backend.clone(), request);
    match tokio::time::timeout(check.timeout, sending).await {
        Ok(Ok(response)) => response.head.status.as_u16() == check.expected_status,
        Ok(Err(_)) | Err(_) => false,
    }
}

fn request(check: &Healthcheck) -> Option<BackendRequest> {
    let mut head = RequestHead::new();
    if !check.method.is_empty() {
        head.method = Method::from_bytes(check.method.as_bytes()).ok()?;
    }
    if !check.path.is_empty() {
        head.uri = check.path.parse::<Uri>().ok()?;
    }
    if !check.host.is_empty() {
        let host = HeaderValue::from_str(&check.host).ok()?;
        head.headers.insert(HOST, host);
    }
    Some(BackendRequest {
        destination: Destination::Static("health check".to_owned()),
        head,
        body: OutgoingBody::empty(),
        bypass_cache: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_checks_decide() {
        let monitor = Monitor::new(Healthcheck {
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            host: String::new(),
            method: String::new(),
            path: String::new(),
            expected_status: 200,
            window: 3,
            threshold: 2,
            initial: 1,
        });
        assert_eq!(monitor.health(), BackendHealth::Unhealthy);
        monitor.note(true);
        assert_eq!(monitor.health(), BackendHealth::Healthy);
        monitor.note(false);
        assert_eq!(monitor.health(), BackendHealth::Healthy);
        monitor.note(false);
        assert_eq!(monitor.health(), BackendHealth::Unhealthy);
    }
}
