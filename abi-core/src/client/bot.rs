//! Whether a client is a program.

use std::fmt;
use std::str::FromStr;

use http::HeaderMap;

/// What was found out about a client that was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bot {
    /// Whether it was looked at at all. Guests of the Rust SDK ask no further when it was not.
    pub is_analyzed: bool,
    /// Whether it is a bot.
    pub is_detected: bool,
    /// Its name.
    pub name: Option<String>,
    /// The name of what it does.
    pub category: Option<String>,
    /// What it does.
    pub category_kind: Option<BotCategory>,
    /// Whether it is the one that it says it is.
    pub is_verified: Option<bool>,
}

impl Bot {
    /// What a request says about its own client, for tests: the headers `x-fastly-bot-analyzed`,
    /// `x-fastly-bot-detected`, `x-fastly-bot-name`, `x-fastly-bot-category` and `x-fastly-bot-verified`.
    #[must_use]
    pub fn of_headers(headers: &HeaderMap) -> Option<Self> {
        // Nearly no request says anything, and each lookup takes longer than this.
        let mut names = headers.keys();
        if !names.any(|name| name.as_str().starts_with("x-fastly-bot-")) {
            return None;
        }
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let analyzed = text("x-fastly-bot-analyzed");
        let detected = text("x-fastly-bot-detected");
        let name = text("x-fastly-bot-name");
        let category = text("x-fastly-bot-category");
        let verified = text("x-fastly-bot-verified");
        [analyzed, detected, name, category, verified]
            .iter()
            .any(Option::is_some)
            .then(|| Self {
                is_analyzed: analyzed == Some("true"),
                is_detected: detected == Some("true"),
                name: name.map(str::to_owned),
                category: category.map(str::to_owned),
                category_kind: category.and_then(|category| category.parse().ok()),
                is_verified: verified.map(|verified| verified == "true"),
            })
    }
}

/// What a bot does: a witx `bot_category_kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BotCategory(pub u32);

/// The categories in the order of their numbers.
const CATEGORIES: [&str; 15] = [
    "none",
    "suspected",
    "accessibility",
    "ai-crawler",
    "ai-fetcher",
    "content-fetcher",
    "monitoring-site-tools",
    "online-marketing",
    "page-preview",
    "platform-integration",
    "research",
    "search-engine-crawler",
    "search-engine-optimization",
    "security-tools",
    "headless",
];

impl FromStr for BotCategory {
    type Err = UnknownBotCategory;

    /// A name in any case, or a number.
    fn from_str(text: &str) -> Result<Self, UnknownBotCategory> {
        let by_name = (0..)
            .zip(CATEGORIES)
            .find(|(_, name)| name.eq_ignore_ascii_case(text));
        match by_name {
            Some((number, _)) => Ok(Self(number)),
            None => text.parse().map(Self).map_err(|_| UnknownBotCategory),
        }
    }
}

/// Text that names no category of bots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownBotCategory;

impl fmt::Display for UnknownBotCategory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "there is no such category of bots; there are: {}",
            CATEGORIES.join(", ")
        )
    }
}

impl std::error::Error for UnknownBotCategory {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_may_say_what_its_client_is() {
        let mut headers = HeaderMap::new();
        assert_eq!(Bot::of_headers(&headers), None);
        for (name, value) in [
            ("x-fastly-bot-analyzed", "true"),
            ("x-fastly-bot-detected", "true"),
            ("x-fastly-bot-name", "a"),
            ("x-fastly-bot-category", "Research"),
            ("x-fastly-bot-verified", "false"),
        ] {
            headers.insert(name, http::HeaderValue::from_static(value));
        }
        let bot = Bot::of_headers(&headers).unwrap();
        assert!(bot.is_analyzed && bot.is_detected);
        assert_eq!(bot.category_kind, Some(BotCategory(10)));
        assert_eq!(bot.is_verified, Some(false));
    }

    #[test]
    fn categories_have_names_and_numbers() {
        assert_eq!("none".parse(), Ok(BotCategory(0)));
        assert_eq!("14".parse(), Ok(BotCategory(14)));
        assert_eq!("headless".parse(), Ok(BotCategory(14)));
        assert_eq!("99".parse(), Ok(BotCategory(99)), "one of later times");
        assert!("x".parse::<BotCategory>().is_err());
    }
}
