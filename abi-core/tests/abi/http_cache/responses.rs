//! What is said about a response when it is stored, and what is told of it afterwards.

use super::*;

#[test]
fn what_becomes_of_a_response_is_said_beforehand() {
    let mut guest = start();
    let handle = guest.get();
    let mut action = |status, fields: Fields<'_>| {
        let response = guest.response_of(status, fields);
        let (action, _) = guest.prepare(handle, response);
        action
    };
    assert_eq!(action(200, &[]), INSERT);
    assert_eq!(action(500, &[]), DO_NOT_STORE);
    assert_eq!(action(200, &[("cache-control", "no-store")]), DO_NOT_STORE);
    assert_eq!(
        action(200, &[("cache-control", "private")]),
        RECORD_UNCACHEABLE
    );
    assert_eq!(action(200, &[("vary", "*")]), RECORD_UNCACHEABLE);
    let hop = guest.response_of(200, &[("connection", "a"), ("a", "1"), ("b", "1")]);
    let (_, prepared) = guest.prepare(handle, hop);
    assert_eq!(guest.status_and_field(prepared, "a").1, "");
    assert_eq!(guest.status_and_field(prepared, "b").1, "1");
}

#[test]
fn options_are_suggested_as_far_as_there_is_room() {
    let mut guest = start();
    let handle = guest.get();
    let plain = guest.response_of(200, &[("cache-control", "max-age=7")]);
    let numbers = 1 << 2 | 1 << 3 | 1 << 7;
    assert_eq!(guest.suggest(handle, plain, 0), (OK, numbers, 7, 0, 0));
    let fields = [
        (
            "cache-control",
            "max-age=7, stale-while-revalidate=8, stale-if-error=9",
        ),
        ("age", "2"),
        ("vary", "B, a"),
        ("surrogate-key", "two one"),
        ("content-length", "5"),
    ];
    let full = guest.response_of(200, &fields);
    let mask = numbers | 1 << 1 | 1 << 4 | 1 << 5;
    assert_eq!(guest.suggest(handle, full, 2), (BUFLEN, mask, 7, 3, 7));
    assert_eq!(guest.suggest(handle, full, 7), (OK, mask, 7, 3, 7));
    assert_eq!(guest.bytes(BUFFER, 3), b"a b");
    assert_eq!(guest.bytes(BUFFER + 0x800, 7), b"one two");
    let number = |guest: &mut Guest, offset| guest.read::<u64>(RECORD_2 + offset);
    let seconds = [16, 24, 48].map(|offset| number(&mut guest, offset) / 1_000_000_000);
    assert_eq!(seconds, [2, 8, 9]);
    assert_eq!(number(&mut guest, 40), 5);
    // Guests read texts from where they wanted them.
    let words: [u32; 14] = guest.read(RECORD_2);
    assert_eq!((words[2], words[8]), (BUFFER, BUFFER + 0x800));
    // What is not asked for is not given.
    let (record, mask_out) = (GuestPtr::new(RECORD), GuestPtr::new(OUT_3));
    let ask = async |call: &mut abi_core::Call<'_>, wanted| {
        let options_out = GuestPtr::new(RECORD_2);
        cache::get_suggested_cache_options(
            call,
            handle,
            full,
            wanted,
            record,
            mask_out,
            options_out,
        )
        .await
    };
    assert_eq!(guest.wait(async |call| ask(call, 1 << 5).await), OK);
    assert_eq!(guest.read::<u32>(OUT_3), 1 << 5);
    assert_eq!(guest.read::<[u32; 14]>(RECORD_2)[3], 0);
    assert_eq!(guest.wait(async |call| ask(call, 1 << 8).await), INVAL);
}

#[test]
fn what_is_known_of_a_response_can_be_asked() {
    let mut guest = start();
    let request = guest.request_of("GET", URL, &[("x", "1")]);
    let first = guest.begin(request);
    let write = Write {
        revalidate: 2,
        if_error: 3,
        vary: Some("x y"),
        keys: Some("key\tbad\u{e9} other key"),
        length: Some(4),
        sensitive: true,
        ..MINUTE
    };
    guest.insert_whole(first, &[], write, b"body");
    guest.world.advance(Duration::from_secs(1));
    let handle = guest.begin(request);
    type Number = for<'a, 'b> fn(
        &'a mut abi_core::Call<'b>,
        HttpCacheHandle,
    )
        -> futures_util::future::LocalBoxFuture<'a, abi_core::Result<()>>;
    let numbers: [(Number, u64); 6] = [
        (|call, h| Box::pin(cache::get_length(call, h, out())), 4),
        (
            |call, h| Box::pin(cache::get_max_age_ns(call, h, out())),
            60_000_000_000,
        ),
        (
            |call, h| Box::pin(cache::get_stale_while_revalidate_ns(call, h, out())),
            2_000_000_000,
        ),
        (
            |call, h| Box::pin(cache::get_stale_if_error_ns(call, h, out())),
            3_000_000_000,
        ),
        (
            |call, h| Box::pin(cache::get_age_ns(call, h, out())),
            1_000_000_000,
        ),
        (|call, h| Box::pin(cache::get_hits(call, h, out())), 1),
    ];
    let miss = {
        let request = guest.request_of("GET", URL, &[("x", "2")]);
        guest.begin(request)
    };
    for (hostcall, expected) in numbers {
        assert_eq!(guest.wait(async |call| hostcall(call, handle).await), OK);
        assert_eq!(guest.read::<u64>(OUT), expected);
        assert_eq!(guest.wait(async |call| hostcall(call, miss).await), NONE);
        let closed = HttpCacheHandle(99);
        assert_eq!(guest.wait(async |call| hostcall(call, closed).await), BADF);
    }
    let sensitive =
        async |call: &mut abi_core::Call<'_>, h| cache::get_sensitive_data(call, h, out()).await;
    assert_eq!(guest.wait(async |call| sensitive(call, handle).await), OK);
    assert_eq!(guest.read::<u32>(OUT), 1);
    assert_eq!(guest.wait(async |call| sensitive(call, miss).await), NONE);
    let (buffer, written) = (GuestPtr::new(BUFFER), GuestPtr::new(OUT));
    let keys = async |call: &mut abi_core::Call<'_>, h, room| {
        cache::get_surrogate_keys(call, h, buffer, room, written).await
    };
    assert_eq!(guest.wait(async |call| keys(call, handle, 8).await), BUFLEN);
    assert_eq!(guest.read::<u32>(OUT), 9);
    assert_eq!(guest.wait(async |call| keys(call, handle, 9).await), OK);
    assert_eq!(guest.bytes(BUFFER, 9), b"key other");
    assert_eq!(guest.wait(async |call| keys(call, miss, 9).await), NONE);
    let vary = async |call: &mut abi_core::Call<'_>, h, room| {
        cache::get_vary_rule(call, h, buffer, room, written).await
    };
    assert_eq!(guest.wait(async |call| vary(call, handle, 2).await), BUFLEN);
    assert_eq!(guest.read::<u32>(OUT), 3);
    assert_eq!(guest.wait(async |call| vary(call, handle, 3).await), OK);
    assert_eq!(guest.bytes(BUFFER, 3), b"x y");
    assert_eq!(guest.wait(async |call| vary(call, miss, 3).await), NONE);
}

