//! What a case is given.

use std::sync::{Arc, Mutex, PoisonError};

use fastlike::Drained;

use crate::guests::Guest;
use crate::host::{HostSetup, Serving};

/// One engine, and the hosts that a case starts on it.
#[derive(Clone, Debug)]
pub struct Context {
    /// The name of the engine.
    pub engine: &'static str,
    hosts: Arc<Mutex<Vec<Arc<Serving>>>>,
}

impl Context {
    /// A context without hosts.
    #[must_use]
    pub fn new(engine: &'static str) -> Self {
        Self {
            engine,
            hosts: Arc::default(),
        }
    }

    /// A host that is to run `guest`.
    #[must_use]
    pub fn host(&self, guest: Guest) -> HostSetup {
        HostSetup::new(self.clone(), guest)
    }

    pub(crate) fn started(&self, serving: Arc<Serving>) {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.push(serving);
    }

    /// Stops every host that was started and still serves.
    ///
    /// # Panics
    ///
    /// When one does not stop completely: a guest of it is stuck, or a connection of it leaked.
    pub async fn stop_hosts(&self) {
        let hosts = {
            let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *hosts)
        };
        for host in hosts {
            if let Some(drained) = host.stop().await {
                assert_eq!(
                    drained,
                    Drained::Completely,
                    "after the case, something was still running on its host"
                );
            }
        }
    }
}
