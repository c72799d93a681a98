//! The encryption of what comes in: a certificate and its key, read again when the files change.
//!
//! A connection keeps the certificate that it began with; only those that come later see another.
//! Files that cannot be used leave the last good ones in place, and the log says so.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::task::spawn_blocking;
use tokio::time::MissedTickBehavior;
use tokio_rustls::TlsAcceptor;

/// How often it is looked whether the files have changed.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How large a file of certificates or a key may be, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Where a certificate and its key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// The certificate, and behind it those that lead to its authority, in PEM.
    pub(crate) certificates: PathBuf,
    /// Its private key, in PEM.
    pub(crate) key: PathBuf,
}

/// What the files hold.
#[derive(PartialEq, Eq)]
struct Contents {
    certificates: Vec<u8>,
    key: Vec<u8>,
}

/// The certificate that is shown to those who come.
pub(crate) struct Certificate {
    files: TlsFiles,
    acceptor: RwLock<TlsAcceptor>,
}

impl Certificate {
    /// Reads it; fails with what is wrong with which file.
    pub(crate) fn read(files: &TlsFiles) -> anyhow::Result<(Self, Known)> {
        let contents = read(files)?;
        let acceptor = RwLock::new(acceptor(files, &contents)?);
        Ok((Self { files: files.clone(), acceptor }, Known(contents)))
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the files again, as often as they change.
    pub(crate) async fn follow(self: Arc<Self>, Known(mut known): Known) {
        let mut every = tokio::time::interval(LOOK_EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            let files = self.files.clone();
            let found = spawn_blocking(move || read(&files)).await;
            let changed = match found {
                Ok(Ok(contents)) if contents == known => continue,
                Ok(Ok(contents)) => contents,
                // In the middle of being replaced, most likely.
                Ok(Err(_)) | Err(_) => continue,
            };
            match acceptor(&self.files, &changed) {
                Ok(acceptor) => {
                    *self.acceptor.write().unwrap_or_else(PoisonError::into_inner) = acceptor;
                    tracing::info!("the certificate was changed, and is shown from now on");
                }
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::error!(error, "the new certificate cannot be used; the old one stays");
                }
            }
            known = changed;
        }
    }
}

/// What the files held when they were read last.
pub(crate) struct Known(Contents);

fn read(files: &TlsFiles) -> anyhow::Result<Contents> {
    Ok(Contents { certificates: read_file(&files.certificates)?, key: read_file(&files.key)? })
}

fn read_file(path: &Path) -> anyhow::Result<Vec<u8>> {
    let unreadable = || format!("{} cannot be read", path.display());
    let len = fs::metadata(path).with_context(unreadable)?.len();
    ensure!(len <= FILE_BYTES_MAX, "{} is too large", path.display());
    fs::read(path).with_context(unreadable)
}

fn acceptor(files: &TlsFiles, contents: &Contents) -> anyhow::Result<TlsAcceptor> {
    let TlsFiles { certificates, key } = files;
    let chain = CertificateDer::pem_slice_iter(&contents.certificates)
        .collect::<Result<Vec<_>, _>>()
        .with_context(|| format!("{} holds no certificates", certificates.display()))?;
    ensure!(!chain.is_empty(), "{} holds no certificates", certificates.display());
    let secret = PrivateKeyDer::from_pem_slice(&contents.key)
        .with_context(|| format!("{} holds no private key", key.display()))?;
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("this provider has the suites of TLS 1.2 and 1.3");
    let mut config =
        builder.with_no_client_auth().with_single_cert(chain, secret).with_context(|| {
            format!("{} is not the key of {}", key.display(), certificates.display())
        })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
