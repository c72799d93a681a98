//! Where the server listens: encrypted, with a certificate that changes while it runs; at a socket
//! in the file system; at several places at once. And who is told that it does.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::server::{Server, whowas};

type Https = StreamOwned<ClientConnection, TcpStream>;

/// Writes a new certificate and its key, and tells the certificate.
fn certify(folder: &Path) -> CertificateDer<'static> {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).expect("made");
    // As certbot does it: beside, and then in its place.
    for (name, text) in [("cert.pem", cert.pem()), ("key.pem", signing_key.serialize_pem())] {
        fs::write(folder.join("new"), text).expect("written");
        fs::rename(folder.join("new"), folder.join(name)).expect("renamed");
    }
    cert.der().clone()
}

fn serve(folder: &Path, listen: &str) -> Server {
    let path = |name: &str| folder.join(name).to_str().expect("text").to_owned();
    let config = format!(
        "listen = {listen}\n[tls]\ncert_file = {:?}\nkey_file = {:?}\n[store]\nkind = \"memory\"\n",
        path("cert.pem"),
        path("key.pem"),
    );
    fs::write(folder.join("whowas.toml"), config).expect("written");
    Server::start(whowas(&["serve", "--config", &path("whowas.toml")]))
}

/// A connection to whoever shows this certificate.
fn connect(to: SocketAddr, trusted: &CertificateDer<'static>, alpn: &[&str]) -> Option<Https> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().expect("versions");
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|it| it.as_bytes().to_vec()).collect();
    let name = ServerName::try_from("localhost").expect("a name");
    let client = ClientConnection::new(Arc::new(config), name).expect("a client");
    let mut stream = StreamOwned::new(client, TcpStream::connect(to).expect("it listens"));
    stream.conn.complete_io(&mut stream.sock).ok().map(|_| stream)
}

/// Asks for the state, and keeps the connection.
fn state(stream: &mut (impl Read + Write)) -> String {
    stream.write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("taken");
    let mut said = vec![];
    while !said.ends_with(b"live\n") {
        let mut byte = [0];
        assert_eq!(stream.read(&mut byte).expect("an answer"), 1);
        said.push(byte[0]);
    }
    String::from_utf8(said).expect("text")
}

#[test]
fn what_comes_in_is_encrypted_and_http_2_is_agreed_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let certificate = certify(folder.path());
    let server = serve(folder.path(), "\"127.0.0.1:0\"");
    let mut stream = connect(server.address, &certificate, &["http/1.1"]).expect("encrypted");
    assert!(state(&mut stream).starts_with("HTTP/1.1 200 OK"));
    let both = connect(server.address, &certificate, &["h2", "http/1.1"]).expect("encrypted");
    assert_eq!(both.conn.alpn_protocol(), Some(&b"h2"[..]));
    // Who speaks plainly is not answered.
    let mut plain = TcpStream::connect(server.address).expect("it listens");
    plain.write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n").expect("taken");
    let mut said = vec![];
    let _ = plain.read_to_end(&mut said);
    assert!(!said.starts_with(b"HTTP"), "{said:?}");
    assert_eq!(server.end("TERM").0.code(), Some(0));
}

#[test]
fn a_certificate_that_changes_is_shown_to_those_who_come_later_and_drops_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let old = certify(folder.path());
    let server = serve(folder.path(), "\"127.0.0.1:0\"");
    let mut before = connect(server.address, &old, &[]).expect("encrypted");
    assert!(state(&mut before).starts_with("HTTP/1.1 200 OK"));
    let new = certify(folder.path());
    while connect(server.address, &new, &[]).is_none() {
        thread::yield_now();
    }
    assert!(connect(server.address, &old, &[]).is_none(), "the old one is not shown any more");
    assert!(state(&mut before).starts_with("HTTP/1.1 200 OK"));
}

