//! NTLM as a server: a challenge, and the proof that the other side knows the password. Only version 2.
//!
//! <https://learn.microsoft.com/openspecs/windows_protocols/ms-nlmp>. Left out: session security after the log-in,
//! which HTTP does not use, and channel bindings, because there is no TLS here.

use hmac::{Hmac, Mac};
use md4::{Digest, Md4};
use md5::Md5;

use crate::account::Account;

const SIGNATURE: &[u8] = b"NTLMSSP\0";
/// Unicode, target, NTLM, always sign, domain, extended security, target info, version, 128 and 56 bits.
const FLAGS: u32 = 0xa289_8205;
/// What is granted if the client asks for it: sign, seal, exchange of a key.
const ON_REQUEST: u32 = 0x4000_0030;
const KEY_EXCHANGE: u32 = 0x4000_0000;
const DOMAIN: &str = "CORP";
const COMPUTER: &str = "EXCHANGE";
/// Where the proof of integrity is in the third message.
const MIC: std::ops::Range<usize> = 72..88;

/// The first two messages of a log-in.
#[derive(Debug, Clone)]
pub(crate) struct Handshake {
    negotiate: Vec<u8>,
    challenge: Vec<u8>,
    nonce: [u8; 8],
}

/// Whether bytes are the message of this number.
pub(crate) fn is_message(bytes: &[u8], number: u8) -> bool {
    bytes.strip_prefix(SIGNATURE).is_some_and(|rest| rest.starts_with(&[number, 0, 0, 0]))
}

impl Handshake {
    /// Answers the first message. `filetime` is the server's time.
    pub(crate) fn begin(negotiate: &[u8], nonce: [u8; 8], filetime: u64) -> Option<Self> {
        if !is_message(negotiate, 1) {
            return None;
        }
        let asked = number(negotiate, 12)?;
        let target = utf16(DOMAIN);
        let information = target_information(filetime);
        let mut message = SIGNATURE.to_vec();
        message.extend(2_u32.to_le_bytes());
        field(&mut message, target.len(), 56);
        message.extend((FLAGS | (asked & ON_REQUEST)).to_le_bytes());
        message.extend(nonce);
        message.extend([0; 8]);
        field(&mut message, information.len(), 56 + target.len());
        message.extend([10, 0, 0x63, 0x45, 0, 0, 0, 15]);
        message.extend(&target);
        message.extend(&information);
        Some(Handshake { negotiate: negotiate.to_vec(), challenge: message, nonce })
    }

    /// The second message.
    pub(crate) fn challenge(&self) -> &[u8] {
        &self.challenge
    }

    /// The account that the third message proves.
    pub(crate) fn finish<'a>(
        &self,
        message: &[u8],
        accounts: impl IntoIterator<Item = &'a Account>,
    ) -> Option<&'a Account> {
        if !is_message(message, 3) {
            return None;
        }
        let response = payload(message, 20)?;
        let domain = text(payload(message, 28)?)?;
        let user = text(payload(message, 36)?)?;
        let full = if domain.is_empty() { user.clone() } else { format!("{domain}\\{user}") };
        let account = accounts
            .into_iter()
            .find(|account| account.is_called(&full) || user.contains('@') && account.is_called(&user))?;
        // 16 bytes of proof and what they are about; version 1 has 24 bytes in all.
        let (proof, about) = response.split_at_checked(16).filter(|(_, about)| about.len() > 28)?;
        let key = mac(&Md4::digest(utf16(&account.password)), &[&utf16(&(user.to_uppercase() + &domain))])?;
        let expected = mac(&key, &[&self.nonce, about])?;
        if expected != proof {
            return None;
        }
        let session = mac(&key, &[proof])?;
        self.is_whole(message, about, session).then_some(account)
    }

    /// Whether nobody changed the messages on the way, where the client says that it sealed them.
    fn is_whole(&self, message: &[u8], about: &[u8], session: [u8; 16]) -> bool {
        let sealed = pair(about.get(28..).unwrap_or_default(), 6)
            .and_then(|flags| flags.first())
            .is_some_and(|flags| flags & 2 != 0);
        if !sealed {
            return true;
        }
        let check = || {
            let flags = number(message, 60)?;
            let key = match payload(message, 52)? {
                exchanged if flags & KEY_EXCHANGE != 0 => rc4(&session, exchanged),
                _ => session.to_vec(),
            };
            let mut blank = message.to_vec();
            blank.get_mut(MIC)?.fill(0);
            let whole = mac(&key, &[&self.negotiate, &self.challenge, &blank])?;
            Some(message.get(MIC)? == whole)
        };
        check().unwrap_or(false)
    }
}

