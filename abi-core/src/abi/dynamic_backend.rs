//! Reading witx `dynamic_backend_config`, and keeping what it defines.

use std::sync::Arc;
use std::time::Duration;

use http::uri::Authority;

use crate::error::{Error, Result};
use crate::http::{DynamicBackend, DynamicTls};
use crate::memory::{GuestPtr, Memory};
use crate::session::Session;
use crate::table::types::DynamicBackendConfig;

/// The most backends that one session may define.
const BACKENDS_MAX: usize = 1_024;

/// The longest name or text, in bytes.
const TEXT_LENGTH_MAX: u32 = 1_024;

/// The longest bundle of certificates, in bytes.
const CA_LENGTH_MAX: u32 = 65_536;

/// The bits of witx `backend_config_options`.
mod option {
    pub(super) const HOST_OVERRIDE: u32 = 1 << 1;
    pub(super) const CONNECT_TIMEOUT: u32 = 1 << 2;
    pub(super) const FIRST_BYTE_TIMEOUT: u32 = 1 << 3;
    pub(super) const BETWEEN_BYTES_TIMEOUT: u32 = 1 << 4;
    pub(super) const USE_SSL: u32 = 1 << 5;
    pub(super) const SSL_MIN_VERSION: u32 = 1 << 6;
    pub(super) const SSL_MAX_VERSION: u32 = 1 << 7;
    pub(super) const CERT_HOSTNAME: u32 = 1 << 8;
    pub(super) const CA_CERT: u32 = 1 << 9;
    pub(super) const CIPHERS: u32 = 1 << 10;
    pub(super) const SNI_HOSTNAME: u32 = 1 << 11;
    pub(super) const DONT_POOL: u32 = 1 << 12;
    pub(super) const CLIENT_CERT: u32 = 1 << 13;
    pub(super) const GRPC: u32 = 1 << 14;
    pub(super) const PREFER_IPV4: u32 = 1 << 17;
    /// Bit 0 is reserved, bit 18 is the last.
    pub(super) const ALL: u32 = (1 << 19) - 2;
}

/// The positions of the record's 27 fields, each of four bytes.
mod field {
    pub(super) const COUNT: u32 = 27;
    pub(super) const HOST_OVERRIDE: usize = 0;
    pub(super) const CONNECT_TIMEOUT_MS: usize = 2;
    pub(super) const FIRST_BYTE_TIMEOUT_MS: usize = 3;
    pub(super) const BETWEEN_BYTES_TIMEOUT_MS: usize = 4;
    pub(super) const SSL_MIN_VERSION: usize = 5;
    pub(super) const SSL_MAX_VERSION: usize = 6;
    pub(super) const CERT_HOSTNAME: usize = 7;
    pub(super) const CA_CERT: usize = 9;
    pub(super) const CIPHERS: usize = 11;
    pub(super) const SNI_HOSTNAME: usize = 13;
}

/// A record and which of its fields count.
struct Record<'a> {
    memory: &'a Memory<'a>,
    mask: u32,
    fields: Vec<u32>,
}

impl Record<'_> {
    fn has(&self, option: u32) -> bool {
        self.mask & option != 0
    }

    fn number(&self, option: u32, field: usize) -> Option<u32> {
        self.has(option).then(|| self.fields[field])
    }

    fn timeout(&self, option: u32, field: usize) -> Option<Duration> {
        let milliseconds = self.number(option, field)?;
        Some(Duration::from_millis(milliseconds.into()))
    }

    /// The text whose pointer is `field` and whose length comes behind it.
    fn text(
        &self,
        option: u32,
        field: usize,
        lengths: std::ops::RangeInclusive<u32>,
    ) -> Result<Option<String>> {
        if !self.has(option) {
            return Ok(None);
        }
        let (pointer, length) = (self.fields[field], self.fields[field + 1]);
        if !lengths.contains(&length) {
            return Err(Error::InvalidArgument(
                "a text of the backend is empty or too long",
            ));
        }
        Ok(Some(
            self.memory.text(GuestPtr::new(pointer), length)?.to_owned(),
        ))
    }

    fn tls_version(&self, option: u32, field: usize) -> Result<Option<u32>> {
        match self.number(option, field) {
            Some(4..) => Err(Error::InvalidArgument("there is no such TLS version")),
            version => Ok(version),
        }
    }

    fn tls(&self) -> Result<DynamicTls> {
        Ok(DynamicTls {
            min_version: self.tls_version(option::SSL_MIN_VERSION, field::SSL_MIN_VERSION)?,
            max_version: self.tls_version(option::SSL_MAX_VERSION, field::SSL_MAX_VERSION)?,
            cert_hostname: self.text(
                option::CERT_HOSTNAME,
                field::CERT_HOSTNAME,
                1..=TEXT_LENGTH_MAX,
            )?,
            sni_hostname: self.text(
                option::SNI_HOSTNAME,
                field::SNI_HOSTNAME,
                0..=TEXT_LENGTH_MAX,
            )?,
            ca_certificate: self.text(option::CA_CERT, field::CA_CERT, 1..=CA_LENGTH_MAX)?,
            ciphers: self.text(option::CIPHERS, field::CIPHERS, 1..=TEXT_LENGTH_MAX)?,
        })
    }
}

/// Decodes a backend.
pub(super) fn read(
    memory: &Memory<'_>,
    name: &str,
    target: &str,
    mask: u32,
    configuration: GuestPtr<DynamicBackendConfig>,
) -> Result<DynamicBackend> {
    if mask & !option::ALL != 0 {
        return Err(Error::InvalidArgument("there is no such backend option"));
    }
    if name.is_empty() || name.len() > TEXT_LENGTH_MAX as usize {
        return Err(Error::InvalidArgument(
            "the backend's name is empty or too long",
        ));
    }
    if target.parse::<Authority>().is_err() {
        return Err(Error::InvalidArgument("the backend's target is not a host"));
    }
    if mask & option::CLIENT_CERT != 0 {
        return Err(Error::Unsupported("client certificates need secret stores"));
    }
    let record = Record {
        memory,
        mask,
        fields: memory.read_list(configuration.cast::<u32>(), field::COUNT)?,
    };
    let tls = record.tls()?;
    Ok(DynamicBackend {
        name: name.to_owned(),
        target: target.to_owned(),
        override_host: record.text(
            option::HOST_OVERRIDE,
            field::HOST_OVERRIDE,
            1..=TEXT_LENGTH_MAX,
        )?,
        connect_timeout: record.timeout(option::CONNECT_TIMEOUT, field::CONNECT_TIMEOUT_MS),
        first_byte_timeout: record
            .timeout(option::FIRST_BYTE_TIMEOUT, field::FIRST_BYTE_TIMEOUT_MS),
        between_bytes_timeout: record.timeout(
            option::BETWEEN_BYTES_TIMEOUT,
            field::BETWEEN_BYTES_TIMEOUT_MS,
        ),
        tls: record.has(option::USE_SSL).then_some(tls),
        grpc: record.has(option::GRPC),
        dont_pool: record.has(option::DONT_POOL),
        prefer_ipv4: record.has(option::PREFER_IPV4),
    })
}

/// Keeps a backend for the rest of the session.
pub(super) fn register(session: &mut Session, backend: DynamicBackend) -> Result<()> {
    if session.backend(&backend.name).is_some() {
        return Err(Error::OutOfTurn("there is a backend of this name already"));
    }
    if session.dynamic_backends.len() >= BACKENDS_MAX {
        return Err(Error::LimitExceeded("backend"));
    }
    let name = backend.name.clone();
    session.dynamic_backends.insert(name, Arc::new(backend));
    Ok(())
}
