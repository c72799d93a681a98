//! Why no node of a ring could be reached, in words that say what to look at.
//!
//! The driver tells it in terms of its own parts, and the network in those of sockets; whoever
//! reads that `/health/ready` is false has a config before them.

use std::io;

use rustls::{AlertDescription, CertificateError};
use scylla::errors::{
    BrokenConnectionError, BrokenConnectionErrorKind, ConnectionError, ConnectionPoolError,
    ConnectionSetupRequestErrorKind, FrameHeaderParseError, MetadataError, NewSessionError,
};

use super::options::Tls;

/// Whoever takes a connection and says nothing.
const SILENT: &str = "nobody answers in time";

/// Why there is no session, without a secret: what the node that was asked last did.
pub(super) fn why(error: &NewSessionError, tls: Option<&Tls>) -> String {
    match error {
        NewSessionError::FailedToResolveAnyHostname(_) => "no name could be resolved".to_owned(),
        NewSessionError::MetadataError(MetadataError::ConnectionPoolError(
            ConnectionPoolError::Broken { last_connection_error },
        )) => of_connection(last_connection_error, tls),
        other => other.to_string(),
    }
}

fn of_connection(error: &ConnectionError, tls: Option<&Tls>) -> String {
    match error {
        ConnectionError::ConnectTimeout => SILENT.to_owned(),
        ConnectionError::IoError(error) => of_socket(error, tls),
        ConnectionError::BrokenConnection(broken) => of_broken(broken, tls),
        ConnectionError::ConnectionSetupRequestError(request) => match request.get_error() {
            ConnectionSetupRequestErrorKind::BrokenConnection(broken) => of_broken(broken, tls),
            ConnectionSetupRequestErrorKind::DbError(_, said) => said.clone(),
            other => other.to_string(),
        },
        other => other.to_string(),
    }
}

/// A connection that was there, and no longer is.
fn of_broken(broken: &BrokenConnectionError, tls: Option<&Tls>) -> String {
    use BrokenConnectionErrorKind as Kind;
    match broken.downcast_ref() {
        Some(Kind::FrameHeaderParseError(FrameHeaderParseError::HeaderIoError(error))) => {
            of_socket(error, tls)
        }
        Some(Kind::WriteError(error)) => of_socket(error, tls),
        Some(Kind::FrameHeaderParseError(_)) => {
            "what answers does not speak Cassandra's protocol".to_owned()
        }
        Some(Kind::KeepaliveTimeout(_)) => SILENT.to_owned(),
        Some(Kind::ChannelError) => cut(tls).to_owned(),
        _ => broken.to_string(),
    }
}

fn of_socket(error: &io::Error, tls: Option<&Tls>) -> String {
    use io::ErrorKind;
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref()) {
        return of_encryption(error);
    }
    match error.kind() {
        ErrorKind::ConnectionRefused => "the connection is refused".to_owned(),
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
            cut(tls).to_owned()
        }
        _ => error.to_string(),
    }
}

/// A node that wants TLS, or a certificate, mostly hangs up without a word.
fn cut(tls: Option<&Tls>) -> &'static str {
    match tls {
        None => "the connection is cut: the port may be encrypted, or no node's",
        Some(Tls { identity: None, .. }) => {
            "the connection is cut: the node may ask for a certificate of ours, and none is given"
        }
        Some(Tls { identity: Some(_), .. }) => {
            "the connection is cut: the node may not take our certificate"
        }
    }
}

fn of_encryption(error: &rustls::Error) -> String {
    use CertificateError as Wrong;
    match error {
        rustls::Error::InvalidMessage(_) => "what answers does not speak TLS".to_owned(),
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "the node asks for a certificate of ours".to_owned()
        }
        rustls::Error::AlertReceived(alert) => {
            format!("the node does not take our certificate or our encryption: {alert:?}")
        }
        rustls::Error::InvalidCertificate(wrong) => match wrong {
            Wrong::Expired | Wrong::ExpiredContext { .. } => {
                "the node's certificate has expired".to_owned()
            }
            Wrong::NotValidYet | Wrong::NotValidYetContext { .. } => {
                "the node's certificate is not valid yet".to_owned()
            }
            Wrong::UnknownIssuer => {
                "the node's certificate is signed by none of our authorities".to_owned()
            }
            Wrong::NotValidForName | Wrong::NotValidForNameContext { .. } => {
                "the node's certificate does not name the address that it is reached at, which \
                 can be left unchecked"
                    .to_owned()
            }
            other => format!("the node's certificate is not taken: {other}"),
        },
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use rustls::InvalidMessage;

    use super::super::options::Identity;
    use super::*;

    fn tls(identity: Option<Identity>) -> Tls {
        Tls { authorities: None, identity, check_addresses: true }
    }

    fn check(error: impl Into<ConnectionError>, tls: Option<&Tls>, told: &str) {
        let last_connection_error = error.into();
        let pool = ConnectionPoolError::Broken { last_connection_error };
        let error = NewSessionError::MetadataError(MetadataError::ConnectionPoolError(pool));
        assert_eq!(why(&error, tls), told);
    }

    #[test]
    fn each_way_of_not_being_there_has_words_of_its_own() {
        let none = NewSessionError::FailedToResolveAnyHostname(vec!["db".to_owned()]);
        assert_eq!(why(&none, None), "no name could be resolved");
        check(ConnectionError::ConnectTimeout, None, "nobody answers in time");
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        check(refused, None, "the connection is refused");
        let other = io::Error::other("the network is down");
        check(other, None, "the network is down");
    }

    #[test]
    fn a_connection_that_is_cut_leads_to_what_may_be_wrong_with_the_encryption() {
        let key = Identity { certificates: "a".into(), key: "b".into() };
        for (tls, told) in [
            (None, "the port may be encrypted, or no node's"),
            (Some(tls(None)), "the node may ask for a certificate of ours, and none is given"),
            (Some(tls(Some(key))), "the node may not take our certificate"),
        ] {
            let told = format!("the connection is cut: {told}");
            for kind in [io::ErrorKind::UnexpectedEof, io::ErrorKind::ConnectionReset] {
                check(io::Error::from(kind), tls.as_ref(), &told);
            }
            let broken = BrokenConnectionErrorKind::ChannelError;
            check(BrokenConnectionError::from(broken), tls.as_ref(), &told);
        }
    }

    #[test]
    fn what_is_wrong_with_a_certificate_is_told() {
        use CertificateError as Wrong;
        let wrong = rustls::Error::InvalidCertificate;
        for (error, told) in [
            (wrong(Wrong::Expired), "the node's certificate has expired"),
            (wrong(Wrong::NotValidYet), "the node's certificate is not valid yet"),
            (
                wrong(Wrong::UnknownIssuer),
                "the node's certificate is signed by none of our authorities",
            ),
            (
                wrong(Wrong::NotValidForName),
                "the node's certificate does not name the address that it is reached at, which \
                 can be left unchecked",
            ),
            (
                rustls::Error::AlertReceived(AlertDescription::CertificateRequired),
                "the node asks for a certificate of ours",
            ),
            (
                rustls::Error::AlertReceived(AlertDescription::CertificateExpired),
                "the node does not take our certificate or our encryption: CertificateExpired",
            ),
            (
                rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType),
                "what answers does not speak TLS",
            ),
        ] {
            check(io::Error::other(error), Some(&tls(None)), told);
        }
    }
}
