//! One inserts or updates what many ask for.

use super::*;

#[test]
fn who_waits_gets_what_the_leader_inserts() {
    let mut leader = start();
    let mut follower = leader.beside();
    let (first, second) = (leader.get(), follower.get());
    assert_eq!(leader.state(first), MUST_INSERT);
    assert_eq!(leader.found(first, 1), Err(NONE));
    assert!(!follower.is_ready(second));
    let fields = [("content-type", "text/plain"), ("content-length", "99")];
    let response = leader.response_of(203, &fields);
    let (writer, back) = leader.insert(first, response, MINUTE).unwrap();
    assert!(follower.is_ready(second), "the head is enough");
    assert_eq!(follower.state(second), FOUND);
    let (head, body) = follower.found(second, 1).unwrap();
    leader.write_body(writer, b"now", 0);
    assert_eq!(follower.read_body(body, 100).unwrap(), b"now");
    leader.write_body(writer, b"later", 0);
    assert_eq!(leader.call(|call| http_body::close(call, writer)), OK);
    assert_eq!(follower.read_to_end(body), b"later");
    let got = follower.status_and_field(head, "content-type");
    assert_eq!(got, (203, "text/plain".into()));
    // What the guest wrote is what counts, and it was not known before its end.
    assert_eq!(follower.status_and_field(head, "content-length").1, "");
    assert_eq!(leader.state(back), FOUND);
    let (head, _) = leader.found(back, 1).unwrap();
    assert_eq!(leader.status_and_field(head, "content-length").1, "8");
    assert_eq!(leader.status_and_field(head, "age").1, "");
    assert_eq!(leader.found_text(back).unwrap(), "nowlater");
}

#[test]
fn the_duty_is_done_once() {
    let mut guest = start();
    let handle = guest.get();
    guest.insert_whole(handle, &[], MINUTE, b"1");
    assert_eq!(guest.state(handle), 0);
    let response = guest.response_of(200, &[]);
    assert_eq!(guest.insert(handle, response, MINUTE), Err(BADF));
    // A response that was not stored was not consumed.
    assert_eq!(guest.status_and_field(response, "a").0, 200);
    let abandoned = guest.wait(async |call| cache::transaction_abandon(call, handle).await);
    assert_eq!(abandoned, BADF);
    assert_eq!(guest.record_not_cacheable(handle, 1), BADF);
    assert_eq!(guest.choose_stale(handle), BADF);
    let found = guest.get();
    assert_eq!(
        guest.insert(found, response, MINUTE),
        Err(BADF),
        "it has none"
    );
    let lookup = {
        let request = guest.request_of("GET", "http://origin.example/other", &[]);
        let options = GuestPtr::new(RECORD);
        assert_eq!(
            guest.call(|call| cache::lookup(call, request, 0, options, out())),
            OK
        );
        guest.read(OUT)
    };
    assert_eq!(guest.state(lookup), 0);
    assert_eq!(
        guest.insert(lookup, response, MINUTE),
        Err(BADF),
        "a lookup never has"
    );
}

#[test]
fn who_gives_up_lets_the_next_one_lead() {
    let mut guests: Vec<_> = vec![start()];
    for _ in 0..4 {
        guests.push(guests[0].beside());
    }
    let handles: Vec<_> = guests.iter_mut().map(Guest::get).collect();
    let abandoned = guests[0].wait(async |call| cache::transaction_abandon(call, handles[0]).await);
    assert_eq!(abandoned, OK);
    assert_eq!(guests[1].state(handles[1]), MUST_INSERT);
    assert!(!guests[2].is_ready(handles[2]));
    assert_eq!(guests[1].call(|call| cache::close(call, handles[1])), OK);
    assert_eq!(guests[1].call(|call| cache::close(call, handles[1])), BADF);
    assert_eq!(guests[2].state(handles[2]), MUST_INSERT);
    // One who waits may leave.
    assert_eq!(guests[3].call(|call| cache::close(call, handles[3])), OK);
    let mut last = guests.pop().unwrap();
    drop(guests);
    assert_eq!(last.state(handles[4]), MUST_INSERT);
}

