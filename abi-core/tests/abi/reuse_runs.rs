//! What becomes of a request that was handed over to a guest which has answered before, by guests that are native.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use abi_core::abi::{
    fastly_http_body as body, fastly_http_downstream as downstream, fastly_http_req as req,
    fastly_http_resp as resp,
};
use abi_core::body::Body;
use abi_core::engine::{Ended, Exit, Limits, Program};
use abi_core::handle::TABLE_CAPACITY;
use abi_core::http::RequestHead;
use abi_core::platform::Clock;
use abi_core::reuse::{EARLIER_MAX, ReuseLimits, TAKEN_WITHIN, WaitingSandboxes};
use abi_core::table::types::*;
use abi_core::testing::World;
use abi_core::{ByteMemory, Call, ClientRequest, GuestMemory, Result, Service, Session};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::fixture::{OUT, OUT_2};

/// What the first guest does once it has asked for another request. All later ones answer with 201.
#[derive(Clone, Copy, PartialEq)]
enum After {
    /// Something that takes this long, before it waits for the request.
    Busy(Duration),
    /// It ends, after this long.
    Ends(Duration),
    /// It gives up what it has asked for and asks anew, so many times, and so long after it has asked.
    AsksAnew(usize, Duration),
    /// It answers so many requests with 203, then asks about the clients of the first, the second and the last one.
    Serves(usize),
    /// It waits, and has no room for the request; then it makes room, and answers with 202.
    Full,
}

#[derive(Clone)]
struct Guests {
    world: World,
    first: After,
    begun: Arc<AtomicUsize>,
    /// The statuses that the first guest got when it waited for the request.
    waited: Arc<std::sync::Mutex<Vec<u32>>>,
}

impl Guests {
    fn service(first: After) -> (Self, Service) {
        let world = World::new();
        let guests = Self {
            world: world.clone(),
            first,
            begun: Arc::default(),
            waited: Arc::default(),
        };
        let service = Service::new(Arc::new(guests.clone()), world.platform());
        (guests, service)
    }

    fn waited(&self) -> Vec<u32> {
        self.waited.lock().unwrap().clone()
    }
}

impl Program for Guests {
    fn run(&self, session: Box<Session>, _limits: Limits) -> BoxFuture<'static, Ended> {
        let is_first = self.begun.fetch_add(1, Ordering::Relaxed) == 0;
        let guests = self.clone();
        async move {
            let mut guest = Guest {
                session,
                memory: ByteMemory::new(0x1_0000),
            };
            if is_first {
                guests.first(&mut guest).await;
            } else {
                guest.answer(201);
            }
            Ended {
                exit: Exit::Returned,
                memory_bytes: 0,
            }
        }
        .boxed()
    }
}

impl Guests {
    async fn first(&self, guest: &mut Guest) {
        guest.answer(200);
        let mut promise = guest.ask();
        match self.first {
            After::Busy(time) => {
                self.world.sleep(time).await;
                self.wait(guest, promise).await;
            }
            After::Ends(time) => self.world.sleep(time).await,
            After::AsksAnew(times, time) => {
                for _ in 0..times {
                    self.world.sleep(time).await;
                    assert_eq!(
                        guest.call(|call| downstream::next_request_abandon(call, promise)),
                        0
                    );
                    promise = guest.ask();
                }
            }
            After::Serves(times) => {
                let mut clients =
                    vec![guest.made(|call, out| {
                        req::body_downstream_get(call, out, GuestPtr::new(OUT_2))
                    })];
                for _ in 0..times {
                    assert_eq!(guest.wait(promise).await, 0);
                    let client: RequestHandle =
                        guest.memory.lend().read(GuestPtr::new(OUT)).unwrap();
                    clients.push(client);
                    assert_eq!(guest.call(|call| req::close(call, client)), 0);
                    guest.answer(203);
                    promise = guest.ask();
                }
                for client in [clients[0], clients[1], clients[times]] {
                    let status = guest.request_id(client);
                    self.waited.lock().unwrap().push(status);
                }
            }
            After::Full => {
                let requests = guest.fill();
                self.wait(guest, promise).await;
                assert_eq!(guest.call(|call| req::close(call, requests)), 0);
                self.wait(guest, promise).await;
                guest.answer(202);
            }
        }
    }

    async fn wait(&self, guest: &mut Guest, promise: RequestPromiseHandle) {
        let status = guest.wait(promise).await;
        self.waited.lock().unwrap().push(status);
    }
}

struct Guest {
    session: Box<Session>,
    memory: ByteMemory,
}

