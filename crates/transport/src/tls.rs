//! TLS: rustls with the provider ring, because it builds with nothing but a C compiler.
//!
//! Trusted are the machine's own roots (an organisation's own authority is there) and what the configuration
//! adds; on a machine without roots, such as a bare container, Mozilla's as compiled in. Versions 1.2 and 1.3.
//! There is no way to trust everything: whoever needs a self-signed certificate names it.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::version::{TLS12, TLS13};
use rustls_platform_verifier::Verifier;

use crate::error::{Error, Kind};
use crate::identity::ClientCertificate;

/// A version of TLS that may be spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsVersion {
    /// 1.2
    Tls12,
    /// 1.3
    Tls13,
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TlsVersion::Tls12 => "1.2",
            TlsVersion::Tls13 => "1.3",
        })
    }
}

/// What to do about a server that is too old.
const TOO_OLD: &str = "TLS below 1.2 is broken and not supported here; Exchange 2013 and 2016 speak 1.2 once Windows and Exchange are updated and 1.2 is switched on there (SChannel)";

impl FromStr for TlsVersion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bare = text.trim().to_ascii_lowercase();
        let bare = bare.strip_prefix("tls").unwrap_or(&bare).trim_start_matches(['v', ' ']);
        match bare {
            "1.2" | "12" => Ok(TlsVersion::Tls12),
            "1.3" | "13" => Ok(TlsVersion::Tls13),
            "1.0" | "1.1" | "1" | "10" | "11" | "ssl" | "ssl2" | "ssl3" | "sslv2" | "sslv3" => {
                Err(Error::before(Kind::Setup, "", TOO_OLD))
            }
            _ => Err(Error::before(Kind::Setup, "", "a version of TLS is 1.2 or 1.3")),
        }
    }
}

/// How TLS is to be spoken.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) roots: Vec<Vec<u8>>,
    pub(crate) least: TlsVersion,
    pub(crate) most: TlsVersion,
    pub(crate) identity: Option<ClientCertificate>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { roots: Vec::new(), least: TlsVersion::Tls12, most: TlsVersion::Tls13, identity: None }
    }
}

/// The configuration for these settings.
pub(crate) fn config(settings: &Settings) -> Result<ClientConfig, Error> {
    let setup = |what: &str, why: String| Error::before(Kind::Setup, "", format!("{what}: {why}"));
    let versions: &[&rustls::SupportedProtocolVersion] = match (settings.least, settings.most) {
        (TlsVersion::Tls12, TlsVersion::Tls13) => &[&TLS13, &TLS12],
        (TlsVersion::Tls12, TlsVersion::Tls12) => &[&TLS12],
        (TlsVersion::Tls13, TlsVersion::Tls13) => &[&TLS13],
        (TlsVersion::Tls13, TlsVersion::Tls12) => {
            let why = "the lowest version of TLS is above the highest; exchange the two";
            return Err(Error::before(Kind::Setup, "", why));
        }
    };
    let provider = Arc::new(ring::default_provider());
    let extra = extra_roots(&settings.roots)?;
    let verifier = verifier(extra, &provider)
        .map_err(|why| setup("the roots of this machine cannot be used", why.to_string()))?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(|why| setup("no TLS", why.to_string()))?;
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    match settings.identity.as_ref().map(ClientCertificate::another) {
        None => Ok(builder.with_no_client_auth()),
        Some(own) => builder
            .with_client_auth_cert(own.chain, own.key)
            .map_err(|why| setup("the client certificate cannot be used", why.to_string())),
    }
}

fn extra_roots(pem: &[Vec<u8>]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let wrong =
        |why: String| Error::before(Kind::Setup, "", format!("a root certificate cannot be read: {why}"));
    let mut extra = Vec::new();
    for text in pem {
        let before = extra.len();
        for certificate in CertificateDer::pem_slice_iter(text) {
            extra.push(certificate.map_err(|why| wrong(why.to_string()))?);
        }
        if extra.len() == before {
            return Err(wrong("no CERTIFICATE block in the file".to_owned()));
        }
    }
    Ok(extra)
}

/// The platform's roots and `extra`; Mozilla's only where the platform has none, because an organisation may
/// have taken one of those out on purpose.
fn verifier(
    extra: Vec<CertificateDer<'static>>,
    provider: &Arc<CryptoProvider>,
) -> Result<Verifier, rustls::Error> {
    Verifier::new_with_extra_roots(extra.clone(), Arc::clone(provider)).or_else(|_| {
        let mozilla = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned();
        Verifier::new_with_extra_roots(mozilla.chain(extra), Arc::clone(provider))
    })
}

