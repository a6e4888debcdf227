//! The fingerprint of a client that speaks HTTP/2: how it begins a connection.
//!
//! The text is the one that Akamai proposed ("Passive Fingerprinting of HTTP/2 Clients", 2017), four parts with `|`
//! between them:
//!
//! * the first SETTINGS frame, `id:value` with `;` between them, in the order in which they were sent;
//! * the increment of the connection's first WINDOW_UPDATE frame, `00` where there is none;
//! * the PRIORITY frames, `stream:exclusive:depends on:weight` with `,` between them, the weight from 1 to 256; `0`
//!   where there are none. The priority that a HEADERS frame may have is no part of it;
//! * the order of the pseudo-header fields of the first request: `m`, `a`, `s` and `p`, with `,` between them.
//!
//! What comes after the first HEADERS frame counts no more. Frames are those of RFC 9113, header blocks those of
//! RFC 7541. A client that begins in a way that cannot be read has no fingerprint, and the HTTP library refuses it.

use std::sync::Arc;

/// What every client begins with: RFC 9113 section 3.4.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The most bytes that are looked at, up to the first request. A client may send as many of priorities and pings before
/// it as it likes; none that is known sends a kilobyte.
const BYTES_MAX: usize = 64 * 1024;

/// The largest frame that a client may send before it knows of a larger limit: RFC 9113 section 4.2.
const FRAME_BYTES_MAX: usize = 16 * 1024;

const FRAME_HEAD_BYTES: usize = 9;

mod kind {
    pub(super) const HEADERS: u8 = 1;
    pub(super) const PRIORITY: u8 = 2;
    pub(super) const SETTINGS: u8 = 4;
    pub(super) const WINDOW_UPDATE: u8 = 8;
}

mod flag {
    pub(super) const ACK: u8 = 0x1;
    pub(super) const PADDED: u8 = 0x8;
    pub(super) const PRIORITY: u8 = 0x20;
}

/// What has been seen of a connection's beginning.
#[derive(Debug, Default)]
pub(crate) struct Http2Beginning {
    /// What is not read yet; it begins with the preface, or with a frame.
    rest: Vec<u8>,
    seen: usize,
    has_preface: bool,
    settings: Option<String>,
    window: Option<u32>,
    priorities: Vec<String>,
    outcome: Option<Outcome>,
}

#[derive(Debug)]
enum Outcome {
    Known(Arc<str>),
    /// It did not begin as HTTP/2 does, or there was too much of it.
    Unreadable,
}

/// What a frame was.
enum Read {
    /// One before the first request.
    Further,
    /// The first request, with which the fingerprint is known.
    Request(Arc<str>),
}

impl Http2Beginning {
    /// Looks at what was read next; costs nothing once everything is known.
    pub(crate) fn read(&mut self, read: &[u8]) {
        if self.outcome.is_some() {
            return;
        }
        self.seen += read.len();
        self.rest.extend_from_slice(read);
        self.outcome = self.read_frames();
        if self.outcome.is_none() && self.seen > BYTES_MAX {
            self.outcome = Some(Outcome::Unreadable);
        }
        if self.outcome.is_some() {
            self.rest = Vec::new();
        }
    }

    /// The fingerprint; there is one when the first request has come.
    pub(crate) fn fingerprint(&self) -> Option<Arc<str>> {
        match &self.outcome {
            Some(Outcome::Known(fingerprint)) => Some(fingerprint.clone()),
            _ => None,
        }
    }

    /// Reads all frames that are there as a whole.
    fn read_frames(&mut self) -> Option<Outcome> {
        let rest = std::mem::take(&mut self.rest);
        let mut left = rest.as_slice();
        let outcome = self.read_each(&mut left);
        let read = rest.len() - left.len();
        self.rest = rest;
        self.rest.drain(..read);
        outcome
    }

    fn read_each(&mut self, left: &mut &[u8]) -> Option<Outcome> {
        if !self.has_preface {
            if left.len() < PREFACE.len() {
                return None;
            }
            let Some(behind) = left.strip_prefix(PREFACE) else {
                return Some(Outcome::Unreadable);
            };
            self.has_preface = true;
            *left = behind;
        }
        while let Some((head, behind)) = left.split_first_chunk::<FRAME_HEAD_BYTES>() {
            let length = number(&head[..3]) as usize;
            if length > FRAME_BYTES_MAX {
                return Some(Outcome::Unreadable);
            }
            let (payload, behind) = behind.split_at_checked(length)?;
            *left = behind;
            let stream = number(&head[5..]) & (u32::MAX >> 1);
            match self.read_frame(head[3], head[4], stream, payload) {
                Some(Read::Further) => {}
                Some(Read::Request(fingerprint)) => return Some(Outcome::Known(fingerprint)),
                None => return Some(Outcome::Unreadable),
            }
        }
        None
    }

