//! Reading witx `dynamic_backend_config`, and keeping what it defines.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::uri::Authority;

use crate::error::{Error, Result};
use crate::handle::{SecretHandle, Table};
use crate::http::{
    ClientIdentity, DynamicBackend, DynamicTls, Healthcheck, Keepalive, PoolingLimits,
};
use crate::memory::{GuestPtr, Memory};
use crate::session::Session;
use crate::table::types::DynamicBackendConfig;

/// The most backends that one session may define.
const BACKENDS_MAX: usize = 1_024;

/// The longest name or text, in bytes.
const TEXT_LENGTH_MAX: u32 = 1_024;

/// The longest text of a health check, in bytes.
const HEALTHCHECK_TEXT_MAX: u32 = 8_192;

/// How often and for how long the health of a backend may be checked.
const HEALTHCHECK_TIMES_MS: std::ops::Range<u64> = 1_000..3_600_000;

/// The most checks that may count.
const HEALTHCHECK_WINDOW_MAX: u32 = 15;

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
    pub(super) const KEEPALIVE: u32 = 1 << 15;
    pub(super) const POOLING_LIMITS: u32 = 1 << 16;
    pub(super) const PREFER_IPV4: u32 = 1 << 17;
    pub(super) const HEALTHCHECK: u32 = 1 << 18;
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
    pub(super) const CLIENT_CERTIFICATE: usize = 15;
    pub(super) const CLIENT_KEY: usize = 17;
    pub(super) const HTTP_KEEPALIVE_TIME_MS: usize = 18;
    pub(super) const TCP_KEEPALIVE_ENABLE: usize = 19;
    pub(super) const TCP_KEEPALIVE_INTERVAL_SECS: usize = 20;
    pub(super) const TCP_KEEPALIVE_PROBES: usize = 21;
    pub(super) const TCP_KEEPALIVE_TIME_SECS: usize = 22;
    pub(super) const MAX_CONNECTIONS: usize = 23;
    pub(super) const MAX_USE: usize = 24;
    pub(super) const MAX_LIFETIME_MS: usize = 25;
    pub(super) const HEALTHCHECK: usize = 26;
}

/// A record and which of its fields count.
struct Record<'a> {
    memory: &'a Memory<'a>,
    secrets: &'a Table<SecretHandle, Bytes>,
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
            client_identity: self.client_identity()?,
        })
    }

    fn client_identity(&self) -> Result<Option<ClientIdentity>> {
        let certificate = self.text(
            option::CLIENT_CERT,
            field::CLIENT_CERTIFICATE,
            1..=CA_LENGTH_MAX,
        )?;
        let Some(certificate) = certificate else {
            return Ok(None);
        };
        let key = SecretHandle(self.fields[field::CLIENT_KEY]);
        Ok(Some(ClientIdentity {
            certificate,
            key: self.secrets.get(key)?.clone(),
        }))
    }

    fn keepalive(&self) -> Option<Keepalive> {
        // A field that is 0 leaves the choice to the host.
        let field = |field: usize| Some(self.fields[field]).filter(|number| *number != 0);
        let seconds = |number: u32| Duration::from_secs(number.into());
        self.has(option::KEEPALIVE).then(|| Keepalive {
            http_idle: field(field::HTTP_KEEPALIVE_TIME_MS).map(milliseconds),
            tcp_probes: self.fields[field::TCP_KEEPALIVE_ENABLE] != 0,
            tcp_interval: field(field::TCP_KEEPALIVE_INTERVAL_SECS).map(seconds),
            tcp_probe_count: field(field::TCP_KEEPALIVE_PROBES),
            tcp_idle: field(field::TCP_KEEPALIVE_TIME_SECS).map(seconds),
        })
    }

    fn pooling(&self) -> PoolingLimits {
        if !self.has(option::POOLING_LIMITS) {
            return PoolingLimits::default();
        }
        let field = |field: usize| Some(self.fields[field]).filter(|number| *number != 0);
        PoolingLimits {
            max_connections: field(field::MAX_CONNECTIONS),
            max_use: field(field::MAX_USE),
            max_lifetime: field(field::MAX_LIFETIME_MS).map(milliseconds),
        }
    }

    fn healthcheck(&self) -> Result<Option<Healthcheck>> {
        if !self.has(option::HEALTHCHECK) {
            return Ok(None);
        }
        let record = HealthcheckRecord::read(self.memory, self.fields[field::HEALTHCHECK])?;
        record.check(self.memory).map(Some)
    }
}

fn milliseconds(number: u32) -> Duration {
    Duration::from_millis(number.into())
}

/// witx `healthcheck_config`: two numbers of eight bytes, then ten of four.
struct HealthcheckRecord {
    interval_ms: u64,
    timeout_ms: u64,
    /// From `host` on.
    fields: Vec<u32>,
}

impl HealthcheckRecord {
    fn read(memory: &Memory<'_>, at: u32) -> Result<Self> {
        let numbers = memory.read_list(GuestPtr::<u64>::new(at), 7)?;
        Ok(Self {
            interval_ms: numbers[0],
            timeout_ms: numbers[1],
            fields: numbers[2..]
                .iter()
                // The lower half comes first.
                .flat_map(|pair| [*pair as u32, (*pair >> 32) as u32])
                .collect(),
        })
    }

    fn check(&self, memory: &Memory<'_>) -> Result<Healthcheck> {
        const INVALID: Error =
            Error::InvalidArgument("a number of the health check is out of range");
        let text = |field: usize| -> Result<String> {
            let (pointer, length) = (self.fields[field], self.fields[field + 1]);
            if length > HEALTHCHECK_TEXT_MAX {
                return Err(Error::InvalidArgument(
                    "a text of the health check is too long",
                ));
            }
            Ok(memory.text(GuestPtr::new(pointer), length)?.to_owned())
        };
        let duration = |milliseconds: u64| {
            let is_valid = HEALTHCHECK_TIMES_MS.contains(&milliseconds);
            is_valid
                .then(|| Duration::from_millis(milliseconds))
                .ok_or(INVALID)
        };
        let [window, threshold, initial] = [self.fields[7], self.fields[8], self.fields[9]];
        let status = u16::try_from(self.fields[6]).ok();
        let status = status.filter(|status| (100..=999).contains(status));
        if window == 0 || window > HEALTHCHECK_WINDOW_MAX || threshold > window || initial > window
        {
            return Err(INVALID);
        }
        Ok(Healthcheck {
            interval: duration(self.interval_ms)?,
            timeout: duration(self.timeout_ms)?,
            host: text(0)?,
            method: text(2)?,
            path: text(4)?,
            expected_status: status.ok_or(INVALID)?,
            window,
            threshold,
            initial,
        })
    }
}

/// Decodes a backend.
pub(super) fn read(
    memory: &Memory<'_>,
    secrets: &Table<SecretHandle, Bytes>,
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
    let record = Record {
        memory,
        secrets,
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
        keepalive: record.keepalive(),
        pooling: record.pooling(),
        healthcheck: record.healthcheck()?,
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
