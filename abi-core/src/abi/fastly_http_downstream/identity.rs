//! Who the client is: its TLS connection, its fingerprints, and what is claimed about it.

use std::sync::Arc;

use crate::client::{Bot, ClientIdentity, ClientTls, VpnProxy};
use crate::error::{Error, Result};
use crate::handle::RequestHandle;
use crate::memory::GuestPtr;
use crate::table::Call;

use super::downstream;
use crate::abi::buffer::OutBuffer;

fn identity<'a>(call: &'a Call<'_>, req: RequestHandle) -> Result<&'a ClientIdentity> {
    Ok(&downstream(call, req)?.identity)
}

fn tls<'a>(call: &'a Call<'_>, req: RequestHandle) -> Result<&'a ClientTls> {
    identity(call, req)?.tls.as_deref().ok_or(Error::Absent)
}

/// Writes what `value` finds, which may be large, without a copy of it.
fn bytes(
    call: &mut Call<'_>,
    req: RequestHandle,
    (buffer, capacity, written_out): (GuestPtr<u8>, u32, GuestPtr<u32>),
    value: impl FnOnce(&ClientIdentity) -> Option<&[u8]>,
) -> Result<()> {
    let out = OutBuffer {
        buffer,
        capacity,
        written_out,
    }
    .check(&call.memory)?;
    // Its parts are shared: this copies no more than a few counters.
    let identity = identity(call, req)?.clone();
    let value = value(&identity).ok_or(Error::Absent)?;
    out.write(&mut call.memory, value)
}

fn number(
    call: &mut Call<'_>,
    req: RequestHandle,
    out: GuestPtr<u32>,
    value: impl FnOnce(&ClientIdentity) -> Option<u32>,
) -> Result<()> {
    call.memory.check(out)?;
    let value = value(identity(call, req)?).ok_or(Error::Absent)?;
    call.memory.write(out, value)?;
    Ok(())
}

fn tls_text<'a>(
    identity: &'a ClientIdentity,
    text: impl FnOnce(&'a ClientTls) -> Option<&'a str>,
) -> Option<&'a [u8]> {
    text(identity.tls.as_deref()?).map(str::as_bytes)
}

fn bot_of(identity: &ClientIdentity) -> Option<&Bot> {
    identity.bot.as_deref()
}

