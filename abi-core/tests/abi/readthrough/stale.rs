//! Responses that are no longer fresh.

use std::time::Duration;

use abi_core::platform::Clock;

use super::{Edge, FRESH};

#[test]
fn a_stale_response_is_revalidated() {
    let edge = Edge::new();
    edge.answers(
        200,
        &[
            ("cache-control", "max-age=1"),
            ("etag", "\"1\""),
            ("x-own", "1"),
        ],
        "hello",
    );
    edge.answers(304, &[FRESH, ("etag", "\"1\""), ("x-own", "2")], "");
    edge.get(&[]);
    edge.pass_seconds(2);
    let second = edge.get(&[("if-none-match", "\"other\"")]);
    assert_eq!(edge.last().headers["if-none-match"], "\"1\"");
    assert_eq!((second.status, &*second.body), (200, "hello"));
    assert_eq!(
        (second.header("x-own"), second.header("x-cache")),
        ("2", "HIT")
    );
    edge.pass_seconds(50);
    assert_eq!(edge.get(&[]).header("age"), "50");
    assert_eq!(edge.count(), 2);
}

#[test]
fn a_stale_response_may_be_used_while_it_is_revalidated() {
    let edge = Edge::new();
    edge.answers(
        200,
        &[("cache-control", "max-age=10, stale-while-revalidate=10")],
        "old",
    );
    edge.answers(200, &[FRESH], "new");
    edge.get(&[]);
    edge.pass_seconds(15);
    let before = edge.world.monotonic();
    assert_eq!(edge.get(&[]).body, "old");
    assert_eq!(edge.get(&[]).body, "old", "while another one revalidates");
    assert_eq!(edge.world.monotonic(), before);
    edge.world.drive(edge.world.sleep(Duration::from_secs(1)));
    edge.world.run_tasks();
    assert_eq!(edge.get(&[]).body, "new");
    assert_eq!(edge.count(), 2);
}

#[test]
fn a_stale_response_may_stand_in_for_an_error() {
    let edge = Edge::new();
    edge.answers(
        200,
        &[("cache-control", "max-age=10, stale-if-error=20")],
        "old",
    );
    edge.answers(503, &[], "trouble");
    edge.answers(0, &[], "");
    edge.get(&[]);
    edge.pass_seconds(15);
    assert_eq!(edge.get(&[]).body, "old");
    assert_eq!(edge.get(&[]).body, "old");
    assert_eq!(edge.count(), 3);
    edge.pass_seconds(20);
    assert_eq!(edge.get(&[]).status, 0, "not for ever");
    for control in [
        "max-age=10, stale-if-error=20, must-revalidate",
        "max-age=10, stale-if-error=20, proxy-revalidate",
        "max-age=10, stale-if-error=20, no-cache",
        "max-age=10, s-maxage=10",
        "max-age=10",
    ] {
        let edge = Edge::new();
        edge.answers(200, &[("cache-control", control)], "old");
        edge.answers(503, &[], "trouble");
        edge.answers(0, &[], "");
        edge.get(&[]);
        edge.pass_seconds(15);
        assert_eq!(edge.get(&[]).status, 503, "{control}");
        assert_eq!(edge.get(&[]).status, 0, "{control}");
    }
}

#[test]
fn a_stale_response_is_used_as_long_as_revalidation_fails() {
    for (status, fields) in [(0, &[][..]), (503, &[FRESH][..])] {
        let edge = Edge::new();
        edge.answers(
            200,
            &[("cache-control", "max-age=10, stale-while-revalidate=10")],
            "old",
        );
        edge.answers(status, fields, "trouble");
        edge.get(&[]);
        for passed in [15, 3] {
            edge.pass_seconds(passed);
            assert_eq!(edge.get(&[]).body, "old", "{status}");
            edge.world.drive(edge.world.sleep(Duration::from_secs(1)));
            edge.world.run_tasks();
        }
        assert_eq!(edge.count(), 3, "each one tries anew");
        edge.pass_seconds(10);
        assert_eq!(edge.get(&[]).status, status, "not for ever");
    }
}

#[test]
fn what_a_backend_withdraws_when_it_is_asked_again_is_not_used_without_asking() {
    for fields in [
        [("cache-control", "no-store")],
        [("cache-control", "private")],
        [("set-cookie", "a=b")],
    ] {
        let edge = Edge::new();
        let (short, tag) = (("cache-control", "max-age=1"), ("etag", "\"1\""));
        edge.answers(200, &[short, tag], "hello");
        edge.answers(304, &fields, "");
        edge.get(&[]);
        edge.pass_seconds(2);
        for asked in [2, 3] {
            let got = edge.get(&[]);
            assert_eq!((got.status, &*got.body), (200, "hello"), "{fields:?}");
            assert_eq!(edge.count(), asked, "{fields:?}");
        }
    }
}
