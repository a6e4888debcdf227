//! Fingerprints of TLS clients: JA3 (<https://github.com/salesforce/ja3>) and JA4 (FoxIO's technical details of JA4,
//! <https://github.com/FoxIO-LLC/ja4>).

use md5::Md5;
use sha2::Sha256;

use super::hello::Hello;

/// Values that mean nothing and keep servers from choking on unknown ones: RFC 8701.
fn is_grease(number: u16) -> bool {
    number & 0x0f0f == 0x0a0a && number >> 8 == number & 0xff
}

fn known(numbers: &[u16]) -> impl Iterator<Item = u16> {
    numbers.iter().copied().filter(|number| !is_grease(*number))
}

/// The text of which JA3 is the MD5.
fn ja3_text(hello: &Hello) -> String {
    let joined = |numbers: &[u16]| {
        let numbers: Vec<_> = known(numbers).map(|number| number.to_string()).collect();
        numbers.join("-")
    };
    let formats: Vec<_> = hello.point_formats.iter().map(u8::to_string).collect();
    format!(
        "{},{},{},{},{}",
        hello.legacy_version,
        joined(&hello.ciphers),
        joined(&hello.extensions),
        joined(&hello.groups),
        formats.join("-")
    )
}

/// The JA3 fingerprint.
pub(crate) fn ja3(hello: &Hello) -> [u8; 16] {
    <Md5 as md5::Digest>::digest(ja3_text(hello).as_bytes()).into()
}

/// The JA4 fingerprint of a connection over TCP.
pub(crate) fn ja4(hello: &Hello) -> String {
    let mut ciphers: Vec<_> = known(&hello.ciphers).collect();
    let extensions: Vec<_> = known(&hello.extensions).collect();
    let version = known(&hello.versions).max().unwrap_or(hello.legacy_version);
    let version = match version {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        _ => "00",
    };
    let has_name = if hello.has_server_name() { 'd' } else { 'i' };
    let counts = (ciphers.len().min(99), extensions.len().min(99));
    let protocol = ends_of_protocol(hello.protocol.as_deref().unwrap_or_default());
    ciphers.sort_unstable();
    let mut others: Vec<_> = extensions
        .into_iter()
        .filter(|kind| !Hello::is_server_name_or_protocol(*kind))
        .collect();
    others.sort_unstable();
    let mut list = hex_list(&others);
    let algorithms: Vec<_> = known(&hello.signature_algorithms).collect();
    if !algorithms.is_empty() {
        list = format!("{list}_{}", hex_list(&algorithms));
    }
    format!(
        "t{version}{has_name}{:02}{:02}{protocol}_{}_{}",
        counts.0,
        counts.1,
        digest(&hex_list(&ciphers)),
        digest(if others.is_empty() { "" } else { &list })
    )
}

/// The first and the last character of the first protocol of ALPN; of its digits where they are no letters or digits.
fn ends_of_protocol(protocol: &[u8]) -> String {
    let (Some(&first), Some(&last)) = (protocol.first(), protocol.last()) else {
        return "00".to_owned();
    };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return format!("{}{}", char::from(first), char::from(last));
    }
    format!("{:x}{:x}", first >> 4, last & 0xf)
}

fn hex_list(numbers: &[u16]) -> String {
    let numbers: Vec<_> = numbers
        .iter()
        .map(|number| format!("{number:04x}"))
        .collect();
    numbers.join(",")
}

