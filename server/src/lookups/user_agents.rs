//! What user agents are made of, by the regular expressions of uap-core.
//!
//! Compiling them takes a moment and some megabytes, so each of the three sets is compiled when it is first needed, once
//! for the whole process.

use std::sync::LazyLock;

use abi_core::lookups::{UserAgent, UserAgentParser};
use bytes::Bytes;
use serde_json::json;
use ua_parser::{device, os, user_agent};

/// How much of a user agent is looked at, in bytes. Real ones are shorter.
const USER_AGENT_BYTES_MAX: usize = 4096;

static BROWSERS: LazyLock<Option<user_agent::Extractor<'static>>> = LazyLock::new(|| {
    let parsers: Vec<user_agent::Parser<'static>> =
        read(include_str!("../../assets/uap-core/user_agents.json"))?;
    let builder = user_agent::Builder::new().push_all(parsers).ok()?;
    told(builder.build().ok())
});

static SYSTEMS: LazyLock<Option<os::Extractor<'static>>> = LazyLock::new(|| {
    let parsers: Vec<os::Parser<'static>> =
        read(include_str!("../../assets/uap-core/systems.json"))?;
    let builder = os::Builder::new().push_all(parsers).ok()?;
    told(builder.build().ok())
});

static DEVICES: LazyLock<Option<device::Extractor<'static>>> = LazyLock::new(|| {
    let parsers: Vec<device::Parser<'static>> =
        read(include_str!("../../assets/uap-core/devices.json"))?;
    let builder = device::Builder::new().push_all(parsers).ok()?;
    told(builder.build().ok())
});

fn read<T: serde::de::DeserializeOwned>(json: &str) -> Option<T> {
    told(serde_json::from_str(json).ok())
}

/// The sets are part of the program, and a test compiles each of them.
fn told<T>(set: Option<T>) -> Option<T> {
    if set.is_none() {
        tracing::error!("the regular expressions for user agents do not compile; none is known");
    }
    set
}

/// Takes user agents apart.
#[derive(Clone, Copy, Debug, Default)]
pub struct UserAgents;

impl UserAgentParser for UserAgents {
    fn parse(&self, user_agent: &str) -> UserAgent {
        let user_agent = bounded(user_agent);
        let browsers = BROWSERS.as_ref();
        let Some(found) = browsers.and_then(|browsers| browsers.extract(user_agent)) else {
            return UserAgent::other();
        };
        let part = |part: Option<&str>| part.unwrap_or_default().to_owned();
        UserAgent {
            family: found.family.into_owned(),
            major: part(found.major),
            minor: part(found.minor),
            patch: part(found.patch),
        }
    }
}

impl UserAgents {
    /// What a user agent says about the device that sends it, as a JSON object for guests; nothing where it names
    /// neither a browser nor a system nor a device that is known.
    #[must_use]
    pub fn device(&self, user_agent: &str) -> Option<Bytes> {
        let text = bounded(user_agent);
        let browser = BROWSERS.as_ref().and_then(|set| set.extract(text));
        let system = SYSTEMS.as_ref().and_then(|set| set.extract(text));
        let device = DEVICES.as_ref().and_then(|set| set.extract(text));
        if browser.is_none() && system.is_none() && device.is_none() {
            return None;
        }
        let name = device.as_ref().map(|device| &*device.device);
        let kind = Kind::of(text, name, system.as_ref().map(|system| &*system.os));
        let is_bot = kind == Kind::Bot;
        let browser_name = browser.as_ref().map(|browser| &*browser.family);
        let json = json!({
            "user_agent": {
                "name": browser_name,
                "major": browser.as_ref().and_then(|browser| browser.major),
                "minor": browser.as_ref().and_then(|browser| browser.minor),
                "patch": browser.as_ref().and_then(|browser| browser.patch),
                "bot_name": browser_name.filter(|_| is_bot),
                "is_bot": is_bot,
                "identified": browser.is_some(),
            },
            "os": {
                "name": system.as_ref().map(|system| &*system.os),
                "major": system.as_ref().and_then(|system| system.major.as_deref()),
                "minor": system.as_ref().and_then(|system| system.minor.as_deref()),
                "patch": system.as_ref().and_then(|system| system.patch.as_deref()),
                "patch_minor": system.as_ref().and_then(|system| system.patch_minor.as_deref()),
            },
            "device": {
                "name": name,
                "brand": device.as_ref().and_then(|device| device.brand.as_deref()),
                "model": device.as_ref().and_then(|device| device.model.as_deref()),
                "hwtype": kind.hardware(),
                "is_ereader": kind == Kind::EReader,
                "is_gameconsole": kind == Kind::GameConsole,
                "is_mobile": kind == Kind::Phone,
                "is_smarttv": kind == Kind::Television,
                "is_tablet": kind == Kind::Tablet,
                "is_desktop": kind == Kind::Desktop,
                "is_touchscreen": matches!(kind, Kind::Phone | Kind::Tablet),
            },
        });
        Some(Bytes::from(json.to_string()))
    }
}

