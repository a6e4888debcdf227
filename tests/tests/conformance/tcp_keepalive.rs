//! What the system is told about keeping connections to backends, read from the sockets themselves.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use conformance::cases;
use conformance::context::Context;
use conformance::guests::ROUTES;
use conformance::host::TestHost;
use conformance::origin::Origin;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use socket2::Socket;

use crate::backend_keys::start;

cases![
    nothing_said_is_the_usual,
    every_key_reaches_the_socket,
    options_of_a_dynamic_backend_reach_the_socket,
];

/// What a socket says.
#[derive(Debug, PartialEq, Eq)]
struct Probes {
    enabled: bool,
    idle: Duration,
    interval: Duration,
    count: u32,
}

impl Probes {
    fn of(socket: &Socket) -> Self {
        Self {
            enabled: socket.keepalive().expect("a socket says so"),
            idle: socket.tcp_keepalive_time().expect("a socket says so"),
            interval: socket.tcp_keepalive_interval().expect("a socket says so"),
            count: socket.tcp_keepalive_retries().expect("a socket says so"),
        }
    }
}

/// Copies of the sockets of this process whose other end is `address`. It is an error where the system gives none away, as in
/// many containers.
fn sockets_to(address: SocketAddr) -> Result<Vec<Socket>, Errno> {
    let this: Pid = getpid();
    let process = pidfd_open(this, PidfdFlags::empty())?;
    let entries = fs::read_dir("/proc/self/fd").expect("there is a list of files");
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let is_socket = fs::read_link(entry.path())
            .is_ok_and(|link| link.to_string_lossy().starts_with("socket:"));
        let number = entry.file_name().to_string_lossy().parse();
        let (true, Ok(number)) = (is_socket, number) else {
            continue;
        };
        let copy = match pidfd_getfd(&process, number, PidfdGetfdFlags::empty()) {
            Ok(copy) => copy,
            // One that was closed meanwhile is none of those that are looked for.
            Err(Errno::BADF) => continue,
            Err(error) => return Err(error),
        };
        let socket = Socket::from(copy);
        let peer = socket.peer_addr().ok().and_then(|peer| peer.as_socket());
        if peer == Some(address) {
            found.push(socket);
        }
    }
    Ok(found)
}

/// Of the only connection to a backend, which is kept; none where sockets cannot be looked at.
fn probes(origin: &Origin) -> Option<Probes> {
    let sockets = match sockets_to(origin.address) {
        Ok(sockets) => sockets,
        Err(error) => {
            eprintln!("left out: the system gives no copies of sockets here: {error}");
            return None;
        }
    };
    // A copy that another test of this process makes while it looks for its own is one of the same socket.
    let mut all: Vec<_> = sockets.iter().map(Probes::of).collect();
    all.dedup();
    let count = all.len();
    assert_eq!(count, 1, "kinds of connections to the backend: {sockets:?}");
    all.pop()
}

/// That the connection to a backend is kept like this.
fn assert_kept_with(origin: &Origin, expected: Probes) {
    if let Some(found) = probes(origin) {
        assert_eq!(found, expected);
    }
}

/// What the system does where nobody says anything.
fn of_system(name: &str) -> u32 {
    let text = fs::read_to_string(format!("/proc/sys/net/ipv4/tcp_keepalive_{name}"));
    let text = text.expect("the system says so");
    text.trim().parse().expect("it is a number")
}

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}

async fn asked(cx: &Context, keys: &str) -> (TestHost, Origin) {
    let (host, origin, _folder) = start(cx, "", keys).await;
    assert_eq!(host.get("/proxy/origin/bytes/1").await.status, 200);
    (host, origin)
}

async fn nothing_said_is_the_usual(cx: Context) {
    let (_host, origin) = asked(&cx, "").await;
    let expected = Probes {
        enabled: true,
        idle: seconds(60),
        interval: seconds(of_system("intvl")),
        count: of_system("probes"),
    };
    assert_kept_with(&origin, expected);
}

async fn every_key_reaches_the_socket(cx: Context) {
    let keys = "keepalive = { tcp_idle_s = 123, tcp_interval_s = 45, tcp_probes = 6 }";
    let (_host, origin) = asked(&cx, keys).await;
    let expected = Probes {
        enabled: true,
        idle: seconds(123),
        interval: seconds(45),
        count: 6,
    };
    assert_kept_with(&origin, expected);
    let (_host, origin) = asked(&cx, "keepalive = { tcp = false }").await;
    assert!(probes(&origin).is_none_or(|found| !found.enabled));
}

async fn options_of_a_dynamic_backend_reach_the_socket(cx: Context) {
    let origin = Origin::start().await;
    let host = cx.host(ROUTES).start().await;
    let path = format!("/dynamic/bytes/1?target={}&keepalive=60000", origin.address);
    assert_eq!(host.text(&path).await, "a");
    let expected = Probes {
        enabled: true,
        idle: seconds(1),
        interval: seconds(1),
        count: 1,
    };
    assert_kept_with(&origin, expected);
}
