//! `fastly_backend`.

use super::cases;
use crate::check::{Outcome, check, check_eq, check_status};
use crate::guest::{Misaligned, NEVER, ORIGIN, REFUSED, UNKNOWN, end_of_memory};
use crate::sys::*;

cases![
    backend_exists,
    backend_exists_bad_result_pointer,
    backend_getters,
    backend_getters_of_a_dynamic_one,
    backend_getters_bad_arguments,
    backend_register_bad_arguments,
];

fn exists(name: &str) -> Result<u32, String> {
    let mut exists = u32::MAX;
    check_status!(OK, backend::exists(name.as_ptr(), name.len(), &mut exists));
    Ok(exists)
}

/// A backend exists when it is configured, whether or not it can be reached.
fn backend_exists() -> Outcome {
    check_eq!(1, exists(ORIGIN)?);
    check_eq!(1, exists(REFUSED)?);
    check_eq!(1, exists(NEVER)?);
    check_eq!(0, exists(UNKNOWN)?);
    check_eq!(0, exists("")?);
    Ok(())
}

fn backend_exists_bad_result_pointer() -> Outcome {
    check_status!(
        INVALID_ARGUMENT,
        backend::exists(ORIGIN.as_ptr(), ORIGIN.len(), end_of_memory())
    );
    check_status!(
        BAD_ALIGNMENT,
        backend::exists(ORIGIN.as_ptr(), ORIGIN.len(), Misaligned::new().pointer())
    );
    Ok(())
}

type Getter = unsafe extern "C" fn(*const u8, usize, *mut u32) -> Status;

fn number(getter: Getter, name: &str) -> Result<u32, String> {
    let mut number = u32::MAX;
    check_status!(OK, getter(name.as_ptr(), name.len(), &mut number));
    Ok(number)
}

fn host(name: &str) -> Result<String, String> {
    let mut buffer = [0; 64];
    let mut nwritten = 0;
    check_status!(
        BUFFER_TOO_SMALL,
        backend::get_host(
            name.as_ptr(),
            name.len(),
            buffer.as_mut_ptr(),
            1,
            &mut nwritten
        )
    );
    let needed = nwritten;
    check_status!(
        OK,
        backend::get_host(
            name.as_ptr(),
            name.len(),
            buffer.as_mut_ptr(),
            needed,
            &mut nwritten
        )
    );
    check_eq!(needed, nwritten);
    Ok(String::from_utf8_lossy(&buffer[..nwritten]).into_owned())
}

fn backend_getters() -> Outcome {
    check_eq!(0, number(backend::is_healthy, ORIGIN)?);
    check_eq!(0, number(backend::is_dynamic, ORIGIN)?);
    check_eq!(10_000, number(backend::get_connect_timeout_ms, ORIGIN)?);
    check_eq!(0, number(backend::get_first_byte_timeout_ms, ORIGIN)?);
    check_eq!(0, number(backend::get_between_bytes_timeout_ms, ORIGIN)?);
    check_eq!(60_000, number(backend::get_http_keepalive_time, ORIGIN)?);
    check_eq!(1, number(backend::get_tcp_keepalive_enable, ORIGIN)?);
    check_eq!(0, number(backend::get_tcp_keepalive_interval, ORIGIN)?);
    check_eq!(0, number(backend::get_tcp_keepalive_probes, ORIGIN)?);
    check_eq!(60, number(backend::get_tcp_keepalive_time, ORIGIN)?);
    check_eq!(0, number(backend::is_ssl, ORIGIN)?);
    check_eq!(1, number(backend::is_ipv6_preferred, ORIGIN)?);
    check_eq!(0, number(backend::get_max_connections, ORIGIN)?);
    check_eq!(0, number(backend::get_max_use, ORIGIN)?);
    check_eq!(0, number(backend::get_max_lifetime_ms, ORIGIN)?);
    check_eq!("127.0.0.1", host(ORIGIN)?);
    let mut port = [0, u16::MAX];
    check_status!(
        OK,
        backend::get_port(ORIGIN.as_ptr(), ORIGIN.len(), port.as_mut_ptr())
    );
    check!(port[0] != 0);
    // A port has two bytes.
    check_eq!(u16::MAX, port[1]);
    let mut version = 0;
    for getter in [backend::get_ssl_min_version, backend::get_ssl_max_version] {
        let getter: Getter = getter;
        check_status!(NONE, getter(ORIGIN.as_ptr(), ORIGIN.len(), &mut version));
    }
    let (mut buffer, mut nwritten) = ([0; 8], 0);
    check_status!(
        NONE,
        backend::get_override_host(
            ORIGIN.as_ptr(),
            ORIGIN.len(),
            buffer.as_mut_ptr(),
            buffer.len(),
            &mut nwritten
        )
    );
    Ok(())
}

