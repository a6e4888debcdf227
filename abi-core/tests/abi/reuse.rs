//! Guests that ask for another request, hand their client over, or answer it in advance.

use std::sync::{Arc, Mutex};

use abi_core::abi::{
    fastly_http_downstream as downstream, fastly_http_req as req, fastly_http_resp as resp,
};
use abi_core::body::Body;
use abi_core::http::{HandOffTarget, RequestHead};
use abi_core::reuse::WaitingSandboxes;
use abi_core::session::{ClientRequest, EarlyHints, GuestEnvironment};
use abi_core::table::types::*;
use abi_core::{Session, testing::World};
use http::HeaderMap;

use crate::fixture::{Fixture, OUT, OUT_2, response};

#[test]
fn a_guest_has_one_promise_and_answers_first() {
    let mut fixture = Fixture::new();
    let sandboxes = WaitingSandboxes::default();
    fixture.session.allow_reuse(sandboxes.clone());
    let (record, out, out_2) = (
        GuestPtr::new(0x2000),
        GuestPtr::new(OUT),
        GuestPtr::new(OUT_2),
    );
    assert_eq!(
        fixture.call(|call| downstream::next_request(call, 0, record, out)),
        0
    );
    let promise = fixture.read::<RequestPromiseHandle>(OUT);
    assert_eq!(
        fixture.call(|call| downstream::next_request(call, 0, record, out)),
        13
    );
    let wait = |fixture: &mut Fixture, promise| {
        fixture.wait(async |call| {
            downstream::next_request_wait(call, promise, GuestPtr::new(OUT), out_2).await
        })
    };
    assert_eq!(wait(&mut fixture, promise), 5);
    let (answer, body) = (fixture.new_response(), fixture.new_body());
    assert_eq!(
        fixture.call(|call| resp::send_downstream(call, answer, body, 0)),
        0
    );
    // Nobody asks for anything, and the time passes.
    assert_eq!(wait(&mut fixture, promise), 10);
    assert_eq!(wait(&mut fixture, promise), 3);
    sandboxes.close();
    assert_eq!(
        fixture.call(|call| downstream::next_request(call, 0, record, out)),
        0
    );
    let promise = fixture.read::<RequestPromiseHandle>(OUT);
    assert_eq!(wait(&mut fixture, promise), 10);
}

#[test]
fn a_client_is_handed_over_once() {
    let mut fixture = Fixture::new();
    fixture
        .world
        .add_backend("chat", async |_| Ok(response(200, "")));
    let (name, length) = fixture.text("chat");
    let (unknown, unknown_len) = fixture.text("unknown");
    assert_eq!(
        fixture.call(|call| req::redirect_to_websocket_proxy(call, unknown, unknown_len)),
        2
    );
    assert_eq!(
        fixture.call(|call| req::redirect_to_grip_proxy(call, name, length)),
        5
    );
    assert_eq!(
        fixture.call(|call| req::redirect_to_websocket_proxy(call, name, length)),
        0
    );
    assert_eq!(
        fixture.call(|call| req::redirect_to_websocket_proxy(call, name, length)),
        1
    );
    let answer = fixture.answer.try_recv().unwrap().unwrap();
    assert_eq!(answer.head.status, 501, "for hosts that cannot");
    let hand_off = answer.hand_off.unwrap();
    let HandOffTarget::Backend(destination) = hand_off.target else {
        panic!("{:?}", hand_off.target);
    };
    assert_eq!(destination.name(), "chat");
}

#[test]
fn the_grip_proxy_gets_the_request_that_was_made() {
    let mut fixture = Fixture::new();
    fixture.world.add_grip_proxy();
    let request = fixture.new_request();
    let (name, length) = fixture.text("any");
    let dead = RequestHandle(999);
    assert_eq!(
        fixture.call(|call| req::redirect_to_grip_proxy_v2(call, dead, name, length)),
        3
    );
    assert_eq!(
        fixture.call(|call| req::redirect_to_grip_proxy_v2(call, request, name, length)),
        0
    );
    let answer = fixture.answer.try_recv().unwrap().unwrap();
    let hand_off = answer.hand_off.unwrap();
    assert_eq!(hand_off.target, HandOffTarget::GripProxy("any".to_owned()));
}

#[derive(Clone, Debug, Default)]
struct Client(Arc<Mutex<Vec<HeaderMap>>>);

impl EarlyHints for Client {
    fn send(&self, headers: &HeaderMap) {
        self.0.lock().unwrap().push(headers.clone());
    }
}

#[test]
fn early_hints_reach_the_client_before_the_answer() {
    let mut fixture = Fixture::new();
    let client = Client::default();
    let mut request = ClientRequest::new(RequestHead::new(), Body::empty());
    request.early_hints = Some(Arc::new(client.clone()));
    let environment = GuestEnvironment::default().into();
    let world = World::new();
    let (session, _answer) = Session::new(world.platform(), environment, request);
    fixture.session = session;
    let response = fixture.new_response();
    assert_eq!(
        fixture.call(|call| resp::send_informational_response(call, response, 102)),
        2
    );
    assert_eq!(
        fixture.call(|call| resp::send_informational_response(call, response, 103)),
        0
    );
    assert_eq!(
        fixture.call(|call| resp::status_set(call, response, 103)),
        0
    );
    let body = fixture.new_body();
    assert_eq!(
        fixture.call(|call| resp::send_downstream(call, response, body, 0)),
        0
    );
    let (answer, body) = (fixture.new_response(), fixture.new_body());
    assert_eq!(
        fixture.call(|call| resp::send_downstream(call, answer, body, 0)),
        0
    );
    let late = fixture.new_response();
    assert_eq!(
        fixture.call(|call| resp::send_informational_response(call, late, 103)),
        1
    );
    assert_eq!(client.0.lock().unwrap().len(), 2);
}

#[test]
fn headers_of_a_response_can_be_changed_in_advance() {
    let mut fixture = Fixture::new();
    fixture
        .world
        .add_backend("b", async |_| Ok(response(200, "")));
    let body = fixture.new_body();
    let pending = fixture.send_async("b", body);
    let ((name, name_len), (value, value_len)) = (fixture.text("x-set"), fixture.text("1"));
    let insert = |kind| {
        move |call: &mut abi_core::Call<'_>| {
            req::pending_req_header_insert(call, pending, name, name_len, value, value_len, kind)
        }
    };
    assert_eq!(fixture.call(insert(3)), 2);
    assert_eq!(fixture.call(insert(1)), 0);
    let status = fixture.wait(async |call| {
        req::pending_req_wait(call, pending, GuestPtr::new(OUT), GuestPtr::new(OUT_2)).await
    });
    assert_eq!(status, 0);
    let response = fixture.read::<ResponseHandle>(OUT);
    let status = fixture.call(|call| {
        let (buffer, out) = (GuestPtr::new(0x3000), GuestPtr::new(OUT));
        resp::header_value_get(call, response, name, name_len, buffer, 8, out)
    });
    assert_eq!(status, 0);
    assert_eq!(fixture.call(insert(1)), 3, "it was waited for");
}