/// Why TLS with `host` did not come about, and what to do about it.
pub(crate) fn failed(why: &io::Error, host: &str) -> Error {
    let inner = why.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let words = match inner {
        Some(why) => reason(why, host),
        None if closed(why) => {
            format!(
                "the server hung up in the middle of the handshake ({why}). Servers that know only TLS 1.0 or 1.1 do that: {TOO_OLD}"
            )
        }
        None => format!(
            "the connection broke in the middle of the handshake ({why}); try again, then look at firewalls on the way"
        ),
    };
    Error::before(Kind::Tls, host, words)
}

/// Why a server ended TLS after the handshake was over for this side, if that is what an error came from.
pub(crate) fn late(why: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut cause = Some(why);
    while let Some(why) = cause {
        let inner = why.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        match inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(alert @ rustls::Error::AlertReceived(_)) => return Some(reason(alert, "")),
            _ => cause = why.source(),
        }
    }
    None
}

fn closed(why: &io::Error) -> bool {
    matches!(
        why.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
    )
}

fn reason(why: &rustls::Error, host: &str) -> String {
    use rustls::AlertDescription as Alert;
    use rustls::{Error as Tls, PeerIncompatible};
    match why {
        Tls::InvalidCertificate(why) => certificate(why, host),
        Tls::AlertReceived(Alert::ProtocolVersion)
        | Tls::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => format!(
            "the server speaks none of the versions of TLS that this connection allows. If it is an old one: {TOO_OLD}"
        ),
        Tls::AlertReceived(
            Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::UnknownCA
            | Alert::CertificateUnknown
            | Alert::CertificateExpired
            | Alert::CertificateRevoked
            | Alert::AccessDenied,
        ) => format!(
            "the server does not accept the client certificate, or wants one and got none ({why}); give this connection one that the server trusts"
        ),
        Tls::AlertReceived(Alert::HandshakeFailure) | Tls::PeerIncompatible(_) => format!(
            "server and client have no way to encrypt in common ({why}); the server may want a client certificate, or know only old ciphers: {TOO_OLD}"
        ),
        Tls::InvalidMessage(_) | Tls::InappropriateMessage { .. } => {
            "what answers there does not speak TLS; check the port, and whether the address should begin with http (which is for this machine only)".to_owned()
        }
        other => other.to_string(),
    }
}

fn certificate(why: &rustls::CertificateError, host: &str) -> String {
    use rustls::CertificateError as Wrong;
    let day = |time: &rustls::pki_types::UnixTime| {
        let second = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        jiff::Timestamp::from_second(second).map_or_else(|_| "a day long ago".to_owned(), |at| at.to_string())
    };
    match why {
        Wrong::UnknownIssuer | Wrong::BadSignature => format!(
            "the certificate of {host} comes from an authority that is not trusted here; add the authority's certificate to this connection or to this machine (and if {host} is known to have a proper one, somebody may be listening)"
        ),
        Wrong::ExpiredContext { not_after, .. } => format!(
            "the certificate of {host} expired on {}; who runs the server must renew it (or the clock of this machine is wrong)",
            day(not_after)
        ),
        Wrong::Expired => format!("the certificate of {host} has expired; who runs the server must renew it"),
        Wrong::NotValidYetContext { not_before, .. } => format!(
            "the certificate of {host} is not valid before {}; check the clock of this machine",
            day(not_before)
        ),
        Wrong::NotValidYet => {
            format!("the certificate of {host} is not valid yet; check the clock of this machine")
        }
        Wrong::NotValidForNameContext { presented, .. } => {
            let names: Vec<String> = presented.iter().take(8).map(|name| printable(name)).collect();
            format!(
                "the certificate there is not for {host} but for {}; use a name that it is for",
                if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
            )
        }
        Wrong::NotValidForName => {
            format!("the certificate there is not for {host}; use a name that it is for")
        }
        Wrong::Revoked => {
            format!("the certificate of {host} was revoked; who runs the server must replace it")
        }
        other => format!("the certificate of {host} cannot be used: {other}"),
    }
}

fn printable(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_control()).take(120).collect()
}
