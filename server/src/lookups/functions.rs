//! Functions of an embedder, and files, as lookups.

use std::net::IpAddr;

use abi_core::lookups::{DeviceDetection, Geo};
use bytes::Bytes;

use crate::stores::Reread;

/// A function from an address to JSON.
pub(crate) struct GeoFunction<F>(pub F);

impl<F: Fn(IpAddr) -> Option<String> + Send + Sync> Geo for GeoFunction<F> {
    fn lookup(&self, address: IpAddr) -> Option<Bytes> {
        (self.0)(address).map(Bytes::from)
    }
}

/// A function from a user agent to JSON.
pub(crate) struct DeviceFunction<F>(pub F);

impl<F: Fn(&str) -> Option<String> + Send + Sync> DeviceDetection for DeviceFunction<F> {
    fn lookup(&self, user_agent: &str) -> Option<Bytes> {
        (self.0)(user_agent).map(Bytes::from)
    }
}

impl<T: Geo> Geo for Reread<T> {
    fn lookup(&self, address: IpAddr) -> Option<Bytes> {
        self.latest().lookup(address)
    }
}

impl<T: DeviceDetection> DeviceDetection for Reread<T> {
    fn lookup(&self, user_agent: &str) -> Option<Bytes> {
        self.latest().lookup(user_agent)
    }
}
