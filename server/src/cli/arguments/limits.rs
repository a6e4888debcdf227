//! Options about limits.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::values::{seconds, whole_number};
use crate::config::{LimitSettings, ReuseSettings};
use crate::host::{self, HostBuilder};

/// What guests, clients and the host itself may take.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(in crate::cli) struct LimitArguments {
    /// The memory each request may use [default: 128].
    #[arg(
        long,
        value_name = "MIB",
        value_parser = |text: &str| whole_number(text, 1..=4096_u64)
    )]
    pub max_memory: Option<u64>,

    /// How long each request may take [default: 120].
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub timeout: Option<f64>,

    /// How long each request may compute [default: 60].
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub cpu_limit: Option<f64>,

    /// How many more requests a guest may ask for [default: 5].
    #[arg(long, value_name = "NUMBER", value_parser = |text: &str| whole_number(text, 0..=u32::MAX))]
    pub reuse_requests: Option<u32>,

    /// What to do with a guest whose client leaves.
    #[arg(long, value_enum, value_name = "WHAT", default_value_t)]
    pub on_disconnect: OnDisconnect,

    /// How long requests may go on when the host is told to stop.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "30")]
    pub drain_timeout: f64,

    /// How long a client may take nothing of what it is sent before it loses its connection.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "60")]
    pub send_timeout: f64,

    /// How long a client's connection may be without a request, and how long the head of one may take.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "60")]
    pub idle_timeout: f64,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(in crate::cli) enum OnDisconnect {
    /// Let it finish its work, within its limits.
    #[default]
    Finish,
    /// Stop it.
    Cancel,
}

impl LimitArguments {
    /// Says them to a host.
    pub(in crate::cli) fn apply(&self, builder: HostBuilder) -> HostBuilder {
        let seconds = |number: Option<f64>| number.map(Duration::from_secs_f64);
        let builder = builder
            .limit_settings(LimitSettings {
                memory_bytes: self.max_memory.map(|mebibytes| mebibytes * 1024 * 1024),
                wall: seconds(self.timeout),
                cpu: seconds(self.cpu_limit),
                ..LimitSettings::default()
            })
            .drain_timeout(Duration::from_secs_f64(self.drain_timeout))
            .send_timeout(Duration::from_secs_f64(self.send_timeout))
            .idle_timeout(Duration::from_secs_f64(self.idle_timeout))
            .on_disconnect(match self.on_disconnect {
                OnDisconnect::Finish => host::OnDisconnect::Finish,
                OnDisconnect::Cancel => host::OnDisconnect::Cancel,
            });
        match self.reuse_requests {
            Some(number) => builder.reuse(ReuseSettings {
                further_requests: Some(number),
                ..ReuseSettings::default()
            }),
            None => builder,
        }
    }
}
