//! The stores that guests share.

use std::time::Duration;

use abi_core::abi::{fastly_acl as acl, fastly_erl as erl, fastly_secret_store as secret_store};
use abi_core::stores::AclEntries;
use abi_core::table::types::*;

use crate::fixture::{BUFFER, Fixture, OUT, OUT_2, OUTSIDE};

impl Fixture {
    fn open_secrets(&mut self, name: &str) -> (u32, SecretStoreHandle) {
        let (name, length) = self.text(name);
        let status = self.call(|call| secret_store::open(call, name, length, GuestPtr::new(OUT)));
        (status, self.read(OUT))
    }

    fn secret(&mut self, store: SecretStoreHandle, name: &str) -> (u32, SecretHandle) {
        let (name, length) = self.text(name);
        let status =
            self.call(|call| secret_store::get(call, store, name, length, GuestPtr::new(OUT)));
        (status, self.read(OUT))
    }

    fn plaintext(&mut self, secret: SecretHandle, capacity: u32) -> (u32, u32) {
        let (buffer, out) = (GuestPtr::new(BUFFER), GuestPtr::new(OUT));
        let status = self.call(|call| secret_store::plaintext(call, secret, buffer, capacity, out));
        (status, self.read(OUT))
    }
}

#[test]
fn secrets_are_read_by_name() {
    let mut fixture = Fixture::new();
    fixture.world.add_secrets("s", &[("password", "hunter2")]);
    assert_eq!(fixture.open_secrets("missing").0, 10);
    let (status, store) = fixture.open_secrets("s");
    assert_eq!(status, 0);
    assert_eq!(fixture.secret(store, "missing").0, 10);
    assert_eq!(fixture.secret(SecretStoreHandle(99), "password").0, 3);
    let (status, secret) = fixture.secret(store, "password");
    assert_eq!(status, 0);
    assert_eq!(fixture.plaintext(secret, 6), (4, 7));
    assert_eq!(fixture.plaintext(secret, 7), (0, 7));
    assert_eq!(fixture.bytes(BUFFER, 7), b"hunter2");
    assert_eq!(fixture.plaintext(SecretHandle(99), 7).0, 3);
}

#[test]
fn secrets_can_be_made_of_bytes() {
    let mut fixture = Fixture::new();
    let from_bytes = |fixture: &mut Fixture, at, length, out| {
        let (bytes, out) = (GuestPtr::new(at), GuestPtr::new(out));
        fixture.call(|call| secret_store::from_bytes(call, bytes, length, out))
    };
    assert_eq!(from_bytes(&mut fixture, BUFFER, 65_537, OUT), 2);
    assert_eq!(from_bytes(&mut fixture, OUTSIDE, 1, OUT), 2);
    assert_eq!(from_bytes(&mut fixture, BUFFER, 1, OUTSIDE), 2);
    assert_eq!(from_bytes(&mut fixture, BUFFER, 1, OUT + 1), 6);
    assert_eq!(from_bytes(&mut fixture, BUFFER, 65_536, OUT), 0);
    let secret: SecretHandle = fixture.read(OUT);
    assert_eq!(fixture.plaintext(secret, 65_536), (0, 65_536));
}

impl Fixture {
    fn acl_lookup(&mut self, acl: AclHandle, octets: &[u8]) -> (u32, u32) {
        let (octets, length) = self.text(octets);
        self.memory().write(GuestPtr::new(OUT), 0_u32).unwrap();
        let status = self.call(|call| {
            acl::lookup(
                call,
                acl,
                octets,
                length,
                GuestPtr::new(OUT),
                GuestPtr::new(OUT_2),
            )
        });
        (status, self.read(OUT_2))
    }
}