/// Declares getters of bytes: a name, three parameters' names, and where the value is.
macro_rules! getters_of_bytes {
    ($($(#[$doc:meta])* $name:ident($out:ident, $max_len:ident) = $value:expr;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        ///
        /// [`Error::Absent`] when it is not known; [`Error::BufferTooSmall`]; [`Error::InvalidArgument`] for a request
        /// that is not the client's; [`Error::BadHandle`] and [`Error::Memory`].
        pub fn $name(
            call: &mut Call<'_>,
            req: RequestHandle,
            $out: GuestPtr<u8>,
            $max_len: u32,
            nwritten_out: GuestPtr<u32>,
        ) -> Result<()> {
            bytes(call, req, ($out, $max_len, nwritten_out), $value)
        }
    )*};
}

/// Declares getters of numbers.
macro_rules! getters_of_numbers {
    ($($(#[$doc:meta])* $name:ident = $value:expr;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        ///
        /// [`Error::Absent`] when it is not known; [`Error::InvalidArgument`] for a request that is not the client's;
        /// [`Error::BadHandle`] and [`Error::Memory`].
        pub fn $name(call: &mut Call<'_>, req: RequestHandle, out: GuestPtr<u32>) -> Result<()> {
            number(call, req, out, $value)
        }
    )*};
}

getters_of_bytes! {
    /// Writes the fingerprint of the client's HTTP/2 connection:
    /// `settings|window update|priorities|order of pseudo-headers`.
    downstream_client_h2_fingerprint(h2fp_out, h2fp_max_len) =
        |identity| identity.h2_fingerprint.as_deref().map(str::as_bytes);
    /// Writes the fingerprint of the client's original headers. How the platform makes it was never published.
    downstream_client_oh_fingerprint(ohfp_out, ohfp_max_len) =
        |identity| identity.original_headers_fingerprint.as_deref().map(str::as_bytes);
    /// Writes the cipher suite of the client's connection, by the name that OpenSSL has for it.
    downstream_tls_cipher_openssl_name(cipher_out, cipher_max_len) =
        |identity| tls_text(identity, |tls| Some(&tls.cipher));
    /// Writes the version of TLS that the client speaks, as `TLSv1.3`.
    downstream_tls_protocol(protocol_out, protocol_max_len) =
        |identity| tls_text(identity, |tls| Some(&tls.protocol));
    /// Writes the client's TLS hello: a handshake message, without the records it came in.
    downstream_tls_client_hello(chello_out, chello_max_len) =
        |identity| identity.tls.as_deref().map(|tls| &tls.client_hello[..]);
    /// Writes the client's certificate in PEM.
    downstream_tls_raw_client_certificate(raw_client_cert_out, raw_client_cert_max_len) =
        |identity| tls_text(identity, |tls| tls.certificate.as_deref());
    /// Writes the name that the client asked for in its TLS hello.
    downstream_tls_client_servername(tls_sni_out, tls_sni_max_len) =
        |identity| tls_text(identity, |tls| tls.server_name.as_deref());
    /// Writes the JA4 fingerprint of the client's TLS hello.
    downstream_tls_ja4(ja4_out, ja4_max_len) =
        |identity| tls_text(identity, |tls| tls.ja4.as_deref());
    /// Writes the region whose rules the client's request is subject to; `none` for no particular one.
    downstream_compliance_region(region_out, region_max_len) =
        |identity| Some(identity.claims.compliance_region.as_bytes());
    /// Writes the name of the bot that the client is.
    downstream_bot_name(bot_name_out, bot_name_max_len) =
        |identity| bot_of(identity)?.name.as_deref().map(str::as_bytes);
    /// Writes the name of what the bot does that the client is.
    downstream_bot_category(bot_category_out, bot_category_max_len) =
        |identity| bot_of(identity)?.category.as_deref().map(str::as_bytes);
    /// Writes the name of the VPN service that the client uses.
    downstream_resvpnproxy_vpn_service_name(vpn_service_name_out, vpn_service_name_max_len) =
        |identity| vpn(identity)?.vpn_service_name.as_deref().map(str::as_bytes);
}

fn vpn(identity: &ClientIdentity) -> Option<&VpnProxy> {
    identity.claims.vpn_proxy.as_ref()
}

fn vpn_flag(identity: &ClientIdentity, flag: fn(&VpnProxy) -> bool) -> Option<u32> {
    vpn(identity).map(flag).map(u32::from)
}

fn bot_flag(identity: &ClientIdentity, flag: fn(&Bot) -> bool) -> Option<u32> {
    Some(u32::from(bot_of(identity).is_some_and(flag)))
}

getters_of_numbers! {
    /// Writes what became of the client's certificate: a witx `client_cert_verify_result`.
    downstream_tls_client_cert_verify_result =
        |identity| identity.tls.as_deref()?.verify_result.map(|result| result as u32);
    /// Writes whether the client's request is part of an attack: 1 or 0.
    downstream_client_ddos_detected = |identity| Some(u32::from(identity.claims.ddos_detected));
    /// Writes whether the client's request has a key that may purge: 1 or 0.
    fastly_key_is_valid = |identity| Some(u32::from(identity.has_valid_fastly_key));
    /// Writes whether anybody has found out if the client is a bot: 1 or 0.
    downstream_bot_analyzed = |identity| bot_flag(identity, |bot| bot.is_analyzed);
    /// Writes whether the client is a bot: 1 or 0.
    downstream_bot_detected = |identity| bot_flag(identity, |bot| bot.is_detected);
    /// Writes what the bot does that the client is: a witx `bot_category_kind`.
    downstream_bot_category_kind = |identity| Some(bot_of(identity)?.category_kind?.0);
    /// Writes whether the client is the bot that it says it is: 1 or 0.
    downstream_bot_verified = |identity| bot_of(identity)?.is_verified.map(u32::from);
    /// Writes whether the client's address hides who the client is: 1 or 0.
    downstream_resvpnproxy_is_anonymous = |identity| vpn_flag(identity, |vpn| vpn.is_anonymous);
    /// Writes whether the client's address is the exit of a VPN: 1 or 0.
    downstream_resvpnproxy_is_anonymous_vpn =
        |identity| vpn_flag(identity, |vpn| vpn.is_anonymous_vpn);
    /// Writes whether the client's address belongs to a hosting provider: 1 or 0.
    downstream_resvpnproxy_is_hosting_provider =
        |identity| vpn_flag(identity, |vpn| vpn.is_hosting_provider);
    /// Writes whether there is a proxy behind the VPN that the client uses: 1 or 0.
    downstream_resvpnproxy_is_proxy_over_vpn =
        |identity| vpn_flag(identity, |vpn| vpn.is_proxy_over_vpn);
    /// Writes whether the client's address is the exit of a public proxy: 1 or 0.
    downstream_resvpnproxy_is_public_proxy =
        |identity| vpn_flag(identity, |vpn| vpn.is_public_proxy);
    /// Writes whether the client's address is the exit of a relay: 1 or 0.
    downstream_resvpnproxy_is_relay_proxy =
        |identity| vpn_flag(identity, |vpn| vpn.is_relay_proxy);
    /// Writes whether the client's address is that of a household which passes on the traffic of others: 1 or 0.
    downstream_resvpnproxy_is_residential_proxy =
        |identity| vpn_flag(identity, |vpn| vpn.is_residential_proxy);
    /// Writes whether the client's address is a proxy that is reached by answers of a name server: 1 or 0.
    downstream_resvpnproxy_is_smart_dns_proxy =
        |identity| vpn_flag(identity, |vpn| vpn.is_smart_dns_proxy);
    /// Writes whether the client's address is an exit of Tor: 1 or 0.
    downstream_resvpnproxy_is_tor_exit_node =
        |identity| vpn_flag(identity, |vpn| vpn.is_tor_exit_node);
    /// Writes whether the client's address is a VPN in a data centre: 1 or 0.
    downstream_resvpnproxy_is_vpn_datacenter =
        |identity| vpn_flag(identity, |vpn| vpn.is_vpn_datacenter);
}

/// Writes the JA3 fingerprint of the client's TLS hello, and how many bytes it has: 16.
///
/// # Errors
///
/// [`Error::Absent`] when the connection is not encrypted; [`Error::InvalidArgument`] for a request that is not the
/// client's; [`Error::BadHandle`] and [`Error::Memory`].
pub fn downstream_tls_ja3_md5(
    call: &mut Call<'_>,
    req: RequestHandle,
    cja3_md5_out: GuestPtr<u8>,
    nwritten_out: GuestPtr<u32>,
) -> Result<()> {
    call.memory.check_bytes(cja3_md5_out, 16)?;
    call.memory.check(nwritten_out)?;
    let digest = tls(call, req)?.ja3_md5.ok_or(Error::Absent)?;
    call.memory
        .bytes_mut(cja3_md5_out, 16)?
        .copy_from_slice(&digest);
    call.memory.write(nwritten_out, 16)?;
    Ok(())
}

/// Writes how often the client has used this service.
///
/// # Errors
///
/// [`Error::Unsupported`] where nobody counts; [`Error::Memory`].
pub fn downstream_visits_this_service(call: &mut Call<'_>, out: GuestPtr<u32>) -> Result<()> {
    let claims = Arc::clone(&call.session.downstream.identity.claims);
    visits(call, out, claims.visits_this_service)
}

/// Writes how often the client has used this point of presence.
///
/// # Errors
///
/// [`Error::Unsupported`] where nobody counts; [`Error::Memory`].
pub fn downstream_visits_this_pop(call: &mut Call<'_>, out: GuestPtr<u32>) -> Result<()> {
    let claims = Arc::clone(&call.session.downstream.identity.claims);
    visits(call, out, claims.visits_this_pop)
}

fn visits(call: &mut Call<'_>, out: GuestPtr<u32>, visits: Option<u32>) -> Result<()> {
    call.memory.check(out)?;
    let visits = visits.ok_or(Error::Unsupported("nobody counts the visits of clients"))?;
    call.memory.write(out, visits)?;
    Ok(())
}
