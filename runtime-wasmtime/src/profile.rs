//! Profiles of guest runs: in which functions a guest is, looked at time and again, as a file for the Firefox Profiler.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use abi_core::engine::{GuestProfiles, ProfilePlace};
use fxprof_processed_profile::{
    CategoryHandle, CpuDelta, Frame, FrameFlags, FrameInfo, Profile, StringHandle, ThreadHandle,
    Timestamp,
};
use wasmtime::{AsContext, WasmBacktrace};

use crate::run::demangled;
use crate::ticker::TICK;

/// How many samples of one run are kept. A guest that computes for a minute has more than a million chances.
const SAMPLES_MAX: usize = 500_000;

/// How many frames of a stack are seen, from the innermost on.
pub(crate) const FRAMES_MAX: usize = 512;

/// Where the profiles of an engine's runs go.
pub(crate) struct Profiles {
    options: GuestProfiles,
    /// How many runs there were.
    runs: AtomicU64,
}

impl Profiles {
    /// # Errors
    ///
    /// Those of the system, when the folder cannot be made.
    pub(crate) fn new(options: &GuestProfiles) -> io::Result<Arc<Self>> {
        if let ProfilePlace::Folder(folder) = &options.place {
            std::fs::create_dir_all(folder)?;
        }
        Ok(Arc::new(Self {
            options: options.clone(),
            runs: AtomicU64::new(0),
        }))
    }

    /// Begins the profile of a run.
    pub(crate) fn begin(&self) -> Sampler {
        Sampler::new(self.file(), self.options.period)
    }

    fn file(&self) -> PathBuf {
        let folder = match &self.options.place {
            ProfilePlace::File(file) => return file.clone(),
            ProfilePlace::Folder(folder) => folder,
        };
        let number = self.runs.fetch_add(1, Ordering::Relaxed) + 1;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        // So files of several processes are in the order in which they began.
        let seconds = now.unwrap_or_default().as_secs();
        folder.join(format!("{seconds}-{number}.json"))
    }
}

/// The profile of a run. It is written when this is dropped, so also when the guest is stopped.
pub(crate) struct Sampler {
    file: PathBuf,
    profile: Profile,
    thread: ThreadHandle,
    started: Instant,
    /// How often to look.
    period: Duration,
    /// When the last look was.
    looked: Instant,
    /// When others last had their turn.
    turn: Instant,
    samples: usize,
    names: HashMap<u32, StringHandle>,
}

impl Sampler {
    fn new(file: PathBuf, period: Duration) -> Self {
        let mut profile = Profile::new("fastlike", SystemTime::now().into(), period.into());
        let start = Timestamp::from_nanos_since_reference(0);
        let process = profile.add_process("guest", 0, start);
        let thread = profile.add_thread(process, 0, start, true);
        let now = Instant::now();
        Self {
            file,
            profile,
            thread,
            started: now,
            period,
            looked: now,
            turn: now,
            samples: 0,
            names: HashMap::new(),
        }
    }

    /// Notes where the guest is. `true` when it is time for others to have their turn.
    pub(crate) fn sample(&mut self, store: impl AsContext) -> bool {
        // Where ticks are as long as the period, one may be a little early.
        let is_due = self.looked.elapsed() >= self.period.mul_f32(0.75);
        if is_due && self.samples < SAMPLES_MAX {
            self.samples += 1;
            self.looked = Instant::now();
            self.note(&WasmBacktrace::force_capture(store));
        }
        let is_turn = self.turn.elapsed() >= TICK;
        if is_turn {
            self.turn = Instant::now();
        }
        is_turn
    }

    fn note(&mut self, stack: &WasmBacktrace) {
        let now = self.now();
        let (profile, names) = (&mut self.profile, &mut self.names);
        // The outermost frame comes first.
        let frames = stack.frames().iter().rev().map(|frame| {
            let function = frame.func_index();
            let name = *names
                .entry(function)
                .or_insert_with(|| match frame.func_name() {
                    Some(name) => profile.intern_string(&demangled(name)),
                    None => profile.intern_string(&format!("function {function}")),
                });
            FrameInfo {
                frame: Frame::Label(name),
                category_pair: CategoryHandle::OTHER.into(),
                flags: FrameFlags::empty(),
            }
        });
        let frames: Vec<_> = frames.collect();
        let stack = self
            .profile
            .intern_stack_frames(self.thread, frames.into_iter());
        self.profile
            .add_sample(self.thread, now, stack, CpuDelta::ZERO, 1);
    }

    fn now(&self) -> Timestamp {
        // Centuries fit.
        Timestamp::from_nanos_since_reference(self.started.elapsed().as_nanos() as u64)
    }

    fn write(&mut self) -> io::Result<()> {
        let end = self.now();
        self.profile.set_thread_end_time(self.thread, end);
        let mut file = BufWriter::new(File::create(&self.file)?);
        serde_json::to_writer(&mut file, &self.profile)?;
        file.flush()
    }
}

impl Drop for Sampler {
    /// Writes the profile. Others wait for it: whoever profiles does not serve.
    fn drop(&mut self) {
        let file = self.file.clone();
        match self.write() {
            Ok(()) => tracing::info!("the profile of this run is in {}", file.display()),
            Err(error) => {
                tracing::warn!(
                    "the profile cannot be written to {}: {error}",
                    file.display()
                );
            }
        }
    }
}
