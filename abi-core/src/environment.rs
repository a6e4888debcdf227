//! What a guest is told about where it runs.

/// What a guest is told about where it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestEnvironment {
    /// The program's arguments, its name first.
    pub arguments: Vec<String>,
    /// Environment variables, name and value. `FASTLY_TRACE_ID` is added for each run.
    pub variables: Vec<(String, String)>,
    /// What the service has beside the platform itself.
    pub products: Products,
}

/// What a service may have beside the platform itself. Nothing, by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Products {
    /// Statistics by domain.
    pub domain_inspector: bool,
    /// Images can be transformed; `None` says what the platform can do.
    pub image_optimizer: Option<bool>,
    /// Statistics by backend.
    pub origin_inspector: bool,
}

impl GuestEnvironment {
    /// The value of an environment variable.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        let mut variables = self.variables.iter();
        let found = variables.find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }
}

impl Default for GuestEnvironment {
    fn default() -> Self {
        let variables = [
            ("FASTLY_CACHE_GENERATION", "0"),
            ("FASTLY_CUSTOMER_ID", "0000000000000000000000"),
            ("FASTLY_HOSTNAME", "localhost"),
            ("FASTLY_IS_STAGING", "0"),
            ("FASTLY_POP", "LOCAL"),
            ("FASTLY_REGION", "Somewhere"),
            ("FASTLY_SERVICE_ID", "0000000000000000000000"),
            ("FASTLY_SERVICE_VERSION", "0"),
        ];
        Self {
            arguments: vec!["compute-app".to_owned()],
            variables: variables
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            products: Products::default(),
        }
    }
}