#[test]
fn an_empty_vary_rule_is_one() {
    let mut guest = start();
    let request = guest.request_of("GET", URL, &[("x", "1")]);
    let first = guest.begin(request);
    let write = Write {
        vary: Some(""),
        keys: Some(""),
        ..MINUTE
    };
    guest.insert_whole(first, &[], write, b"body");
    let second = guest.get();
    assert_eq!(guest.state(second), FOUND);
}

#[test]
fn answers_are_for_the_request_or_as_they_are_stored() {
    let mut guest = start();
    let first = guest.get();
    let write = Write {
        length: Some(10),
        ..MINUTE
    };
    guest.insert_whole(first, &[("etag", "\"1\"")], write, b"0123456789");
    let mut ask = |method, fields: Fields<'_>, transform| {
        let request = guest.request_of(method, URL, fields);
        let handle = guest.begin(request);
        let (head, body) = guest.found(handle, transform).unwrap();
        let (status, length) = guest.status_and_field(head, "content-length");
        let body = String::from_utf8(guest.read_to_end(body)).unwrap();
        (status, length, body)
    };
    let whole = || (200, "10".to_owned(), "0123456789".to_owned());
    assert_eq!(ask("GET", &[], 1), whole());
    assert_eq!(ask("HEAD", &[], 1), (200, "10".into(), String::new()));
    let range = ("range", "bytes=2-4");
    assert_eq!(ask("GET", &[range], 1), (206, "3".into(), "234".into()));
    let condition = ("if-none-match", "\"1\"");
    assert_eq!(
        ask("GET", &[condition], 1),
        (304, String::new(), String::new())
    );
    for fields in [[range], [condition]] {
        assert_eq!(ask("GET", &fields, 0), whole());
    }
    assert_eq!(ask("HEAD", &[], 0), whole());
}

#[test]
fn what_cannot_be_written_is_refused_before_anything_is_lost() {
    let mut guest = start();
    let handle = guest.get();
    let response = guest.response_of(200, &[]);
    let insert = |guest: &mut Guest, response, mask, record, out| {
        guest.wait(async |call| {
            let record = GuestPtr::new(record);
            cache::transaction_insert(call, handle, response, mask, record, GuestPtr::new(out))
                .await
        })
    };
    guest.record(MINUTE);
    assert_eq!(insert(&mut guest, response, 1, RECORD, OUT), UNSUPPORTED);
    assert_eq!(insert(&mut guest, response, 1 << 8, RECORD, OUT), INVAL);
    assert_eq!(insert(&mut guest, response, 0, RECORD + 4, OUT), 6);
    assert_eq!(insert(&mut guest, response, 0, OUTSIDE, OUT), INVAL);
    assert_eq!(insert(&mut guest, response, 0, RECORD, OUTSIDE), INVAL);
    assert_eq!(insert(&mut guest, ResponseHandle(99), 0, RECORD, OUT), BADF);
    let mask = guest.record(Write {
        vary: Some("a\u{e9}"),
        ..MINUTE
    });
    assert_eq!(insert(&mut guest, response, mask, RECORD, OUT), INVAL);
    let mask = guest.record(MINUTE);
    assert_eq!(insert(&mut guest, response, mask, RECORD, OUT), OK);
}

#[test]
fn a_found_response_is_given_whole_or_not_at_all() {
    let mut guest = start();
    let handle = guest.get();
    let back = guest.insert_whole(handle, &[], Write::default(), b"stored");
    while guest.call(|call| http_body::new(call, out())) == OK {}
    let last = BodyHandle(guest.read(OUT));
    let before = format!("{:?}", guest.session);
    assert_eq!(guest.found(back, 1), Err(LIMIT_EXCEEDED));
    assert_eq!(format!("{:?}", guest.session), before);
    assert_eq!(guest.call(|call| http_body::close(call, last)), OK);
    assert_eq!(guest.found_text(back), Ok("stored".to_owned()));
}
