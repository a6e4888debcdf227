//! What the cache of responses did for a request of a client, for the report about it.

use std::fmt;

/// What became of one request that a guest sent through the cache of responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CacheOutcome {
    /// A stored response that was fresh answered it.
    Hit,
    /// A stored response answered it that was stale: while it is revalidated, or because the backend failed.
    Stale,
    /// The backend said that the stored response is still good.
    Revalidated,
    /// The backend was asked, because nothing was stored that could answer it.
    Miss,
    /// The backend was asked without a look at what is stored, since the request or what is known of its responses wants
    /// it so.
    Pass,
}

impl CacheOutcome {
    const ALL: [Self; 5] = [
        Self::Hit,
        Self::Stale,
        Self::Revalidated,
        Self::Miss,
        Self::Pass,
    ];

    const fn word(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Stale => "stale",
            Self::Revalidated => "revalidated",
            Self::Miss => "miss",
            Self::Pass => "pass",
        }
    }
}

/// How often the cache of responses did what, for one request of a client.
///
/// As text it is what it did, `hit`, and how often where that was more than once: `2 hit, 1 miss`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheUse {
    /// In the order of [`CacheOutcome::ALL`].
    counts: [u32; CacheOutcome::ALL.len()],
}

impl CacheUse {
    /// How often this was the outcome.
    #[must_use]
    pub fn count(&self, outcome: CacheOutcome) -> u32 {
        self.counts[outcome as usize]
    }

    /// Whether the cache was not asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.total() == 0
    }

    pub(crate) fn note(&mut self, outcome: CacheOutcome) {
        let count = &mut self.counts[outcome as usize];
        *count = count.saturating_add(1);
    }

    fn total(&self) -> u64 {
        self.counts.iter().map(|count| u64::from(*count)).sum()
    }
}

impl fmt::Display for CacheUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_one = self.total() == 1;
        let seen = CacheOutcome::ALL.into_iter().zip(self.counts);
        for (index, (outcome, count)) in seen.filter(|(_, count)| *count > 0).enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            if !is_one {
                write!(f, "{count} ")?;
            }
            f.write_str(outcome.word())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_outcome_needs_no_number() {
        let mut seen = CacheUse::default();
        assert!(seen.is_empty());
        seen.note(CacheOutcome::Miss);
        assert_eq!(seen.to_string(), "miss");
        seen.note(CacheOutcome::Hit);
        seen.note(CacheOutcome::Hit);
        assert_eq!(seen.to_string(), "2 hit, 1 miss");
        assert_eq!(seen.count(CacheOutcome::Hit), 2);
        for (index, outcome) in CacheOutcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, index);
        }
    }
}