    /// Reads a frame. `None` for one that is not as it has to be.
    fn read_frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Option<Read> {
        match kind {
            kind::SETTINGS if flags & flag::ACK == 0 && self.settings.is_none() => {
                self.settings = Some(settings(payload)?);
            }
            kind::WINDOW_UPDATE if stream == 0 && self.window.is_none() => {
                self.window = Some(number(payload.first_chunk::<4>()?) & (u32::MAX >> 1));
            }
            kind::PRIORITY => self.priorities.push(priority(stream, payload)?),
            kind::HEADERS => {
                let names = pseudo_headers(block(flags, payload)?)?;
                return Some(Read::Request(self.text(&names)?.into()));
            }
            _ => {}
        }
        Some(Read::Further)
    }

    fn text(&self, names: &[&str]) -> Option<String> {
        let window = self.window.map(|window| window.to_string());
        let priorities = match &self.priorities[..] {
            [] => "0".to_owned(),
            priorities => priorities.join(","),
        };
        Some(format!(
            "{}|{}|{priorities}|{}",
            self.settings.as_deref()?,
            window.as_deref().unwrap_or("00"),
            names.join(",")
        ))
    }
}

fn number(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u32::from(*byte))
}

fn settings(payload: &[u8]) -> Option<String> {
    let (settings, []) = payload.as_chunks::<6>() else {
        return None;
    };
    let settings = settings.iter();
    let settings =
        settings.map(|setting| format!("{}:{}", number(&setting[..2]), number(&setting[2..])));
    Some(settings.collect::<Vec<_>>().join(";"))
}

fn priority(stream: u32, payload: &[u8]) -> Option<String> {
    let (dependency, &[weight]) = payload.split_first_chunk::<4>()? else {
        return None;
    };
    let dependency = number(dependency);
    let (exclusive, other) = (dependency >> 31, dependency & (u32::MAX >> 1));
    Some(format!(
        "{stream}:{exclusive}:{other}:{}",
        u16::from(weight) + 1
    ))
}

/// The header block in a HEADERS frame, or as much of it as one frame has: RFC 9113 section 6.2.
fn block(flags: u8, payload: &[u8]) -> Option<&[u8]> {
    let mut block = payload;
    if flags & flag::PADDED != 0 {
        let (&padding, rest) = block.split_first()?;
        block = rest.get(..rest.len().checked_sub(padding.into())?)?;
    }
    if flags & flag::PRIORITY != 0 {
        block = block.get(5..)?;
    }
    Some(block)
}

/// The pseudo-header fields at the beginning of a connection's first header block, by their letters. A block that
/// breaks off among them has those before.
fn pseudo_headers(block: &[u8]) -> Option<Vec<&'static str>> {
    let mut names = Vec::new();
    let mut rest = Block(block);
    while let Some(&first) = rest.0.first() {
        // The size of the dynamic table, which is empty yet.
        if first & 0b1110_0000 == 0b0010_0000 {
            rest.integer(5)?;
            continue;
        }
        // Others come behind all of these.
        let Some(name) = rest.pseudo_header() else {
            break;
        };
        if names.contains(&name) {
            return None;
        }
        names.push(name);
    }
    (!names.is_empty()).then_some(names)
}

/// What is left to read of a header block.
struct Block<'a>(&'a [u8]);

