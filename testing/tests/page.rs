//! The page and HTTPS on the port of the clients, over a real server.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use veche_testing::processes::{Person, Server};

/// A connection that the server ends after an answer ends within this; one that it keeps does not.
const ENDED_WITHIN: Duration = Duration::from_secs(20);
/// The certificate that was read again is served within this.
const RENEWED_WITHIN: Duration = Duration::from_secs(60);

/// `HOST:PORT` of a server's address.
fn place(server: &Server) -> String {
    server.address().split('/').next().unwrap_or_default().to_owned()
}

/// What a web server answers to one request, as text.
fn answer(mut stream: impl Read + Write, request: &str) -> String {
    ask(&mut stream, &format!("{request}\r\nConnection: close"));
    let mut answer = Vec::new();
    // A TLS connection may end without a word of farewell.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn ask(stream: &mut impl Write, request: &str) {
    let request = format!("{request}\r\nHost: veche.example\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
}

fn plainly(server: &Server, request: &str) -> String {
    answer(TcpStream::connect(place(server)).unwrap(), request)
}

/// A connection under TLS, where the server has this certificate and no other.
fn secure(
    server: &Server,
    certificate: &CertificateDer<'static>,
) -> std::io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(place(server)).unwrap());
    stream.conn.complete_io(&mut stream.sock)?;
    Ok(stream)
}

/// Puts a new certificate into a folder.
fn certify(folder: &Path) -> CertificateDer<'static> {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("key.pem"), signing_key.serialize_pem()).unwrap();
    std::fs::write(folder.join("chain.pem"), cert.pem()).unwrap();
    cert.der().clone()
}

#[test]
fn the_page_names_its_server_and_runs_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]).unwrap();
    let page = plainly(&server, "GET / HTTP/1.1").to_lowercase();
    assert!(page.starts_with("http/1.1 200"), "{page}");
    assert!(page.contains(&format!(r#"content="{}""#, server.address())), "{page}");
    let policy = page.lines().find(|line| line.starts_with("content-security-policy:")).unwrap();
    for part in ["default-src 'none'", "require-trusted-types-for 'script'", "connect-src 'self'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{policy}");

    // A web server in front uses no connection of a page for a client.
    let mut stream = TcpStream::connect(place(&server)).unwrap();
    stream.set_read_timeout(Some(ENDED_WITHIN)).unwrap();
    ask(&mut stream, "GET / HTTP/1.1");
    stream.read_to_end(&mut Vec::new()).expect("the server ends it");

    let absent = plainly(&server, "GET /../veched.key HTTP/1.1");
    assert!(absent.starts_with("HTTP/1.1 404"), "{absent}");
    let written = plainly(&server, "POST / HTTP/1.1");
    assert!(written.starts_with("HTTP/1.1 405"), "{written}");
    // What is a client's is not a page, and what is nobody's ends.
    let client = plainly(&server, "GET /veche HTTP/1.1");
    assert!(!client.contains("200 OK"), "{client}");
}

#[test]
fn clients_and_the_page_share_a_port_under_tls_and_without() {
    let folder = tempfile::tempdir().unwrap();
    let first = certify(folder.path());
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (chain, key) = (file("chain.pem"), file("key.pem"));
    let flags = ["--tls-cert", chain.as_str(), "--tls-key", key.as_str()];
    let server = Server::start(&folder.path().join("server"), &flags).unwrap();

    let page = answer(secure(&server, &first).unwrap(), "GET / HTTP/1.1");
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    let mut channel = secure(&server, &first).unwrap();
    ask(
        &mut channel,
        "GET /veche HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    );
    let mut line = String::new();
    BufReader::new(channel).read_line(&mut line).unwrap();
    assert!(line.starts_with("HTTP/1.1 101"), "{line}");
    // The terminal's program comes without TLS: its session proves the key by itself.
    let ana = Person::new(folder.path(), "ana").unwrap();
    ana.register(server.address()).unwrap();

    let second = certify(folder.path());
    let deadline = Instant::now() + RENEWED_WITHIN;
    while secure(&server, &second).is_err() {
        assert!(Instant::now() < deadline, "the new certificate is never served");
    }
    assert!(secure(&server, &first).is_err(), "the one before is gone");
}

#[test]
fn a_certificate_that_cannot_be_used_is_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path());
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (chain, key) = (file("chain.pem"), file("key.pem"));
    let data = folder.path().join("server");
    // A file that is no key.
    let flags = ["--tls-cert", chain.as_str(), "--tls-key", chain.as_str()];
    let refused = Server::start(&data, &flags).unwrap_err();
    assert!(refused.contains("ended before"), "{refused}");
    // One that is another's.
    std::fs::rename(&key, file("other.pem")).unwrap();
    certify(folder.path());
    let other = file("other.pem");
    let flags = ["--tls-cert", chain.as_str(), "--tls-key", other.as_str()];
    assert!(Server::start(&data, &flags).is_err());
}
