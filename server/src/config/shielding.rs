//! `[local_server.shielding_sites]`.

use abi_core::http::ShieldSite;
use http::Uri;

use super::reader::{Result, Value};

/// Reads one site: `"Local"`, or a table with its two URLs.
pub(super) fn read(value: &Value<'_>) -> Result<ShieldSite> {
    if !value.is_table() {
        return if value.string()?.eq_ignore_ascii_case("local") {
            Ok(ShieldSite::Local)
        } else {
            Err(value.problem(
                "a site is `\"Local\"`, or a table with the URLs `encrypted` and `unencrypted`",
            ))
        };
    }
    let mut table = value.table()?;
    let site = ShieldSite::Remote {
        plain: url(&table.require("unencrypted")?)?,
        encrypted: url(&table.require("encrypted")?)?,
    };
    table.refuse_unknown()?;
    Ok(site)
}

fn url(value: &Value<'_>) -> Result<String> {
    let text = value.string()?;
    let parsed = text.parse::<Uri>();
    let is_url = parsed.is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.authority().is_some()
    });
    if is_url {
        Ok(text.to_owned())
    } else {
        Err(value.problem("this is not a URL that begins with `http://` or `https://`"))
    }
}
