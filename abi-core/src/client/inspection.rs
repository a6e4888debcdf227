//! What a web application firewall says about a request.

/// What an inspection of a request comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// `allow`, `block` or `unauthorized`.
    pub verdict: String,
    /// The status that the firewall would answer with.
    pub status: u16,
    /// Where it would send the client; empty for nowhere.
    pub redirect_url: String,
    /// What it found in the request.
    pub tags: Vec<String>,
    /// How long it took, in milliseconds.
    pub decision_ms: u64,
}

impl Default for Inspection {
    /// Everything is allowed.
    fn default() -> Self {
        Self {
            verdict: "allow".to_owned(),
            status: 200,
            redirect_url: String::new(),
            tags: Vec::new(),
            decision_ms: 0,
        }
    }
}

impl Inspection {
    /// What a guest gets: a JSON object.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::json!({
            "waf_response": self.status,
            "redirect_url": self.redirect_url,
            "tags": self.tags,
            "verdict": self.verdict,
            "decision_ms": self.decision_ms,
        })
        .to_string()
    }
}