impl Guest {
    fn call(&mut self, hostcall: impl FnOnce(&mut Call<'_>) -> Result<()>) -> u32 {
        let mut call = Call::new(self.memory.data_mut(), &mut self.session);
        status(hostcall(&mut call))
    }

    fn made<T: abi_core::memory::GuestValue>(
        &mut self,
        make: impl FnOnce(&mut Call<'_>, GuestPtr<T>) -> Result<()>,
    ) -> T {
        assert_eq!(self.call(|call| make(call, GuestPtr::new(OUT))), 0);
        self.memory.lend().read(GuestPtr::new(OUT)).unwrap()
    }

    fn answer(&mut self, status: u32) {
        let (head, content) = (self.made(resp::new), self.made(body::new));
        assert_eq!(
            self.call(|call| resp::status_set(call, head, status)),
            0,
            "{status}"
        );
        assert_eq!(
            self.call(|call| resp::send_downstream(call, head, content, 0)),
            0
        );
    }

    fn ask(&mut self) -> RequestPromiseHandle {
        let options = GuestPtr::new(0x2000);
        self.made(|call, out| downstream::next_request(call, 0, options, out))
    }

    /// What the host says when it is asked for the id of a client's request.
    fn request_id(&mut self, client: RequestHandle) -> u32 {
        let (buffer, written) = (GuestPtr::new(0x2000), GuestPtr::new(OUT));
        self.call(|call| {
            downstream::downstream_client_request_id(call, client, buffer, 64, written)
        })
    }

    async fn wait(&mut self, promise: RequestPromiseHandle) -> u32 {
        let mut call = Call::new(self.memory.data_mut(), &mut self.session);
        let (request, body) = (GuestPtr::new(OUT), GuestPtr::new(OUT_2));
        status(downstream::next_request_wait(&mut call, promise, request, body).await)
    }

    /// Makes requests until there is no room for another one; gives one of them.
    fn fill(&mut self) -> RequestHandle {
        for _ in 1..TABLE_CAPACITY {
            self.made(req::new);
        }
        let refused = self.call(|call| req::new(call, GuestPtr::new(OUT)));
        assert_eq!(refused, 13);
        self.memory.lend().read(GuestPtr::new(OUT)).unwrap()
    }
}

fn status(result: Result<()>) -> u32 {
    result.map_or_else(|error| error.status().unwrap().code(), |()| 0)
}

/// Runs two requests at once, the second of which is handed over; gives the second's status, and when it was there.
fn two_requests(guests: &Guests, service: &Service) -> (u16, Duration) {
    let request = || ClientRequest::new(RequestHead::new(), Body::empty());
    let world = &guests.world;
    let mut first = service.start(request());
    assert_eq!(world.drive(first.answer()).head.status, 200);
    let mut second = service.start(request());
    let answered = {
        let (mut first, mut second) = (first.finish().boxed(), second.answer().boxed());
        let mut has_ended = false;
        let both = poll_fn(|cx| {
            has_ended = has_ended || first.poll_unpin(cx).is_ready();
            second.poll_unpin(cx)
        });
        let answer = world.drive(both);
        let answered = (answer.head.status.as_u16(), world.monotonic());
        if !has_ended {
            world.drive(first);
        }
        answered
    };
    assert_eq!(world.drive(second.finish()).exit, Exit::Returned);
    answered
}

#[test]
fn a_request_is_taken_back_from_a_guest_that_does_not_take_it() {
    let (guests, service) = Guests::service(After::Busy(Duration::from_secs(10)));
    assert_eq!(two_requests(&guests, &service), (201, TAKEN_WITHIN));
    assert_eq!(guests.waited(), [10], "there is none for it any more");
    assert_eq!(guests.begun.load(Ordering::Relaxed), 2);
}

#[test]
fn a_request_is_not_taken_back_from_a_guest_that_comes_for_it() {
    let (guests, service) = Guests::service(After::Busy(TAKEN_WITHIN / 2));
    // It takes the request and ends.
    assert_eq!(two_requests(&guests, &service), (200, TAKEN_WITHIN / 2));
    assert_eq!(guests.waited(), [0]);
    assert_eq!(guests.begun.load(Ordering::Relaxed), 1);
}

/// Otherwise it could keep its clients waiting for as long as it likes.
#[test]
fn a_request_that_was_given_back_is_not_handed_over_again() {
    let time = Duration::from_millis(10);
    let (guests, service) = Guests::service(After::AsksAnew(100, time));
    assert_eq!(two_requests(&guests, &service), (201, time));
}

#[test]
fn a_guest_that_ends_gives_the_request_back() {
    let time = Duration::from_millis(10);
    let (guests, service) = Guests::service(After::Ends(time));
    assert_eq!(two_requests(&guests, &service), (201, time));
    assert_eq!(guests.begun.load(Ordering::Relaxed), 2);
}

#[test]
fn clients_of_long_ago_are_forgotten() {
    for (times, waited) in [(EARLIER_MAX, [0; 3]), (EARLIER_MAX + 1, [2, 0, 0])] {
        let (guests, mut service) = Guests::service(After::Serves(times));
        service.sandboxes = WaitingSandboxes::new(ReuseLimits {
            further_requests: u32::MAX,
            ..ReuseLimits::default()
        });
        let request = || ClientRequest::new(RequestHead::new(), Body::empty());
        let world = &guests.world;
        let mut first = service.start(request());
        assert_eq!(world.drive(first.answer()).head.status, 200);
        let mut first = first.finish().boxed();
        let mut has_ended = false;
        for _ in 0..times {
            let mut next = service.start(request());
            let mut answer = next.answer().boxed();
            let both = poll_fn(|cx| {
                has_ended = has_ended || first.poll_unpin(cx).is_ready();
                answer.poll_unpin(cx)
            });
            assert_eq!(world.drive(both).head.status, 203);
        }
        assert!(has_ended);
        assert_eq!(guests.waited(), waited);
    }
}

#[test]
fn a_request_without_room_waits_until_there_is_some() {
    let (guests, service) = Guests::service(After::Full);
    assert_eq!(two_requests(&guests, &service), (202, Duration::ZERO));
    assert_eq!(guests.waited(), [13, 0]);
    assert_eq!(guests.begun.load(Ordering::Relaxed), 1);
}
