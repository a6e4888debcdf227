//! A backend that answers every request with 1 KiB at once, for comparisons on machines without nginx.
//!
//! It takes any header for the end of a request: what is sent to it has no body.

use std::env;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let address = env::args().nth(1).unwrap_or("127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(address).await?;
    let answer = [
        "HTTP/1.1 200 OK\r\ncontent-length: 1024\r\n\r\n",
        &"x".repeat(1024),
    ]
    .concat();
    let answer: &'static [u8] = answer.into_bytes().leak();
    loop {
        let (connection, _) = listener.accept().await?;
        tokio::spawn(async move {
            // A client that leaves ends its connection, and that is all there is to say about it.
            let _ = serve(connection, answer).await;
        });
    }
}

async fn serve(mut connection: TcpStream, answer: &[u8]) -> std::io::Result<()> {
    const END: &[u8] = b"\r\n\r\n";

    connection.set_nodelay(true)?;
    let mut received = Vec::with_capacity(4096);
    while connection.read_buf(&mut received).await? > 0 {
        while let Some(at) = received.windows(END.len()).position(|bytes| bytes == END) {
            received.drain(..at + END.len());
            connection.write_all(answer).await?;
        }
    }
    Ok(())
}
