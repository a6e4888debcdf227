//! `[local_server.client]`: what is claimed about clients.

use std::net::IpAddr;
use std::sync::Arc;

use abi_core::client::{Bot, ClientClaims, Inspection, VpnProxy};
use http::header::HeaderName;

use super::reader::{Result, Table, Value};
use crate::identity::{ClientProfile, ClientSettings, region};

pub(super) fn read(value: &Value<'_>) -> Result<ClientSettings> {
    let mut table = value.table()?;
    let mut settings = ClientSettings {
        address: table.get("ip").as_ref().map(address).transpose()?,
        server_address: table.get("server_ip").as_ref().map(address).transpose()?,
        ..ClientSettings::default()
    };
    if let Some(value) = table.get("ip_header") {
        let text = value.string()?;
        let name = HeaderName::from_bytes(text.as_bytes());
        let name =
            name.map_err(|_| value.problem(format!("`{text}` is no name of a header field")))?;
        settings.address_header = Some(name);
    }
    let kinds = table.get("user_agents");
    let everyone = profile(&mut table, &ClientProfile::default())?;
    table.refuse_unknown()?;
    if let Some(value) = kinds {
        let kinds = value.elements();
        let kinds = kinds.ok_or_else(|| {
            value.problem(
                "this has to be a list of tables, each with `contains` and what is claimed",
            )
        })?;
        for kind in kinds {
            let mut table = kind.table()?;
            let text = table.require("contains")?.string()?;
            let profile = profile(&mut table, &everyone)?;
            table.refuse_unknown()?;
            settings.user_agents.push((text.to_owned(), profile));
        }
    }
    settings.profile = Some(everyone);
    Ok(settings)
}

/// `fake_valid_fastly_keys`: a list of texts.
pub(super) fn keys(value: &Value<'_>) -> Result<Vec<String>> {
    texts(value)
}

/// What a table claims, and what `base` does where it says nothing.
fn profile(table: &mut Table<'_>, base: &ClientProfile) -> Result<ClientProfile> {
    let mut claims = ClientClaims::clone(&base.claims);
    let mut bot_profile = base.bot.clone();
    if let Some(value) = table.get("ddos_detected") {
        claims.ddos_detected = value.bool()?;
    }
    if let Some(value) = table.get("compliance_region") {
        let named = region(value.string()?);
        claims.compliance_region = named.map_err(|why| value.problem(why))?;
    }
    if let Some(value) = table.get("visits_this_service") {
        claims.visits_this_service = Some(count(&value)?);
    }
    if let Some(value) = table.get("visits_this_pop") {
        claims.visits_this_pop = Some(count(&value)?);
    }
    if let Some(value) = table.get("vpn") {
        claims.vpn_proxy = Some(vpn(&value)?);
    }
    if let Some(value) = table.get("inspect") {
        claims.inspection = inspection(&value)?;
    }
    if let Some(value) = table.get("bot") {
        bot_profile = Some(Arc::new(bot(&value)?));
    }
    Ok(ClientProfile {
        claims: Arc::new(claims),
        bot: bot_profile,
    })
}

/// A client with this table was looked at, and is a bot unless the table says otherwise.
fn bot(value: &Value<'_>) -> Result<Bot> {
    let mut table = value.table()?;
    let flag = |value: Option<Value<'_>>, default| value.map_or(Ok(default), |value| value.bool());
    let category = table.get("category");
    let kind = category.as_ref().map(|value| {
        let kind = value.string()?.parse();
        kind.map_err(|error: abi_core::client::UnknownBotCategory| value.problem(error.to_string()))
    });
    let bot = Bot {
        is_analyzed: flag(table.get("analyzed"), true)?,
        is_detected: flag(table.get("detected"), true)?,
        name: text(table.get("name"))?,
        category: text(category.clone())?,
        category_kind: kind.transpose()?,
        is_verified: table
            .get("verified")
            .map(|value| value.bool())
            .transpose()?,
    };
    table.refuse_unknown()?;
    Ok(bot)
}

fn vpn(value: &Value<'_>) -> Result<VpnProxy> {
    let mut table = value.table()?;
    let mut flag = |name| table.get(name).map_or(Ok(false), |value| value.bool());
    let mut vpn = VpnProxy {
        is_anonymous: flag("anonymous")?,
        is_anonymous_vpn: flag("anonymous_vpn")?,
        is_hosting_provider: flag("hosting_provider")?,
        is_proxy_over_vpn: flag("proxy_over_vpn")?,
        is_public_proxy: flag("public_proxy")?,
        is_relay_proxy: flag("relay_proxy")?,
        is_residential_proxy: flag("residential_proxy")?,
        is_smart_dns_proxy: flag("smart_dns_proxy")?,
        is_tor_exit_node: flag("tor_exit_node")?,
        is_vpn_datacenter: flag("vpn_datacenter")?,
        vpn_service_name: None,
    };
    vpn.vpn_service_name = text(table.get("service_name"))?;
    table.refuse_unknown()?;
    Ok(vpn)
}

fn inspection(value: &Value<'_>) -> Result<Inspection> {
    let mut table = value.table()?;
    let mut inspection = Inspection::default();
    if let Some(value) = table.get("verdict") {
        inspection.verdict = value.string()?.to_owned();
    }
    if let Some(value) = table.get("status") {
        let status = u16::try_from(value.number()?).ok();
        let status = status.filter(|status| (100..=999).contains(status));
        inspection.status =
            status.ok_or_else(|| value.problem("a status is between 100 and 999"))?;
    }
    if let Some(value) = table.get("redirect_url") {
        inspection.redirect_url = value.string()?.to_owned();
    }
    if let Some(value) = table.get("tags") {
        inspection.tags = texts(&value)?;
    }
    if let Some(value) = table.get("decision_ms") {
        inspection.decision_ms = value.number()?;
    }
    table.refuse_unknown()?;
    Ok(inspection)
}

fn text(value: Option<Value<'_>>) -> Result<Option<String>> {
    value
        .map(|value| value.string().map(str::to_owned))
        .transpose()
}

fn texts(value: &Value<'_>) -> Result<Vec<String>> {
    let elements = value.elements();
    let elements = elements.ok_or_else(|| value.problem("this has to be a list of strings"))?;
    elements
        .iter()
        .map(|value| value.string().map(str::to_owned))
        .collect()
}

fn count(value: &Value<'_>) -> Result<u32> {
    let number = u32::try_from(value.number()?);
    number.map_err(|_| value.problem(format!("the largest number here is {}", u32::MAX)))
}

fn address(value: &Value<'_>) -> Result<IpAddr> {
    let text = value.string()?;
    let address = text.parse();
    address.map_err(|_| value.problem(format!("`{text}` is no IP address")))
}
