//! `--profile`: how a guest's functions become visible to a profiler.

use std::str::FromStr;

/// With what to look at the machine code of a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Profile {
    /// A file that tells `perf` the names of functions.
    PerfMap,
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (strategy, _) = text.split_once(',').unwrap_or((text, ""));
        match strategy {
            "perfmap" => Ok(Self::PerfMap),
            "guest" | "jitdump" | "vtune" => Err(format!(
                "profiles of the kind `{strategy}` are not made here; `--profile perfmap` with `perf record -g -p PID` shows \
                 where guests spend time, and the line of each request has its CPU time"
            )),
            _ => Err("it has to be `perfmap`".to_owned()),
        }
    }
}
