//! `fastly_http_resp`, and answering the client.

use std::time::Duration;

use abi_core::Call;
use abi_core::abi::fastly_http_resp as resp;
use abi_core::http::{SendError, SendErrorKind};
use abi_core::platform::Clock;
use abi_core::table::types::*;

use crate::fixture::{BUFFER, Fixture, OUT, OUT_2, collect, response};

#[test]
fn a_new_response_is_200() {
    let mut fixture = Fixture::new();
    let handle = fixture.new_response();
    fixture
        .memory()
        .write(GuestPtr::new(OUT), 0xFFFF_FFFF_u32)
        .unwrap();
    assert_eq!(
        fixture.call(|call| resp::status_get(call, handle, GuestPtr::new(OUT))),
        0
    );
    assert_eq!(
        fixture.read::<u32>(OUT),
        0xFFFF_0000 | 200,
        "a status is two bytes"
    );
    assert_eq!(fixture.call(|call| resp::status_set(call, handle, 99)), 2);
    assert_eq!(fixture.call(|call| resp::status_set(call, handle, 1000)), 2);
    assert_eq!(
        fixture.call(|call| resp::status_set(call, handle, 0x1_00C8)),
        2
    );
    assert_eq!(fixture.call(|call| resp::status_set(call, handle, 999)), 0);
    assert_eq!(
        fixture.call(|call| resp::get_addr_dest_port(call, handle, GuestPtr::new(OUT))),
        10
    );
    let (buffer, out) = (GuestPtr::new(BUFFER), GuestPtr::new(OUT));
    assert_eq!(
        fixture.call(|call| resp::get_addr_dest_ip(call, handle, buffer, out)),
        10
    );
    assert_eq!(fixture.call(|call| resp::close(call, handle)), 0);
    assert_eq!(fixture.call(|call| resp::close(call, handle)), 3);
}

#[test]
fn an_absent_header_is_an_invalid_argument() {
    let mut fixture = Fixture::new();
    let handle = fixture.new_response();
    let (name, name_len) = fixture.text("absent");
    assert_eq!(
        fixture.call(|call| resp::header_remove(call, handle, name, name_len)),
        2
    );
    let get = |call: &mut Call<'_>| {
        let (buffer, out) = (GuestPtr::new(BUFFER), GuestPtr::new(OUT));
        resp::header_value_get(call, handle, name, name_len, buffer, 9, out)
    };
    assert_eq!(fixture.call(get), 2);
    let values = |call: &mut Call<'_>| {
        let (buffer, cursor, out) = (
            GuestPtr::new(BUFFER),
            GuestPtr::new(OUT_2),
            GuestPtr::new(OUT),
        );
        resp::header_values_get(call, handle, name, name_len, buffer, 9, 0, cursor, out)
    };
    assert_eq!(fixture.call(values), 0, "no values are an empty list");
    assert_eq!(
        (fixture.read::<u32>(OUT), fixture.read::<i64>(OUT_2)),
        (0, -1)
    );
    let (bad, bad_len) = fixture.text("bad name");
    let insert =
        |call: &mut Call<'_>| resp::header_insert(call, handle, bad, bad_len, name, name_len);
    assert_eq!(fixture.call(insert), 1);
}

fn send(fixture: &mut Fixture, status: u32, body: &[u8]) -> u32 {
    let (handle, body) = (fixture.new_response(), fixture.body_of(body));
    assert_eq!(
        fixture.call(|call| resp::status_set(call, handle, status)),
        0
    );
    let sent = fixture.call(|call| resp::send_downstream(call, handle, body, 0));
    assert_eq!(
        fixture.call(|call| resp::close(call, handle)),
        3,
        "consumed"
    );
    assert_eq!(fixture.read_body(body, 1), Err(3), "consumed");
    sent
}

#[test]
fn one_final_answer_after_any_number_of_early_hints() {
    let mut fixture = Fixture::new();
    assert_eq!(send(&mut fixture, 103, b""), 0);
    assert_eq!(send(&mut fixture, 103, b""), 0);
    assert_eq!(send(&mut fixture, 100, b""), 2);
    assert!(!fixture.session.has_answered());
    assert_eq!(send(&mut fixture, 200, b"answer"), 0);
    assert_eq!(send(&mut fixture, 200, b"again"), 1);
    let answer = fixture.answer.try_recv().unwrap().unwrap();
    assert_eq!(answer.head.status, 200);
    assert_eq!(collect(&fixture, answer), (b"answer".to_vec(), true));
}

#[test]
fn a_pending_request_answers_by_itself() {
    for (fails, status) in [(false, 203), (true, 502)] {
        let mut fixture = Fixture::new();
        let clock = fixture.world.clone();
        fixture.world.add_backend("origin", move |_| {
            let sleep = clock.sleep(Duration::from_millis(10));
            async move {
                sleep.await;
                if fails {
                    return Err(SendError::new(SendErrorKind::ConnectionRefused));
                }
                Ok(response(203, "later"))
            }
        });
        let body = fixture.new_body();
        let pending = fixture.send_async("origin", body);
        assert_eq!(
            fixture.call(|call| resp::send_downstream_pending(call, pending)),
            0
        );
        assert_eq!(
            fixture.call(|call| resp::send_downstream_pending(call, pending)),
            3
        );
        assert!(fixture.answer.try_recv().unwrap().is_none(), "not yet");
        let answer = fixture.world.drive(&mut fixture.answer).unwrap();
        assert_eq!(answer.head.status, status);
    }
}
