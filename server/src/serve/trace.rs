//! Traces: every hostcall of a request, one line each.

use std::fmt;

use abi_core::ClientRequest;
use abi_core::session::HostcallObserver;
use abi_core::table::ReturnedHostcall;
use http::HeaderName;

/// How many hostcalls of one request are written.
const HOSTCALLS_MAX: u32 = 10_000;

/// Which requests are traced: their hostcalls become events of `tracing`, with the target `fastlike::trace`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Trace {
    /// None.
    #[default]
    Off,
    /// Those with this header field, whatever its value. Whoever can send requests can then fill logs.
    WithHeader(HeaderName),
    /// All.
    All,
}

impl Trace {
    /// What observes a request, if it is traced.
    pub(super) fn observer(&self, request: &ClientRequest) -> Option<Box<dyn HostcallObserver>> {
        let is_traced = match self {
            Self::Off => false,
            Self::WithHeader(name) => request.head.headers.contains_key(name),
            Self::All => true,
        };
        is_traced.then(|| -> Box<dyn HostcallObserver> { Box::new(Tracer::of(request)) })
    }
}

/// Writes the hostcalls of a request.
struct Tracer {
    request: Number,
    hostcalls: u32,
}

/// The number of a request in this process.
#[derive(Clone, Copy)]
struct Number(u64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

impl Tracer {
    fn of(request: &ClientRequest) -> Self {
        // The rest of the id is the same for all requests of a process.
        let number = Number(request.id as u64);
        let (method, uri) = (&request.head.method, &request.head.uri);
        tracing::info!(target: "fastlike::trace", request = %number, "{method} {uri}");
        Self {
            request: number,
            hostcalls: 0,
        }
    }
}

impl HostcallObserver for Tracer {
    fn returned(&mut self, returned: &ReturnedHostcall<'_>) {
        self.hostcalls = self.hostcalls.saturating_add(1);
        let request = self.request;
        if self.hostcalls <= HOSTCALLS_MAX {
            let us = returned.took.as_micros() as u64;
            tracing::info!(target: "fastlike::trace", %request, us, "{returned}");
        } else if self.hostcalls == HOSTCALLS_MAX + 1 {
            tracing::info!(target: "fastlike::trace", %request, "what follows is not written");
        }
    }
}
