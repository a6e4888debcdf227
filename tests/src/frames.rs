//! Clients and backends that see the frames of HTTP/2, and send what no library would: RFC 9113 section 6.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::task::JoinHandle;

/// Types of frames.
pub const DATA: u8 = 0;
/// The beginning of a message.
pub const HEADERS: u8 = 1;
/// One stream ends early.
pub const RST_STREAM: u8 = 3;
/// What the other side is to know.
pub const SETTINGS: u8 = 4;
/// Is the other side there?
pub const PING: u8 = 6;
/// The connection ends.
pub const GOAWAY: u8 = 7;
/// The other side may send more.
pub const WINDOW_UPDATE: u8 = 8;
/// More of the fields of a message.
pub const CONTINUATION: u8 = 9;

/// Flags: the last frame of a stream's side; also, of a question, its answer.
pub const END_STREAM: u8 = 1;
/// The flag of an answer to SETTINGS and PING.
pub const ACK: u8 = 1;
/// No CONTINUATION follows.
pub const END_HEADERS: u8 = 4;

/// Error codes: RFC 9113 section 7.
pub const NO_ERROR: u32 = 0;
/// The other side did what it must not.
pub const PROTOCOL_ERROR: u32 = 1;
/// It sent more than it may, or allowed more than there can be.
pub const FLOW_CONTROL_ERROR: u32 = 3;
/// The stream is not needed any more.
pub const CANCEL: u32 = 8;
/// It makes too much work.
pub const ENHANCE_YOUR_CALM: u32 = 11;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The bytes of a frame.
///
/// # Panics
///
/// When the payload is longer than any may be.
#[must_use]
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame has a length");
    let [none, high, middle, low] = length.to_be_bytes();
    assert_eq!(none, 0, "a frame is shorter");
    let mut frame = vec![high, middle, low, kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// The fields of a request for `path`, as RFC 7541 writes them without tables and codes.
///
/// # Panics
///
/// When the path is long.
#[must_use]
pub fn fields(method: &str, path: &str) -> Vec<u8> {
    let literal = |index: u8, value: &str| {
        let length = u8::try_from(value.len()).expect("this is short");
        assert!(length < 127, "this is longer than one byte says");
        let mut field = vec![index, length];
        field.extend_from_slice(value.as_bytes());
        field
    };
    // `:scheme` is `http`; the others are named by their place in the static table.
    [
        literal(2, method),
        vec![0x86],
        literal(4, path),
        literal(1, "test"),
    ]
    .concat()
}

/// A request without a body.
#[must_use]
pub fn get(stream: u32, path: &str) -> Vec<u8> {
    let fields = fields("GET", path);
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &fields)
}

/// The end of a stream for this reason.
#[must_use]
pub fn reset(stream: u32, reason: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &reason.to_be_bytes())
}

/// Settings, as the payload of their frame has them.
fn written(settings: &[(u16, u32)]) -> Vec<u8> {
    let bytes = |(name, value): &(u16, u32)| {
        let (name, value) = (name.to_be_bytes(), value.to_be_bytes());
        name.into_iter().chain(value)
    };
    settings.iter().flat_map(bytes).collect()
}

/// A frame that was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its type.
    pub kind: u8,
    /// What it says of itself.
    pub flags: u8,
    /// The stream it belongs to; 0 is the connection.
    pub stream: u32,
    /// What it carries.
    pub payload: Vec<u8>,
}

impl Frame {
    /// Why the connection ends, of a GOAWAY, or a stream, of a RST_STREAM.
    #[must_use]
    pub fn reason(&self) -> Option<u32> {
        let at = match self.kind {
            GOAWAY => 4,
            RST_STREAM => 0,
            _ => return None,
        };
        let bytes = self.payload.get(at..at + 4)?;
        Some(u32::from_be_bytes(bytes.try_into().ok()?))
    }

