//! What a server's certificate says: whose it is, until when, and the binding of a log-in to it.
//!
//! Whether it is to be trusted was decided before, by the verifier in `tls.rs`; nothing here decides that. A
//! certificate that cannot be read here still binds, because the binding needs its bytes only.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use picky::x509::Cert;
use sha2::{Digest, Sha256, Sha384, Sha512};

/// A server's certificate, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerCertificate {
    /// Whose it is, such as `CN=mail.corp.example,O=Corp`.
    pub subject: String,
    /// Who says so.
    pub issuer: String,
    /// When it stops being valid.
    pub expires: SystemTime,
}

impl ServerCertificate {
    /// What can be read of it; `None` if that is nothing.
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        let certificate = Cert::from_der(der).ok()?;
        let until = certificate.valid_not_after();
        let part = |value: u8| i8::try_from(value).ok();
        let civil = DateTime::new(
            i16::try_from(until.year()).ok()?,
            part(until.month())?,
            part(until.day())?,
            part(until.hour())?,
            part(until.minute())?,
            part(until.second())?,
            0,
        );
        let seconds = civil.ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
        let expires = match u64::try_from(seconds) {
            Ok(after) => UNIX_EPOCH.checked_add(Duration::from_secs(after))?,
            Err(_) => UNIX_EPOCH.checked_sub(Duration::from_secs(seconds.unsigned_abs()))?,
        };
        Some(ServerCertificate {
            subject: shown(&certificate.subject_name().to_string()),
            issuer: shown(&certificate.issuer_name().to_string()),
            expires,
        })
    }
}

/// A name that a stranger chose, fit for one line.
fn shown(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_control()).take(300).collect()
}

/// The channel binding [`tls-server-end-point`](https://www.rfc-editor.org/rfc/rfc5929#section-4): the hash of
/// the certificate, by the hash it is signed with, and SHA-256 instead of weaker ones.
pub(crate) fn end_point(der: &[u8]) -> Vec<u8> {
    let algorithm = Cert::from_der(der).ok().map(|certificate| {
        let algorithm = certificate.signature_algorithm();
        (Into::<String>::into(algorithm.oid()), format!("{:?}", algorithm.parameters()))
    });
    let hash = match algorithm.as_ref().map(|(oid, parameters)| (oid.as_str(), parameters.as_str())) {
        Some((SHA384_RSA | SHA384_ECDSA, _)) => Sha384::digest(der).to_vec(),
        Some((SHA512_RSA | SHA512_ECDSA, _)) => Sha512::digest(der).to_vec(),
        Some((PSS, parameters)) if parameters.contains("hash_algorithm: SHA384") => {
            Sha384::digest(der).to_vec()
        }
        Some((PSS, parameters)) if parameters.contains("hash_algorithm: SHA512") => {
            Sha512::digest(der).to_vec()
        }
        _ => Sha256::digest(der).to_vec(),
    };
    [b"tls-server-end-point:".as_slice(), &hash].concat()
}

const SHA384_RSA: &str = "1.2.840.113549.1.1.12";
const SHA512_RSA: &str = "1.2.840.113549.1.1.13";
const PSS: &str = "1.2.840.113549.1.1.10";
const SHA384_ECDSA: &str = "1.2.840.10045.4.3.3";
const SHA512_ECDSA: &str = "1.2.840.10045.4.3.4";

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(algorithm: &'static rcgen::SignatureAlgorithm) -> Vec<u8> {
        let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
        let mut parameters = rcgen::CertificateParams::new(vec!["mail.corp.example".to_owned()]).unwrap();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, "mail\u{7}.corp.example");
        parameters.not_after = rcgen::date_time_ymd(2031, 2, 3);
        parameters.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn subject_and_end_are_read() {
        let read = ServerCertificate::read(&certificate(&rcgen::PKCS_ECDSA_P256_SHA256)).unwrap();
        assert!(read.subject.contains("mail.corp.example"), "{read:?}");
        assert_eq!(jiff::Timestamp::try_from(read.expires).unwrap().to_string(), "2031-02-03T00:00:00Z");
    }

    #[test]
    fn the_binding_uses_the_hash_of_the_signature() {
        let der = certificate(&rcgen::PKCS_ECDSA_P384_SHA384);
        assert_eq!(end_point(&der), [b"tls-server-end-point:".as_slice(), &Sha384::digest(&der)].concat());
        let der = certificate(&rcgen::PKCS_ECDSA_P256_SHA256);
        assert_eq!(end_point(&der), [b"tls-server-end-point:".as_slice(), &Sha256::digest(&der)].concat());
        let der = certificate(&rcgen::PKCS_ED25519);
        assert_eq!(end_point(&der), [b"tls-server-end-point:".as_slice(), &Sha256::digest(&der)].concat());
        assert_eq!(end_point(b"no certificate").len(), 21 + 32);
    }
}