/// The record of a health check: two numbers of eight bytes, then texts and numbers of four.
#[repr(C)]
struct Healthcheck {
    interval_ms: u64,
    timeout_ms: u64,
    host: (usize, usize),
    method: (usize, usize),
    path: (usize, usize),
    numbers: [u32; 4],
}

impl Healthcheck {
    fn new() -> Self {
        let text = |text: &'static str| (text.as_ptr() as usize, text.len());
        Self {
            interval_ms: 3_599_999,
            timeout_ms: 1_000,
            host: text("example.org"),
            method: text("HEAD"),
            path: text("/health"),
            numbers: [200, 4, 2, 1],
        }
    }
}

const HOST_OVERRIDE: u32 = 1 << 1;
const CONNECT_TIMEOUT: u32 = 1 << 2;
const FIRST_BYTE_TIMEOUT: u32 = 1 << 3;
const BETWEEN_BYTES_TIMEOUT: u32 = 1 << 4;
const USE_SSL: u32 = 1 << 5;
const SSL_MIN_VERSION: u32 = 1 << 6;
const SSL_MAX_VERSION: u32 = 1 << 7;
const CLIENT_CERT: u32 = 1 << 13;
const KEEPALIVE: u32 = 1 << 15;
const POOLING_LIMITS: u32 = 1 << 16;
const PREFER_IPV4: u32 = 1 << 17;
const HEALTHCHECK: u32 = 1 << 18;

fn register(name: &str, options: u32, record: &[u32; 27]) -> Status {
    let target = "[2001:db8::1]:8443";
    unsafe {
        http_req::register_dynamic_backend(
            name.as_ptr(),
            name.len(),
            target.as_ptr(),
            target.len(),
            options,
            record.as_ptr(),
        )
    }
}

/// What was said when it was defined. Nothing is connected.
fn backend_getters_of_a_dynamic_one() -> Outcome {
    let name = "dynamic";
    let check = Healthcheck::new();
    let override_host = "other.example";
    let mut record = [0; 27];
    record[0] = override_host.as_ptr() as u32;
    record[1] = override_host.len() as u32;
    record[2..7].copy_from_slice(&[1_001, 1_002, 1_003, 2, 3]);
    record[18..26].copy_from_slice(&[1_004, 1, 5, 6, 7, 8, 9, 1_005]);
    record[26] = (&raw const check) as u32;
    let options = HOST_OVERRIDE
        | CONNECT_TIMEOUT
        | FIRST_BYTE_TIMEOUT
        | BETWEEN_BYTES_TIMEOUT
        | USE_SSL
        | SSL_MIN_VERSION
        | SSL_MAX_VERSION
        | KEEPALIVE
        | POOLING_LIMITS
        | PREFER_IPV4
        | HEALTHCHECK;
    check_eq!(OK, register(name, options, &record));
    check_eq!(1, exists(name)?);
    check_eq!(1, number(backend::is_dynamic, name)?);
    check_eq!(1_001, number(backend::get_connect_timeout_ms, name)?);
    check_eq!(1_002, number(backend::get_first_byte_timeout_ms, name)?);
    check_eq!(1_003, number(backend::get_between_bytes_timeout_ms, name)?);
    check_eq!(2, number(backend::get_ssl_min_version, name)?);
    check_eq!(3, number(backend::get_ssl_max_version, name)?);
    check_eq!(1_004, number(backend::get_http_keepalive_time, name)?);
    check_eq!(1, number(backend::get_tcp_keepalive_enable, name)?);
    check_eq!(5, number(backend::get_tcp_keepalive_interval, name)?);
    check_eq!(6, number(backend::get_tcp_keepalive_probes, name)?);
    check_eq!(7, number(backend::get_tcp_keepalive_time, name)?);
    check_eq!(8, number(backend::get_max_connections, name)?);
    check_eq!(9, number(backend::get_max_use, name)?);
    check_eq!(1_005, number(backend::get_max_lifetime_ms, name)?);
    check_eq!(0, number(backend::is_ipv6_preferred, name)?);
    check_eq!(1, number(backend::is_ssl, name)?);
    // One good check is taken for granted, and two are needed.
    check_eq!(2, number(backend::is_healthy, name)?);
    check_eq!("[2001:db8::1]", host(name)?);
    let mut port = 0;
    check_status!(OK, backend::get_port(name.as_ptr(), name.len(), &mut port));
    check_eq!(8443, port);
    let (mut buffer, mut nwritten) = ([0; 64], 0);
    check_status!(
        OK,
        backend::get_override_host(
            name.as_ptr(),
            name.len(),
            buffer.as_mut_ptr(),
            buffer.len(),
            &mut nwritten
        )
    );
    check_eq!(override_host.as_bytes(), &buffer[..nwritten]);
    check_status!(
        BUFFER_TOO_SMALL,
        backend::get_override_host(
            name.as_ptr(),
            name.len(),
            buffer.as_mut_ptr(),
            override_host.len() - 1,
            &mut nwritten
        )
    );
    check_eq!(override_host.len(), nwritten);
    // The name is taken now.
    check_eq!(ERROR, register(name, 0, &record));
    Ok(())
}

