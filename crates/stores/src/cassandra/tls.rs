//! The encryption of the connections.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore};
use rustls::{ConfigBuilder, SignatureScheme, WantsVerifier};

use super::options::{Identity, Tls};
use super::refusal::Refusal;

/// What the driver encrypts with.
pub(super) fn config(tls: &Tls) -> Result<Arc<ClientConfig>, Refusal> {
    let provider = Arc::new(ring::default_provider());
    let roots = Arc::new(roots(tls.authorities.as_deref())?);
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("this provider has the suites of TLS 1.2 and 1.3");
    let builder = verifying(builder, tls, &provider, roots)?;
    let config = match &tls.identity {
        None => builder.with_no_client_auth(),
        Some(Identity { certificates, key }) => {
            let chain = certificates_of(certificates)?;
            let secret = PrivateKeyDer::from_pem_file(key).map_err(|why| refuse(key, why))?;
            builder.with_client_auth_cert(chain, secret).map_err(|why| refuse(key, why))?
        }
    };
    Ok(Arc::new(config))
}

type Verified = ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>;

fn verifying(
    builder: ConfigBuilder<ClientConfig, WantsVerifier>,
    tls: &Tls,
    provider: &Arc<CryptoProvider>,
    roots: Arc<RootCertStore>,
) -> Result<Verified, Refusal> {
    if tls.check_addresses {
        return Ok(builder.with_root_certificates(roots));
    }
    let authorities = tls.authorities.clone().unwrap_or_default();
    let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider));
    let verifier = verifier.build().map_err(|why| refuse(&authorities, why))?;
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyName(verifier))))
}

fn roots(authorities: Option<&Path>) -> Result<RootCertStore, Refusal> {
    let mut roots = RootCertStore::empty();
    match authorities {
        Some(file) => {
            for certificate in certificates_of(file)? {
                roots.add(certificate).map_err(|why| refuse(file, why))?;
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
            if roots.is_empty() {
                let errors = found.errors.iter().map(ToString::to_string).collect::<Vec<_>>();
                let why = std::io::Error::other(errors.join("; "));
                return Err(Refusal::SystemAuthorities(why));
            }
        }
    }
    Ok(roots)
}

fn certificates_of(file: &Path) -> Result<Vec<CertificateDer<'static>>, Refusal> {
    let read = CertificateDer::pem_file_iter(file).map_err(|why| refuse(file, why))?;
    let read = read.collect::<Result<Vec<_>, _>>().map_err(|why| refuse(file, why))?;
    match read.is_empty() {
        true => Err(refuse(file, "it holds no certificate")),
        false => Ok(read),
    }
}

fn refuse(file: &Path, why: impl ToString) -> Refusal {
    Refusal::Tls { file: file.to_owned(), why: why.to_string() }
}

/// Takes a certificate that our authorities signed and that is valid now, whatever it names.
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.0.verify_server_cert(certificate, between, name, ocsp, now) {
            // The name is looked at last, when all else is right.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
