//! How values of options are written.

use std::fmt::Display;
use std::net::{SocketAddr, ToSocketAddrs};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use crate::host::ALL_OTHERS;

/// An address, or the first one that a name has.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let parts = text.rsplit_once(':').filter(|(name, _)| !name.is_empty());
    let parts = parts.filter(|(_, port)| port.parse::<u16>().is_ok());
    let Some((name, _)) = parts else {
        let expected = "it has to be an address and a port, such as 127.0.0.1:7676 or localhost:0";
        return Err(expected.to_owned());
    };
    let found = text.to_socket_addrs();
    let found =
        found.map_err(|error| format!("the system knows no address of `{name}`: {error}"))?;
    let mut all: Vec<_> = found.collect();
    // Whoever says `localhost` means what clients try, which for most is the older protocol.
    all.sort_by_key(|address| !address.is_ipv4());
    all.into_iter()
        .next()
        .ok_or_else(|| format!("the system knows no address of `{name}`"))
}

/// The name, which may be left out, and what it is given.
pub(super) fn maybe_named(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, _)) if !name.contains("://") => pair(text),
        _ if text.is_empty() => Err("it has to be a name, `=`, and a value".to_owned()),
        _ => Ok((ALL_OTHERS.to_owned(), text.to_owned())),
    }
}

pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it has to be a name, `=`, and a value".to_owned()),
    }
}

pub(super) fn file(text: &str) -> Result<(String, PathBuf), String> {
    let (name, path) = pair(text)?;
    Ok((name, PathBuf::from(path)))
}

pub(super) fn maybe_file(text: &str) -> Result<(String, Option<PathBuf>), String> {
    if text.is_empty() {
        return Err("it has to be a name, or a name, `=`, and a file".to_owned());
    }
    if !text.contains('=') {
        return Ok((text.to_owned(), None));
    }
    let (name, path) = file(text)?;
    Ok((name, Some(path)))
}

/// A whole number in a range.
pub(in crate::cli) fn whole_number<N>(text: &str, range: RangeInclusive<N>) -> Result<N, String>
where
    N: FromStr + PartialOrd + Display,
{
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| {
        let (least, most) = range.into_inner();
        format!("it has to be a whole number from {least} to {most}")
    })
}

/// A length of time in seconds that a `Duration` can hold: from a millisecond to a year.
pub(super) fn seconds(text: &str) -> Result<f64, String> {
    const YEAR: f64 = 365.0 * 24.0 * 3600.0;
    let number: f64 = text
        .parse()
        .map_err(|_| "it has to be a number".to_owned())?;
    if (0.001..=YEAR).contains(&number) {
        Ok(number)
    } else {
        Err("it has to be between 0.001 and a year".to_owned())
    }
}
