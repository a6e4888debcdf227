//! `--profile`: how it becomes visible where a guest spends its time.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use abi_core::engine::{GuestProfiles, ProfilePlace};

use crate::host::HostBuilder;

/// How often a guest is looked at, where nothing is said.
const PERIOD: Duration = Duration::from_micros(50);

/// With what to look at a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Profile {
    /// A file that tells `perf` the names of functions.
    PerfMap,
    /// A profile of each run.
    Guest {
        /// Where it is written to: a folder when serving, a file for a single run.
        place: Option<PathBuf>,
        period: Duration,
    },
}

impl Profile {
    /// Says it to a host that serves.
    pub(super) fn of_requests(&self, builder: HostBuilder) -> HostBuilder {
        let folder = |place: &Path| ProfilePlace::Folder(place.to_owned());
        self.said_to(builder, folder, "guest-profiles")
    }

    /// Says it to a host that runs a program once.
    pub(super) fn of_one_run(&self, builder: HostBuilder) -> HostBuilder {
        let file = |place: &Path| ProfilePlace::File(place.to_owned());
        self.said_to(builder, file, "guest-profile.json")
    }

    fn said_to(
        &self,
        builder: HostBuilder,
        of: impl Fn(&Path) -> ProfilePlace,
        usual: &str,
    ) -> HostBuilder {
        match self {
            Self::PerfMap => builder.perf_map(true),
            Self::Guest { place, period } => builder.guest_profiles(GuestProfiles {
                place: of(place.as_deref().unwrap_or(Path::new(usual))),
                period: *period,
            }),
        }
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (strategy, rest) = match text.split_once(',') {
            Some((strategy, rest)) => (strategy, Some(rest)),
            None => (text, None),
        };
        match (strategy, rest) {
            ("perfmap", None) => Ok(Self::PerfMap),
            ("guest", rest) => guest(rest),
            ("jitdump" | "vtune", _) => Err(format!(
                "profiles of the kind `{strategy}` are not made here; `--profile perfmap` with `perf record -g -p PID` shows \
                 where guests and the host spend time, and `--profile guest` where guests do"
            )),
            _ => Err(
                "it has to be `perfmap`, or `guest`, `guest,PLACE` or `guest,PLACE,PERIOD`"
                    .to_owned(),
            ),
        }
    }
}

fn guest(rest: Option<&str>) -> Result<Profile, String> {
    let (place, time) = match rest.map(|rest| rest.split_once(',').unwrap_or((rest, ""))) {
        Some(("", _)) => {
            return Err("what follows the comma has to be a folder or a file".to_owned());
        }
        Some((place, time)) => (Some(place.into()), time),
        None => (None, ""),
    };
    let period = match time {
        "" => PERIOD,
        time => period(time).ok_or_else(|| {
            format!(
                "`{time}` is no time between two looks, from 1us to 10s, such as `50us` or `2ms`"
            )
        })?,
    };
    Ok(Profile::Guest { place, period })
}

/// A length of time with its unit; a number alone is one of seconds.
fn period(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let number: u64 = digits.parse().ok()?;
    let period = match text.strip_prefix(digits)? {
        "" | "s" => Duration::from_secs(number),
        "ms" => Duration::from_millis(number),
        "us" | "µs" | "μs" => Duration::from_micros(number),
        "ns" => Duration::from_nanos(number),
        _ => return None,
    };
    let allowed = Duration::from_micros(1)..=Duration::from_secs(10);
    allowed.contains(&period).then_some(period)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_of_guests_have_a_place_and_a_period() {
        let parsed = |text: &str| text.parse::<Profile>();
        let guest = |place: Option<&str>, micros| {
            Ok(Profile::Guest {
                place: place.map(PathBuf::from),
                period: Duration::from_micros(micros),
            })
        };
        assert_eq!(parsed("perfmap"), Ok(Profile::PerfMap));
        assert_eq!(parsed("guest"), guest(None, 50));
        assert_eq!(parsed("guest,a/b"), guest(Some("a/b"), 50));
        assert_eq!(parsed("guest,a,2ms"), guest(Some("a"), 2000));
        assert_eq!(parsed("guest,a,100us"), guest(Some("a"), 100));
        assert_eq!(parsed("guest,a,3000ns"), guest(Some("a"), 3));
        assert_eq!(parsed("guest,a,1"), guest(Some("a"), 1_000_000));
        for wrong in [
            "guest,",
            "guest,,1ms",
            "guest,a,x",
            "guest,a,1h",
            "guest,a,0s",
            "guest,a,11",
            "guest,a,99999999999999999999s",
            "perfmap,a",
            "other",
            "",
        ] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
        let error = parsed("vtune").unwrap_err();
        assert!(error.contains("--profile guest"), "{error}");
    }
}
