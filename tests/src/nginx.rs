//! nginx as a backend, which tells what it sees of a connection.

use std::net::{SocketAddr, TcpListener};
use std::process::Stdio;

use tokio::process::Command;

use crate::certificates::{Authority, Files, Signed};
use crate::process::{self, Process};

/// Where it may be; distributions put it where users do not look for programs.
const PROGRAMS: [&str; 3] = ["nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx"];

/// What it answers: a word for each thing it knows of the request and its connection.
const ANSWER: &str = "tls=$ssl_protocol cipher=$ssl_cipher sni=$ssl_server_name client=$ssl_client_verify \
                      http=$server_protocol host=$host connection=$connection request=$connection_requests;";

/// A running nginx.
#[derive(Debug)]
pub struct Nginx {
    /// Where it listens.
    pub address: SocketAddr,
    process: Process,
    _files: Files,
}

/// What an nginx is to be.
#[derive(Clone, Debug)]
pub struct Setup<'a> {
    /// Its certificate; without it it speaks no TLS.
    pub tls: Option<&'a Signed>,
    /// Who may have signed a client's certificate; without it none is asked for.
    pub clients: Option<&'a Authority>,
    /// Further directives of the server.
    pub directives: &'a str,
}

impl Setup<'_> {
    /// Starts it; nothing when there is no nginx here, which is said.
    ///
    /// # Panics
    ///
    /// When it cannot listen.
    #[must_use]
    pub fn start(&self) -> Option<Nginx> {
        let program = process::find(&PROGRAMS, "-v")?;
        let listener = TcpListener::bind(("127.0.0.1", 0));
        let listener = listener.expect("this machine has a loopback interface");
        let address = listener.local_addr().expect("a listener has an address");
        let authority = self.clients.map_or(String::new(), Authority::pem);
        let (chain, key) = self.tls.map_or(("", ""), |tls| (&tls.chain, &tls.key));
        let files = Files::new(&[
            ("nginx.conf", &self.configuration(address)),
            ("chain.pem", chain),
            ("key.pem", key),
            ("clients.pem", &authority),
        ]);
        // It takes a socket that listens from the process that starts it, as when it is replaced by a newer nginx: its
        // clients can connect before it runs, and nobody else gets the port.
        let mut command = Command::new(program);
        command
            .env("NGINX", "0;")
            .stdin(Stdio::from(std::os::fd::OwnedFd::from(listener)))
            .args(["-e", "stderr", "-p"])
            .arg(files.path(""))
            .arg("-c")
            .arg(files.path("nginx.conf"));
        Some(Nginx {
            address,
            process: Process::spawn(command),
            _files: files,
        })
    }

    fn configuration(&self, address: SocketAddr) -> String {
        let tls = if self.tls.is_some() { "ssl http2" } else { "" };
        let certificate = if self.tls.is_some() {
            "ssl_certificate chain.pem; ssl_certificate_key key.pem;"
        } else {
            ""
        };
        let clients = if self.clients.is_some() {
            "ssl_client_certificate clients.pem; ssl_verify_client on;"
        } else {
            ""
        };
        let directives = self.directives;
        let folders: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {name};"))
            .concat();
        format!(
            "daemon off; worker_processes 1; pid nginx.pid; error_log stderr notice;\n\
             events {{}}\n\
             http {{\n\
             {folders}\n\
             log_format seen '$request_method $host $request_uri from $http_user_agent.';\n\
             access_log /dev/stderr seen;\n\
             server {{ listen {address} {tls}; {certificate} {clients} {directives}\n\
             location / {{ return 200 '{ANSWER}'; }}\n\
             }} }}\n"
        )
    }
}

impl Nginx {
    /// Waits until its log has `text`.
    pub async fn has_seen(&self, text: &str) {
        self.process.says(text).await;
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Killed, it would leave the process that does its work behind.
        self.process.terminate();
    }
}

/// What an nginx says of one request.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen(String);

impl Seen {
    /// What it says of all requests in an answer.
    #[must_use]
    pub fn all(text: &str) -> Vec<Self> {
        let parts = text.split(';').map(str::trim);
        parts
            .filter(|part| !part.is_empty())
            .map(|part| Self(part.to_owned()))
            .collect()
    }

    /// One of the words.
    ///
    /// # Panics
    ///
    /// When it is not there: nginx did not answer.
    #[must_use]
    #[track_caller]
    pub fn get(&self, name: &str) -> &str {
        let mut words = self.0.split(' ').filter_map(|word| word.split_once('='));
        match words.find(|(word, _)| *word == name) {
            Some((_, value)) => value,
            None => panic!("no {name}: {}", self.0),
        }
    }
}
