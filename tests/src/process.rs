//! The program `fastlike` as a process.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A process that is running.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdout: Output,
    stderr: Output,
}

/// A process that has ended.
#[derive(Debug)]
pub struct Finished {
    /// How.
    pub status: ExitStatus,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Process {
    /// Starts `program`, which is killed when this is dropped.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn start<A: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = A>) -> Self {
        let mut command = Command::new(program);
        command
            .args(arguments)
            // The settings of whoever runs the tests would change what is written.
            .env_remove("RUST_LOG")
            .env_remove("RUST_BACKTRACE")
            // Tests keep what they compile beside the program, and leave what its user keeps alone.
            .env(
                "XDG_CACHE_HOME",
                Path::new(program).with_file_name("cache-of-tests"),
            )
            .stdin(Stdio::null())
            .kill_on_drop(true);
        Self::spawn(command)
    }

    /// Starts a program as `command` says, but for what it writes.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    #[must_use]
    pub fn spawn(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => panic!("{command:?}: {error}"),
        };
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        Self {
            child,
            stdout: Output::of(stdout.expect("it is a pipe")),
            stderr: Output::of(stderr.expect("it is a pipe")),
        }
    }

    /// Waits until it has written `text` to standard error, and gives all that it has written there.
    pub async fn says(&self, text: &str) -> String {
        self.stderr.until(text).await
    }

    /// Waits until it has written lines with `text` to standard error so many times.
    pub async fn says_times(&self, text: &str, times: usize) {
        self.stderr.until_times(text, times).await;
    }

    /// Waits until it serves, and gives the address.
    ///
    /// # Panics
    ///
    /// When it says something else.
    pub async fn ready(&self) -> SocketAddr {
        let said = self.says("on http://").await;
        let (_, rest) = said.split_once("on http://").expect("it was waited for");
        let address = rest.split_whitespace().next().unwrap_or_default();
        match address.parse() {
            Ok(address) => address,
            Err(error) => panic!("{address}: {error}"),
        }
    }

    /// Its number.
    ///
    /// # Panics
    ///
    /// When the process has ended.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id().expect("the process is running")
    }

    /// Sends SIGTERM.
    ///
    /// # Panics
    ///
    /// When the process has ended.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends SIGHUP.
    ///
    /// # Panics
    ///
    /// When the process has ended.
    pub fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    fn signal(&self, signal: Signal) {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        let id = id.and_then(Pid::from_raw).expect("the process is running");
        kill_process(id, signal).expect("the process is running");
    }

    /// Ends it as the system would when it has no choice: it can do nothing about it.
    ///
    /// # Panics
    ///
    /// When it cannot be ended.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("a child can be killed");
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// When it cannot be waited for.
    pub async fn finish(mut self) -> Finished {
        let status = self.child.wait().await;
        Finished {
            status: status.expect("a child can be waited for"),
            stdout: self.stdout.into_text().await,
            stderr: self.stderr.into_text().await,
        }
    }
}

/// The first of these programs that can be run, asked for its version by `option`; says so if there is none.
#[must_use]
pub fn find<'a>(names: &[&'a str], option: &str) -> Option<&'a str> {
    let can_run = |name: &&&str| {
        let mut command = std::process::Command::new(name);
        command
            .arg(option)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().is_ok()
    };
    let found = names.iter().find(can_run).copied();
    if found.is_none() {
        eprintln!("left out: there is no {} here", names[0]);
    }
    found
}

/// What a process writes.
#[derive(Debug)]
struct Output {
    text: Arc<watch::Sender<String>>,
    reading: JoinHandle<()>,
}

impl Output {
    fn of(mut pipe: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let text = Arc::new(watch::Sender::new(String::new()));
        let written = text.clone();
        let reading = tokio::spawn(async move {
            let mut piece = Vec::new();
            while let Ok(1..) = pipe.read_buf(&mut piece).await {
                let read = String::from_utf8_lossy(&piece).into_owned();
                written.send_modify(|text| text.push_str(&read));
                piece.clear();
            }
        });
        Self { text, reading }
    }

    /// Waits for `text` and a whole line behind it.
    async fn until(&self, text: &str) -> String {
        let mut watching = self.text.subscribe();
        let said = watching.wait_for(|said| {
            let found = said.find(text);
            found.is_some_and(|position| said[position..].contains('\n'))
        });
        said.await.expect("the sender is held here").clone()
    }

    async fn until_times(&self, text: &str, times: usize) {
        let mut watching = self.text.subscribe();
        let said = watching.wait_for(|said| said.matches(text).count() >= times);
        said.await.expect("the sender is held here");
    }

    async fn into_text(self) -> String {
        self.reading.await.expect("reading does not panic");
        self.text.borrow().clone()
    }
}