/// What a device is, as far as a user agent says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bot,
    Desktop,
    EReader,
    GameConsole,
    Phone,
    Tablet,
    Television,
    Unknown,
}

impl Kind {
    fn of(user_agent: &str, device: Option<&str>, system: Option<&str>) -> Self {
        let has = |words: &[&str]| words.iter().any(|word| user_agent.contains(word));
        if device == Some("Spider") {
            return Self::Bot;
        }
        if has(&["PlayStation", "Xbox", "Nintendo"]) {
            return Self::GameConsole;
        }
        if has(&["Kindle", "Kobo"]) {
            return Self::EReader;
        }
        if has(&[
            "SMART-TV",
            "SmartTV",
            "AppleTV",
            "HbbTV",
            "Android TV",
            "BRAVIA",
            "CrKey",
        ]) {
            return Self::Television;
        }
        if has(&["iPad", "Tablet"]) || (has(&["Android"]) && !has(&["Mobile"])) {
            return Self::Tablet;
        }
        if has(&["iPhone", "Mobile", "iPod", "Windows Phone"]) {
            return Self::Phone;
        }
        match system {
            Some(
                "Windows" | "Mac OS X" | "Linux" | "Ubuntu" | "Fedora" | "Chrome OS" | "FreeBSD",
            ) => Self::Desktop,
            _ => Self::Unknown,
        }
    }

    fn hardware(self) -> Option<&'static str> {
        Some(match self {
            Self::Bot | Self::Unknown => return None,
            Self::Desktop => "Desktop",
            Self::EReader => "EReader",
            Self::GameConsole => "Games Console",
            Self::Phone => "Mobile Phone",
            Self::Tablet => "Tablet",
            Self::Television => "Smart TV",
        })
    }
}

fn bounded(user_agent: &str) -> &str {
    &user_agent[..user_agent.floor_char_boundary(USER_AGENT_BYTES_MAX)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.2";
    const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1";

    #[test]
    fn every_set_compiles() {
        assert!(BROWSERS.is_some() && SYSTEMS.is_some() && DEVICES.is_some());
    }

    #[test]
    fn browsers_have_versions() {
        let parsed = UserAgents.parse(FIREFOX);
        assert_eq!(
            (&*parsed.family, &*parsed.major, &*parsed.minor),
            ("Firefox", "128", "2")
        );
        assert_eq!(UserAgents.parse(IPHONE).family, "Mobile Safari");
        for unknown in ["", "\u{1F980}", &"é".repeat(5000)] {
            assert_eq!(UserAgents.parse(unknown), UserAgent::other());
        }
    }

    #[test]
    fn devices_are_what_user_agents_say() {
        let device = |user_agent: &str| -> serde_json::Value {
            serde_json::from_slice(&UserAgents.device(user_agent).unwrap()).unwrap()
        };
        let phone = device(IPHONE);
        assert_eq!(phone["device"]["brand"], "Apple");
        assert_eq!(phone["device"]["is_mobile"], true);
        assert_eq!(phone["os"]["name"], "iOS");
        assert_eq!(phone["os"]["major"], "17");
        let desktop = device(FIREFOX);
        assert_eq!(desktop["device"]["is_desktop"], true);
        assert_eq!(desktop["user_agent"]["name"], "Firefox");
        let bot =
            device("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)");
        assert_eq!(bot["user_agent"]["bot_name"], "Googlebot");
        assert!(UserAgents.device("nothing of the kind").is_none());
    }
}
