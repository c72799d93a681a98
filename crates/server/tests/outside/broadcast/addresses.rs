//! Where deliveries may go, whatever the address in the config is called.

use std::io::ErrorKind;
use std::net::TcpListener;

use super::receiver::Receiver;
use super::{APP, AT_HOME, broadcast, reason, register, start, start_at, wait_until_done, wish};
use crate::server::Server;

const NOT_PUBLIC: &str = "the address of the receiver is private, loopback, link-local or the \
                          like: such addresses need allow_private_broadcast_urls = true";

/// The reason why each app's broadcast does not get through.
fn reasons(server: &Server, urls: &[String]) -> Vec<String> {
    let apps = (APP..).zip(urls);
    let told = apps.map(|(app, url)| {
        register(server, app, 1);
        broadcast(server, &wish(app, "hello"));
        format!("{url}: {}", reason(server, app, 1))
    });
    told.collect()
}

fn each(urls: &[String], reason: &str) -> Vec<String> {
    urls.iter().map(|url| format!("{url}: {reason}")).collect()
}

#[test]
fn nothing_inside_is_connected_to_unless_it_is_allowed() {
    let inside = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = inside.local_addr().expect("an address").port();
    let here = [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::1]",
    ];
    let elsewhere = [
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "[fe80::1]",
        "[fd00::1]",
    ];
    let hosts = here.iter().chain(&elsewhere);
    let urls: Vec<String> = hosts.map(|host| format!("http://{host}:{port}/")).collect();
    let data = tempfile::tempdir().expect("a folder");
    let server = start(data.path(), "limits = \"off\"", &urls);
    assert_eq!(reasons(&server, &urls), each(&urls, NOT_PUBLIC));
    server.end("TERM");
    inside.set_nonblocking(true).expect("it need not wait");
    let came = inside.accept().map_err(|error| error.kind());
    assert!(matches!(came, Err(ErrorKind::WouldBlock)), "{came:?}");
}

#[test]
fn what_is_allowed_is_delivered_to_by_any_of_its_names() {
    let receiver = Receiver::start([]);
    let port = receiver.address.port();
    let hosts = ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"];
    let urls = hosts.map(|host| format!("http://{host}:{port}/broadcasts?a=b"));
    let data = tempfile::tempdir().expect("a folder");
    let server = start(data.path(), AT_HOME, &urls);
    for (app, url) in (APP..).zip(&urls) {
        register(&server, app, 1);
        broadcast(&server, &wish(app, url));
        assert_eq!(receiver.delivery().body["data"]["message"]["Content"], url.as_str());
        wait_until_done(&server, app, 1);
    }
}

#[test]
fn nobody_delivers_to_the_server_itself() {
    let of = |hosts: &'static [&str]| {
        move |port: u16| hosts.iter().map(|host| format!("http://{host}:{port}/")).collect()
    };
    let names: &[&str] = &["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"];
    let other_names: &[&str] = &["127.0.0.1", "127.0.0.2", "localhost", "0.0.0.0"];
    for (ip, hosts) in [("127.0.0.1", names), ("0.0.0.0", other_names)] {
        let data = tempfile::tempdir().expect("a folder");
        let server = start_at(data.path(), ip, of(hosts));
        let urls: Vec<String> = of(hosts)(server.address.port());
        assert_eq!(reasons(&server, &urls), each(&urls, "the receiver is this server itself"));
    }
}
