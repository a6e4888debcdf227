//! What guests did, told by their programs.

use std::sync::Arc;

use abi_core::engine::{Ended, Exit, Limits};
use abi_core::session::HostcallObserver;
use abi_core::table::ReturnedHostcall;
use abi_core::{Hostcall, Program, Session};
use futures_util::future::BoxFuture;
use tokio::sync::watch;

/// One hostcall that a guest made.
#[derive(Clone, Copy, Debug)]
pub struct Made {
    /// The call.
    pub hostcall: &'static Hostcall,
    /// What it returned; nothing when it ended the guest.
    pub code: Option<u32>,
}

impl std::fmt::Display for Made {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (module, name) = (self.hostcall.module, self.hostcall.name);
        match self.code {
            Some(code) => write!(f, "{module}.{name} = {code}"),
            None => write!(f, "{module}.{name} ended the guest"),
        }
    }
}

/// One run of a guest.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// Its hostcalls, in order.
    pub hostcalls: Vec<Made>,
    /// How it ended by itself.
    pub ended: Option<Ended>,
    /// Whether it was stopped: nobody waited for its end any more.
    pub stopped: bool,
}

impl Run {
    /// How many times it made a hostcall.
    #[must_use]
    pub fn count(&self, name: &str) -> usize {
        let made = self.hostcalls.iter();
        made.filter(|made| made.hostcall.name == name).count()
    }

    /// Whether it is over, one way or the other.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.stopped || self.ended.is_some()
    }

    /// Why it ended.
    ///
    /// # Panics
    ///
    /// When it did not end by itself.
    #[must_use]
    pub fn exit(&self) -> &Exit {
        match &self.ended {
            Some(ended) => &ended.exit,
            None => panic!("the guest did not end by itself: {self:?}"),
        }
    }
}

/// The runs of one host, in the order in which they began. Clones share them.
#[derive(Clone, Debug)]
pub struct Runs(Arc<watch::Sender<Vec<Run>>>);

impl Default for Runs {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Vec::new())))
    }
}

impl Runs {
    /// The same program, whose runs are told here.
    #[must_use]
    pub fn of(&self, program: Arc<dyn Program>) -> Arc<dyn Program> {
        Arc::new(Recorded {
            program,
            runs: self.clone(),
        })
    }

    /// All runs so far.
    #[must_use]
    pub fn all(&self) -> Vec<Run> {
        self.0.borrow().clone()
    }

    /// Waits until the runs are as `condition` says, and gives what it found.
    ///
    /// # Panics
    ///
    /// Never: this holds the sender.
    pub async fn until<T>(&self, mut condition: impl FnMut(&[Run]) -> Option<T>) -> T {
        let mut watching = self.0.subscribe();
        loop {
            if let Some(found) = condition(&watching.borrow_and_update()) {
                return found;
            }
            watching.changed().await.expect("the sender is held here");
        }
    }

    /// Waits until run number `index` is over.
    pub async fn over(&self, index: usize) -> Run {
        self.until(|runs| runs.get(index).filter(|run| run.is_over()).cloned())
            .await
    }

    fn change(&self, index: usize, change: impl FnOnce(&mut Run)) {
        self.0.send_modify(|runs| change(&mut runs[index]));
    }

    fn begin(&self) -> Begun {
        let mut index = 0;
        self.0.send_modify(|runs| {
            index = runs.len();
            runs.push(Run::default());
        });
        Begun {
            runs: self.clone(),
            index,
        }
    }
}

struct Recorded {
    program: Arc<dyn Program>,
    runs: Runs,
}

impl Program for Recorded {
    fn run(&self, mut session: Box<Session>, limits: Limits) -> BoxFuture<'static, Ended> {
        let begun = self.runs.begin();
        session.set_observer(Box::new(Observer {
            runs: self.runs.clone(),
            index: begun.index,
        }));
        let run = self.program.run(session, limits);
        Box::pin(async move {
            let ended = run.await;
            let told = ended.clone();
            begun.runs.change(begun.index, |run| run.ended = Some(told));
            ended
        })
    }
}

/// A run that has not been seen to end.
struct Begun {
    runs: Runs,
    index: usize,
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.runs
            .change(self.index, |run| run.stopped = run.ended.is_none());
    }
}

struct Observer {
    runs: Runs,
    index: usize,
}

impl HostcallObserver for Observer {
    fn returned(&mut self, returned: &ReturnedHostcall<'_>) {
        let made = Made {
            hostcall: returned.hostcall,
            code: returned.code,
        };
        self.runs.change(self.index, |run| run.hostcalls.push(made));
    }
}
