//! Taking gzip off a body while it arrives.

use std::io::Write;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use http_body::Frame;

use super::{Body, BodyError};

/// How much is decoded at a time. Compressed data can grow a thousandfold: this bounds what one step makes of it.
const INPUT_BYTES_MAX: usize = 4 * 1024;

/// The decoded form of a gzip-encoded body (RFC 1952), decoded as it is read.
///
/// Reading it fails with [`BodyError::Encoding`] where the data is not gzip, or ends too early.
#[must_use]
pub fn gunzip(body: Body) -> Body {
    Body::from_stream(Box::pin(Gunzip {
        body,
        decoder: MultiGzDecoder::new(Vec::new()),
        state: State::Data,
    }))
}

struct Gunzip {
    body: Body,
    decoder: MultiGzDecoder<Vec<u8>>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Data,
    Trailers,
    Ended,
}

impl Gunzip {
    fn decode(&mut self, encoded: Option<Bytes>) -> Result<Bytes, BodyError> {
        let step = match encoded {
            Some(encoded) => self
                .decoder
                .write_all(&encoded)
                .and_then(|()| self.decoder.flush()),
            None => {
                self.state = State::Trailers;
                self.decoder.try_finish()
            }
        };
        step.map_err(|_| BodyError::Encoding)?;
        Ok(Bytes::from(std::mem::take(self.decoder.get_mut())))
    }
}

impl http_body::Body for Gunzip {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        while this.state == State::Data {
            let encoded = ready!(this.body.poll_read(INPUT_BYTES_MAX, cx));
            let decoded = encoded.and_then(|encoded| this.decode(encoded));
            match decoded {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Err(error) => {
                    this.state = State::Ended;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
        let trailers = std::mem::take(this.body.trailers_mut());
        let last = this.state == State::Trailers && !trailers.is_empty();
        this.state = State::Ended;
        Poll::Ready(last.then(|| Ok(Frame::trailers(trailers))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use futures_util::FutureExt;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn read_all(mut body: Body) -> Result<Vec<u8>, BodyError> {
        let mut all = Vec::new();
        while let Some(bytes) = body.read(usize::MAX).now_or_never().unwrap()? {
            all.extend_from_slice(&bytes);
        }
        Ok(all)
    }

    #[test]
    fn pieces_of_any_size_decode() {
        let data = vec![b'x'; 100_000];
        let encoded = gzip(&data);
        for size in [1, 7, encoded.len()] {
            let mut body = Body::empty();
            for piece in encoded.chunks(size) {
                body.push_back(Bytes::copy_from_slice(piece));
            }
            assert_eq!(read_all(gunzip(body)).unwrap(), data);
        }
    }

    #[test]
    fn bad_data_is_an_error() {
        let mut encoded = gzip(b"hello");
        encoded.truncate(encoded.len() - 3);
        for data in [Bytes::from(encoded), Bytes::from_static(b"not gzip at all")] {
            let result = read_all(gunzip(Body::from(data)));
            assert!(matches!(result, Err(BodyError::Encoding)));
        }
    }
}