impl<'a> Block<'a> {
    /// The letter of the next field's name, if all of the field is there and it is a pseudo-header field.
    fn pseudo_header(&mut self) -> Option<&'static str> {
        let first = *self.0.first()?;
        let is_indexed = first & 0b1000_0000 != 0;
        let bits = match first {
            _ if is_indexed => 7,
            _ if first & 0b0100_0000 != 0 => 6,
            _ => 4,
        };
        let name = match self.integer(bits)? {
            0 if is_indexed => return None,
            0 => {
                let is_huffman = *self.0.first()? & 0b1000_0000 != 0;
                named(self.string()?, is_huffman)
            }
            // The static table: RFC 7541 appendix A.
            1 => Some("a"),
            2 | 3 => Some("m"),
            4 | 5 => Some("p"),
            6 | 7 => Some("s"),
            _ => None,
        };
        if !is_indexed {
            self.string()?;
        }
        name
    }

    /// An integer behind a prefix: RFC 7541 section 5.1.
    fn integer(&mut self, bits: u32) -> Option<usize> {
        let largest = (1 << bits) - 1;
        let mut number = usize::from(self.byte()?) & largest;
        if number < largest {
            return Some(number);
        }
        for shift in [0, 7, 14] {
            let byte = self.byte()?;
            number += usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// A string, in whatever code it is.
    fn string(&mut self) -> Option<&'a [u8]> {
        let length = self.integer(7)?;
        let (string, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(string)
    }

    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }
}

