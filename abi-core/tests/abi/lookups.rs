//! Where addresses are, what devices send user agents, and what these are made of.

use std::sync::Arc;

use abi_core::abi::{fastly_device_detection as device, fastly_geo as geo, fastly_uap as uap};
use abi_core::lookups::{DeviceTable, GeoTable, Lookups, UserAgent, UserAgentParser};
use abi_core::table::types::*;

use crate::fixture::{BUFFER, Fixture, OUT, OUT_2, OUT_3, OUTSIDE};

/// Splits at spaces.
struct Words;

impl UserAgentParser for Words {
    fn parse(&self, user_agent: &str) -> UserAgent {
        let mut words = user_agent.split(' ').map(str::to_owned);
        let mut word = || words.next().unwrap_or_default();
        UserAgent {
            family: word(),
            major: word(),
            minor: word(),
            patch: word(),
        }
    }
}

fn knowing() -> Fixture {
    let places = br#"{"10.0.0.0/8": {"city": "Ten"}}"#;
    let devices = br#"{"agent": {"device": {}}}"#;
    let lookups = Lookups {
        geo: Arc::new(GeoTable::from_json(places).unwrap()),
        devices: Arc::new(DeviceTable::from_json(devices).unwrap()),
        user_agents: Arc::new(Words),
    };
    let fixture = Fixture::new();
    fixture.world.set_lookups(lookups);
    Fixture::in_world(fixture.world)
}

impl Fixture {
    fn geo(&mut self, octets: &[u8], capacity: u32) -> (u32, u32) {
        let (octets, length) = self.text(octets);
        let (buffer, out) = (GuestPtr::new(BUFFER), GuestPtr::new(OUT));
        let status = self.call(|call| geo::lookup(call, octets, length, buffer, capacity, out));
        (status, self.read(OUT))
    }

    fn device(&mut self, user_agent: &[u8], capacity: u32) -> (u32, u32) {
        let (text, length) = self.text(user_agent);
        let (buffer, out) = (GuestPtr::new(BUFFER), GuestPtr::new(OUT));
        let status = self.call(|call| device::lookup(call, text, length, buffer, capacity, out));
        (status, self.read(OUT))
    }

    /// The status, and what was written as the four lengths.
    fn parse(&mut self, user_agent: &[u8], capacities: [u32; 4], last: u32) -> (u32, [u32; 4]) {
        let (text, length) = self.text(user_agent);
        let [a, b, c, d] = capacities;
        let outs = [OUT, OUT_2, OUT_3, last];
        let status = self.call(|call| {
            uap::parse(
                call,
                text,
                length,
                GuestPtr::new(BUFFER),
                a,
                GuestPtr::new(OUT),
                GuestPtr::new(BUFFER + 0x100),
                b,
                GuestPtr::new(OUT_2),
                GuestPtr::new(BUFFER + 0x200),
                c,
                GuestPtr::new(OUT_3),
                GuestPtr::new(BUFFER + 0x300),
                d,
                GuestPtr::new(last),
            )
        });
        let lengths = outs.map(|out| {
            if out == OUTSIDE || out % 4 != 0 {
                0
            } else {
                self.read(out)
            }
        });
        (status, lengths)
    }
}

#[test]
fn addresses_have_places() {
    let mut fixture = knowing();
    assert_eq!(fixture.geo(&[10, 1, 2, 3], 13), (4, 14));
    assert_eq!(fixture.geo(&[10, 1, 2, 3], 14), (0, 14));
    assert_eq!(fixture.bytes(BUFFER, 14), br#"{"city":"Ten"}"#);
    let mut mapped = [0; 16];
    mapped[10..].copy_from_slice(&[0xff, 0xff, 10, 1, 2, 3]);
    assert_eq!(fixture.geo(&mapped, 14), (0, 14), "an address of IPv4");
    assert_eq!(fixture.geo(&[11, 1, 2, 3], 0), (0, 0), "nothing is known");
    assert_eq!(fixture.geo(&[127, 0, 0, 1], 1024).0, 0);
    for octets in [&[][..], &[1, 2, 3], &[0; 17]] {
        assert_eq!(fixture.geo(octets, 1024).0, 2);
    }
    let octets = fixture.text([10, 1, 2, 3]).0;
    for (buffer, out, status) in [
        (OUTSIDE, OUT, 2),
        (BUFFER, OUTSIDE, 2),
        (BUFFER, OUT + 2, 6),
    ] {
        let (buffer, out) = (GuestPtr::new(buffer), GuestPtr::new(out));
        let got = fixture.call(|call| geo::lookup(call, octets, 4, buffer, 64, out));
        assert_eq!(got, status);
    }
}

#[test]
fn devices_have_user_agents() {
    let mut fixture = knowing();
    assert_eq!(fixture.device(b"agent", 12), (4, 13));
    assert_eq!(fixture.device(b"agent", 13), (0, 13));
    assert_eq!(fixture.bytes(BUFFER, 13), br#"{"device":{}}"#);
    assert_eq!(fixture.device(b"Agent", 13).0, 10);
    assert_eq!(fixture.device(b"", 13).0, 10);
    assert_eq!(fixture.device(b"\xff", 13).0, 1);
}

#[test]
fn user_agents_have_four_parts() {
    let mut fixture = knowing();
    let last = OUT_3 + 16;
    assert_eq!(
        fixture.parse(b"Firefox 128 2 11", [7, 3, 1, 2], last),
        (0, [7, 3, 1, 2])
    );
    assert_eq!(fixture.bytes(BUFFER, 7), b"Firefox");
    assert_eq!(fixture.bytes(BUFFER + 0x300, 2), b"11");
    assert_eq!(
        fixture.parse(b"Safari 17", [5, 3, 0, 0], last),
        (4, [6, 2, 0, 0]),
        "what fits is written all the same"
    );
    assert_eq!(fixture.bytes(BUFFER + 0x100, 2), b"17");
    assert_eq!(fixture.parse(b"\xff", [9; 4], last).0, 2);
    assert_eq!(fixture.parse(b"a", [9; 4], OUTSIDE).0, 2);
    assert_eq!(fixture.parse(b"a", [9; 4], OUT_3 + 17).0, 6);
}
