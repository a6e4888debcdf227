//! The cache beside a model of it: readers, writers, purges and deaths in any order, with a clock that only moves when it
//! is told.
//!
//! `PROPTEST_CASES=10000 cargo test -p abi-core --test properties cache` runs it ten thousand times.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use abi_core::body::Body;
use abi_core::cache::{
    BodyWriter, Cache, CacheKey, CacheSpace, Found, PendingLookup, Purge, SurrogateKey,
    SurrogateKeys, Transaction, WriteOptions,
};
use http::HeaderMap;
use proptest::prelude::*;

/// Something that a request does, or that happens to it. Numbers choose among what there is, and are ignored where there
/// is nothing.
#[derive(Clone, Debug)]
enum Step {
    /// A request asks for the object.
    Transaction,
    /// A request that waits dies.
    Impatience(usize),
    /// A leader inserts the object: how long it is fresh, and stale.
    Insert(usize, u64, u64),
    /// A leader says new things about a stale object.
    Update(usize, u64),
    /// A leader gives up, or dies.
    Give(usize, bool),
    /// Somebody inserts without asking.
    InsertAnyway(u64, u64),
    /// A writer writes.
    Write(usize, u8),
    /// A writer ends its body.
    Finish(usize),
    /// A writer dies.
    Abandon(usize),
    /// Somebody begins to read what a request has found.
    Read(usize),
    /// A reader reads all there is.
    Drain(usize),
    /// All objects are purged by their surrogate key.
    Purge(bool),
    /// Time passes.
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let which = 0..8_usize;
    prop_oneof![
        4 => Just(Step::Transaction),
        1 => which.clone().prop_map(Step::Impatience),
        4 => (which.clone(), 0..6_u64, 0..6_u64).prop_map(|(i, m, s)| Step::Insert(i, m, s)),
        2 => (which.clone(), 0..6_u64).prop_map(|(i, m)| Step::Update(i, m)),
        1 => (which.clone(), any::<bool>()).prop_map(|(i, dies)| Step::Give(i, dies)),
        1 => (0..6_u64, 0..6_u64).prop_map(|(m, s)| Step::InsertAnyway(m, s)),
        4 => (which.clone(), any::<u8>()).prop_map(|(i, byte)| Step::Write(i, byte)),
        2 => which.clone().prop_map(Step::Finish),
        1 => which.clone().prop_map(Step::Abandon),
        3 => which.clone().prop_map(Step::Read),
        4 => which.prop_map(Step::Drain),
        1 => any::<bool>().prop_map(Step::Purge),
        2 => (0..4_u64).prop_map(Step::Pass),
    ]
}

/// What the model knows of a body: all that was written to it, and how it ended.
#[derive(Clone, Debug, Default)]
struct ModelBody {
    bytes: Vec<u8>,
    ended: Option<bool>,
}

/// What the model knows of an object.
#[derive(Clone, Copy, Debug)]
struct ModelObject {
    body: usize,
    inserted: u64,
    max_age: u64,
    stale: u64,
    soft_purged: bool,
    /// A number of its own: an update makes another object of the same body.
    id: usize,
}

#[derive(Default)]
struct Model {
    now: u64,
    object: Option<ModelObject>,
    obligations: u32,
    bodies: Vec<ModelBody>,
    ids: usize,
    /// Objects that were hard purged: an update does not bring them back.
    purged: Vec<usize>,
}

/// What a request is to get: an object, and whether it has to insert.
type Expected = (Option<ModelObject>, bool);

impl Model {
    fn fresh(&self, object: ModelObject) -> bool {
        !object.soft_purged && self.now - object.inserted < object.max_age
    }

    fn usable(&self, object: ModelObject) -> bool {
        self.now - object.inserted < object.max_age + object.stale
    }

    /// What a lookup comes to; nothing if it waits.
    fn resolve(&mut self) -> Option<Expected> {
        self.object = self.object.filter(|object| self.usable(*object));
        match self.object {
            Some(object) if self.fresh(object) => Some((Some(object), false)),
            Some(object) if self.obligations > 0 => Some((Some(object), false)),
            None if self.obligations > 0 => None,
            object => {
                self.obligations += 1;
                Some((object, true))
            }
        }
    }

    fn insert(&mut self, body: usize, max_age: u64, stale: u64) -> ModelObject {
        self.ids += 1;
        let object = ModelObject {
            body,
            inserted: self.now,
            max_age,
            stale,
            soft_purged: false,
            id: self.ids,
        };
        self.object = Some(object);
        object
    }
}

