//! Values, as queues of bytes that are shared and not copied.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::body::Body;

/// The largest value, in bytes.
pub const KV_VALUE_BYTES_MAX: usize = 25 * 1024 * 1024;

/// Pieces below this size are copied into larger ones: many small ones would cost more than the copy, and a small one
/// may be all that is left of a large buffer, which it would keep.
const PIECE_BYTES_MIN: usize = 4 * 1024;

/// A value. Clones, bodies and longer values made of it share its bytes.
#[derive(Clone, Debug, Default)]
pub struct KvValue {
    pieces: Arc<[Bytes]>,
    len: usize,
}

impl KvValue {
    /// A value of these pieces, one behind the other.
    pub fn from_pieces(pieces: impl IntoIterator<Item = Bytes>) -> Self {
        let mut gathered = KvPieces::default();
        pieces.into_iter().for_each(|piece| gathered.push(piece));
        gathered.finish()
    }

    /// This value with another one behind it.
    #[must_use]
    pub fn followed_by(&self, other: &Self) -> Self {
        Self::from_pieces(self.pieces.iter().chain(&*other.pieces).cloned())
    }

    /// Its length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Its pieces, none of which is empty.
    pub fn pieces(&self) -> impl Iterator<Item = &Bytes> {
        self.pieces.iter()
    }

    /// All of it in one piece: copied, unless it is in one piece already.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        match &*self.pieces {
            [] => Bytes::new(),
            [piece] => piece.clone(),
            pieces => pieces.concat().into(),
        }
    }

    /// A body of it, without a copy.
    #[must_use]
    pub fn to_body(&self) -> Body {
        let mut body = Body::empty();
        for piece in &*self.pieces {
            body.push_back(piece.clone());
        }
        body
    }
}

/// A value that arrives piece by piece. What it takes is never much more than the bytes, however small the pieces.
#[derive(Default)]
pub(crate) struct KvPieces {
    large: Vec<Bytes>,
    small: BytesMut,
    len: usize,
}

impl KvPieces {
    pub(crate) fn push(&mut self, piece: Bytes) {
        self.len += piece.len();
        if piece.len() < PIECE_BYTES_MIN {
            self.small.extend_from_slice(&piece);
            if self.small.len() >= PIECE_BYTES_MIN {
                self.join_small();
            }
        } else {
            self.join_small();
            self.large.push(piece);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn finish(mut self) -> KvValue {
        self.join_small();
        KvValue {
            pieces: self.large.into(),
            len: self.len,
        }
    }

    fn join_small(&mut self) {
        if !self.small.is_empty() {
            self.large.push(std::mem::take(&mut self.small).freeze());
        }
    }
}

impl From<Bytes> for KvValue {
    fn from(bytes: Bytes) -> Self {
        Self::from_pieces([bytes])
    }
}

impl PartialEq for KvValue {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.to_bytes() == other.to_bytes()
    }
}

impl Eq for KvValue {}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(byte: u8, len: usize) -> Bytes {
        Bytes::from(vec![byte; len])
    }

    #[test]
    fn small_pieces_are_joined_and_large_ones_shared() {
        let large = piece(3, 10_000);
        let value = KvValue::from_pieces([piece(1, 10), piece(2, 20), large.clone(), piece(4, 1)]);
        assert_eq!(value.len(), 10_031);
        let lengths: Vec<_> = value.pieces().map(Bytes::len).collect();
        assert_eq!(lengths, [30, 10_000, 1]);
        assert_eq!(value.pieces().nth(1).unwrap().as_ptr(), large.as_ptr());
        assert_eq!(KvValue::from_pieces([Bytes::new()]).pieces().count(), 0);
    }

    #[test]
    fn many_small_appends_do_not_make_many_pieces() {
        let mut value = KvValue::default();
        for _ in 0..10_000 {
            value = value.followed_by(&KvValue::from(Bytes::from_static(b"ab")));
        }
        assert_eq!(value.len(), 20_000);
        assert!(value.pieces().count() <= 5);
        assert_eq!(value.to_bytes(), b"ab".repeat(10_000));
    }
}
