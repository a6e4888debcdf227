//! Everything that can be asked about who the client is, in both forms.

use crate::check::{Outcome, call, check_eq, check_status};
use crate::guest;
use crate::sys::*;

pub type OfBytes = unsafe extern "C" fn(Handle, *mut u8, usize, *mut usize) -> Status;
pub type OfNumber = unsafe extern "C" fn(Handle, *mut u32) -> Status;
pub type EarlierOfBytes = unsafe extern "C" fn(*mut u8, usize, *mut usize) -> Status;
pub type EarlierOfNumber = unsafe extern "C" fn(*mut u32) -> Status;

pub const OF_BYTES: &[(&str, OfBytes)] = &[
    (
        "downstream_client_h2_fingerprint",
        http_downstream::downstream_client_h2_fingerprint,
    ),
    (
        "downstream_client_request_id",
        http_downstream::downstream_client_request_id,
    ),
    (
        "downstream_client_oh_fingerprint",
        http_downstream::downstream_client_oh_fingerprint,
    ),
    (
        "downstream_tls_cipher_openssl_name",
        http_downstream::downstream_tls_cipher_openssl_name,
    ),
    (
        "downstream_tls_protocol",
        http_downstream::downstream_tls_protocol,
    ),
    (
        "downstream_tls_client_hello",
        http_downstream::downstream_tls_client_hello,
    ),
    (
        "downstream_tls_raw_client_certificate",
        http_downstream::downstream_tls_raw_client_certificate,
    ),
    (
        "downstream_tls_client_servername",
        http_downstream::downstream_tls_client_servername,
    ),
    ("downstream_tls_ja4", http_downstream::downstream_tls_ja4),
    (
        "downstream_compliance_region",
        http_downstream::downstream_compliance_region,
    ),
    ("downstream_bot_name", http_downstream::downstream_bot_name),
    (
        "downstream_bot_category",
        http_downstream::downstream_bot_category,
    ),
    (
        "downstream_resvpnproxy_vpn_service_name",
        http_downstream::downstream_resvpnproxy_vpn_service_name,
    ),
];

pub const OF_NUMBERS: &[(&str, OfNumber)] = &[
    (
        "downstream_tls_client_cert_verify_result",
        http_downstream::downstream_tls_client_cert_verify_result,
    ),
    (
        "downstream_client_ddos_detected",
        http_downstream::downstream_client_ddos_detected,
    ),
    ("fastly_key_is_valid", http_downstream::fastly_key_is_valid),
    (
        "downstream_bot_analyzed",
        http_downstream::downstream_bot_analyzed,
    ),
    (
        "downstream_bot_detected",
        http_downstream::downstream_bot_detected,
    ),
    (
        "downstream_bot_category_kind",
        http_downstream::downstream_bot_category_kind,
    ),
    (
        "downstream_bot_verified",
        http_downstream::downstream_bot_verified,
    ),
    (
        "downstream_resvpnproxy_is_anonymous",
        http_downstream::downstream_resvpnproxy_is_anonymous,
    ),
    (
        "downstream_resvpnproxy_is_anonymous_vpn",
        http_downstream::downstream_resvpnproxy_is_anonymous_vpn,
    ),
    (
        "downstream_resvpnproxy_is_hosting_provider",
        http_downstream::downstream_resvpnproxy_is_hosting_provider,
    ),
    (
        "downstream_resvpnproxy_is_proxy_over_vpn",
        http_downstream::downstream_resvpnproxy_is_proxy_over_vpn,
    ),
    (
        "downstream_resvpnproxy_is_public_proxy",
        http_downstream::downstream_resvpnproxy_is_public_proxy,
    ),
    (
        "downstream_resvpnproxy_is_relay_proxy",
        http_downstream::downstream_resvpnproxy_is_relay_proxy,
    ),
    (
        "downstream_resvpnproxy_is_residential_proxy",
        http_downstream::downstream_resvpnproxy_is_residential_proxy,
    ),
    (
        "downstream_resvpnproxy_is_smart_dns_proxy",
        http_downstream::downstream_resvpnproxy_is_smart_dns_proxy,
    ),
    (
        "downstream_resvpnproxy_is_tor_exit_node",
        http_downstream::downstream_resvpnproxy_is_tor_exit_node,
    ),
    (
        "downstream_resvpnproxy_is_vpn_datacenter",
        http_downstream::downstream_resvpnproxy_is_vpn_datacenter,
    ),
];

pub const EARLIER_OF_BYTES: &[(&str, EarlierOfBytes)] = &[
    (
        "downstream_client_h2_fingerprint",
        http_req::downstream_client_h2_fingerprint,
    ),
    (
        "downstream_client_request_id",
        http_req::downstream_client_request_id,
    ),
    (
        "downstream_client_oh_fingerprint",
        http_req::downstream_client_oh_fingerprint,
    ),
    (
        "downstream_tls_cipher_openssl_name",
        http_req::downstream_tls_cipher_openssl_name,
    ),
    ("downstream_tls_protocol", http_req::downstream_tls_protocol),
    (
        "downstream_tls_client_hello",
        http_req::downstream_tls_client_hello,
    ),
    (
        "downstream_tls_raw_client_certificate",
        http_req::downstream_tls_raw_client_certificate,
    ),
    (
        "downstream_tls_client_servername",
        http_req::downstream_tls_client_servername,
    ),
    ("downstream_tls_ja4", http_req::downstream_tls_ja4),
    (
        "downstream_compliance_region",
        http_req::downstream_compliance_region,
    ),
];