/// A request and what the model says about it.
struct Request {
    transaction: Transaction,
    expected: Expected,
}

struct Run {
    cache: Cache,
    model: Model,
    waiting: VecDeque<PendingLookup>,
    requests: Vec<Request>,
    writers: Vec<(BodyWriter, usize)>,
    readers: Vec<(Body, usize, usize)>,
}

fn ready<T>(poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Option<T> {
    match poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

fn pick<T>(list: &[T], number: usize) -> Option<usize> {
    (!list.is_empty()).then(|| number % list.len())
}

fn options(max_age: u64, stale: u64) -> WriteOptions {
    WriteOptions {
        stale_while_revalidate: Duration::from_secs(stale),
        surrogate_keys: SurrogateKeys::parse(b"key").unwrap(),
        ..WriteOptions::new(Duration::from_secs(max_age))
    }
}

impl Run {
    fn new() -> Self {
        Self {
            cache: Cache::default(),
            model: Model::default(),
            waiting: VecDeque::new(),
            requests: Vec::new(),
            writers: Vec::new(),
            readers: Vec::new(),
        }
    }

    fn key() -> CacheKey {
        CacheKey::new(CacheSpace::Core, b"key").unwrap()
    }

    fn now(&self) -> Duration {
        Duration::from_secs(self.model.now)
    }

    /// Whoever waits goes on in the order in which they came, as far as the model says.
    fn settle(&mut self) {
        let mut still = VecDeque::new();
        for mut pending in std::mem::take(&mut self.waiting) {
            let expected = self.model.resolve();
            let is_ready = ready(|cx| pending.poll_ready(cx)).is_some();
            assert_eq!(is_ready, expected.is_some(), "who waits");
            match expected {
                Some(expected) => self.begin(pending, expected),
                None => still.push_back(pending),
            }
        }
        self.waiting = still;
    }

    fn begin(&mut self, mut pending: PendingLookup, expected: Expected) {
        let transaction = pending.take().unwrap();
        assert_eq!(transaction.must_insert_or_update(), expected.1, "the duty");
        let usable = usable(&transaction, self.now());
        assert_eq!(usable.is_some(), expected.0.is_some(), "what was found");
        self.requests.push(Request {
            transaction,
            expected,
        });
    }

    fn new_body(&mut self, writer: BodyWriter) -> usize {
        self.model.bodies.push(ModelBody::default());
        let body = self.model.bodies.len() - 1;
        self.writers.push((writer, body));
        body
    }

    fn step(&mut self, step: Step) {
        let now = self.now();
        match step {
            Step::Transaction => {
                let mut pending = self.cache.transaction(Self::key(), HeaderMap::new(), now);
                let expected = self.model.resolve();
                let is_ready = ready(|cx| pending.poll_ready(cx)).is_some();
                assert_eq!(is_ready, expected.is_some(), "who waits");
                match expected {
                    Some(expected) => self.begin(pending, expected),
                    None => self.waiting.push_back(pending),
                }
            }
            Step::Impatience(number) => {
                if let Some(index) = pick(self.waiting.make_contiguous(), number) {
                    self.waiting.remove(index);
                }
            }
            Step::Insert(number, max_age, stale) => {
                let Some(index) = pick(&self.requests, number) else {
                    return;
                };
                let request = &mut self.requests[index];
                let inserted = request.transaction.insert(options(max_age, stale), now);
                assert_eq!(inserted.is_ok(), request.expected.1);
                if let Ok(writer) = inserted {
                    request.expected.1 = false;
                    let body = self.new_body(writer);
                    self.model.insert(body, max_age, stale);
                    self.model.obligations -= 1;
                    self.settle();
                }
            }
            Step::Update(number, max_age) => {
                let Some(index) = pick(&self.requests, number) else {
                    return;
                };
                let request = &mut self.requests[index];
                let usable = request.expected.0.filter(|_| request.expected.1);
                let Some(old) = usable else {
                    return;
                };
                request
                    .transaction
                    .update(options(max_age, 1), now)
                    .unwrap();
                request.expected.1 = false;
                // What was purged does not come back, and neither does a body that was given up.
                let gone = self.model.purged.contains(&old.id);
                if !gone && self.model.bodies[old.body].ended != Some(false) {
                    self.model.insert(old.body, max_age, 1);
                }
                self.model.obligations -= 1;
                self.settle();
            }
            Step::Give(number, dies) => {
                let Some(index) = pick(&self.requests, number) else {
                    return;
                };
                let mut request = self.requests.swap_remove(index);
                let had_duty = request.expected.1;
                if dies {
                    drop(request);
                } else {
                    assert_eq!(request.transaction.cancel().is_ok(), had_duty);
                }
                if had_duty {
                    self.model.obligations -= 1;
                    self.settle();
                }
            }
            Step::InsertAnyway(max_age, stale) => {
                let options = options(max_age, stale);
                let headers = HeaderMap::new();
                let writer = self.cache.insert(Self::key(), &headers, options, now);
                let body = self.new_body(writer);
                self.model.insert(body, max_age, stale);
                self.settle();
            }
            Step::Write(number, byte) => {
                if let Some(index) = pick(&self.writers, number) {
                    let (writer, body) = &mut self.writers[index];
                    assert_eq!(writer.write(&[byte]).unwrap(), 1);
                    self.model.bodies[*body].bytes.push(byte);
                }
            }
            Step::Finish(number) => {
                if let Some(index) = pick(&self.writers, number) {
                    let (writer, body) = self.writers.swap_remove(index);
                    writer.finish();
                    self.model.bodies[body].ended = Some(true);
                }
            }
            Step::Abandon(number) => {
                if let Some(index) = pick(&self.writers, number) {
                    let (writer, body) = self.writers.swap_remove(index);
                    drop(writer);
                    self.model.bodies[body].ended = Some(false);
                    self.model.object = self.model.object.filter(|object| object.body != body);
                }
            }
            Step::Read(number) => {
                if let Some(index) = pick(&self.requests, number) {
                    let request = &self.requests[index];
                    if let Some(object) = request.expected.0 {
                        let found = request.transaction.found().unwrap();
                        self.readers.push((found.whole_body(), object.body, 0));
                    }
                }
            }
            Step::Drain(number) => {
                if let Some(index) = pick(&self.readers, number) {
                    self.drain(index);
                }
            }
            Step::Purge(soft) => {
                let key = SurrogateKey::new(b"key").unwrap();
                let purge = if soft { Purge::Soft } else { Purge::Hard };
                self.cache.purge(&key, purge);
                match &mut self.model.object {
                    Some(object) if soft => object.soft_purged = true,
                    object => {
                        let purged = object.take();
                        self.model.purged.extend(purged.map(|object| object.id));
                    }
                }
            }
            Step::Pass(seconds) => self.model.now += seconds,
        }
    }

    fn drain(&mut self, index: usize) {
        let (body, number, position) = &mut self.readers[index];
        let model = &self.model.bodies[*number];
        loop {
            match ready(|cx| body.poll_read(usize::MAX, cx)) {
                Some(Ok(Some(bytes))) => {
                    let end = *position + bytes.len();
                    assert_eq!(model.bytes[*position..end], bytes[..], "what was written");
                    *position = end;
                }
                Some(Ok(None)) => {
                    assert_eq!(model.ended, Some(true), "a clean end");
                    assert_eq!(*position, model.bytes.len(), "the whole body");
                    break;
                }
                Some(Err(_)) => {
                    assert_eq!(model.ended, Some(false), "a body that was given up");
                    break;
                }
                None => {
                    assert_eq!(model.ended, None, "a body that is still written");
                    assert_eq!(*position, model.bytes.len(), "all there is");
                    return;
                }
            }
        }
        self.readers.swap_remove(index);
    }

    /// When all is over, nobody waits and nothing is left of bodies that nobody can read.
    fn end(mut self) {
        self.requests.clear();
        self.model.obligations = 0;
        while !self.waiting.is_empty() {
            self.settle();
            self.requests.clear();
            self.model.obligations = 0;
        }
        self.readers.clear();
        self.writers.clear();
        self.cache.clear();
        let left = self.cache.statistics();
        assert_eq!((left.objects, left.keys, left.waiting), (0, 0, 0));
        assert_eq!((left.bytes, left.body_bytes), (0, 0));
    }
}

/// What a transaction has found, where it may be used.
fn usable(transaction: &Transaction, now: Duration) -> Option<&Found> {
    let found = transaction.found();
    found.filter(|found| found.freshness(now).is_usable())
}

proptest! {
    #[test]
    fn the_cache_is_what_its_model_says(steps in prop::collection::vec(step(), 1..60)) {
        let mut run = Run::new();
        for step in steps {
            run.step(step);
        }
        run.end();
    }
}
