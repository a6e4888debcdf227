//! The cache as engines use it: whatever goes wrong is told of, and the program is compiled as if nothing had been kept.

use std::fmt::Display;
use std::path::Path;

use crate::{Artifact, ArtifactCache, ArtifactKey};

impl ArtifactCache {
    /// The cache in `folder`, where one is wanted and its folder can be used.
    #[must_use]
    pub fn for_engine(folder: Option<&Path>) -> Option<Self> {
        Self::open(folder?)
            .inspect_err(|error| tracing::warn!("compiled programs are not kept: {error}"))
            .ok()
    }

    /// Keeps what an engine has made of a program that it compiled; `code` is what serialising it gave.
    pub fn keep_compiled(&self, key: &ArtifactKey, code: Result<impl AsRef<[u8]>, impl Display>) {
        let kept = match code {
            Ok(code) => self
                .keep(key, code.as_ref())
                .map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = kept {
            tracing::warn!("the compiled program could not be kept: {error}");
        }
    }

    /// What `load` makes of what was kept for `key`.
    pub fn load_compiled<M, E: Display>(
        &self,
        key: &ArtifactKey,
        load: impl FnOnce(Artifact) -> Result<M, E>,
    ) -> Option<M> {
        load(self.find(key)?)
            .inspect_err(|error| tracing::debug!("a kept program cannot be used: {error:#}"))
            .ok()
    }
}
