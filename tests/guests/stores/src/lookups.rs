//! Where addresses are, and what devices send user agents.

use std::net::IpAddr;

use fastly::device_detection;
use fastly::geo::geo_lookup;

use crate::{Outcome, failed, not_found, number, text};

pub fn geo(address: &str) -> Outcome {
    let address: IpAddr = number(address);
    match geo_lookup(address) {
        Some(geo) => text(format!(
            "{} {} {} {:?} {:?} {:?}",
            geo.city(),
            geo.country_code3(),
            geo.as_number(),
            geo.conn_type(),
            geo.proxy_type(),
            geo.utc_offset().map(|offset| offset.whole_hours()),
        )),
        None => Err(not_found(&"no data")),
    }
}

pub fn device(user_agent: &str) -> Outcome {
    match device_detection::lookup(user_agent) {
        Some(device) => text(format!(
            "{:?} {:?} {:?} {:?}",
            device.brand(),
            device.is_mobile(),
            device.user_agent_name(),
            device.os_name(),
        )),
        None => Err(not_found(&"no device")),
    }
}

/// What a user agent is made of.
#[expect(deprecated, reason = "no other call of the SDK imports fastly_uap")]
pub fn user_agent(user_agent: &str) -> Outcome {
    match fastly::experimental::uap_parse(user_agent) {
        Ok((family, major, minor, patch)) => {
            text(format!("{family} {major:?} {minor:?} {patch:?}"))
        }
        Err(error) => Err(failed(&error)),
    }
}
