//! Cipher suites by the names that OpenSSL has for them.

use rustls::SupportedCipherSuite;
use rustls::crypto::CryptoProvider;

use super::tls::TlsSettingsError;

/// OpenSSL's names of the suites of TLS 1.2 that this host can speak; those of TLS 1.3 have the same names everywhere.
const NAMES: [(&str, &str); 6] = [
    (
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    ),
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    ),
    (
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    ),
    (
        "ECDHE-RSA-AES256-GCM-SHA384",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    ),
    (
        "ECDHE-RSA-AES128-GCM-SHA256",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    ),
    (
        "ECDHE-RSA-CHACHA20-POLY1305",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    ),
];

/// What stands for all suites that are safe.
const ALL: [&str; 3] = ["ALL", "DEFAULT", "HIGH"];

/// The names of a list: between colons, commas or spaces, each perhaps with `!` or `-` before it.
fn names(list: &str) -> impl Iterator<Item = &str> {
    let names = list.split([':', ',', ' ']);
    names.filter(|name| !name.is_empty() && !name.starts_with('@'))
}

/// The suites that a list asks for: those that this host can speak, and the names of which it knows none.
pub(crate) fn asked_for(list: &str) -> (Vec<&str>, Vec<&str>) {
    let known = known_ciphers();
    names(list)
        .filter(|name| !name.starts_with(['!', '-']))
        .partition(|name| known.iter().any(|own| own == name) || ALL.contains(name))
}

/// The names of all suites that this host can speak.
pub(crate) fn known_ciphers() -> Vec<String> {
    let provider = rustls::crypto::ring::default_provider();
    provider.cipher_suites.iter().map(openssl_name).collect()
}

/// The same provider with only those suites that a list names: names between colons, commas or spaces, each perhaps
/// with `!` or `-` before it; `ALL`, `DEFAULT` and `HIGH` are all that are safe. As in OpenSSL, a list without a suite
/// of TLS 1.3 says nothing about those, and unknown names count for nothing.
pub(super) fn restricted(
    mut provider: CryptoProvider,
    list: &str,
) -> Result<CryptoProvider, TlsSettingsError> {
    let names: Vec<&str> = names(list).collect();
    let is_of_1_3 = |name: &str| name.starts_with("TLS_");
    let names_1_3 = names.iter().any(|name| is_of_1_3(name));
    provider.cipher_suites.retain(|suite| {
        let own = openssl_name(suite);
        if is_of_1_3(&own) && !names_1_3 {
            return true;
        }
        let mut is_listed = false;
        for name in &names {
            match name.strip_prefix(['!', '-']) {
                Some(name) if name == own => return false,
                Some(_) => {}
                None => is_listed |= *name == own || ALL.contains(name),
            }
        }
        is_listed
    });
    if provider.cipher_suites.is_empty() {
        return Err(TlsSettingsError::new(format!(
            "`{list}` names no cipher suite that this host can speak"
        )));
    }
    Ok(provider)
}

fn openssl_name(suite: &SupportedCipherSuite) -> String {
    let name = format!("{:?}", suite.suite());
    match NAMES.iter().find(|(_, standard)| *standard == name) {
        Some((openssl, _)) => (*openssl).to_owned(),
        None => name.replacen("TLS13_", "TLS_", 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(list: &str) -> Vec<String> {
        let provider = rustls::crypto::ring::default_provider();
        let provider = restricted(provider, list).unwrap();
        provider.cipher_suites.iter().map(openssl_name).collect()
    }

    #[test]
    fn suites_have_the_names_of_openssl() {
        let chosen = left("ECDHE-RSA-AES128-GCM-SHA256:unknown");
        assert_eq!(
            chosen
                .iter()
                .filter(|name| name.starts_with("TLS_"))
                .count(),
            3
        );
        assert!(chosen.contains(&"ECDHE-RSA-AES128-GCM-SHA256".to_owned()));
        assert_eq!(chosen.len(), 4);
        assert_eq!(left("TLS_AES_128_GCM_SHA256"), ["TLS_AES_128_GCM_SHA256"]);
        assert_eq!(left("HIGH:@STRENGTH").len(), 9);
        assert_eq!(left("ALL:!ECDHE-RSA-AES256-GCM-SHA384").len(), 8);
    }

    #[test]
    fn names_that_no_suite_has_are_found() {
        let known = "TLS_AES_128_GCM_SHA256 ECDHE-RSA-AES128-GCM-SHA256,ALL:@STRENGTH";
        assert_eq!(asked_for(known).0.len(), 3);
        assert!(asked_for(known).1.is_empty());
        assert_eq!(asked_for("HIGH:FOO:!aNULL"), (vec!["HIGH"], vec!["FOO"]));
        assert_eq!(asked_for("!ECDHE-RSA-AES128-GCM-SHA256"), (vec![], vec![]));
    }

    #[test]
    fn a_list_must_leave_something() {
        let provider = rustls::crypto::ring::default_provider();
        assert!(restricted(provider, "TLS_NONE").is_err());
    }
}
