//! Hosts: one spelling for the many that a browser accepts, and the registrable domain.
//!
//! Percent-encoded letters, numbers in place of an IPv4 address (`0x7f.1`, `3232235777`), Punycode and Unicode. Of
//! IDNA only lower-casing and Punycode are done; the mapping tables would be larger than this plugin.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A host in its one spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// ASCII: `xn--` labels, or the IP address.
    pub ascii: String,
    /// With the letters that a reader sees, if they differ.
    pub unicode: Option<String>,
    /// The address, if it is one.
    pub ip: Option<IpAddr>,
    /// Whether it was written in a way that hides it: percent-encoded, or an address as a number.
    pub hidden: bool,
}

impl Host {
    /// The part that somebody registered, by the public suffix list; nothing for addresses and unknown suffixes.
    pub fn registrable(&self) -> Option<String> {
        if self.ip.is_some() { None } else { registrable(&self.ascii) }
    }
}

/// The registrable domain of an ASCII name whose suffix is on the public suffix list.
pub fn registrable(name: &str) -> Option<String> {
    use psl::Psl;
    let domain = psl::List.domain(name.as_bytes())?;
    domain.suffix().is_known().then(|| String::from_utf8_lossy(domain.as_bytes()).into_owned())
}

/// Reads a host as it stands in a URL; nothing if no browser would go there.
pub fn host(raw: &str) -> Option<Host> {
    if let Some(inner) = raw.strip_prefix('[') {
        let ip: Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
        return Some(Host { ascii: ip.to_string(), unicode: None, ip: Some(ip.into()), hidden: false });
    }
    let decoded = percent_decode(raw);
    let mut hidden = decoded != raw;
    let lower: String = decoded.chars().flat_map(char::to_lowercase).collect();
    let name = lower.strip_suffix('.').unwrap_or(&lower);
    if name.is_empty() || name.len() > 500 || !name.chars().all(is_host_letter) {
        return None;
    }
    if let Some(ip) = ipv4(name) {
        hidden |= ip.to_string() != name;
        return Some(Host { ascii: ip.to_string(), unicode: None, ip: Some(ip.into()), hidden });
    }
    let labels: Option<Vec<(String, String)>> = name.split('.').map(both_forms).collect();
    let labels = labels?;
    let ascii = join(labels.iter().map(|(ascii, _)| ascii.as_str()));
    let unicode = join(labels.iter().map(|(_, unicode)| unicode.as_str()));
    if ascii.len() > 253 {
        return None;
    }
    let unicode = (unicode != ascii).then_some(unicode);
    Some(Host { ascii, unicode, ip: None, hidden })
}

fn join<'a>(labels: impl Iterator<Item = &'a str>) -> String {
    labels.collect::<Vec<_>>().join(".")
}

/// Letters of a host name, before it is made ASCII.
pub fn is_host_letter(letter: char) -> bool {
    letter.is_alphanumeric()
        || matches!(letter, '-' | '_' | '.')
        || (letter > '\u{7f}' && !letter.is_whitespace() && !letter.is_control() && !is_punctuation(letter))
}

fn is_punctuation(letter: char) -> bool {
    matches!(letter, '\u{2010}'..='\u{205e}' | '\u{3000}'..='\u{303f}' | '«' | '»' | '¡' | '¿' | '·' | '\u{fffd}' | '\u{a0}'..='\u{b4}')
}

fn both_forms(label: &str) -> Option<(String, String)> {
    if label.is_empty() || label.len() > 250 {
        return None;
    }
    if label.is_ascii() {
        let unicode = label.strip_prefix("xn--").and_then(punycode_decode);
        return Some((label.to_owned(), unicode.unwrap_or_else(|| label.to_owned())));
    }
    Some((format!("xn--{}", punycode_encode(label)?), label.to_owned()))
}

/// IPv4 as browsers read it: one to four numbers, decimal, octal or hexadecimal; the last fills the rest.
fn ipv4(name: &str) -> Option<Ipv4Addr> {
    let parts: Vec<&str> = name.split('.').take(5).collect();
    if parts.len() > 4 {
        return None;
    }
    let numbers: Option<Vec<u64>> = parts.iter().map(|part| number(part)).collect();
    let numbers = numbers?;
    let (last, front) = numbers.split_last()?;
    let mut value = 0_u64;
    for number in front {
        if *number > 255 {
            return None;
        }
        value = value << 8 | number;
    }
    let bits = 32 - 8 * front.len();
    if *last >= 1 << bits {
        return None;
    }
    u32::try_from(value << bits | last).ok().map(Ipv4Addr::from)
}

