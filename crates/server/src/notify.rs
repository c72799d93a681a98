//! Tells the service manager when the server is ready and when it stops, as systemd asks of a
//! service of the type `notify`: a datagram to the socket that `NOTIFY_SOCKET` names. Without such
//! a socket nothing happens, and whoever does not listen is not waited for.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use crate::config;

/// The server takes requests.
pub(crate) fn ready() {
    tell("READY=1");
}

/// The server takes no more requests, and finishes what it began.
pub(crate) fn stopping() {
    tell("STOPPING=1");
}

fn tell(what: &str) {
    let Some(name) = config::notify_socket() else { return };
    let told = address(&name).and_then(|to| {
        let from = UnixDatagram::unbound()?;
        from.send_to_addr(what.as_bytes(), &to)
    });
    if let Err(error) = told {
        tracing::warn!(%error, what, "the service manager could not be told");
    }
}

/// A name that begins with `@` is none of the file system's.
fn address(name: &str) -> std::io::Result<SocketAddr> {
    match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(name),
    }
}
