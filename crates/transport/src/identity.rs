//! The certificate that this side shows, from PEM or from a PFX file.

use std::fmt;

use picky::pkcs12::{
    Pfx, Pkcs12CryptoContext, Pkcs12Error, Pkcs12MacError, Pkcs12ParsingParams, SafeBag, SafeBagKind,
    SafeContentsKind,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::error::{Error, Kind};
use crate::secret::Secret;

/// A certificate with its key, to show to servers that ask for one. Its `Debug` shows neither.
pub struct ClientCertificate {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

fn wrong(why: impl fmt::Display) -> Error {
    Error::before(Kind::Setup, "", format!("the client certificate cannot be used: {why}"))
}

impl ClientCertificate {
    /// From PEM text with the certificate, those between it and its authority, and the key without a password.
    pub fn pem(text: &[u8]) -> Result<Self, Error> {
        let chain = CertificateDer::pem_slice_iter(text).collect::<Result<Vec<_>, _>>().map_err(wrong)?;
        if chain.is_empty() {
            return Err(wrong("no CERTIFICATE block in the file"));
        }
        let locked = String::from_utf8_lossy(text).contains("ENCRYPTED");
        let key = PrivateKeyDer::from_pem_slice(text).map_err(|_| {
            if locked {
                wrong("its key has a password; take that off, or use a PFX file")
            } else {
                wrong("no key in the file; put the certificate and its PRIVATE KEY block into one file")
            }
        })?;
        Ok(ClientCertificate { chain, key })
    }

    /// From a PFX (PKCS #12) file.
    pub fn pfx(der: &[u8], password: &Secret) -> Result<Self, Error> {
        let context = Pkcs12CryptoContext::new_with_password(password.reveal())
            .map_err(|_| wrong("the password of the PFX file has letters that such a file cannot have"))?;
        let lenient =
            Pkcs12ParsingParams { skip_soft_parsing_errors: true, ..Pkcs12ParsingParams::default() };
        let pfx = Pfx::from_der(der, &context, &lenient).map_err(|why| match why {
            Pkcs12Error::Mac(Pkcs12MacError::MacValidation) => wrong("the password of the PFX file is wrong"),
            other => wrong(format!("the PFX file cannot be read: {other}")),
        })?;
        let mut found = Found::default();
        for contents in pfx.safe_contents() {
            match contents.kind() {
                SafeContentsKind::SafeBags(bags)
                | SafeContentsKind::EncryptedSafeBags { safe_bags: bags, .. } => found.look_into(bags, 0),
                SafeContentsKind::Unknown => {}
            }
        }
        found.identity()
    }

    /// The certificates as DER, the own one first.
    pub fn certificates(&self) -> impl Iterator<Item = &[u8]> {
        self.chain.iter().map(AsRef::as_ref)
    }

    /// The key as DER: PKCS #8, or an older form of its own kind. For whoever signs with it; it is a secret.
    pub fn key(&self) -> &[u8] {
        self.key.secret_der()
    }

    /// A second handle on the same certificate.
    pub(crate) fn another(&self) -> Self {
        ClientCertificate { chain: self.chain.clone(), key: self.key.clone_key() }
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCertificate(…)")
    }
}

impl Clone for ClientCertificate {
    fn clone(&self) -> Self {
        self.another()
    }
}

/// What a PFX file holds.
#[derive(Default)]
struct Found {
    key: Option<picky::key::PrivateKey>,
    certificates: Vec<picky::x509::Cert>,
}

impl Found {
    fn look_into(&mut self, bags: &[SafeBag], depth: u8) {
        for bag in bags {
            match bag.kind() {
                SafeBagKind::PrivateKey(key) | SafeBagKind::EncryptedPrivateKey { key, .. } => {
                    self.key.get_or_insert_with(|| key.clone());
                }
                SafeBagKind::Certificate(certificate) => self.certificates.push(certificate.clone()),
                SafeBagKind::Nested(bags) if depth < 4 => self.look_into(bags, depth + 1),
                _ => {}
            }
        }
    }

    /// The key, and its own certificate before the others.
    fn identity(mut self) -> Result<ClientCertificate, Error> {
        let key = self.key.ok_or_else(|| wrong("no key in the PFX file; export it with its key"))?;
        let public = key.to_public_key().map_err(wrong)?;
        let own = self.certificates.iter().position(|certificate| *certificate.public_key() == public);
        let own = own.ok_or_else(|| wrong("no certificate for its key in the PFX file"))?;
        self.certificates.swap(0, own);
        let chain = self.certificates.iter().map(|certificate| Ok(certificate.to_der()?.into()));
        let chain = chain.collect::<Result<_, picky::x509::certificate::CertError>>().map_err(wrong)?;
        let key = PrivatePkcs8KeyDer::from(key.to_pkcs8().map_err(wrong)?);
        Ok(ClientCertificate { chain, key: key.into() })
    }
}
