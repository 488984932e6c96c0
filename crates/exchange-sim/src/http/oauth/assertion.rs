//! The proof of an application that it has the key of a certificate: a signed JWT.
//!
//! The public key is taken out of the certificate by walking its DER, because everything else in it is of no concern
//! here: neither its time nor its issuer is checked, as Microsoft's endpoint checks no chain either.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::refusal::Refusal;
use crate::account::Application;

/// How long an assertion may be good, in seconds.
const LONGEST: i64 = 24 * 60 * 60;
/// How far clocks may differ.
const SKEW: i64 = 5 * 60;

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(rename = "x5t#S256")]
    thumbprint: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    aud: String,
    iss: String,
    sub: String,
    jti: String,
    exp: i64,
    nbf: Option<i64>,
}

/// Checks an assertion and gives its `jti`. `audiences` are the names of the token endpoint, `now` is in seconds.
pub(crate) fn check(
    application: &Application,
    assertion: &str,
    audiences: &[String],
    now: i64,
) -> Result<String, Refusal> {
    let refuse = |code, text: &str| Err(Refusal::new("invalid_client", code, text));
    let Some((header, claims, signed, signature)) = parts(assertion) else {
        return refuse(50_027, "JWT token is invalid or malformed.");
    };
    let thumbprint = header.thumbprint.unwrap_or_default();
    let certificate = application
        .certificates
        .iter()
        .filter_map(|pem| der(pem))
        .find(|der| URL_SAFE_NO_PAD.encode(Sha256::digest(der)) == thumbprint);
    let Some(certificate) = certificate else {
        let text = "The certificate with identifier used to sign the client assertion is not registered on application.";
        return refuse(700_027, text);
    };
    let key = public_key(&certificate).unwrap_or_default();
    let good = match header.alg.as_str() {
        "PS256" => {
            UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, key).verify(signed.as_bytes(), &signature)
        }
        "RS256" => {
            UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(signed.as_bytes(), &signature)
        }
        _ => return refuse(5_002_738, "The algorithm of the client assertion is not supported."),
    };
    if good.is_err() {
        return refuse(700_027, "Client assertion failed signature validation.");
    }
    if claims.iss != application.id || claims.sub != application.id {
        let text = "Client assertion application identifier doesn't match 'client_id' parameter.";
        return refuse(700_021, text);
    }
    if !audiences.contains(&claims.aud) {
        return refuse(700_023, "Client assertion audience claim does not match Realm issuer.");
    }
    let early = claims.nbf.is_some_and(|begin| begin > now.saturating_add(SKEW));
    let (late, long) = (claims.exp.saturating_add(SKEW) < now, claims.exp > now.saturating_add(LONGEST));
    if early || late || long {
        return refuse(700_024, "Client assertion is not within its valid time range.");
    }
    Ok(claims.jti)
}

fn parts(assertion: &str) -> Option<(Header, Claims, &str, Vec<u8>)> {
    let (signed, signature) = assertion.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
    let claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    Some((header, claims, signed, URL_SAFE_NO_PAD.decode(signature).ok()?))
}

/// The bytes of the first certificate in PEM.
fn der(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
    let (text, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    STANDARD.decode(text).ok()
}

/// The RSA key of a certificate: the seventh field of what is signed, or the sixth where the version is not given.
fn public_key(certificate: &[u8]) -> Option<Vec<u8>> {
    let (_, certificate, _) = element(certificate)?;
    let (_, mut signed, _) = element(certificate)?;
    if signed.first() == Some(&0xa0) {
        signed = element(signed)?.2;
    }
    // Serial number, algorithm, issuer, validity, subject.
    for _ in 0..5 {
        signed = element(signed)?.2;
    }
    let (_, information, _) = element(signed)?;
    let (_, _, bits) = element(information)?;
    let (_, bits, _) = element(bits)?;
    // The first byte says how many bits at the end do not count.
    bits.get(1..).map(<[u8]>::to_vec)
}

/// Tag, contents and rest.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = bytes.split_first_chunk()?;
    let (length, rest) = match first {
        0..0x80 => (usize::from(first), rest),
        0x80..=0xff => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = length
                .iter()
                .try_fold(0_usize, |all, byte| all.checked_mul(256).map(|all| all | usize::from(*byte)))?;
            (length, rest)
        }
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    Some((tag, contents, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_has_no_key() {
        for bytes in [
            &b""[..],
            b"\x30",
            b"\x30\x84\xff\xff\xff\xff",
            b"\x30\x03\x30\x01\x02",
            &[0x30; 64],
            &[0xff; 64],
        ] {
            assert_eq!(public_key(bytes), None);
        }
        assert_eq!(der("no pem"), None);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_refused_and_not_trusted(text in "[A-Za-z0-9_.-]{0,80}", bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..80)) {
            let application = Application::with_certificate("app", "tenant", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----");
            proptest::prop_assert!(check(&application, &text, &[], 0).is_err());
            let _ = public_key(&bytes);
        }
    }
}
