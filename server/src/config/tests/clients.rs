//! What is claimed about clients.

use super::{error, parse};

#[test]
fn what_is_claimed_about_clients_is_read() {
    let manifest = parse(
        r#"
        [local_server]
        fake_valid_fastly_keys = ["one"]
        [local_server.client]
        ip = "2001:db8::1"
        ip_header = "X-Real-IP"
        compliance_region = "eu"
        bot = { category = "research", detected = false }
        [[local_server.client.user_agents]]
        contains = "Spider"
        vpn = { relay_proxy = true }
        [local_server.products]
        image_optimizer = true
        "#,
    )
    .unwrap();
    assert!(manifest.warnings.is_empty(), "{:?}", manifest.warnings);
    assert!(manifest.products.image_optimizer == Some(true) && !manifest.products.domain_inspector);
    let client = manifest.client;
    assert!(client.valid_fastly_keys.contains("one"));
    assert_eq!(client.address.unwrap().to_string(), "2001:db8::1");
    assert_eq!(client.address_header.unwrap(), "x-real-ip");
    let (text, spider) = &client.user_agents[0];
    assert_eq!(text, "Spider");
    assert_eq!(
        spider.claims.compliance_region, "eu",
        "what is not said again stays"
    );
    assert!(spider.claims.vpn_proxy.as_ref().unwrap().is_relay_proxy);
    assert!(client.profile.unwrap().claims.vpn_proxy.is_none());
    assert!(!spider.bot.as_ref().unwrap().is_detected);
}

#[test]
fn wrong_claims_about_clients_are_told() {
    for (line, expected) in [
        (
            "ip = 'x'",
            "in `local_server.client.ip`: `x` is no IP address",
        ),
        ("ip_header = 'a b'", "`a b` is no name of a header field"),
        ("ddos = true", "did you mean `ddos_detected`?"),
        ("bot = { category = 'x' }", "there are: none, suspected"),
        ("bot = { nam = 'x' }", "did you mean `name`?"),
        ("inspect = { status = 42 }", "between 100 and 999"),
        (
            "compliance_region = 'EU'",
            "in `local_server.client.compliance_region`: `EU` is no region; there are `none`, `us`, `eu` and `us-eu`",
        ),
        ("compliance_region = ''", "`` is no region"),
        ("user_agents = 1", "has to be a list"),
        ("user_agents = [{}]", "the key `contains` is missing"),
    ] {
        let message = error(&format!("[local_server.client]\n{line}\n"));
        assert!(message.contains(expected), "{message}");
    }
}