pub const EARLIER_OF_NUMBERS: &[(&str, EarlierOfNumber)] = &[
    (
        "downstream_tls_client_cert_verify_result",
        http_req::downstream_tls_client_cert_verify_result,
    ),
    (
        "downstream_client_ddos_detected",
        http_req::downstream_client_ddos_detected,
    ),
    ("fastly_key_is_valid", http_req::fastly_key_is_valid),
];

/// Answers with a line for each: its name and what it says, or the status of its failure.
pub fn report(earlier: bool) -> Outcome {
    let (request, _) = guest::downstream()?;
    let mut report = String::new();
    let mut buffer = vec![0; 65536];
    let mut octets = [0; 16];
    let mut nwritten = 0;
    let mut number = 0;
    if earlier {
        for (name, get) in EARLIER_OF_BYTES {
            let status = call!(get(buffer.as_mut_ptr(), buffer.len(), &mut nwritten));
            if status == OK && nwritten > 0 {
                let mut needed = 0;
                check_status!(
                    BUFFER_TOO_SMALL,
                    get(buffer.as_mut_ptr(), nwritten - 1, &mut needed)
                );
                check_eq!((name, nwritten), (name, needed));
            }
            line(&mut report, name, status, &buffer, nwritten);
        }
        for (name, get) in EARLIER_OF_NUMBERS {
            let status = call!(get(&mut number));
            number_line(&mut report, name, status, number);
        }
        let status = call!(http_req::downstream_tls_ja3_md5(
            octets.as_mut_ptr(),
            &mut nwritten
        ));
        hex_line(
            &mut report,
            "downstream_tls_ja3_md5",
            status,
            &octets,
            nwritten,
        );
        return guest::answer(200, report.as_bytes());
    }
    for (name, get) in OF_BYTES {
        let status = call!(get(
            request,
            buffer.as_mut_ptr(),
            buffer.len(),
            &mut nwritten
        ));
        if status == OK && nwritten > 0 {
            let mut needed = 0;
            check_status!(
                BUFFER_TOO_SMALL,
                get(request, buffer.as_mut_ptr(), nwritten - 1, &mut needed)
            );
            check_eq!((name, nwritten), (name, needed));
        }
        line(&mut report, name, status, &buffer, nwritten);
    }
    for (name, get) in OF_NUMBERS {
        let status = call!(get(request, &mut number));
        number_line(&mut report, name, status, number);
    }
    let status = call!(http_downstream::downstream_tls_ja3_md5(
        request,
        octets.as_mut_ptr(),
        &mut nwritten
    ));
    hex_line(
        &mut report,
        "downstream_tls_ja3_md5",
        status,
        &octets,
        nwritten,
    );
    let status = call!(http_downstream::downstream_client_ip_addr(
        request,
        octets.as_mut_ptr(),
        &mut nwritten
    ));
    hex_line(
        &mut report,
        "downstream_client_ip_addr",
        status,
        &octets,
        nwritten,
    );
    let status = call!(http_downstream::downstream_server_ip_addr(
        request,
        octets.as_mut_ptr(),
        &mut nwritten
    ));
    hex_line(
        &mut report,
        "downstream_server_ip_addr",
        status,
        &octets,
        nwritten,
    );
    let status = call!(http_downstream::downstream_visits_this_service(&mut number));
    number_line(
        &mut report,
        "downstream_visits_this_service",
        status,
        number,
    );
    let status = call!(http_downstream::downstream_visits_this_pop(&mut number));
    number_line(&mut report, "downstream_visits_this_pop", status, number);
    report += &format!("inspect: {}\n", inspection()?);
    guest::answer(200, report.as_bytes())
}

/// What `inspect` says about the request that is to be answered.
pub fn inspection() -> Result<String, String> {
    let (request, body) = guest::downstream()?;
    let name = "name";
    let info = InspectInfo {
        corp: name.as_ptr(),
        corp_len: name.len(),
        workspace: name.as_ptr(),
        workspace_len: name.len(),
        override_client_ip: core::ptr::null(),
        override_client_ip_len: 0,
    };
    let mut buffer = vec![0; 4096];
    let mut nwritten = 0;
    check_status!(
        OK,
        http_req::inspect(
            request,
            body,
            INSPECT_CORP | INSPECT_WORKSPACE,
            &info,
            buffer.as_mut_ptr(),
            buffer.len(),
            &mut nwritten
        )
    );
    Ok(String::from_utf8_lossy(&buffer[..nwritten]).into_owned())
}

fn line(report: &mut String, name: &str, status: Status, buffer: &[u8], nwritten: usize) {
    if name == "downstream_tls_client_hello" {
        return hex_line(report, name, status, buffer, nwritten);
    }
    match (status, buffer.get(..nwritten)) {
        (OK, Some(bytes)) => {
            // A certificate has lines, and a line of the report is one line.
            let text = String::from_utf8_lossy(bytes).replace('\n', "|");
            *report += &format!("{name}: {text}\n");
        }
        _ => failure(report, name, status),
    }
}

fn hex_line(report: &mut String, name: &str, status: Status, buffer: &[u8], nwritten: usize) {
    match (status, buffer.get(..nwritten)) {
        (OK, Some(bytes)) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            *report += &format!("{name}: {digits}\n");
        }
        _ => failure(report, name, status),
    }
}

fn number_line(report: &mut String, name: &str, status: Status, number: u32) {
    match status {
        OK => *report += &format!("{name}: {number}\n"),
        _ => failure(report, name, status),
    }
}

fn failure(report: &mut String, name: &str, status: Status) {
    *report += &format!("{name}: status {status}\n");
}
