//! The first message of a TLS connection, as far as fingerprints need it: RFC 8446 section 4.1.2.

use bytes::Bytes;

/// The most bytes of a connection's beginning that are looked at. Post-quantum keys make hellos of two kilobytes.
pub(crate) const HELLO_BYTES_MAX: usize = 32 * 1024;

/// The numbers of extensions.
mod extension {
    pub(super) const SERVER_NAME: u16 = 0;
    pub(super) const SUPPORTED_GROUPS: u16 = 10;
    pub(super) const POINT_FORMATS: u16 = 11;
    pub(super) const SIGNATURE_ALGORITHMS: u16 = 13;
    pub(super) const ALPN: u16 = 16;
    pub(super) const SUPPORTED_VERSIONS: u16 = 43;
}

/// What a ClientHello says. Lists are in its order, with everything that it has in them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hello {
    /// The version in its fixed part, which is 1.2 for whoever speaks 1.3.
    pub legacy_version: u16,
    pub ciphers: Vec<u16>,
    pub extensions: Vec<u16>,
    pub groups: Vec<u16>,
    pub point_formats: Vec<u8>,
    pub signature_algorithms: Vec<u16>,
    pub versions: Vec<u16>,
    /// The first protocol of ALPN.
    pub protocol: Option<Vec<u8>>,
}

/// The handshake message at the beginning of a connection, out of the records it came in, if it is a ClientHello and
/// all of it is there.
pub(crate) fn message(connection: &[u8]) -> Option<Bytes> {
    const HANDSHAKE: u8 = 22;
    const CLIENT_HELLO: u8 = 1;
    let mut rest = Reader(connection);
    let mut message = Vec::new();
    loop {
        if rest.u8()? != HANDSHAKE {
            return None;
        }
        rest.u16()?;
        let length = rest.u16()?;
        message.extend_from_slice(rest.take(usize::from(length))?);
        if let Some(&[kind, a, b, c]) = message.first_chunk() {
            let length = 4 + (usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c));
            if kind != CLIENT_HELLO || length > HELLO_BYTES_MAX {
                return None;
            }
            if message.len() >= length {
                message.truncate(length);
                return Some(message.into());
            }
        }
    }
}

impl Hello {
    /// Reads a handshake message.
    pub(crate) fn parse(message: &[u8]) -> Option<Self> {
        let mut rest = Reader(message.get(4..)?);
        let mut hello = Self {
            legacy_version: rest.u16()?,
            ..Self::default()
        };
        // Randomness and session.
        rest.take(32)?;
        rest.of_length_8()?;
        hello.ciphers = rest.of_length_16()?.numbers();
        // Compression.
        rest.of_length_8()?;
        if rest.0.is_empty() {
            return Some(hello);
        }
        let mut extensions = rest.of_length_16()?;
        while !extensions.0.is_empty() {
            let kind = extensions.u16()?;
            let content = extensions.of_length_16()?;
            hello.extensions.push(kind);
            // One that is broken in itself still counts as one.
            let _ = hello.read(kind, content);
        }
        Some(hello)
    }

    fn read(&mut self, kind: u16, mut content: Reader<'_>) -> Option<()> {
        match kind {
            extension::SUPPORTED_GROUPS => self.groups = content.of_length_16()?.numbers(),
            extension::POINT_FORMATS => self.point_formats = content.of_length_8()?.0.to_vec(),
            extension::SIGNATURE_ALGORITHMS => {
                self.signature_algorithms = content.of_length_16()?.numbers();
            }
            extension::SUPPORTED_VERSIONS => self.versions = content.of_length_8()?.numbers(),
            extension::ALPN => {
                self.protocol = Some(content.of_length_16()?.of_length_8()?.0.to_vec());
            }
            _ => {}
        }
        Some(())
    }

    pub(crate) fn has_server_name(&self) -> bool {
        self.extensions.contains(&extension::SERVER_NAME)
    }

    pub(super) fn is_server_name_or_protocol(kind: u16) -> bool {
        kind == extension::SERVER_NAME || kind == extension::ALPN
    }
}

/// What is left to read.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)
            .map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn of_length_8(&mut self) -> Option<Reader<'a>> {
        let length = self.u8()?;
        self.take(usize::from(length)).map(Reader)
    }

    fn of_length_16(&mut self) -> Option<Reader<'a>> {
        let length = self.u16()?;
        self.take(usize::from(length)).map(Reader)
    }

    fn numbers(mut self) -> Vec<u16> {
        std::iter::from_fn(|| self.u16()).collect()
    }
}