#[test]
fn addresses_are_looked_up_in_lists() {
    let mut fixture = Fixture::new();
    let list = br#"{"entries": [{"prefix": "10.0.0.0/8", "action": "block"}, {"prefix": "2001:DB8::/32", "action": "x"}]}"#;
    fixture
        .world
        .add_acl("list", AclEntries::from_json(list).unwrap());
    let open = |fixture: &mut Fixture, name: &str| {
        let (name, length) = fixture.text(name);
        let status = fixture.call(|call| acl::open(call, name, length, GuestPtr::new(OUT)));
        (status, fixture.read::<AclHandle>(OUT))
    };
    assert_eq!(open(&mut fixture, "missing").0, 10);
    let (status, list) = open(&mut fixture, "list");
    assert_eq!(status, 0);
    assert_eq!(fixture.acl_lookup(list, &[10, 1, 2, 3]), (0, 1));
    let body: BodyHandle = fixture.read(OUT);
    assert_eq!(
        fixture.read_to_end(body),
        br#"{"action":"BLOCK","prefix":"10.0.0.0/8"}"#
    );
    let mut v6 = [0; 16];
    v6[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
    assert_eq!(fixture.acl_lookup(list, &v6), (0, 1));
    let body: BodyHandle = fixture.read(OUT);
    assert_eq!(
        fixture.read_to_end(body),
        br#"{"action":"x","prefix":"2001:db8::/32"}"#
    );
    assert_eq!(
        fixture.acl_lookup(list, &[11, 1, 2, 3]),
        (0, 2),
        "there is no content"
    );
    assert_eq!(fixture.read::<u32>(OUT), 0, "and no body");
    assert_eq!(fixture.acl_lookup(list, &[1, 2, 3]).0, 2);
    assert_eq!(fixture.acl_lookup(list, &[]).0, 2);
    assert_eq!(fixture.acl_lookup(AclHandle(99), &[1, 2, 3, 4]).0, 3);
}

impl Fixture {
    fn increment(&mut self, counter: &str, entry: &str, delta: u32) -> u32 {
        let ((rc, rc_len), (entry, entry_len)) = (self.text(counter), self.text(entry));
        self.call(|call| erl::ratecounter_increment(call, rc, rc_len, entry, entry_len, delta))
    }

    fn rate(&mut self, counter: &str, entry: &str, window: u32) -> (u32, u32) {
        let ((rc, rc_len), (entry, entry_len)) = (self.text(counter), self.text(entry));
        let out = GuestPtr::new(OUT);
        let status = self.call(|call| {
            erl::ratecounter_lookup_rate(call, rc, rc_len, entry, entry_len, window, out)
        });
        (status, self.read(OUT))
    }

    fn count(&mut self, counter: &str, entry: &str, time: u32) -> (u32, u32) {
        let ((rc, rc_len), (entry, entry_len)) = (self.text(counter), self.text(entry));
        let out = GuestPtr::new(OUT);
        let status = self.call(|call| {
            erl::ratecounter_lookup_count(call, rc, rc_len, entry, entry_len, time, out)
        });
        (status, self.read(OUT))
    }

    fn penalize(&mut self, penalty_box: &str, entry: &str, seconds: u32) -> u32 {
        let ((pb, pb_len), (entry, entry_len)) = (self.text(penalty_box), self.text(entry));
        self.call(|call| erl::penaltybox_add(call, pb, pb_len, entry, entry_len, seconds))
    }

    fn is_penalized(&mut self, penalty_box: &str, entry: &str) -> u32 {
        let ((pb, pb_len), (entry, entry_len)) = (self.text(penalty_box), self.text(entry));
        let out = GuestPtr::new(OUT);
        let status = self.call(|call| erl::penaltybox_has(call, pb, pb_len, entry, entry_len, out));
        assert_eq!(status, 0);
        self.read(OUT)
    }

    fn check_rate(&mut self, window: u32, limit: u32, seconds: u32) -> (u32, u32) {
        let ((rc, rc_len), (pb, pb_len)) = (self.text("rc"), self.text("pb"));
        let (entry, entry_len) = self.text("entry");
        let out = GuestPtr::new(OUT);
        let status = self.call(|call| {
            erl::check_rate(
                call, rc, rc_len, entry, entry_len, 1, window, limit, pb, pb_len, seconds, out,
            )
        });
        (status, self.read(OUT))
    }
}

#[test]
fn events_are_counted_by_entry_and_counter() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.count("rc", "a", 10), (0, 0));
    for _ in 0..3 {
        assert_eq!(fixture.increment("rc", "a", 7), 0);
    }
    assert_eq!(fixture.rate("rc", "a", 1), (0, 21));
    assert_eq!(fixture.rate("rc", "a", 10), (0, 2), "rounded down");
    assert_eq!(fixture.rate("rc", "a", 60), (0, 0));
    assert_eq!(fixture.count("rc", "a", 10), (0, 21));
    assert_eq!(fixture.count("rc", "b", 10), (0, 0));
    assert_eq!(fixture.count("other", "a", 10), (0, 0));
    fixture.world.advance(Duration::from_secs(30));
    assert_eq!(fixture.count("rc", "a", 30), (0, 0));
    assert_eq!(fixture.count("rc", "a", 40), (0, 21));
    for wrong in [0, 2, 20, 61] {
        assert_eq!(fixture.rate("rc", "a", wrong).0, 2, "{wrong}");
    }
    for wrong in [0, 1, 15, 70] {
        assert_eq!(fixture.count("rc", "a", wrong).0, 2, "{wrong}");
    }
    let long = "x".repeat(1025);
    assert_eq!(fixture.increment(&long, "a", 1), 2);
    assert_eq!(fixture.increment("rc", &long, 1), 2);
    // Another run sees the same events.
    let (session, _) = abi_core::Session::new(
        fixture.session.platform().clone(),
        Default::default(),
        abi_core::ClientRequest::new(
            abi_core::http::RequestHead::new(),
            abi_core::body::Body::empty(),
        ),
    );
    fixture.session = session;
    assert_eq!(fixture.count("rc", "a", 40), (0, 21));
}

