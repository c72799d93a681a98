//! Connecting to a receiver: the name is resolved, each of its addresses is judged, and one of
//! those that pass is connected to. Nothing resolves the name again in between, so that it cannot
//! stand for something else by then.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::address::is_public;

/// How long one address may take to answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How many addresses of a name are tried.
const ADDRESSES_MAX: usize = 4;

/// Makes connections that may be made.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    /// Whether addresses that are not of the open internet may be connected to, too.
    pub(super) allows_private: bool,
    /// Where this server listens: nobody delivers to it.
    pub(super) own: Vec<SocketAddr>,
}

/// Why there is no connection. In the operator's words: it is kept with the broadcast.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("the name of the receiver cannot be resolved")]
    Unresolved,
    #[error(
        "the address of the receiver is private, loopback, link-local or the like: such addresses \
         need allow_private_broadcast_urls = true"
    )]
    NotPublic,
    #[error("the receiver is this server itself")]
    Own,
    #[error("no connection to the receiver could be made")]
    Unreachable,
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = Refused;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Refused>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, url: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move { connector.connect(&url).await.map(TokioIo::new) })
    }
}

impl Connector {
    async fn connect(&self, url: &Uri) -> Result<TcpStream, Refused> {
        let port = url.port_u16().unwrap_or(match url.scheme_str() {
            Some("https") => 443,
            _ => 80,
        });
        let host = url.host().ok_or(Refused::Unresolved)?;
        let host = host.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(host);
        let found = match host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => resolve(host, port).await.map_err(|_| Refused::Unresolved)?,
        };
        let mut admitted = self.admit(found)?;
        // An address of IPv4 that is written as one of IPv6 needs no IPv6.
        admitted.iter_mut().for_each(|address| address.set_ip(address.ip().to_canonical()));
        let mut refused = Refused::Unreachable;
        for address in admitted {
            match tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) if self.is_own(&stream) => refused = Refused::Own,
                Ok(Ok(stream)) => {
                    // A delivery is written whole.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(_)) | Err(_) => {}
            }
        }
        Err(refused)
    }

    /// The addresses that may be connected to.
    fn admit(&self, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Refused> {
        if found.is_empty() {
            return Err(Refused::Unresolved);
        }
        let mut admitted = found;
        admitted.retain(|address| self.allows_private || is_public(address.ip()));
        if admitted.is_empty() {
            return Err(Refused::NotPublic);
        }
        admitted.truncate(ADDRESSES_MAX);
        Ok(admitted)
    }

    /// Whether the other end is this server. Whoever listens everywhere is reached at any address
    /// of the machine, and then both ends have the same.
    fn is_own(&self, stream: &TcpStream) -> bool {
        let (Ok(here), Ok(there)) = (stream.local_addr(), stream.peer_addr()) else { return true };
        // A loopback address is of this machine, whatever address its other end has.
        let there_ip = there.ip().to_canonical();
        let is_here = here.ip().to_canonical() == there_ip || there_ip.is_loopback();
        self.own.iter().any(|own| {
            let ip = own.ip().to_canonical();
            there.port() == own.port() && (there_ip == ip || is_here && ip.is_unspecified())
        })
    }
}

async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    Ok(tokio::net::lookup_host((host, port)).await?.collect())
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    fn connector(allows_private: bool, own: &str) -> Connector {
        Connector { allows_private, own: vec![own.parse().expect("an address")] }
    }

    fn admitted(allows_private: bool, found: &[&str]) -> Result<Vec<String>, String> {
        let found = found.iter().map(|it| it.parse().expect("an address")).collect();
        let admitted = connector(allows_private, "127.0.0.1:1").admit(found);
        let shown = |all: Vec<SocketAddr>| all.iter().map(ToString::to_string).collect();
        admitted.map(shown).map_err(|refused| format!("{refused:?}"))
    }

    #[test]
    fn of_the_addresses_of_a_name_only_public_ones_are_tried() {
        let mixed = ["10.0.0.1:80", "1.1.1.1:80", "[::ffff:127.0.0.1]:80", "[2a00::1]:80"];
        assert_eq!(admitted(false, &mixed), Ok(vec!["1.1.1.1:80".into(), "[2a00::1]:80".into()]));
        assert_eq!(admitted(true, &mixed).map(|all| all.len()), Ok(4));
        assert_eq!(admitted(false, &["127.0.0.1:80", "[fe80::1]:80"]), Err("NotPublic".into()));
        assert_eq!(admitted(false, &[]), Err("Unresolved".into()));
        assert_eq!(admitted(false, &["1.1.1.1:1"; 9]).map(|all| all.len()), Ok(ADDRESSES_MAX));
    }

    async fn connect(allows_private: bool, own: SocketAddr, url: &str) -> String {
        let connector = Connector { allows_private, own: vec![own] };
        match connector.connect(&url.parse().expect("an address")).await {
            Ok(_) => "connected".into(),
            Err(refused) => format!("{refused:?}"),
        }
    }

    #[tokio::test]
    async fn a_connection_is_refused_whatever_the_name_of_its_address() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let elsewhere: SocketAddr = "127.0.0.1:1".parse().expect("an address");
        for host in
            ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "127.1", "0x7f000001", "2130706433"]
        {
            let said = connect(false, elsewhere, &format!("http://{host}:{port}/")).await;
            assert!(["NotPublic", "Unresolved"].contains(&&*said), "{host}: {said}");
        }
        let url = format!("http://localhost:{port}/");
        assert_eq!(connect(true, elsewhere, &url).await, "connected");
        let nobody = connect(true, elsewhere, "http://nobody.invalid/").await;
        assert_eq!(nobody, "Unresolved");
    }

    #[tokio::test]
    async fn an_address_of_ipv4_is_connected_to_as_such_however_it_is_written() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let here = listener.local_addr().expect("an address");
        let url = format!("http://[::ffff:127.0.0.1]:{}/", here.port());
        let connector = connector(true, "127.0.0.1:1");
        let stream = connector.connect(&url.parse().expect("an address")).await.expect("it is");
        assert_eq!(stream.peer_addr().expect("an address"), here);
    }

    #[tokio::test]
    async fn nobody_delivers_to_the_server_itself() {
        let listener = TcpListener::bind("0.0.0.0:0").await.expect("a port");
        let everywhere = listener.local_addr().expect("an address");
        let port = everywhere.port();
        let here: SocketAddr = format!("127.0.0.1:{port}").parse().expect("an address");
        let url = format!("http://127.0.0.1:{port}/");
        assert_eq!(connect(true, here, &url).await, "Own");
        assert_eq!(connect(true, everywhere, &url).await, "Own");
        assert_eq!(connect(true, everywhere, &format!("http://127.0.0.2:{port}/")).await, "Own");
        let mapped = format!("http://[::ffff:127.0.0.1]:{port}/");
        assert_eq!(connect(true, here, &mapped).await, "Own");
    }
}