/// The letter of a pseudo-header field whose name is written out, as it is or in the code of RFC 7541 appendix B.
fn named(name: &[u8], is_huffman: bool) -> Option<&'static str> {
    const AUTHORITY: &[u8] = b"\xb8\x3b\x53\x39\xec\x32\x7d\x7f";
    const METHOD: &[u8] = b"\xb9\x49\x53\x39\xe4";
    const PATH: &[u8] = b"\xb9\x58\xd3\x3f";
    const SCHEME: &[u8] = b"\xb8\x82\x4e\x5a\x4b";
    match (is_huffman, name) {
        (true, AUTHORITY) | (false, b":authority") => Some("a"),
        (true, METHOD) | (false, b":method") => Some("m"),
        (true, PATH) | (false, b":path") => Some("p"),
        (true, SCHEME) | (false, b":scheme") => Some("s"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = (payload.len() as u32).to_be_bytes();
        let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
        [&head, payload].concat()
    }

    fn settings_frame(settings: &[(u16, u32)]) -> Vec<u8> {
        let payload: Vec<u8> = settings
            .iter()
            .flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat())
            .collect();
        frame(4, 0, 0, &payload)
    }

    fn window_frame(stream: u32, increment: u32) -> Vec<u8> {
        frame(8, 0, stream, &increment.to_be_bytes())
    }

    fn priority_frame(stream: u32, dependency: u32, weight: u8) -> Vec<u8> {
        frame(
            2,
            0,
            stream,
            &[&dependency.to_be_bytes()[..], &[weight]].concat(),
        )
    }

    /// What is known of a connection that is read in pieces of `length` bytes.
    fn read(frames: &[Vec<u8>], length: usize) -> Option<String> {
        let bytes = [PREFACE, &frames.concat()].concat();
        let mut beginning = Http2Beginning::default();
        for piece in bytes.chunks(length) {
            beginning.read(piece);
        }
        beginning.fingerprint().map(|text| text.to_string())
    }

    fn in_any_pieces(frames: &[Vec<u8>]) -> Option<String> {
        let whole = read(frames, usize::MAX);
        for length in [1, 2, 7, 10, 30] {
            assert_eq!(read(frames, length), whole);
        }
        whole
    }

    /// What Chrome of these days sends; its priority is in the HEADERS frame.
    #[test]
    fn chrome() {
        let block = [
            &[0, 0, 0, 0, 255][..],
            b"\x82\x41\x8a\xa0\xe4\x1d\x13\x9d\x09\xb8\xf0\x1e\x07\x87\x84",
        ];
        let frames = [
            settings_frame(&[(1, 65536), (2, 0), (4, 6_291_456), (6, 262_144)]),
            window_frame(0, 15_663_105),
            frame(1, 0x25, 1, &block.concat()),
        ];
        assert_eq!(
            in_any_pieces(&frames).unwrap(),
            "1:65536;2:0;4:6291456;6:262144|15663105|0|m,a,s,p"
        );
    }

    /// What Firefox sent when it built a tree of priorities; this is an example in Akamai's paper.
    #[test]
    fn firefox() {
        let frames = [
            settings_frame(&[(1, 65536), (4, 131_072), (5, 16384)]),
            window_frame(0, 12_517_377),
            priority_frame(3, 0, 200),
            priority_frame(5, 0, 100),
            priority_frame(7, 0, 0),
            priority_frame(9, 7, 0),
            priority_frame(11, 3, 0),
            priority_frame(13, 0, 240),
            frame(1, 0x4, 15, b"\x82\x04\x01/\x01\x01h\x87\x90"),
        ];
        assert_eq!(
            in_any_pieces(&frames).unwrap(),
            "1:65536;4:131072;5:16384|12517377|3:0:0:201,5:0:0:101,7:0:0:1,9:0:7:1,11:0:3:1,13:0:0:241|m,p,a,s"
        );
    }

    #[test]
    fn names_may_be_written_out() {
        let block = [
            b"\x3f\xe1\x1f".as_slice(),
            b"\x00\x07:scheme\x04http",
            b"\x40\x85\xb9\x49\x53\x39\xe4\x03GET",
            b"\x10\x84\xb9\x58\xd3\x3f\x01/",
            b"\x00\x88\xb8\x3b\x53\x39\xec\x32\x7d\x7f\x01h",
            b"\x00\x01x\x07:method",
        ];
        let padded = [&[3][..], &block.concat(), &[0; 3]].concat();
        let frames = [settings_frame(&[]), frame(1, 0xc, 1, &padded)];
        assert_eq!(in_any_pieces(&frames).unwrap(), "|00|0|s,m,p,a");
    }

    #[test]
    fn only_what_comes_before_the_first_request_counts() {
        let request = || frame(1, 0x5, 1, b"\x82\x87\x84\x41\x01h");
        let frames = [
            settings_frame(&[(3, 100)]),
            frame(4, 1, 0, &[]),
            window_frame(1, 7),
            frame(6, 0, 0, &[0; 8]),
            request(),
            settings_frame(&[(3, 200)]),
            window_frame(0, 8),
            priority_frame(3, 1 << 31, 1),
            request(),
        ];
        assert_eq!(in_any_pieces(&frames).unwrap(), "3:100|00|0|m,s,p,a");
    }

    #[test]
    fn a_field_may_go_on_in_another_frame() {
        let frames = [
            settings_frame(&[]),
            frame(1, 0, 1, b"\x82\x87\x41\x01h\x04\x7f\xff\xff"),
            frame(9, 4, 1, &[b'/'; 40]),
        ];
        assert_eq!(in_any_pieces(&frames).unwrap(), "|00|0|m,s,a");
    }

    #[test]
    fn what_is_no_beginning_has_no_fingerprint() {
        let request = || frame(1, 0x5, 1, b"\x82\x87\x84");
        assert_eq!(in_any_pieces(&[request()]), None, "no settings");
        let odd = frame(4, 0, 0, &[0; 7]);
        assert_eq!(in_any_pieces(&[odd, request()]), None);
        let twice = frame(1, 0x5, 1, b"\x82\x82");
        assert_eq!(in_any_pieces(&[settings_frame(&[]), twice]), None);
        let none = frame(1, 0x5, 1, b"\x90");
        assert_eq!(in_any_pieces(&[settings_frame(&[]), none]), None);
        let padding = frame(1, 0xc, 1, &[9, 0x82]);
        assert_eq!(in_any_pieces(&[settings_frame(&[]), padding]), None);
        let mut beginning = Http2Beginning::default();
        beginning.read(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n");
        assert!(beginning.fingerprint().is_none());
    }

    #[test]
    fn whatever_is_changed_or_cut_off_is_read_or_not() {
        let frames = [
            settings_frame(&[(1, 65536), (2, 0)]),
            priority_frame(3, 0, 200),
            frame(1, 0x2c, 1, b"\x02\0\0\0\0\0\x82\x04\x01/\x01\x01h\x87\0\0"),
        ];
        let bytes = [PREFACE, &frames.concat()].concat();
        for position in 0..bytes.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[position] ^= change;
                let mut beginning = Http2Beginning::default();
                beginning.read(&changed);
            }
            Http2Beginning::default().read(&bytes[..position]);
        }
    }

    #[test]
    fn no_more_is_kept_than_a_beginning_may_have() {
        let mut beginning = Http2Beginning::default();
        beginning.read(PREFACE);
        let pings = frame(6, 0, 0, &[0; 8]).repeat(1000);
        for _ in 0..10 {
            beginning.read(&pings);
            assert!(beginning.rest.len() <= FRAME_BYTES_MAX + FRAME_HEAD_BYTES);
        }
        beginning.read(&[&settings_frame(&[])[..], &frame(1, 5, 1, b"\x82")].concat());
        assert!(beginning.fingerprint().is_none());
    }
}