#[test]
fn a_socket_in_the_file_system_is_answered_beside_an_address_and_goes_with_the_server() {
    let folder = tempfile::tempdir().expect("a folder");
    certify(folder.path());
    let socket = folder.path().join("whowas.sock");
    let listen = format!("[\"127.0.0.1:0\", \"unix:{}\"]", socket.display());
    let server = serve(folder.path(), &listen);
    let mut stream = loop {
        // The address is told first.
        match UnixStream::connect(&socket) {
            Ok(stream) => break stream,
            Err(_) => thread::yield_now(),
        }
    };
    assert!(state(&mut stream).starts_with("HTTP/1.1 200 OK"));
    let mode = fs::metadata(&socket).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    let taken = whowas(&["serve", "--listen", &format!("unix:{}", socket.display())])
        .args(["--demo", "--data"])
        .arg(folder.path().join("data"))
        .output()
        .expect("it ends");
    let said = String::from_utf8(taken.stderr).expect("text");
    assert!(said.contains("somebody listens there already"), "{said}");
    server.end("TERM");
    assert!(!socket.exists());
}

#[test]
fn a_socket_of_one_that_was_killed_is_taken_over_and_a_file_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    certify(folder.path());
    let socket = folder.path().join("whowas.sock");
    let listen = format!("\"127.0.0.1:0,unix:{}\"", socket.display());
    let server = serve(folder.path(), &listen);
    while !socket.exists() {
        thread::yield_now();
    }
    server.end("KILL");
    assert!(socket.exists(), "nobody took it away");
    serve(folder.path(), &listen).end("TERM");
    fs::write(&socket, "precious").expect("written");
    let config = folder.path().join("whowas.toml");
    let output = whowas(&["serve", "--config"]).arg(config).output().expect("it ends");
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(said.contains("there is a file, and no socket"), "{said}");
    assert_eq!(fs::read(&socket).expect("it is there"), b"precious");
}

#[test]
fn what_is_wrong_with_a_certificate_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    certify(folder.path());
    let said = |damage: &dyn Fn()| {
        certify(folder.path());
        serve_once(folder.path(), damage)
    };
    let cert = folder.path().join("cert.pem");
    let key = folder.path().join("key.pem");
    let none = said(&|| fs::write(&cert, "").expect("written"));
    assert!(none.contains("cert.pem holds no certificates"), "{none}");
    let none = said(&|| fs::remove_file(&key).expect("removed"));
    assert!(none.contains("key.pem cannot be read"), "{none}");
    let other = said(&|| {
        let before = fs::read(&cert).expect("read");
        certify(folder.path());
        fs::write(&cert, before).expect("written");
    });
    assert!(other.contains("is not the key of"), "{other}");
}

/// What a server says that cannot start.
fn serve_once(folder: &Path, damage: &dyn Fn()) -> String {
    damage();
    let path = |name: &str| folder.join(name).to_str().expect("text").to_owned();
    let output = whowas(&["serve", "--listen", "127.0.0.1:0"])
        .env("WHOWAS_STORE_KIND", "memory")
        .env("WHOWAS_TLS_CERT_FILE", path("cert.pem"))
        .env("WHOWAS_TLS_KEY_FILE", path("key.pem"))
        .output()
        .expect("it ends");
    assert_ne!(output.status.code(), Some(0));
    String::from_utf8(output.stderr).expect("text")
}

#[test]
fn the_service_manager_is_told_of_the_beginning_and_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let name = folder.path().join("notify");
    let manager = UnixDatagram::bind(&name).expect("a socket");
    manager.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    let notify = name.to_str().expect("text");
    let server = Server::demo(&folder.path().join("data"), &[("NOTIFY_SOCKET", notify)]);
    let told = || {
        let mut told = [0; 64];
        let len = manager.recv(&mut told).expect("a datagram");
        String::from_utf8(told[..len].to_vec()).expect("text")
    };
    assert_eq!(told(), "READY=1");
    // At once: who says that it is ready also ends in order.
    let (status, said) = server.end("TERM");
    assert!(status.success(), "{said}");
    assert_eq!(told(), "STOPPING=1");
}
