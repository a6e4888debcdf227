//! The earlier forms of the hostcalls about who the client is: those of `fastly_http_downstream`, for the request that
//! is to be answered.

use crate::error::{Error, Result};
use crate::handle::{BodyHandle, RequestHandle};
use crate::memory::GuestPtr;
use crate::table::Call;
use crate::table::types::InspectInfo;

use crate::abi::buffer::OutBuffer;
use crate::abi::fastly_http_downstream;

macro_rules! earlier_getters_of_bytes {
    ($($name:ident($out:ident, $max_len:ident);)*) => {$(
        #[doc = concat!("[`", stringify!($name), "`](fastly_http_downstream::", stringify!($name), ") of the request that is to be answered.")]
        ///
        /// # Errors
        ///
        /// [`Error::Absent`], [`Error::BufferTooSmall`] and [`Error::Memory`].
        pub fn $name(
            call: &mut Call<'_>,
            $out: GuestPtr<u8>,
            $max_len: u32,
            nwritten_out: GuestPtr<u32>,
        ) -> Result<()> {
            let request = call.session.downstream.request;
            fastly_http_downstream::$name(call, request, $out, $max_len, nwritten_out)
        }
    )*};
}

macro_rules! earlier_getters_of_numbers {
    ($($name:ident;)*) => {$(
        #[doc = concat!("[`", stringify!($name), "`](fastly_http_downstream::", stringify!($name), ") of the request that is to be answered.")]
        ///
        /// # Errors
        ///
        /// [`Error::Absent`] and [`Error::Memory`].
        pub fn $name(call: &mut Call<'_>, out: GuestPtr<u32>) -> Result<()> {
            let request = call.session.downstream.request;
            fastly_http_downstream::$name(call, request, out)
        }
    )*};
}

earlier_getters_of_bytes! {
    downstream_client_h2_fingerprint(h2fp_out, h2fp_max_len);
    downstream_client_oh_fingerprint(ohfp_out, ohfp_max_len);
    downstream_tls_cipher_openssl_name(cipher_out, cipher_max_len);
    downstream_tls_protocol(protocol_out, protocol_max_len);
    downstream_tls_client_hello(chello_out, chello_max_len);
    downstream_tls_raw_client_certificate(raw_client_cert_out, raw_client_cert_max_len);
    downstream_tls_client_servername(servername_out, servername_max_len);
    downstream_tls_ja4(ja4_out, ja4_max_len);
    downstream_compliance_region(region_out, region_max_len);
}

earlier_getters_of_numbers! {
    downstream_client_ddos_detected;
    downstream_tls_client_cert_verify_result;
    fastly_key_is_valid;
}

/// [`downstream_tls_ja3_md5`](fastly_http_downstream::downstream_tls_ja3_md5) of the request that is to be answered.
///
/// # Errors
///
/// [`Error::Absent`] and [`Error::Memory`].
pub fn downstream_tls_ja3_md5(
    call: &mut Call<'_>,
    cja3_md5_out: GuestPtr<u8>,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    let request = call.session.downstream.request;
    fastly_http_downstream::downstream_tls_ja3_md5(call, request, cja3_md5_out, nwritten_out)
}

/// The bits of witx `inspect_info_mask`; bit 0 is reserved.
mod inspect_info {
    pub(super) const CORP: u32 = 1 << 1;
    pub(super) const WORKSPACE: u32 = 1 << 2;
    pub(super) const OVERRIDE_CLIENT_IP: u32 = 1 << 3;
    pub(super) const ALL: u32 = 1 | CORP | WORKSPACE | OVERRIDE_CLIENT_IP;
}

/// Writes what a web application firewall says about a request, as JSON. The answer is one that the host was given for
/// this client: nobody looks at the request.
///
/// # Errors
///
/// [`Error::InvalidArgument`] when corp or workspace are missing, empty or no text, for an address that is none, and
/// for unknown bits; [`Error::BufferTooSmall`], with the needed size written; [`Error::BadHandle`] and
/// [`Error::Memory`].
pub fn inspect(
    call: &mut Call<'_>,
    req: RequestHandle,
    body: BodyHandle,
    insp_info_mask: u32,
    insp_info: GuestPtr<InspectInfo>,
    buf: GuestPtr<u8>,
    buf_len: u32,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    let out = OutBuffer {
        buffer: buf,
        capacity: buf_len,
        written_out: nwritten_out,
    }
    .check(&call.memory)?;
    call.session.requests.get(req)?;
    call.session.items.body_mut(body)?;
    if insp_info_mask & !inspect_info::ALL != 0 {
        return Err(Error::InvalidArgument("there is no such inspection option"));
    }
    let fields = call.memory.read_list(insp_info.cast::<u32>(), 6)?;
    let [corp, corp_len, workspace, workspace_len, ip, ip_len] = fields[..] else {
        return Err(Error::InvalidArgument("an inspection has six fields"));
    };
    for (bit, text, length) in [
        (inspect_info::CORP, corp, corp_len),
        (inspect_info::WORKSPACE, workspace, workspace_len),
    ] {
        if insp_info_mask & bit == 0 || length == 0 {
            return Err(Error::InvalidArgument(
                "an inspection needs the names of corp and workspace",
            ));
        }
        call.memory.text(GuestPtr::new(text), length)?;
    }
    if insp_info_mask & inspect_info::OVERRIDE_CLIENT_IP != 0 {
        if ip_len != 4 && ip_len != 16 {
            return Err(Error::InvalidArgument("an address has 4 or 16 bytes"));
        }
        call.memory.check_bytes(GuestPtr::new(ip), ip_len)?;
    }
    let verdict = call.session.downstream.identity.claims.inspection.to_json();
    out.write(&mut call.memory, verdict.as_bytes())
}

/// Would have a request use the cache of another service. There is one service here, whose cache it is already.
///
/// # Errors
///
/// [`Error::Unsupported`]; [`Error::BadHandle`] and [`Error::Memory`] before that.
pub fn on_behalf_of(
    call: &mut Call<'_>,
    req: RequestHandle,
    service: GuestPtr<u8>,
    service_len: u32,
) -> Result<()> {
    call.memory.text(service, service_len)?;
    call.session.requests.get(req)?;
    Err(Error::Unsupported("there is no other service here"))
}
