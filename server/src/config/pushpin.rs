//! `[local_server.pushpin]`: the proxy that holds clients' connections for publishing (GRIP).

use super::reader::{Result, Value};

/// The port that Pushpin listens on where nothing is said about it.
const PORT: u64 = 7677;

/// The proxy's port on this machine, where it is enabled. The other keys are for whoever starts Pushpin.
pub(super) fn read(value: &Value<'_>) -> Result<Option<u16>> {
    let mut table = value.table()?;
    let enabled = table.get("enable").map(|value| value.bool()).transpose()?;
    let port = table.get("proxy_port");
    let number = port.as_ref().map_or(Ok(PORT), Value::number)?;
    let number = u16::try_from(number).ok().filter(|port| *port != 0);
    match (enabled, number, port) {
        (Some(true), Some(number), _) => Ok(Some(number)),
        (Some(true), None, Some(port)) => Err(port.problem("this is no port: 1 to 65535")),
        _ => Ok(None),
    }
}
