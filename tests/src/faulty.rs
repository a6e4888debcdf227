//! Backends that fail.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// A server that does with each connection what it is told.
///
/// # Panics
///
/// When there is no free port.
pub async fn listen<F>(attend: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await;
    let listener = listener.expect("this machine has a loopback interface");
    let address = listener.local_addr().expect("a listener has an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(attend(stream));
        }
    });
    address
}

/// An address at which nothing listens.
#[derive(Debug)]
pub struct Refused {
    /// The address.
    pub address: SocketAddr,
    /// Bound, so that nobody else gets the port, and not listening.
    _socket: TcpSocket,
}

impl Refused {
    /// Takes a free port.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[must_use]
    pub fn take() -> Self {
        let bound = || -> io::Result<Self> {
            let socket = TcpSocket::new_v4()?;
            socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
            Ok(Self {
                address: socket.local_addr()?,
                _socket: socket,
            })
        };
        bound().expect("there is a free port")
    }
}

/// A backend that takes connections and does something unusual with each.
#[derive(Debug)]
pub struct Faulty {
    /// Where it listens.
    pub address: SocketAddr,
    accepted: Arc<watch::Sender<usize>>,
    left: Arc<watch::Sender<usize>>,
    accepting: JoinHandle<()>,
}

impl Faulty {
    /// Takes connections and never says anything.
    pub async fn never() -> Self {
        Self::start(Manner::Silent).await
    }

    /// Closes every connection at once.
    pub async fn closing() -> Self {
        Self::start(Manner::Closing).await
    }

    /// Answers every request with a text, and closes the connection.
    pub async fn saying(text: &'static str) -> Self {
        Self::start(Manner::Saying(text)).await
    }

    /// Closes every connection in the middle of the response's head.
    pub async fn cut_in_head() -> Self {
        Self::saying("HTTP/1.1 200 OK\r\ncontent-len").await
    }

    /// Closes every connection in the middle of the response's body.
    pub async fn cut_in_body() -> Self {
        Self::saying("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbeginning").await
    }

    /// Answers with something that is not HTTP.
    pub async fn nonsense() -> Self {
        Self::saying("220 mail.example.org ready\r\n\r\n").await
    }

    async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = listener.expect("this machine has a loopback interface");
        let address = listener.local_addr().expect("a listener has an address");
        let accepted = Arc::new(watch::Sender::new(0));
        let left = Arc::new(watch::Sender::new(0));
        let (counted, gone) = (accepted.clone(), left.clone());
        let accepting = tokio::spawn(async move {
            // Its connections are closed together with it.
            let mut attending = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                counted.send_modify(|count| *count += 1);
                attending.spawn(attend(stream, manner, gone.clone()));
            }
        });
        Self {
            address,
            accepted,
            left,
            accepting,
        }
    }

    /// Waits until it has taken `count` connections.
    ///
    /// # Panics
    ///
    /// Never: this holds the sender.
    pub async fn accepted(&self, count: usize) {
        let mut accepted = self.accepted.subscribe();
        let reached = accepted.wait_for(|accepted| *accepted >= count).await;
        reached.expect("the sender is held here");
    }

    /// Waits until `count` connections were closed by the other side.
    ///
    /// # Panics
    ///
    /// Never: this holds the sender.
    pub async fn left(&self, count: usize) {
        let mut left = self.left.subscribe();
        let reached = left.wait_for(|left| *left >= count).await;
        reached.expect("the sender is held here");
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// What is done with a connection.
#[derive(Clone, Copy, Debug)]
enum Manner {
    Silent,
    Closing,
    /// After the head of a request.
    Saying(&'static str),
}

async fn attend(mut stream: TcpStream, manner: Manner, left: Arc<watch::Sender<usize>>) {
    if matches!(manner, Manner::Closing) {
        return;
    }
    let mut received = Vec::new();
    while let Ok(1..) = stream.read_buf(&mut received).await {
        let Manner::Saying(says) = manner else {
            continue;
        };
        if received.windows(4).any(|window| window == b"\r\n\r\n") {
            // Nobody is told when it cannot be sent; the other side sees the end all the same.
            let _ = stream.write_all(says.as_bytes()).await;
            return;
        }
    }
    left.send_modify(|count| *count += 1);
}