#[test]
fn a_304_renews_what_is_stored() {
    let mut guest = start();
    let first = guest.get();
    let fields = [("etag", "\"1\""), ("a", "1"), ("content-length", "4")];
    guest.insert_whole(first, &fields, MINUTE, b"body");
    guest.world.advance(Duration::from_secs(61));
    let request = guest.request_of(
        "GET",
        URL,
        &[("range", "bytes=0-1"), ("if-none-match", "\"0\"")],
    );
    let second = guest.begin(request);
    assert_eq!(guest.state(second), STALE | MUST_INSERT);
    assert_eq!(guest.found(second, 1), Err(NONE));
    let backend = guest.suggested_request(second);
    assert_eq!(
        guest.request_field(backend, "if-none-match").unwrap(),
        "\"1\""
    );
    assert_eq!(guest.request_field(backend, "range"), None);
    let renewed = [("a", "2"), ("cache-control", "max-age=5")];
    let renewed = guest.response_of(304, &renewed);
    let (action, prepared) = guest.prepare(second, renewed);
    assert_eq!(action, UPDATE);
    assert_eq!(guest.status_and_field(prepared, "a"), (200, "2".into()));
    assert_eq!(
        guest.status_and_field(renewed, "a").0,
        304,
        "it is still there"
    );
    let (_, _, max_age, ..) = guest.suggest(second, prepared, 100);
    assert_eq!(max_age, 5);
    let mask = guest.record(Write {
        max_age: 5,
        ..MINUTE
    });
    let record = GuestPtr::new(RECORD);
    let status = guest.wait(async |call| {
        cache::transaction_update_and_return_fresh(call, second, prepared, mask, record, out())
            .await
    });
    assert_eq!(status, OK);
    let fresh = guest.read(OUT);
    assert_eq!(guest.state(fresh), FOUND);
    let (head, body) = guest.found(fresh, 1).unwrap();
    let got = guest.status_and_field(head, "content-range");
    assert_eq!(
        got,
        (206, "bytes 0-1/4".into()),
        "the request was for a part"
    );
    assert_eq!(guest.read_to_end(body), b"bo");
    let third = guest.get();
    let (head, _) = guest.found(third, 1).unwrap();
    assert_eq!(guest.status_and_field(head, "a").1, "2");
    assert_eq!(guest.found_text(third).unwrap(), "body");
}

#[test]
fn what_is_not_to_be_stored_any_longer_is_stale_when_it_is_renewed() {
    let mut guest = start();
    let first = guest.get();
    guest.insert_whole(first, &[("etag", "\"1\"")], MINUTE, b"");
    guest.world.advance(Duration::from_secs(61));
    let second = guest.get();
    let renewed = guest.response_of(304, &[("cache-control", "no-store, max-age=9")]);
    let (action, prepared) = guest.prepare(second, renewed);
    assert_eq!(action, UPDATE);
    assert_eq!(guest.suggest(second, prepared, 100).2, 0);
    let mask = guest.record(Write {
        max_age: 0,
        ..MINUTE
    });
    let record = GuestPtr::new(RECORD);
    let status = guest
        .wait(async |call| cache::transaction_update(call, second, prepared, mask, record).await);
    assert_eq!(status, OK);
    let third = guest.get();
    assert_eq!(guest.state(third), STALE | MUST_INSERT);
}

#[test]
fn nothing_is_renewed_where_nothing_is_stored() {
    let mut guest = start();
    let handle = guest.get();
    let response = guest.response_of(304, &[]);
    let (action, prepared) = guest.prepare(handle, response);
    assert_eq!(action, DO_NOT_STORE);
    let mask = guest.record(MINUTE);
    let record = GuestPtr::new(RECORD);
    let status = guest
        .wait(async |call| cache::transaction_update(call, handle, prepared, mask, record).await);
    assert_eq!(status, BADF);
}