/// The first twelve digits of a SHA-256; zeros for nothing.
fn digest(text: &str) -> String {
    if text.is_empty() {
        return "0".repeat(12);
    }
    let digest = <Sha256 as sha2::Digest>::digest(text.as_bytes());
    digest[..6]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::captures::{CHROME, FIREFOX, OPENSSL};
    use super::super::hello;
    use super::*;

    fn numbers(numbers: &[u16]) -> Vec<u8> {
        numbers
            .iter()
            .flat_map(|number| number.to_be_bytes())
            .collect()
    }

    fn long(content: &[u8]) -> Vec<u8> {
        [&(content.len() as u16).to_be_bytes()[..], content].concat()
    }

    fn short(content: &[u8]) -> Vec<u8> {
        [&[content.len() as u8][..], content].concat()
    }

    /// A connection that begins with such a hello, in records of `record` bytes.
    fn connection(
        version: u16,
        ciphers: &[u16],
        extensions: &[(u16, Vec<u8>)],
        record: usize,
    ) -> Vec<u8> {
        let extensions: Vec<_> = extensions
            .iter()
            .flat_map(|(kind, content)| [numbers(&[*kind]), long(content)].concat())
            .collect();
        let body = [
            numbers(&[version]),
            vec![7; 32],
            short(&[]),
            long(&numbers(ciphers)),
            short(&[0]),
            long(&extensions),
        ]
        .concat();
        let length = (body.len() as u32).to_be_bytes();
        let message = [&[1], &length[1..], &body].concat();
        message
            .chunks(record)
            .flat_map(|part| [vec![22, 3, 1], long(part)].concat())
            .collect()
    }

    fn read(connection: &[u8]) -> Hello {
        Hello::parse(&hello::message(connection).unwrap()).unwrap()
    }

    /// The example of JA3's own page.
    #[test]
    fn ja3_is_the_published_one() {
        let ciphers = [47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4];
        let extensions = [
            (0, long(&[0, 0, 1, b'h'])),
            (10, long(&numbers(&[23, 24, 25]))),
            (11, short(&[0])),
        ];
        for record in [1, 50, 4000] {
            let hello = read(&connection(769, &ciphers, &extensions, record));
            assert_eq!(
                ja3_text(&hello),
                "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0"
            );
            assert_eq!(hex(&ja3(&hello)), "ada70206e40642a3e4461f35503241d5");
        }
    }

    /// The example of JA4's technical details.
    #[test]
    fn ja4_is_the_published_one() {
        let ciphers = [
            0x0a0a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013,
            0xc014, 0x009c, 0x009d, 0x002f, 0x0035,
        ];
        let algorithms = [
            0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601,
        ];
        let content = |kind: u16| match kind {
            0x0d => long(&numbers(&algorithms)),
            0x10 => long(&[short(b"h2"), short(b"http/1.1")].concat()),
            0x2b => short(&numbers(&[0x2a2a, 0x0304, 0x0303])),
            _ => Vec::new(),
        };
        let extensions: Vec<_> = [
            0x1a1a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023,
            0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015,
        ]
        .map(|kind| (kind, content(kind)))
        .into();
        let hello = read(&connection(0x0303, &ciphers, &extensions, 4000));
        assert_eq!(ja4(&hello), "t13d1516h2_8daaf6152771_e5627efa2ab1");
        assert!(!ja3_text(&hello).contains("2570"), "{}", ja3_text(&hello));
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn real_clients_have_the_fingerprints_that_others_found() {
        for capture in [&OPENSSL, &FIREFOX, &CHROME] {
            let hello = read(&capture.bytes());
            if let Some(known) = capture.ja3 {
                assert_eq!(hex(&ja3(&hello)), known, "{}", ja3_text(&hello));
            }
            if let Some(known) = capture.ja4 {
                assert_eq!(ja4(&hello), known);
            }
        }
    }

    /// The examples of JA4's technical details.
    #[test]
    fn protocols_that_are_no_text_are_digits() {
        for (protocol, expected) in [
            (&b""[..], "00"),
            (b"h2", "h2"),
            (b"http/1.1", "h1"),
            (b"\xab", "ab"),
            (b"\xab\xcd", "ad"),
            (b"\x20", "20"),
            (b"0\xab", "3b"),
            (b"01\xab\xcd", "3d"),
            (b"0\xab\xcd1", "01"),
        ] {
            assert_eq!(ends_of_protocol(protocol), expected);
        }
    }

    #[test]
    fn a_hello_of_nothing_has_a_fingerprint() {
        let hello = read(&connection(0x0303, &[], &[], 4000));
        assert_eq!(ja4(&hello), "t12i000000_000000000000_000000000000");
    }

    #[test]
    fn what_is_no_hello_is_none() {
        let whole = connection(0x0303, &[1], &[(0, vec![1])], 30);
        for length in 0..whole.len() {
            assert_eq!(hello::message(&whole[..length]), None);
        }
        assert_eq!(hello::message(b"GET / HTTP/1.1\r\n\r\n"), None);
        let message = hello::message(&whole).unwrap();
        // Whatever is cut off or changed is read, or not, and never more than that.
        for length in 0..message.len() {
            Hello::parse(&message[..length]);
            let mut changed = message.to_vec();
            changed[length] ^= 0xff;
            Hello::parse(&changed);
        }
    }
}
