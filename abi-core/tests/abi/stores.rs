//! The stores that guests share.

use abi_core::abi::fastly_secret_store as secret_store;
use abi_core::table::types::*;

use crate::fixture::{BUFFER, Fixture, OUT, OUTSIDE};

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
