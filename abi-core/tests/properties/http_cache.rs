//! How long responses are fresh, compared with a library that says so, too.

use std::time::{Duration, SystemTime};

use abi_core::http::cache::{HttpCacheSettings, StorageAction, StoragePolicy};
use abi_core::http::{RequestHead, ResponseHead};
use http::{HeaderName, HeaderValue, Request, Response};
use http_cache_semantics::{CacheOptions, CachePolicy};
use proptest::prelude::*;

fn directive() -> impl Strategy<Value = String> {
    let seconds = 0..5000_u32;
    prop_oneof![
        seconds
            .clone()
            .prop_map(|seconds| format!("max-age={seconds}")),
        seconds.prop_map(|seconds| format!("s-maxage={seconds}")),
        Just("public".to_owned()),
        Just("private".to_owned()),
        Just("no-store".to_owned()),
        Just("must-revalidate".to_owned()),
        Just("extension=\"a\"".to_owned()),
    ]
}

fn fields() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let control = prop::collection::vec(directive(), 0..4).prop_filter("each once", |list| {
        let names = list.iter().map(|item| item.split('=').next());
        let names: std::collections::BTreeSet<_> = names.collect();
        names.len() == list.len()
    });
    let age = prop::option::of(0..5000_u32);
    (control, age).prop_map(|(control, age)| {
        let mut fields = vec![("cache-control", control.join(", "))];
        fields.extend(age.map(|age| ("age", age.to_string())));
        fields
    })
}

proptest! {
    #[test]
    fn lifetimes_are_those_of_the_library(
        fields in fields(),
        authorized: bool,
    ) {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let (mut request, mut asked) = (RequestHead::new(), Request::new(()));
        if authorized {
            let value = HeaderValue::from_static("secret");
            request.headers.insert("authorization", value.clone());
            asked.headers_mut().insert("authorization", value);
        }
        let (mut response, mut given) = (ResponseHead::new(), Response::new(()));
        for (name, value) in &fields {
            let (name, value) = (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
            response.headers.insert(name.clone(), value.clone());
            given.headers_mut().insert(name, value);
        }
        let settings = HttpCacheSettings { default_ttl: Duration::ZERO, ..HttpCacheSettings::default() };
        let ours = StoragePolicy::of(&request.headers, &response, &settings, now);
        let theirs = CachePolicy::new_options(&asked, &given, now, CacheOptions::default());
        prop_assert_eq!(ours.action == StorageAction::Insert, theirs.is_storable());
        if theirs.is_storable() {
            let left = ours.options.max_age.saturating_sub(ours.options.initial_age);
            prop_assert_eq!(left, theirs.time_to_live(now));
        }
    }
}
