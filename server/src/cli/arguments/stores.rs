//! Options about what guests read and write.

use std::path::PathBuf;

use clap::Args;

use super::values::{file, maybe_file};
use crate::cli::Failure;
use crate::host::HostBuilder;
use crate::lookups::geo_of_file;
use crate::stores::{AclEntries, Dictionary, KvSettings, SecretItems, StoreError, from_file};

/// What guests read and write.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Stores")]
pub(in crate::cli) struct StoreArguments {
    /// A dictionary: a JSON object of strings.
    #[arg(
        short = 'd',
        long = "dictionary",
        value_name = "NAME=FILE",
        value_parser = file
    )]
    pub dictionaries: Vec<(String, PathBuf)>,

    /// A dictionary, by its newer name.
    #[arg(long = "config-store", value_name = "NAME=FILE", value_parser = file)]
    pub config_stores: Vec<(String, PathBuf)>,

    /// A KV store in memory, with the values of a JSON object.
    #[arg(long = "kv", value_name = "NAME[=FILE]", value_parser = maybe_file)]
    pub kv_stores: Vec<(String, Option<PathBuf>)>,

    /// An access control list: a JSON file of entries.
    #[arg(long = "acl", value_name = "NAME=FILE", value_parser = file)]
    pub acls: Vec<(String, PathBuf)>,

    /// A secret store: a JSON object of strings.
    #[arg(long = "secret-store", value_name = "NAME=FILE", value_parser = file)]
    pub secret_stores: Vec<(String, PathBuf)>,

    /// Where addresses are: a MaxMind database (.mmdb), or a JSON object of networks.
    #[arg(long, value_name = "FILE")]
    pub geo: Option<PathBuf>,
}

impl StoreArguments {
    /// Reads the files, and says what is in them to a host.
    pub(in crate::cli) fn apply(&self, mut builder: HostBuilder) -> Result<HostBuilder, Failure> {
        let dictionaries = [
            ("dictionary", &self.dictionaries),
            ("config-store", &self.config_stores),
        ];
        for (option, given) in dictionaries {
            for (name, path) in given {
                let dictionary = Dictionary::of_file(path.clone())
                    .map_err(|error| wrong(option, name, &error))?;
                builder = builder.dictionary(name, dictionary);
            }
        }
        for (name, path) in &self.kv_stores {
            let settings = match path {
                Some(path) => {
                    KvSettings::of_file(path).map_err(|error| wrong("kv", name, &error))?
                }
                None => KvSettings::default(),
            };
            builder = builder.kv_store_with(name, settings);
        }
        for (name, path) in &self.acls {
            let list = from_file(path, AclEntries::from_json)
                .map_err(|error| wrong("acl", name, &error))?;
            builder = builder.acl(name, list);
        }
        for (name, path) in &self.secret_stores {
            let secrets = from_file(path, SecretItems::from_json)
                .map_err(|error| wrong("secret-store", name, &error))?;
            builder = builder.secret_store(name, secrets);
        }
        if let Some(path) = &self.geo {
            let geo = geo_of_file(path).map_err(|error| format!("--geo: {error}"))?;
            builder = builder.geo_shared(geo);
        }
        Ok(builder)
    }
}

fn wrong(option: &str, name: &str, error: &StoreError) -> String {
    format!("--{option} {name}: {error}")
}
