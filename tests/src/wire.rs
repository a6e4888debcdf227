//! A client that sees bytes.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// A connection on which the test writes and reads bytes.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    /// What was received and not taken yet.
    received: Vec<u8>,
}

impl Wire {
    /// Connects.
    ///
    /// # Panics
    ///
    /// When it cannot.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await;
        Self::of(stream.expect("the host accepts connections"))
    }

    /// Connects with little room for what was sent and not read.
    ///
    /// # Panics
    ///
    /// When it cannot.
    pub async fn connect_narrow(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("there is room for a socket");
        let size = socket.set_recv_buffer_size(16 * 1024);
        size.expect("the size of a buffer can be set");
        let stream = socket.connect(address).await;
        Self::of(stream.expect("the host accepts connections"))
    }

    fn of(stream: TcpStream) -> Self {
        Self {
            stream,
            received: Vec::new(),
        }
    }

    /// Sends bytes.
    ///
    /// # Panics
    ///
    /// When the connection is closed.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let sent = self.stream.write_all(bytes.as_ref()).await;
        sent.expect("the host reads");
    }

    /// Sends a `GET`.
    pub async fn get(&mut self, path: &str) {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n"))
            .await;
    }

    /// Sends a `GET`, after whose answer the host is to close the connection.
    pub async fn get_last(&mut self, path: &str) {
        self.send(format!(
            "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n"
        ))
        .await;
    }

    /// Closes this side of the connection.
    ///
    /// # Panics
    ///
    /// When it is closed already.
    pub async fn close_sending(&mut self) {
        let closed = self.stream.shutdown().await;
        closed.expect("a connection can be closed");
    }

    /// Reads up to and with the first occurrence of `end`.
    ///
    /// # Panics
    ///
    /// When the host closes the connection before.
    pub async fn read_until(&mut self, end: &str) -> String {
        let end = end.as_bytes();
        let mut searched = 0;
        loop {
            let mut windows = self.received[searched..].windows(end.len());
            if let Some(position) = windows.position(|window| window == end) {
                let rest = self.received.split_off(searched + position + end.len());
                let taken = std::mem::replace(&mut self.received, rest);
                return String::from_utf8_lossy(&taken).into_owned();
            }
            searched = self.received.len().saturating_sub(end.len() - 1);
            assert!(
                self.read().await,
                "the host closes after {:?}",
                String::from_utf8_lossy(&self.received)
            );
        }
    }

    /// Reads a head, with the empty line at its end, in lower case.
    pub async fn read_head(&mut self) -> String {
        self.read_until("\r\n\r\n").await.to_ascii_lowercase()
    }

    /// Reads as many bytes.
    ///
    /// # Panics
    ///
    /// When the host closes the connection before.
    pub async fn read_exact(&mut self, count: usize) -> Vec<u8> {
        while self.received.len() < count {
            assert!(self.read().await, "the host closes too early");
        }
        let rest = self.received.split_off(count);
        std::mem::replace(&mut self.received, rest)
    }

    /// Reads until the host closes the connection.
    pub async fn read_to_end(&mut self) -> String {
        while self.read().await {}
        let taken = std::mem::take(&mut self.received);
        String::from_utf8_lossy(&taken).into_owned()
    }

    /// Reads once; `false` at the end. A connection that is reset is at its end, too.
    async fn read(&mut self) -> bool {
        matches!(self.stream.read_buf(&mut self.received).await, Ok(1..))
    }
}