fn backend_getters_bad_arguments() -> Outcome {
    let all: [Getter; 17] = [
        backend::is_healthy,
        backend::is_dynamic,
        backend::get_connect_timeout_ms,
        backend::get_first_byte_timeout_ms,
        backend::get_between_bytes_timeout_ms,
        backend::get_http_keepalive_time,
        backend::get_tcp_keepalive_enable,
        backend::get_tcp_keepalive_interval,
        backend::get_tcp_keepalive_probes,
        backend::get_tcp_keepalive_time,
        backend::is_ssl,
        backend::get_ssl_min_version,
        backend::get_ssl_max_version,
        backend::is_ipv6_preferred,
        backend::get_max_connections,
        backend::get_max_use,
        backend::get_max_lifetime_ms,
    ];
    let mut number = 0;
    for getter in all {
        check_status!(
            INVALID_ARGUMENT,
            getter(UNKNOWN.as_ptr(), UNKNOWN.len(), &mut number)
        );
        check_status!(
            INVALID_ARGUMENT,
            getter(ORIGIN.as_ptr(), ORIGIN.len(), end_of_memory())
        );
    }
    let (mut buffer, mut nwritten) = ([0; 8], 0);
    check_status!(
        INVALID_ARGUMENT,
        backend::get_host(
            UNKNOWN.as_ptr(),
            UNKNOWN.len(),
            buffer.as_mut_ptr(),
            buffer.len(),
            &mut nwritten
        )
    );
    check_status!(
        INVALID_ARGUMENT,
        backend::get_override_host(
            UNKNOWN.as_ptr(),
            UNKNOWN.len(),
            buffer.as_mut_ptr(),
            buffer.len(),
            &mut nwritten
        )
    );
    check_status!(
        INVALID_ARGUMENT,
        backend::get_port(UNKNOWN.as_ptr(), UNKNOWN.len(), end_of_memory())
    );
    Ok(())
}

fn backend_register_bad_arguments() -> Outcome {
    let mut record = [0; 27];
    check_eq!(INVALID_ARGUMENT, register("reserved", 1, &record));
    check_eq!(INVALID_ARGUMENT, register("unknown", 1 << 19, &record));
    check_eq!(INVALID_ARGUMENT, register("", 0, &record));
    check_eq!(INVALID_ARGUMENT, register("empty", HOST_OVERRIDE, &record));
    check_eq!(ERROR, register(ORIGIN, 0, &record));
    record[5] = 4;
    check_eq!(
        INVALID_ARGUMENT,
        register("version", SSL_MIN_VERSION, &record)
    );
    let certificate = "certificate";
    record[15] = certificate.as_ptr() as u32;
    record[16] = certificate.len() as u32;
    record[17] = NO_HANDLE;
    check_eq!(BAD_HANDLE, register("key", USE_SSL | CLIENT_CERT, &record));
    let changed = |change: fn(&mut Healthcheck)| {
        let mut check = Healthcheck::new();
        change(&mut check);
        let mut record = [0; 27];
        record[26] = std::hint::black_box(&raw const check) as u32;
        register("checked", HEALTHCHECK, &record)
    };
    check_eq!(INVALID_ARGUMENT, changed(|check| check.interval_ms = 999));
    check_eq!(
        INVALID_ARGUMENT,
        changed(|check| check.timeout_ms = 3_600_000)
    );
    check_eq!(INVALID_ARGUMENT, changed(|check| check.numbers[0] = 1_000));
    check_eq!(INVALID_ARGUMENT, changed(|check| check.numbers[1] = 16));
    check_eq!(INVALID_ARGUMENT, changed(|check| check.numbers[2] = 5));
    check_eq!(INVALID_ARGUMENT, changed(|check| check.numbers[3] = 5));
    check_eq!(OK, changed(|_| ()));
    Ok(())
}