/// Names of the server and its time, as pairs.
fn target_information(filetime: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let mut add = |id: u16, value: &[u8]| {
        out.extend(id.to_le_bytes());
        out.extend(u16::try_from(value.len()).unwrap_or(0).to_le_bytes());
        out.extend(value);
    };
    add(2, &utf16(DOMAIN));
    add(1, &utf16(COMPUTER));
    add(4, &utf16("corp.example"));
    add(3, &utf16("exchange.corp.example"));
    add(7, &filetime.to_le_bytes());
    add(0, &[]);
    out
}

/// The value of a pair with this id.
fn pair(mut pairs: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let (head, rest) = pairs.split_at_checked(4)?;
        let [a, b, c, d] = *head else { return None };
        let (id, length) = (u16::from_le_bytes([a, b]), usize::from(u16::from_le_bytes([c, d])));
        let (value, rest) = rest.split_at_checked(length)?;
        match id {
            _ if id == wanted => return Some(value),
            0 => return None,
            _ => pairs = rest,
        }
    }
}

fn field(message: &mut Vec<u8>, length: usize, offset: usize) {
    let length = u16::try_from(length).unwrap_or(0).to_le_bytes();
    message.extend(length);
    message.extend(length);
    message.extend(u32::try_from(offset).unwrap_or(0).to_le_bytes());
}

fn number(message: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(message.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// The bytes that the field at `at` points to.
fn payload(message: &[u8], at: usize) -> Option<&[u8]> {
    let length = usize::from(u16::from_le_bytes(message.get(at..at + 2)?.try_into().ok()?));
    let offset = usize::try_from(number(message, at + 4)?).ok()?;
    message.get(offset..offset.checked_add(length)?)
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn text(bytes: &[u8]) -> Option<String> {
    let units = bytes.chunks_exact(2).filter_map(|pair| Some(u16::from_le_bytes(pair.try_into().ok()?)));
    String::from_utf16(&units.collect::<Vec<_>>()).ok()
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Option<[u8; 16]> {
    let mut mac = Hmac::<Md5>::new_from_slice(key).ok()?;
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().as_slice().try_into().ok()
}

/// The cipher in which a client sends the key that it chose.
fn rc4(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut state: Vec<u8> = (0..=255).collect();
    let at = |state: &[u8], index: u8| state.get(usize::from(index)).copied().unwrap_or_default();
    let mut j = 0_u8;
    for (i, key) in (0..=255_u8).zip(key.iter().cycle()) {
        j = j.wrapping_add(at(&state, i)).wrapping_add(*key);
        state.swap(usize::from(i), usize::from(j));
    }
    let (mut i, mut j) = (0_u8, 0_u8);
    let mut next = |byte: &u8| {
        i = i.wrapping_add(1);
        j = j.wrapping_add(at(&state, i));
        state.swap(usize::from(i), usize::from(j));
        byte ^ at(&state, at(&state, i).wrapping_add(at(&state, j)))
    };
    data.iter().map(&mut next).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Section 4.2.4 of MS-NLMP.
    #[test]
    fn keys_are_those_of_the_specification() {
        let key = mac(&Md4::digest(utf16("Password")), &[&utf16("USERDomain")]).unwrap();
        assert_eq!(key, *b"\x0c\x86\x8a\x40\x3b\xfd\x7a\x93\xa3\x00\x1e\xf2\x2e\xf0\x2e\x3f");
        assert_eq!(rc4(b"Key", b"Plaintext"), b"\xbb\xf3\x16\xe8\xd9\x40\xaf\x0a\xd3");
    }

    #[test]
    fn no_bytes_of_a_client_are_too_odd() {
        let handshake = Handshake::begin(b"NTLMSSP\0\x01\0\0\0\x07\x82\x08\xa2", [1; 8], 0).unwrap();
        let account = [Account::new("alice@corp.example", "secret")];
        for length in 0..120 {
            let mut message = b"NTLMSSP\0\x03\0\0\0".to_vec();
            message.resize(length, 0xff);
            assert!(handshake.finish(&message, &account).is_none());
            message.truncate(12);
            message.resize(length, 0);
            assert!(handshake.finish(&message, &account).is_none());
        }
        assert!(Handshake::begin(b"NTLMSSP\0\x01\0\0\0", [1; 8], 0).is_none());
    }

    proptest::proptest! {
        #[test]
        fn fields_may_point_anywhere(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let account = [Account::new("alice@corp.example", "secret")];
            let first = [SIGNATURE, &[1, 0, 0, 0], &bytes].concat();
            let handshake = Handshake::begin(&first, [1; 8], 0)
                .or_else(|| Handshake::begin(b"NTLMSSP\0\x01\0\0\0\x07\x82\x08\xa2", [1; 8], 0));
            let third = [SIGNATURE, &[3, 0, 0, 0], &bytes].concat();
            proptest::prop_assert!(handshake.unwrap().finish(&third, &account).is_none());
            let _ = pair(&bytes, 7);
        }
    }
}
