//! What user agents are made of.

/// Takes user agents apart.
pub trait UserAgentParser: Send + Sync {
    /// The browser, or whatever else it is, and its version.
    ///
    /// It may be slow the first time, and must not wait for anything.
    fn parse(&self, user_agent: &str) -> UserAgent;
}

/// A browser, or whatever else sends requests, and its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserAgent {
    /// Its name; `Other` when it is not known.
    pub family: String,
    /// The first part of its version; empty when it is not known.
    pub major: String,
    /// The second part.
    pub minor: String,
    /// The third part.
    pub patch: String,
}

impl UserAgent {
    /// What is not known.
    #[must_use]
    pub fn other() -> Self {
        Self {
            family: "Other".to_owned(),
            major: String::new(),
            minor: String::new(),
            patch: String::new(),
        }
    }
}

/// Knows no user agent.
pub(super) struct NoParser;

impl UserAgentParser for NoParser {
    fn parse(&self, _: &str) -> UserAgent {
        UserAgent::other()
    }
}