fn number(text: &str) -> Option<u64> {
    if let Some(hex) = text.strip_prefix("0x") {
        return if hex.is_empty() { Some(0) } else { u64::from_str_radix(hex, 16).ok() };
    }
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match text.strip_prefix('0') {
        Some(octal) if !octal.is_empty() => u64::from_str_radix(octal, 8).ok(),
        _ => text.parse().ok(),
    }
}

/// Percent-decoding; bytes that are no UTF-8 become replacement characters.
pub fn percent_decode(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        if let (b'%', [high, low, after @ ..]) = (byte, tail)
            && let (Some(high), Some(low)) = (char::from(*high).to_digit(16), char::from(*low).to_digit(16))
            && let Ok(decoded) = u8::try_from(high * 16 + low)
        {
            bytes.push(decoded);
            rest = after;
        } else {
            bytes.push(*byte);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// RFC 3492 6.1.
fn adapt(delta: u32, points: u32, first: bool) -> u32 {
    let mut delta = if first { delta / 700 } else { delta / 2 };
    delta += delta / points.max(1);
    let mut k = 0;
    while delta > 455 {
        delta /= 35;
        k += 36;
    }
    k + 36 * delta / (delta + 38)
}

fn threshold(k: u32, bias: u32) -> u32 {
    k.saturating_sub(bias).clamp(1, 26)
}

/// RFC 3492 6.2.
fn punycode_decode(text: &str) -> Option<String> {
    let (mut letters, extended): (Vec<char>, &str) = match text.rsplit_once('-') {
        Some((basic, extended)) => (basic.chars().collect(), extended),
        None => (Vec::new(), text),
    };
    let (mut code, mut index, mut bias) = (128_u32, 0_u32, 72_u32);
    let mut digits = extended.chars().map(|letter| match letter {
        'a'..='z' => Some(u32::from(letter) - u32::from('a')),
        '0'..='9' => Some(u32::from(letter) - u32::from('0') + 26),
        _ => None,
    });
    while let Some(mut digit) = digits.next() {
        let start = index;
        let (mut weight, mut k) = (1_u32, 36_u32);
        loop {
            let value = digit?;
            index = index.checked_add(value.checked_mul(weight)?)?;
            let limit = threshold(k, bias);
            if value < limit {
                break;
            }
            weight = weight.checked_mul(36 - limit)?;
            k += 36;
            digit = digits.next()?;
        }
        let points = u32::try_from(letters.len()).ok()? + 1;
        bias = adapt(index - start, points, start == 0);
        code = code.checked_add(index / points)?;
        index %= points;
        letters.insert(usize::try_from(index).ok()?, char::from_u32(code)?);
        index += 1;
    }
    Some(letters.into_iter().collect())
}

/// RFC 3492 6.3.
fn punycode_encode(text: &str) -> Option<String> {
    let mut out: String = text.chars().filter(char::is_ascii).collect();
    let basic = u32::try_from(out.len()).ok()?;
    if basic > 0 {
        out.push('-');
    }
    let total = u32::try_from(text.chars().count()).ok()?;
    let (mut code, mut delta, mut bias, mut handled) = (128_u32, 0_u32, 72_u32, basic);
    while handled < total {
        let next = text.chars().map(u32::from).filter(|letter| *letter >= code).min()?;
        delta = delta.checked_add((next - code).checked_mul(handled + 1)?)?;
        code = next;
        for letter in text.chars().map(u32::from) {
            if letter < code {
                delta = delta.checked_add(1)?;
            }
            if letter != code {
                continue;
            }
            let (mut rest, mut k) = (delta, 36_u32);
            loop {
                let limit = threshold(k, bias);
                if rest < limit {
                    break;
                }
                out.push(digit(limit + (rest - limit) % (36 - limit))?);
                rest = (rest - limit) / (36 - limit);
                k += 36;
            }
            out.push(digit(rest)?);
            bias = adapt(delta, handled + 1, handled == basic);
            delta = 0;
            handled += 1;
        }
        delta += 1;
        code += 1;
    }
    Some(out)
}

fn digit(value: u32) -> Option<char> {
    match value {
        0..=25 => char::from_u32(u32::from('a') + value),
        _ => char::from_u32(u32::from('0') + value - 26),
    }
}
