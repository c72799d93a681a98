//! Where connections come in: addresses of TCP, with or without TLS, and sockets in the file
//! system.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::tls::Certificate;
use crate::config::Listen;

/// How long a client may take to agree on the encryption.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Who may connect to a socket of ours: its owner and their group.
const SOCKET_MODE: u32 = 0o660;

/// What bytes come and go through.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A place where connections come in.
pub(crate) enum Door {
    Tcp(TcpListener),
    Tls(TcpListener, Arc<Certificate>),
    Unix(UnixListener, SocketFile),
}

/// A socket's name, which goes when the socket does.
pub(crate) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            tracing::debug!(%error, "the socket's name stays behind");
        }
    }
}

/// A connection as it came in, before anything was agreed on.
pub(super) enum Arrived {
    Tcp(TcpStream),
    Tls(TcpStream, Arc<Certificate>),
    Unix(UnixStream),
}

impl Door {
    /// Opens it.
    pub(crate) async fn open(
        listen: &Listen,
        certificate: Option<&Arc<Certificate>>,
    ) -> anyhow::Result<Self> {
        match (listen, certificate) {
            (Listen::Unix(path), _) => {
                let listener = bind_socket(path).await;
                let listener = listener
                    .with_context(|| format!("cannot listen on unix:{}", path.display()))?;
                Ok(Self::Unix(listener, SocketFile(path.clone())))
            }
            (Listen::Tcp(address), certificate) => {
                let listener = TcpListener::bind(address).await;
                let listener = listener.with_context(|| format!("cannot listen on {address}"))?;
                Ok(match certificate {
                    None => Self::Tcp(listener),
                    Some(certificate) => Self::Tls(listener, certificate.clone()),
                })
            }
        }
    }

    /// How it is told where it is.
    pub(crate) fn address(&self) -> io::Result<String> {
        Ok(match self {
            Self::Tcp(listener) => format!("http://{}", listener.local_addr()?),
            Self::Tls(listener, _) => format!("https://{}", listener.local_addr()?),
            Self::Unix(_, file) => format!("unix:{}", file.0.display()),
        })
    }

    /// Its address, if whoever comes there is not encrypted.
    pub(crate) fn plain_address(&self) -> io::Result<Option<SocketAddr>> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(Some),
            Self::Tls(..) | Self::Unix(..) => Ok(None),
        }
    }

    /// Where it is, if it can be reached over TCP.
    pub(super) fn tcp_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) | Self::Tls(listener, _) => listener.local_addr().ok(),
            Self::Unix(..) => None,
        }
    }

    /// The next connection.
    pub(super) async fn accept(&self) -> io::Result<Arrived> {
        Ok(match self {
            Self::Tcp(listener) => Arrived::Tcp(listener.accept().await?.0),
            Self::Tls(listener, certificate) => {
                Arrived::Tls(listener.accept().await?.0, certificate.clone())
            }
            Self::Unix(listener, _) => Arrived::Unix(listener.accept().await?.0),
        })
    }
}

impl Arrived {
    /// The connection, once it is agreed how it is encrypted; `None` if it is not.
    pub(super) async fn into_stream(self) -> Option<Box<dyn Stream>> {
        match self {
            Self::Unix(stream) => Some(Box::new(stream)),
            Self::Tcp(stream) => {
                // Answers are written whole, so waiting to fill a packet would only delay them.
                let _ = stream.set_nodelay(true);
                Some(Box::new(stream))
            }
            Self::Tls(stream, certificate) => {
                let _ = stream.set_nodelay(true);
                let handshake = certificate.acceptor().accept(stream);
                match tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake).await {
                    Ok(Ok(stream)) => Some(Box::new(stream)),
                    Ok(Err(error)) => {
                        tracing::debug!(%error, "no encryption was agreed on");
                        None
                    }
                    Err(_) => None,
                }
            }
        }
    }
}

/// Binds a socket in the file system, over one that a process left behind which was killed.
async fn bind_socket(path: &Path) -> anyhow::Result<UnixListener> {
    match fs::symlink_metadata(path) {
        Ok(there) if !there.file_type().is_socket() => bail!("there is a file, and no socket"),
        Ok(_) => match UnixStream::connect(path).await {
            Ok(_) => bail!("somebody listens there already"),
            Err(_) => fs::remove_file(path)?,
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(SOCKET_MODE))?;
    Ok(listener)
}