    /// Whether it is the head of a response with this status, one of those in the static table of RFC 7541.
    #[must_use]
    pub fn is_status(&self, status: u16) -> bool {
        let index = match status {
            200 => 0x88,
            204 => 0x89,
            404 => 0x8d,
            500 => 0x8e,
            _ => return false,
        };
        self.kind == HEADERS && self.payload.first() == Some(&index)
    }
}

/// A connection on which the test writes and reads frames. It answers none by itself.
#[derive(Debug)]
pub struct Frames {
    reading: OwnedReadHalf,
    /// Away while something is sent beside the reading.
    writing: Option<OwnedWriteHalf>,
}

impl Frames {
    /// Connects, and begins with these settings: RFC 9113 section 6.5.
    ///
    /// # Panics
    ///
    /// When it cannot.
    pub async fn connect(address: SocketAddr, settings: &[(u16, u32)]) -> Self {
        let stream = TcpStream::connect(address).await;
        let (reading, writing) = stream.expect("the host accepts connections").into_split();
        let mut frames = Self {
            reading,
            writing: Some(writing),
        };
        let settings = frame(SETTINGS, 0, 0, &written(settings));
        let beginning = [PREFACE, &settings].concat();
        frames.send(beginning).await;
        frames
    }

    /// The side of a server, on a connection that was accepted; it has sent the same settings. Nothing when the other side
    /// does not begin.
    pub async fn accept(stream: TcpStream, settings: &[(u16, u32)]) -> Option<Self> {
        let (reading, writing) = stream.into_split();
        let mut frames = Self {
            reading,
            writing: Some(writing),
        };
        let mut preface = [0; PREFACE.len()];
        frames.reading.read_exact(&mut preface).await.ok()?;
        frames.send(frame(SETTINGS, 0, 0, &written(settings))).await;
        (preface == *PREFACE).then_some(frames)
    }

    /// Sends frames, or what looks like them. Nothing is said of a connection that has ended: that is read.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        if let Some(writing) = &mut self.writing {
            let _ = writing.write_all(bytes.as_ref()).await;
        }
    }

    /// Sends the same again and again while others read, up to `count` times, and gives how often it was sent before the
    /// connection ended.
    ///
    /// # Panics
    ///
    /// When it is called a second time.
    pub fn flood(&mut self, bytes: Vec<u8>, count: usize) -> JoinHandle<usize> {
        let writing = self.writing.take();
        let mut writing = writing.expect("there is one flood on a connection");
        tokio::spawn(async move {
            for sent in 0..count {
                if writing.write_all(&bytes).await.is_err() {
                    return sent;
                }
            }
            count
        })
    }

    /// The next frame; none at the end of the connection.
    pub async fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.reading.read_exact(&mut head).await.ok()?;
        let [high, middle, low, kind, flags, a, b, c, d] = head;
        let length = u32::from_be_bytes([0, high, middle, low]);
        let mut payload = vec![0; usize::try_from(length).ok()?];
        self.reading.read_exact(&mut payload).await.ok()?;
        Some(Frame {
            kind,
            flags,
            stream: u32::from_be_bytes([a, b, c, d]),
            payload,
        })
    }

    /// Reads up to the frame that is looked for.
    ///
    /// # Panics
    ///
    /// When the connection ends before.
    pub async fn until(&mut self, wanted: impl Fn(&Frame) -> bool) -> Frame {
        loop {
            let frame = self.next().await;
            let frame = frame.expect("the connection ends before what is looked for");
            if wanted(&frame) {
                return frame;
            }
        }
    }

    /// Reads up to the end of the connection, and gives everything of it.
    pub async fn rest(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }

    /// Waits until everything that was sent has been read by the host.
    pub async fn is_read(&mut self) {
        self.send(frame(PING, 0, 0, b"is read?")).await;
        self.until(|frame| frame.kind == PING && frame.flags == ACK)
            .await;
    }

    /// Why the host ends the connection, which it does.
    pub async fn ended(&mut self) -> Option<u32> {
        let frames = self.rest().await;
        frames
            .iter()
            .rev()
            .find(|frame| frame.kind == GOAWAY)
            .and_then(Frame::reason)
    }
}
