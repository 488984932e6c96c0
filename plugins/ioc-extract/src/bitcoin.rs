//! Bitcoin addresses: only those whose checksum is right.

use sha2::{Digest, Sha256};

const BASE58: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const BECH32: &[u8] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// Whether this is an address of the main network: P2PKH, P2SH (Base58Check), or SegWit (BIP 173, BIP 350).
pub fn is_address(text: &str) -> bool {
    match text.as_bytes() {
        [b'1' | b'3', ..] if (25..=35).contains(&text.len()) => base58check(text.as_bytes()),
        [b'b', b'c', b'1', ..] => bech32(text.as_bytes()),
        [b'B', b'C', b'1', ..] if !text.bytes().any(|byte| byte.is_ascii_lowercase()) => {
            bech32(text.to_ascii_lowercase().as_bytes())
        }
        _ => false,
    }
}

fn base58check(text: &[u8]) -> bool {
    let mut number = [0_u8; 25];
    for letter in text {
        let Some(digit) = BASE58.iter().position(|known| known == letter) else { return false };
        let mut carry = digit;
        for byte in number.iter_mut().rev() {
            carry += usize::from(*byte) * 58;
            *byte = (carry & 0xff) as u8;
            carry >>= 8;
        }
        if carry != 0 {
            return false;
        }
    }
    let (payload, checksum) = number.split_at(21);
    let twice = Sha256::digest(Sha256::digest(payload));
    matches!(payload.first(), Some(0 | 5)) && twice.starts_with(checksum)
}

fn bech32(text: &[u8]) -> bool {
    let Some(data) = text.get(3..).filter(|data| (11..=87).contains(&data.len())) else { return false };
    let mut values: Vec<u32> = Vec::with_capacity(data.len());
    for letter in data {
        let Some(value) = BECH32.iter().position(|known| known == letter) else { return false };
        values.push(u32::try_from(value).unwrap_or(0));
    }
    // The human-readable part `bc`, expanded.
    let checksum = [3, 3, 0, 2, 3].iter().chain(&values).fold(1, |state, value| polymod(state, *value));
    let constant = if values.first() == Some(&0) { 1 } else { 0x2bc8_30a3 };
    let program = (values.len() - 7) * 5 / 8;
    checksum == constant
        && (2..=40).contains(&program)
        && (values.first() != Some(&0) || matches!(program, 20 | 32))
}

fn polymod(state: u32, value: u32) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let top = state >> 25;
    let next = (state & 0x1ff_ffff) << 5 ^ value;
    GENERATOR.iter().enumerate().fold(
        next,
        |next, (bit, generator)| {
            if top >> bit & 1 == 1 { next ^ generator } else { next }
        },
    )
}
