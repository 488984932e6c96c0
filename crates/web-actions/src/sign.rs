//! The signature of a webhook, as [Standard Webhooks](https://www.standardwebhooks.com) has it.
//!
//! Its receivers find a library in every language, which a format of our own would not give them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use transport::Secret;

/// What a key in base64 begins with; another one is used as it is.
const PREFIX: &str = "whsec_";

/// The value of `webhook-signature`: over the id, the time in seconds since 1970, and the body.
pub(crate) fn signature(key: &Secret, id: &str, seconds: u64, body: &[u8]) -> Option<String> {
    let key = match key.reveal().strip_prefix(PREFIX) {
        Some(encoded) => STANDARD.decode(encoded).ok()?,
        None => key.reveal().as_bytes().to_vec(),
    };
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{seconds}.").as_bytes());
    mac.update(body);
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_others() {
        // The first as the specification's own libraries test it, the second by Python's `hmac`.
        let body = br#"{"test": 2432232314}"#;
        for (key, expected) in [
            ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
            ("plain key", "v1,vQ53RP0YRVgSL9lqoC8JYqZgGgUNoiI2U57oSRpilIo="),
        ] {
            let signed = signature(&Secret::new(key), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
            assert_eq!(signed.as_deref(), Some(expected));
        }
        assert_eq!(signature(&Secret::new("whsec_not base64!"), "a", 1, b""), None);
    }
}
