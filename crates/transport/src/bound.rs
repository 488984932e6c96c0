//! Binds a log-in by Kerberos to the certificate of a server
//! ([RFC 4121, 4.1.1](https://www.rfc-editor.org/rfc/rfc4121#section-4.1.1)).
//!
//! The library can do that, too, but writes the mark "this client binds what it can" with two bytes where
//! [MS-KILE, 3.2.5.8](https://learn.microsoft.com/openspecs/windows_protocols/ms-kile) has four, and MIT Kerberos refuses
//! such a token wherever it comes from. So the library makes a token without a binding, and what is sealed in it is
//! completed here. Only tokens that the library has just made are read.

use md5::{Digest as _, Md5};
use picky_asn1::wrapper::{
    ExplicitContextTag0, ExplicitContextTag1, ExplicitContextTag2, ExplicitContextTag8, IntegerAsn1,
    OctetStringAsn1, Optional,
};
use picky_krb::constants::key_usages::AP_REQ_AUTHENTICATOR;
use picky_krb::crypto::CipherSuite;
use picky_krb::data_types::{Authenticator, AuthorizationData, AuthorizationDataInner};
use picky_krb::gss_api::{ApplicationTag0, GssApiNegInit, KrbMessage};
use picky_krb::messages::ApReq;

/// The tag of a whole token of GSSAPI, `[APPLICATION 0]`, and that of a sequence.
const WHOLE: u8 = 0x60;
const SEQUENCE: u8 = 0x30;
/// `AD-AUTH-DATA-AP-OPTIONS`, as an integer of ASN.1.
const OPTIONS: [u8; 2] = [0x00, 0x8f];
/// `KERB_AP_OPTIONS_CBT`, the lowest byte first.
const BINDS: [u8; 4] = 0x4000_u32.to_le_bytes();

/// A token like `token`, a first one of SPNEGO with Kerberos in it, that is bound to `data`. `key` is that of the ticket.
pub(crate) fn bind(token: &[u8], key: &[u8], data: &[u8]) -> Result<Vec<u8>, String> {
    let foreign = || "the token has another shape than expected".to_owned();
    // The outermost tag stands for a sequence. It is not read as what it is, because the reader for that panics.
    let mut sequence = token.to_vec();
    *sequence.first_mut().filter(|tag| **tag == WHOLE).ok_or_else(foreign)? = SEQUENCE;
    let mut start: GssApiNegInit = picky_asn1_der::from_bytes(&sequence).map_err(words)?;
    let inner = start.neg_token_init.0.mech_token.0.as_mut().ok_or_else(foreign)?;
    let mut message = KrbMessage::<ApReq>::decode_application_krb_message(&inner.0.0).map_err(words)?;
    let sealed = &mut message.0.krb_msg.0.authenticator.0;
    let cipher = CipherSuite::try_from(sealed.etype.0.0.as_slice()).map_err(words)?.cipher();
    let opened = cipher.decrypt(key, AP_REQ_AUTHENTICATOR, &sealed.cipher.0.0).map_err(words)?;
    let mut authenticator: Authenticator = picky_asn1_der::from_bytes(&opened).map_err(words)?;
    let checksum = authenticator.0.cksum.0.as_mut().ok_or_else(foreign)?;
    let place = checksum.0.checksum.0.0.get_mut(4..20).ok_or_else(foreign)?;
    place.copy_from_slice(&digest(data));
    let mark = AuthorizationDataInner {
        ad_type: ExplicitContextTag0::from(IntegerAsn1::from(OPTIONS.to_vec())),
        ad_data: ExplicitContextTag1::from(OctetStringAsn1::from(BINDS.to_vec())),
    };
    authenticator.0.authorization_data =
        Optional::from(Some(ExplicitContextTag8::from(AuthorizationData::from(vec![mark]))));
    let completed = picky_asn1_der::to_vec(&authenticator).map_err(words)?;
    let closed = cipher.encrypt(key, AP_REQ_AUTHENTICATOR, &completed).map_err(words)?;
    sealed.cipher = ExplicitContextTag2::from(OctetStringAsn1::from(closed));
    inner.0 = OctetStringAsn1::from(picky_asn1_der::to_vec(&message).map_err(words)?);
    picky_asn1_der::to_vec(&ApplicationTag0(start)).map_err(words)
}

/// What stands in the token for channel bindings without addresses.
fn digest(data: &[u8]) -> [u8; 16] {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    // Kind and length of two addresses that are not there.
    Md5::new().chain_update([0; 16]).chain_update(length.to_le_bytes()).chain_update(data).finalize().into()
}

fn words(why: impl std::fmt::Display) -> String {
    why.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_token_of_kerberos_is_an_error() {
        for token in [&b""[..], b"\x60\x00", b"\x60\x02\x06\x00", b"NTLMSSP\0", &[0x30; 40], &[0x60; 40]] {
            assert!(bind(token, &[0; 32], b"data").is_err(), "{token:?}");
        }
    }
}
