//! Which requests are looked up, and by which key.

use super::*;

#[test]
fn a_key_of_the_guest_goes_before() {
    let mut guest = start();
    let request = guest.request_of("GET", URL, &[]);
    let (key, key_len) = (GuestPtr::new(BUFFER), GuestPtr::new(OUT));
    let suggested = |guest: &mut Guest, room| {
        guest.call(|call| cache::get_suggested_cache_key(call, request, key, room, key_len))
    };
    assert_eq!(suggested(&mut guest, 31), BUFLEN);
    assert_eq!(guest.read::<u32>(OUT), 32);
    assert_eq!(suggested(&mut guest, 32), OK);
    let first = guest.get();
    guest.insert_whole(first, &[], MINUTE, b"plain");
    let mut by = |url, key: u32, length: u32| {
        let request = guest.request_of("GET", url, &[]);
        let words = [key, length, 0, 0];
        guest.memory().write(GuestPtr::new(RECORD), words).unwrap();
        let options = GuestPtr::new(RECORD);
        let status = guest.call(|call| cache::transaction_lookup(call, request, 2, options, out()));
        let handle = guest.read(OUT);
        match status {
            OK => Ok(guest.state(handle)),
            status => Err(status),
        }
    };
    let other = "http://elsewhere.example/";
    assert_eq!(by(other, BUFFER, 32), Ok(FOUND));
    assert_eq!(by(URL, BUFFER, 31), Ok(MUST_INSERT));
    assert_eq!(by(URL, BUFFER, 4097), Err(INVAL));
    assert_eq!(by(URL, OUTSIDE, 1), Err(INVAL));
}

#[test]
fn a_backend_that_there_is_not_is_told_of_when_the_state_is_asked() {
    let mut guest = start();
    guest
        .world
        .add_backend("origin", |_| async { Ok(response(200, "")) });
    let begin = |guest: &mut Guest, backend: &str| {
        let request = guest.request_of("GET", URL, &[]);
        let (name, length) = guest.text(backend);
        let words = [0, 0, name.offset(), length];
        guest.memory().write(GuestPtr::new(RECORD), words).unwrap();
        let options = GuestPtr::new(RECORD);
        let status = guest.call(|call| cache::transaction_lookup(call, request, 4, options, out()));
        assert_eq!(status, OK);
        guest.read::<HttpCacheHandle>(OUT)
    };
    let wrong = begin(&mut guest, "nowhere");
    let right = begin(&mut guest, "origin");
    assert!(guest.is_ready(wrong));
    for _ in 0..2 {
        let status = guest.wait(async |call| cache::get_state(call, wrong, out()).await);
        assert_eq!(status, INVAL);
    }
    assert_eq!(guest.found(wrong, 1), Err(INVAL));
    assert_eq!(guest.call(|call| cache::close(call, wrong)), OK);
    assert_eq!(guest.state(right), MUST_INSERT, "who waited goes on");
    guest.insert_whole(right, &[], MINUTE, b"body");
    let hit = begin(&mut guest, "nowhere");
    assert_eq!(guest.state(hit), FOUND, "nobody is asked");
}

#[test]
fn guests_are_left_no_cache_where_there_is_none() {
    let off = HttpCacheSettings {
        guest_caching: false,
        ..HttpCacheSettings::default()
    };
    for settings in [off, HttpCacheSettings::disabled()] {
        let mut guest = Guest::with(&Fixture::new(), settings);
        let request = guest.new_request();
        let options = GuestPtr::new(RECORD);
        let statuses = [
            guest.call(|call| cache::is_request_cacheable(call, request, out())),
            guest.call(|call| {
                let (key, length) = (GuestPtr::new(BUFFER), GuestPtr::new(OUT));
                cache::get_suggested_cache_key(call, request, key, 32, length)
            }),
            guest.call(|call| cache::lookup(call, request, 0, options, out())),
            guest.call(|call| cache::transaction_lookup(call, request, 0, options, out())),
        ];
        assert_eq!(statuses, [UNSUPPORTED; 4]);
    }
}

#[test]
fn requests_that_change_something_are_not_cacheable() {
    let mut guest = start();
    for (method, expected) in [("GET", 1), ("HEAD", 1), ("POST", 0), ("PUT", 0)] {
        let request = guest.request_of(method, URL, &[]);
        let status = guest.call(|call| cache::is_request_cacheable(call, request, out()));
        assert_eq!((status, guest.read::<u32>(OUT)), (OK, expected), "{method}");
    }
}

#[test]
fn hosts_and_guests_share_what_is_stored() {
    let mut guest = start();
    guest
        .world
        .add_backend("origin", |_| async { Ok(response(200, "from the host")) });
    let platform = platform(&guest, HttpCacheSettings::default());
    let send = |guest: &Guest, url: &'static str| {
        let mut head = RequestHead::new();
        head.uri = Uri::from_static(url);
        let request = BackendRequest {
            destination: Destination::Static("origin".into()),
            head,
            body: OutgoingBody::from(Body::empty()),
            bypass_cache: false,
        };
        let answer = guest
            .world
            .drive(Readthrough::new(platform.clone()).send(request));
        let mut answer = answer.unwrap();
        guest.world.drive(answer.body.read(100)).unwrap().unwrap()
    };
    let first = guest.get();
    guest.insert_whole(
        first,
        &[],
        Write {
            keys: Some("k"),
            ..MINUTE
        },
        b"from a guest",
    );
    assert_eq!(&*send(&guest, URL), b"from a guest");
    let key = abi_core::cache::SurrogateKey::new(b"k").unwrap();
    platform.cache.purge(&key, Purge::Hard);
    assert_eq!(&*send(&guest, URL), b"from the host");
    let second = guest.get();
    assert_eq!(guest.found_text(second).unwrap(), "from the host");
}
