//! The signed statement "I am this application" ([RFC 7523](https://www.rfc-editor.org/rfc/rfc7523)) that
//! takes the place of a client secret. A new one for each request; the private key signs and stays here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use transport::Secret;

use crate::certificate::{Algorithm, Certificate};
use crate::problem::Problem;
use crate::random;

/// What the parameter `client_assertion_type` says.
pub(crate) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How long it is good.
const LIFE: u64 = 10 * 60;

/// How far the clock of this machine may be ahead of the authority's.
const AHEAD: u64 = 5 * 60;

/// An assertion of `client` for the token endpoint `audience`.
pub(crate) fn assertion(
    certificate: &Certificate,
    algorithm: Algorithm,
    client: &str,
    audience: &str,
    now: u64,
) -> Result<Secret, Problem> {
    let mut header = json!({ "alg": algorithm.name(), "typ": "JWT", "x5t#S256": certificate.sha256() });
    if let (Algorithm::Rs256, Some(header)) = (algorithm, header.as_object_mut()) {
        // What takes only this algorithm knows only this thumbprint.
        header.insert("x5t".to_owned(), certificate.sha1().into());
    }
    let claims = json!({
        "aud": audience,
        "iss": client,
        "sub": client,
        "jti": random::word()?,
        "nbf": now.saturating_sub(AHEAD),
        "iat": now,
        "exp": now.saturating_add(LIFE),
    });
    let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&header), part(&claims));
    let signature = certificate.sign(algorithm, message.as_bytes())?;
    Ok(Secret::new(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))))
}
