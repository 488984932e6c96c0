//! NTLM as a server reads it, written from [MS-NLMP] alone: it shares nothing with the library of the client.
//!
//! [MS-NLMP]: https://learn.microsoft.com/openspecs/windows_protocols/ms-nlmp

use hmac::{Hmac, Mac};
use md4::{Digest, Md4};
use md5::Md5;

/// What the account is.
pub(crate) struct Account {
    pub(crate) user: &'static str,
    pub(crate) domain: &'static str,
    pub(crate) password: &'static str,
}

const CHALLENGE: [u8; 8] = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn hmac_md5(key: &[u8], data: &[&[u8]]) -> [u8; 16] {
    let mut mac = Hmac::<Md5>::new_from_slice(key).unwrap();
    for part in data {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// `NTOWFv2` of section 3.3.2.
fn one_way(account: &Account) -> [u8; 16] {
    let hash = Md4::digest(utf16(account.password));
    hmac_md5(&hash, &[&utf16(&account.user.to_uppercase()), &utf16(account.domain)])
}

fn rc4(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut state: Vec<u8> = (0..=255).collect();
    let mut j = 0_usize;
    for i in 0..256 {
        j = (j + usize::from(state[i]) + usize::from(key[i % key.len()])) % 256;
        state.swap(i, j);
    }
    let (mut i, mut j) = (0_usize, 0_usize);
    data.iter()
        .map(|byte| {
            i = (i + 1) % 256;
            j = (j + usize::from(state[i])) % 256;
            state.swap(i, j);
            byte ^ state[(usize::from(state[i]) + usize::from(state[j])) % 256]
        })
        .collect()
}

fn pair(id: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap();
    [&id.to_le_bytes()[..], &length.to_le_bytes(), value].concat()
}

/// The message type of a token; `None` if it is none of NTLM.
pub(crate) fn kind(token: &[u8]) -> Option<u32> {
    let rest = token.strip_prefix(b"NTLMSSP\0")?;
    Some(u32::from_le_bytes(rest.get(..4)?.try_into().ok()?))
}

/// A challenge like one of a domain member.
pub(crate) fn challenge() -> Vec<u8> {
    let target = utf16("CORP");
    let info = [
        pair(2, &utf16("CORP")),
        pair(1, &utf16("MAIL")),
        pair(4, &utf16("corp.example")),
        pair(3, &utf16("mail.corp.example")),
        pair(7, &133_000_000_000_000_000_u64.to_le_bytes()),
        pair(0, b""),
    ]
    .concat();
    let flags: u32 = 0xe28a_8205;
    let field = |length: usize, offset: usize| {
        let length = u16::try_from(length).unwrap().to_le_bytes();
        [&length[..], &length, &u32::try_from(offset).unwrap().to_le_bytes()].concat()
    };
    [
        b"NTLMSSP\0".to_vec(),
        2_u32.to_le_bytes().to_vec(),
        field(target.len(), 56),
        flags.to_le_bytes().to_vec(),
        CHALLENGE.to_vec(),
        vec![0; 8],
        field(info.len(), 56 + target.len()),
        vec![10, 0, 0x63, 0x45, 0, 0, 0, 15],
        target,
        info,
    ]
    .concat()
}

/// What was found in a token that proves who logs in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Proof {
    /// The hash of the channel binding, if there is one that is not empty.
    pub(crate) binding: Option<[u8; 16]>,
}

fn payload(token: &[u8], at: usize) -> &[u8] {
    let length = usize::from(u16::from_le_bytes(token[at..at + 2].try_into().unwrap()));
    let offset = u32::from_le_bytes(token[at + 4..at + 8].try_into().unwrap()) as usize;
    &token[offset..offset + length]
}

/// Checks the answer to [`challenge`]: proof, key and the code over all three messages.
pub(crate) fn verify(account: &Account, first: &[u8], last: &[u8]) -> Result<Proof, String> {
    if kind(first) != Some(1) || kind(last) != Some(3) {
        return Err("not the messages".to_owned());
    }
    let (user, domain) = (payload(last, 36), payload(last, 28));
    if user != utf16(account.user) || domain != utf16(account.domain) {
        return Err(format!("user {user:?} of domain {domain:?}"));
    }
    let nt = payload(last, 20);
    let (proof, temp) = nt.split_at_checked(16).ok_or("no NTLMv2 response")?;
    let key = one_way(account);
    if hmac_md5(&key, &[&CHALLENGE, temp]) != proof {
        return Err("wrong password".to_owned());
    }
    let mut pairs = &temp[28..];
    let (mut binding, mut code_promised) = (None, false);
    loop {
        let id = u16::from_le_bytes(pairs[..2].try_into().unwrap());
        let length = usize::from(u16::from_le_bytes(pairs[2..4].try_into().unwrap()));
        let value = &pairs[4..4 + length];
        match id {
            0 => break,
            6 => code_promised = value[0] & 2 != 0,
            10 => binding = Some(<[u8; 16]>::try_from(value).unwrap()).filter(|hash| *hash != [0; 16]),
            _ => {}
        }
        pairs = &pairs[4 + length..];
    }
    let flags = u32::from_le_bytes(last[60..64].try_into().unwrap());
    let base = hmac_md5(&key, &[proof]);
    let session = if flags & 0x4000_0000 == 0 { base.to_vec() } else { rc4(&base, payload(last, 52)) };
    let mut without = last.to_vec();
    without[72..88].fill(0);
    let code = hmac_md5(&session, &[first, &challenge(), &without]);
    if !code_promised || code != last[72..88] {
        return Err("the code over the messages is wrong".to_owned());
    }
    Ok(Proof { binding })
}

/// What [`Proof::binding`] is for this server's certificate, signed with SHA-256.
pub(crate) fn binding(certificate: &[u8]) -> [u8; 16] {
    use sha2::{Digest as _, Sha256};
    let data = [b"tls-server-end-point:".as_slice(), &Sha256::digest(certificate)].concat();
    let length = u32::try_from(data.len()).unwrap().to_le_bytes();
    Md5::digest([vec![0; 16], length.to_vec(), data].concat()).into()
}

#[test]
fn it_computes_what_the_specification_computes() {
    // Section 4.2.4 of the specification.
    let account = Account { user: "User", domain: "Domain", password: "Password" };
    let key = one_way(&account);
    assert_eq!(
        key,
        [0x0c, 0x86, 0x8a, 0x40, 0x3b, 0xfd, 0x7a, 0x93, 0xa3, 0, 0x1e, 0xf2, 0x2e, 0xf0, 0x2e, 0x3f]
    );
    let info = [pair(2, &utf16("Domain")), pair(1, &utf16("Server")), pair(0, b"")].concat();
    let temp = [vec![1, 1], vec![0; 14], vec![0xaa; 8], vec![0; 4], info, vec![0; 4]].concat();
    let proof = hmac_md5(&key, &[&CHALLENGE, &temp]);
    let expected =
        [0x68, 0xcd, 0x0a, 0xb8, 0x51, 0xe5, 0x1c, 0x96, 0xaa, 0xbc, 0x92, 0x7b, 0xeb, 0xef, 0x6a, 0x1c];
    assert_eq!(proof, expected);
    let session = hmac_md5(&key, &[&proof]);
    let encrypted = rc4(&session, &[0x55; 16]);
    let expected =
        [0xc5, 0xda, 0xd2, 0x54, 0x4f, 0xc9, 0x79, 0x90, 0x94, 0xce, 0x1c, 0xe9, 0x0b, 0xc9, 0xd0, 0x3e];
    assert_eq!(encrypted, expected);
}