#[test]
fn one_revalidates_while_all_use_what_is_stale() {
    let mut guest = start();
    let first = guest.get();
    let write = Write {
        revalidate: 60,
        if_error: 60,
        ..MINUTE
    };
    guest.insert_whole(first, &[], write, b"old");
    guest.world.advance(Duration::from_secs(61));
    let (leader, other) = (guest.get(), guest.get());
    assert_eq!(guest.state(leader), FOUND | STALE | MUST_INSERT);
    assert_eq!(guest.state(other), FOUND | STALE);
    assert_eq!(guest.found_text(leader).unwrap(), "old");
    let (head, _) = guest.found(other, 1).unwrap();
    assert_eq!(guest.status_and_field(head, "age").1, "61");
    // What they have found stays what it was.
    guest.insert_whole(leader, &[], MINUTE, b"new");
    guest.world.advance(Duration::from_secs(600));
    assert_eq!(guest.found_text(other).unwrap(), "old");
}

#[test]
fn a_stale_response_stands_in_for_an_error() {
    let mut guest = start();
    let first = guest.get();
    let write = Write {
        if_error: 60,
        ..MINUTE
    };
    guest.insert_whole(first, &[], write, b"old");
    guest.world.advance(Duration::from_secs(61));
    let mut follower = guest.beside();
    let (leader, waiting) = (guest.get(), follower.get());
    assert_eq!(guest.state(leader), STALE | MUST_INSERT | USABLE_IF_ERROR);
    assert_eq!(guest.found(leader, 1), Err(NONE));
    assert!(!follower.is_ready(waiting));
    assert_eq!(guest.choose_stale(leader), OK);
    let chosen = FOUND | STALE | USABLE_IF_ERROR;
    assert_eq!(guest.state(leader), chosen);
    assert_eq!(guest.found_text(leader).unwrap(), "old");
    assert_eq!(follower.state(waiting), chosen);
    assert_eq!(follower.found_text(waiting).unwrap(), "old");
    // It was no more than that.
    let next = guest.get();
    assert_eq!(guest.state(next), STALE | MUST_INSERT | USABLE_IF_ERROR);
    guest.world.advance(Duration::from_secs(61));
    assert_eq!(guest.call(|call| cache::close(call, next)), OK);
    let late = guest.get();
    assert_eq!(guest.state(late), MUST_INSERT);
    assert_eq!(guest.choose_stale(late), BADF);
}

#[test]
fn who_asks_for_what_is_not_stored_does_not_wait() {
    let mut guest = start();
    let (first, waiting) = (guest.get(), guest.get());
    assert_eq!(guest.record_not_cacheable(first, 1), OK);
    assert!(guest.is_ready(waiting));
    assert_eq!(guest.state(waiting), 0);
    assert_eq!(guest.found(waiting, 1), Err(NONE));
    let (one, other) = (guest.get(), guest.get());
    assert_eq!((guest.state(one), guest.state(other)), (0, 0));
    guest.world.advance(Duration::from_secs(119));
    let late = guest.get();
    assert_eq!(guest.state(late), 0, "two minutes at least");
    guest.world.advance(Duration::from_secs(2));
    let later = guest.get();
    assert_eq!(guest.state(later), MUST_INSERT);
}

#[test]
fn a_body_that_is_given_up_is_no_response() {
    let mut leader = start();
    let mut reader = leader.beside();
    let handle = leader.get();
    let response = leader.response_of(200, &[]);
    let (writer, _) = leader.insert(handle, response, MINUTE).unwrap();
    leader.write_body(writer, b"half", 0);
    let found = reader.get();
    let (_, body) = reader.found(found, 1).unwrap();
    drop(leader);
    assert_eq!(reader.read_body(body, 100).unwrap(), b"half");
    assert!(reader.read_body(body, 100).is_err());
    let next = reader.get();
    assert_eq!(reader.state(next), MUST_INSERT);
}
