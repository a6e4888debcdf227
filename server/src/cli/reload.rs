//! `--watch`, and SIGHUP: going over to what has changed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::Failure;
use super::arguments::{MessageFormat, ServeArguments};
use super::output::{Announcements, SERVING, is_colored};
use super::signals::{Hangup, Hangups};
use super::watch::FileWatch;
use crate::config::{FileStamp, FilesRead, noting_files};
use crate::engines::AUTO;
use crate::host::{Host, HostBuilder};
use crate::serve::ServerTls;
use crate::world::{LogFormat, LogWriter, SystemRandom};

/// How long what cannot be used is not told of: it may be half of something that is still being written.
const STILL_BEING_WRITTEN: Duration = Duration::from_millis(300);

/// What hosts are made of, time and again.
pub(super) struct Setup {
    pub arguments: ServeArguments,
    pub announcements: Announcements,
    logs: Arc<LogWriter>,
    /// Made once: clients may have been told to trust it.
    self_signed: Option<ServerTls>,
}

impl Setup {
    pub(super) fn new(
        arguments: ServeArguments,
        announcements: Announcements,
    ) -> Result<Self, Failure> {
        let logs = LogWriter::standard_streams(LogFormat {
            label_stdout: arguments.output.log_stdout,
            label_stderr: arguments.output.log_stderr,
            color: is_colored(&std::io::stdout()),
            json: arguments.output.log_format == MessageFormat::Json,
        });
        Ok(Self {
            self_signed: arguments.clients.self_signed()?,
            logs: Arc::new(logs),
            arguments,
            announcements,
        })
    }

    fn builder(&self) -> Result<HostBuilder, Failure> {
        let mut builder = self.arguments.builder()?.logs_shared(self.logs.clone());
        // The interpreter, with which that begins, has no functions that a profiler could see.
        if self.arguments.engine.is_none() && self.arguments.guest.profile.is_none() {
            builder = builder.engine(AUTO);
        }
        if let Some(tls) = &self.self_signed {
            builder = builder.tls(tls.clone());
        }
        Ok(builder)
    }

    /// Makes a host, and tells which files that took.
    pub(super) async fn build(self: &Arc<Self>) -> Result<(Host, FilesRead), Failure> {
        let (setup, runtime) = (self.clone(), Handle::current());
        let random = SystemRandom::new()?;
        let building = Handle::current().spawn_blocking(move || {
            noting_files(|| -> Result<_, Failure> {
                Ok(setup.builder()?.build_blocking(runtime, random)?)
            })
        });
        let (host, files) = building.await?;
        Ok((host?, files))
    }

    /// Has a host go over to what is there now, and tells which files that took.
    async fn reload(self: &Arc<Self>, host: &Host) -> (Result<(), Failure>, FilesRead) {
        let (setup, host) = (self.clone(), host.clone());
        let reloading = Handle::current().spawn_blocking(move || {
            noting_files(|| -> Result<_, Failure> { Ok(host.reload_blocking(setup.builder()?)?) })
        });
        match reloading.await {
            Ok(done) => done,
            Err(error) => (Err(error.into()), FilesRead::new()),
        }
    }
}

/// Keeps a host up to date.
pub(super) struct Reloader {
    setup: Arc<Setup>,
    host: Host,
    /// What was read for what is served, and for what could not be.
    files: FilesRead,
    hangups: Hangups,
    watch: Option<FileWatch>,
}

impl Reloader {
    pub(super) fn new(
        setup: Arc<Setup>,
        host: Host,
        files: FilesRead,
        hangups: Hangups,
    ) -> Result<Self, Failure> {
        let mut reloader = Self {
            watch: setup.arguments.watch.then(FileWatch::new).transpose()?,
            setup,
            host,
            files,
            hangups,
        };
        reloader.follow()?;
        Ok(reloader)
    }

    /// Reloads whenever there is a reason to, until the terminal is gone.
    pub(super) async fn run(mut self) {
        loop {
            let why = tokio::select! {
                hangup = self.hangups.next() => match hangup {
                    Hangup::Reload => "SIGHUP".to_owned(),
                    Hangup::TerminalGone => return,
                },
                () = changed(&mut self.watch) => match self.what_has_changed() {
                    Some(file) => format!("{} has changed", file.display()),
                    None => continue,
                },
            };
            self.reload(why).await;
        }
    }

    async fn reload(&mut self, mut why: String) {
        loop {
            let (done, files) = self.setup.reload(&self.host).await;
            match done {
                Ok(()) => {
                    self.files = files;
                    self.follow_or_tell();
                    return self.say_reloaded(&why);
                }
                Err(error) => {
                    // What was read until then may be what has to change.
                    self.files.extend(files);
                    self.follow_or_tell();
                    match self.changes_again().await {
                        Some(file) => why = format!("{} has changed", file.display()),
                        None => return self.say_failed(&*error),
                    }
                }
            }
        }
    }

    /// A file that changes once more before what cannot be used has to be told.
    async fn changes_again(&mut self) -> Option<PathBuf> {
        let watch = self.watch.as_mut()?;
        if !watch.changed_within(STILL_BEING_WRITTEN).await {
            return None;
        }
        self.what_has_changed()
    }

    /// A file that is not what it was when it was read.
    fn what_has_changed(&mut self) -> Option<PathBuf> {
        // Folders may have come or gone.
        self.follow_or_tell();
        let mut files = self.files.iter();
        let changed = files.find(|(file, stamp)| FileStamp::of(file) != **stamp);
        changed.map(|(file, _)| file.clone())
    }

    fn follow(&mut self) -> Result<(), Failure> {
        match &mut self.watch {
            Some(watch) => watch.follow(self.files.keys().map(PathBuf::as_path)),
            None => Ok(()),
        }
    }

    fn follow_or_tell(&mut self) {
        if let Err(error) = self.follow() {
            tracing::warn!("changes may go unnoticed, and SIGHUP makes up for it: {error}");
        }
    }

    fn say_reloaded(&self, why: &str) {
        let (engine, compiled_in) = (
            self.host.started_on(),
            self.host.compile_time().as_secs_f64(),
        );
        if self.setup.arguments.output.log_format == MessageFormat::Json {
            tracing::info!(target: SERVING, why, engine, compiled_in, "reloaded");
            return;
        }
        let made = match self.host.was_kept() {
            true => "loaded",
            false => "compiled",
        };
        self.setup.announcements.say(&format!(
            "reloaded: {why} (engine {engine}, {made} in {compiled_in:.2} s)"
        ));
    }

    fn say_failed(&self, error: &dyn std::error::Error) {
        if self.setup.arguments.output.log_format == MessageFormat::Json {
            tracing::error!(target: SERVING, %error, "not reloaded");
            return;
        }
        self.setup.announcements.say(&format!(
            "not reloaded, and still serving what was there before: {error}"
        ));
    }
}

/// Waits for a change, where that is wanted.
async fn changed(watch: &mut Option<FileWatch>) {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}