#[test]
fn penalties_end() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.is_penalized("pb", "a"), 0);
    assert_eq!(fixture.penalize("pb", "a", 179), 0);
    assert_eq!(fixture.penalize("pb", "a", 60), 0, "the longer one stays");
    assert_eq!(fixture.is_penalized("pb", "b"), 0);
    assert_eq!(fixture.is_penalized("other", "a"), 0);
    fixture.world.advance(Duration::from_millis(119_999));
    assert_eq!(fixture.is_penalized("pb", "a"), 1);
    fixture.world.advance(Duration::from_millis(1));
    assert_eq!(fixture.is_penalized("pb", "a"), 0, "two whole minutes");
    for wrong in [0, 59, 3601] {
        assert_eq!(fixture.penalize("pb", "a", wrong), 2, "{wrong}");
    }
}

#[test]
fn who_makes_too_many_is_refused_until_the_penalty_ends() {
    let mut fixture = Fixture::new();
    for _ in 0..20 {
        assert_eq!(fixture.check_rate(10, 2, 60), (0, 0));
    }
    assert_eq!(
        fixture.check_rate(10, 2, 60),
        (0, 1),
        "21 in 10 s is more than 2 a second"
    );
    assert_eq!(fixture.is_penalized("pb", "entry"), 1);
    assert_eq!(fixture.check_rate(1, 1000, 60), (0, 1), "it is in the box");
    fixture.world.advance(Duration::from_secs(60));
    assert_eq!(fixture.check_rate(10, 2, 60), (0, 0));
    assert_eq!(fixture.count("rc", "entry", 60), (0, 1));
    assert_eq!(
        fixture.check_rate(1, 0, 60),
        (0, 1),
        "none at all are allowed"
    );
    assert_eq!(fixture.check_rate(2, 0, 60).0, 2);
    assert_eq!(fixture.check_rate(1, 0, 0).0, 2);
}
