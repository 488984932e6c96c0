//! A certificate with its private key: the better secret of an application, because it never leaves this
//! machine. From PEM or PFX; RSA, which is what Entra ID and AD FS take.
//!
//! The dates in a certificate are not looked at: the authority does that, and says so by a code of its own.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair};
use transport::{ClientCertificate, Secret};

use crate::problem::Problem;

/// How assertions are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Algorithm {
    /// RSASSA-PSS with SHA-256; what Microsoft documents.
    #[default]
    Ps256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, for AD FS and what else is older.
    Rs256,
}

impl Algorithm {
    /// Its name in a token.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Algorithm::Ps256 => "PS256",
            Algorithm::Rs256 => "RS256",
        }
    }
}

/// A certificate and its key.
pub struct Certificate {
    key: RsaKeyPair,
    der: Vec<u8>,
}

impl Certificate {
    /// From the bytes of a file: PEM with the certificate and its key, or PFX. The password is that of a PFX.
    pub fn read(file: &[u8], password: Option<&Secret>) -> Result<Self, Problem> {
        let none = Secret::new("");
        let text = file.windows(11).any(|window| window == b"-----BEGIN ");
        let identity = match text {
            true => ClientCertificate::pem(file),
            false => ClientCertificate::pfx(file, password.unwrap_or(&none)),
        };
        let identity = identity.map_err(|why| Problem::Credential(why.detail().to_owned()))?;
        let key = RsaKeyPair::from_pkcs8(identity.key())
            .or_else(|_| RsaKeyPair::from_der(identity.key()))
            .map_err(|_| wrong("its private key must be RSA of 2048 to 4096 bits"))?;
        Self::of(key, identity.certificates())
    }

    /// The one of these certificates that belongs to the key: the key stands in it, byte by byte.
    fn of<'a>(key: RsaKeyPair, certificates: impl Iterator<Item = &'a [u8]>) -> Result<Self, Problem> {
        let public = key.public().as_ref();
        for der in certificates {
            if der.windows(public.len()).any(|window| window == public) {
                let der = der.to_vec();
                return Ok(Certificate { key, der });
            }
        }
        Err(wrong("no certificate in the file belongs to the private key"))
    }

    /// The thumbprint as Entra ID shows it: SHA-1, in hexadecimal.
    pub fn thumbprint(&self) -> String {
        let bytes = digest(&SHA1_FOR_LEGACY_USE_ONLY, &self.der);
        bytes.as_ref().iter().map(|byte| format!("{byte:02X}")).collect()
    }

    /// `x5t#S256`.
    pub(crate) fn sha256(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, &self.der))
    }

    /// `x5t`.
    pub(crate) fn sha1(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &self.der))
    }

    pub(crate) fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, Problem> {
        let mut signature = vec![0; self.key.public().modulus_len()];
        let random = SystemRandom::new();
        let padding: &dyn ring::signature::RsaEncoding = match algorithm {
            Algorithm::Ps256 => &RSA_PSS_SHA256,
            Algorithm::Rs256 => &RSA_PKCS1_SHA256,
        };
        self.key
            .sign(padding, &random, message, &mut signature)
            .map_err(|_| wrong("the private key cannot sign"))?;
        Ok(signature)
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("thumbprint", &self.thumbprint()).finish_non_exhaustive()
    }
}

fn wrong(why: &str) -> Problem {
    Problem::Credential(format!("the certificate cannot be used: {why}"))
}
