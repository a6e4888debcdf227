//! Keys, page by page.

use super::{BAD_REQUEST, OK};
use crate::fixture::Fixture;

#[test]
fn pages_of_keys_follow_each_other() {
    let (mut fixture, memory, store) = Fixture::with_kv();
    for key in ["b\"", "a/1", "a/2", "a/ü", "c"] {
        memory.set(key, "v").unwrap();
    }
    let all = fixture.list(store, "", "", None).unwrap();
    assert_eq!(
        all,
        serde_json::json!({"data": ["a/1", "a/2", "a/ü", "b\"", "c"], "meta": {"limit": 1000}})
    );
    let (as_long_as_a_key, longer) = ("a".repeat(1024), "a".repeat(1025));
    let none = fixture.list(store, &as_long_as_a_key, "", None).unwrap();
    assert_eq!(none["data"], serde_json::json!([]));
    assert_eq!(fixture.list(store, &longer, "", None), Err(BAD_REQUEST));
    let first = fixture.list(store, "a/", "", Some(2)).unwrap();
    assert_eq!(first["data"], serde_json::json!(["a/1", "a/2"]));
    assert_eq!(
        (&first["meta"]["limit"], &first["meta"]["prefix"]),
        (&2.into(), &"a/".into())
    );
    let cursor = first["meta"]["next_cursor"].as_str().unwrap().to_owned();
    // What is removed in between does not matter.
    assert_eq!(fixture.delete(store, "a/2"), OK);
    let second = fixture.list(store, "a/", &cursor, Some(2)).unwrap();
    assert_eq!(second["data"], serde_json::json!(["a/ü"]));
    assert!(second["meta"].get("next_cursor").is_none());
    assert_eq!(fixture.list(store, "", "no cursor", None), Err(BAD_REQUEST));
    assert_eq!(fixture.list(store, "", "", Some(0)), Err(BAD_REQUEST));
    let limited = fixture.list(store, "", "", Some(u32::MAX)).unwrap();
    assert_eq!(limited["meta"]["limit"], 1000);
}
