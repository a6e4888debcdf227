//! Programs of others at the other end: curl as a client.
//!
//! Where such a program is missing, its cases say so and do nothing.

use std::ffi::OsStr;
use std::process::Stdio;

use conformance::cases;
use conformance::certificates::{Authority, Files};
use conformance::context::Context;
use conformance::guests::ROUTES;
use conformance::origin::Origin;
use fastlike::ServerTls;
use tokio::process::Command;

cases![
    curl_over_http1_and_http2,
    curl_over_tls,
    curl_uploads_in_chunks,
];

const CURL: &str = "curl";

/// The first of these programs that can be run; says so if there is none.
pub(crate) fn find<'a>(names: &[&'a str]) -> Option<&'a str> {
    let can_run = |name: &&&str| {
        let mut command = std::process::Command::new(name);
        command
            .arg("-V")
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

/// Runs curl, and gives what it wrote to standard output.
pub(crate) async fn curl<A: AsRef<OsStr>>(arguments: &[A]) -> String {
    let output = Command::new(CURL)
        .args([
            "--silent",
            "--show-error",
            "--noproxy",
            "*",
            "--max-time",
            "120",
        ])
        .args(arguments)
        .output()
        .await
        .expect("it was run before");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("the answers of these cases are text")
}

async fn curl_over_http1_and_http2(cx: Context) {
    if find(&[CURL]).is_none() {
        return;
    }
    let host = cx.host(ROUTES).start().await;
    let url = format!("http://{}/hello", host.address);
    for (option, version) in [
        ("--http1.1", "1.1"),
        ("--http2", "2"),
        ("--http2-prior-knowledge", "2"),
    ] {
        let version = match option {
            // The upgrade from HTTP/1.1 is obsolete (RFC 9113 section 3.1), and may be left alone.
            "--http2" => "1.1",
            _ => version,
        };
        let text = curl(&[option, "--write-out", "%{http_version}", &url]).await;
        assert_eq!(text, format!("Hello from Compute\n{version}"), "{option}");
    }
}

async fn curl_over_tls(cx: Context) {
    if find(&[CURL]).is_none() {
        return;
    }
    let authority = Authority::new("authority");
    let signed = authority.sign("localhost");
    let tls = ServerTls::from_pem(signed.chain.as_bytes(), signed.key.as_bytes(), None);
    let tls = tls.expect("certificate and key belong together");
    let host = cx.host(ROUTES).configure(|builder| builder.tls(tls));
    let host = host.start().await;
    let files = Files::new(&[("ca.pem", &authority.pem())]);
    let trusted = files.path("ca.pem");
    let url = format!("https://localhost:{}/hello", host.address.port());
    let resolved = format!("localhost:{}:127.0.0.1", host.address.port());
    for (option, version) in [("--http1.1", "1.1"), ("--http2", "2")] {
        let text = curl(&[
            option.as_ref(),
            "--cacert".as_ref(),
            trusted.as_os_str(),
            "--resolve".as_ref(),
            resolved.as_ref(),
            "--write-out".as_ref(),
            "%{http_version}".as_ref(),
            url.as_ref(),
        ])
        .await;
        assert_eq!(text, format!("Hello from Compute\n{version}"), "{option}");
    }
}

async fn curl_uploads_in_chunks(cx: Context) {
    if find(&[CURL]).is_none() {
        return;
    }
    let origin = Origin::start().await;
    let host = cx.host(ROUTES).backend("origin", origin.address);
    let host = host.start().await;
    let content = "0123456789".repeat(100_000);
    let files = Files::new(&[("content", &content)]);
    let data = format!("@{}", files.path("content").display());
    let url = format!("http://{}/proxy/origin/echo", host.address);
    for (option, header) in [
        ("--http1.1", "Transfer-Encoding: chunked"),
        ("--http2-prior-knowledge", "X-Nothing: 1"),
    ] {
        let text = curl(&[option, "--header", header, "--data-binary", &data, &url]).await;
        assert!(text == content, "{option}: {} bytes", text.len());
    }
}
