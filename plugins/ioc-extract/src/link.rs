//! One URL: where it ends in running text, what it points at, what it wraps.

use crate::host::{self, Host, percent_decode};

/// Longest URL that is kept; browsers and servers stop near 8,000.
pub const LONGEST: usize = 8 * 1024;

/// What kind of thing a URL points at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// `http:` or `https:`.
    Web,
    /// `ftp:`, `ftps:` or `sftp:`.
    Ftp,
    /// `file:`, `smb:` or a search or Office protocol that opens files.
    File,
    /// `data:`: the content is in the URL itself.
    Data,
    /// `javascript:` or `vbscript:`.
    Script,
    /// Any other.
    Other,
}

/// A URL taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// In one spelling: scheme and host lower case, everything else as it stands.
    pub value: String,
    /// Its kind.
    pub scheme: Scheme,
    /// Where it leads, if to a host that can exist.
    pub host: Option<Host>,
    /// Whether it was written in a way that hides where it leads.
    pub hidden: bool,
}

/// Schemes in running text, with the form they stand for. Longer ones first.
const SCHEMES: [(&str, &str); 20] = [
    ("https", "https"),
    ("hxxps", "https"),
    ("htxps", "https"),
    ("hxtps", "https"),
    ("h**ps", "https"),
    ("http", "http"),
    ("hxxp", "http"),
    ("htxp", "http"),
    ("hxtp", "http"),
    ("h**p", "http"),
    ("fxps", "ftps"),
    ("ftps", "ftps"),
    ("sftp", "sftp"),
    ("fxp", "ftp"),
    ("ftp", "ftp"),
    ("wss", "wss"),
    ("ws", "ws"),
    ("file", "file"),
    ("smb", "smb"),
    ("tcp", "tcp"),
];

/// The scheme that ends at the end of `before`: its length there and its true form.
pub fn scheme_before(before: &str) -> Option<(usize, &'static str)> {
    SCHEMES.iter().find_map(|(written, scheme)| {
        let start = before.len().checked_sub(written.len())?;
        let tail = before.as_bytes().get(start..)?;
        tail.eq_ignore_ascii_case(written.as_bytes()).then_some((written.len(), *scheme))
    })
}

/// Where a URL in running text has to end at the latest: white space, quotes, angle brackets.
pub fn is_delimiter(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '"' | '\'' | '<' | '>' | '\u{1c}'..='\u{1f}')
}

/// Takes off what belongs to the sentence and not to the URL.
///
/// A closing bracket stays if the URL has its opening one.
pub fn trim_sentence(url: &str) -> &str {
    let count = |open: char, close: char| -> i64 {
        url.chars().map(|letter| i64::from(letter == open) - i64::from(letter == close)).sum()
    };
    let (mut round, mut square, mut curly) = (count('(', ')'), count('[', ']'), count('{', '}'));
    let mut rest = url;
    while let Some(last) = rest.chars().next_back() {
        let drop = match last {
            '.' | ',' | ';' | ':' | '!' | '?' | '*' | '|' | '\\' | '^' | '`' | '…' | '”' | '’' | '»'
            | '“' | '‘' => true,
            ')' if round < 0 => {
                round += 1;
                true
            }
            ']' if square < 0 => {
                square += 1;
                true
            }
            '}' if curly < 0 => {
                curly += 1;
                true
            }
            _ => false,
        };
        if !drop {
            break;
        }
        rest = rest.get(..rest.len() - last.len_utf8()).unwrap_or_default();
    }
    rest
}

/// Reads what stands in an attribute: browsers drop tabs and line ends, and take `\` for `/`.
///
/// Nothing for relative references, fragments and empty ones.
pub fn from_attribute(value: &str, base: Option<&str>) -> Option<Link> {
    let clean: String = value
        .trim_matches(|letter: char| letter <= ' ')
        .chars()
        .filter(|letter| !matches!(letter, '\t' | '\n' | '\r'))
        .collect();
    let spaced = clean.len() != value.trim_matches(|letter: char| letter <= ' ').len();
    let (scheme, rest) = match split_scheme(&clean) {
        Some(split) => split,
        None if clean.starts_with("//") || clean.starts_with("\\\\") => ("http".to_owned(), clean.as_str()),
        None => return from_attribute(&resolve(base?, &clean)?, None),
    };
    let mut link = match scheme.as_str() {
        "http" | "https" | "ftp" | "ftps" | "sftp" | "ws" | "wss" => {
            let slashes = rest.bytes().take_while(|byte| matches!(byte, b'/' | b'\\')).count();
            let mut link = read(&scheme, rest.get(slashes..)?);
            link.hidden |= slashes != 2 || rest.starts_with('\\');
            link
        }
        _ => {
            let kind = kind(&scheme);
            let value = format!("{scheme}:{rest}");
            Link {
                value: shorten(&value, if kind == Scheme::Data { 200 } else { LONGEST }).to_owned(),
                scheme: kind,
                host: None,
                hidden: false,
            }
        }
    };
    link.hidden |= spaced && link.scheme != Scheme::Data;
    Some(link)
}

fn kind(scheme: &str) -> Scheme {
    match scheme {
        "http" | "https" => Scheme::Web,
        "ftp" | "ftps" | "sftp" => Scheme::Ftp,
        "file" | "smb" | "search-ms" | "search" | "ms-word" | "ms-excel" | "ms-powerpoint" => Scheme::File,
        "data" => Scheme::Data,
        "javascript" | "vbscript" => Scheme::Script,
        _ => Scheme::Other,
    }
}

fn split_scheme(text: &str) -> Option<(String, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let letters = scheme.len() <= 30 && scheme.starts_with(|letter: char| letter.is_ascii_alphabetic());
    let valid = letters
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    valid.then(|| (scheme.to_ascii_lowercase(), rest))
}

/// A relative reference against the document's base; only what changes host or path.
fn resolve(base: &str, reference: &str) -> Option<String> {
    if reference.is_empty() || reference.starts_with('#') {
        return None;
    }
    let (scheme, rest) = base.split_once("://")?;
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(authority_end);
    if reference.starts_with('/') {
        return Some(format!("{scheme}://{authority}{reference}"));
    }
    let folder = path.rfind('/').and_then(|at| path.get(..=at)).unwrap_or("/");
    Some(format!("{scheme}://{authority}{folder}{reference}"))
}

fn shorten(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// Reads a URL whose scheme is known; `rest` is what follows `://`.
pub fn read(scheme: &str, rest: &str) -> Link {
    let rest = shorten(rest, LONGEST);
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let (userinfo, host_port) = match authority.rsplit_once('@') {
        Some((userinfo, host)) => (Some(userinfo), host),
        None => (None, authority),
    };
    let (name, port) = split_port(host_port);
    let host = host::host(name);
    let mut hidden = userinfo.is_some();
    let shown = match &host {
        Some(host) => {
            hidden |= host.hidden;
            name.to_lowercase()
        }
        None => name.to_owned(),
    };
    let mut value = format!("{scheme}://");
    if let Some(userinfo) = userinfo {
        value.push_str(userinfo);
        value.push('@');
    }
    value.push_str(&shown);
    value.push_str(port);
    push_visible(&mut value, tail);
    Link { value, scheme: kind(scheme), host, hidden }
}

/// Control characters are percent-encoded, as browsers do it.
fn push_visible(value: &mut String, text: &str) {
    for letter in text.chars() {
        match u32::from(letter) {
            code @ (0..=0x1f | 0x7f) => value.push_str(&format!("%{code:02X}")),
            _ => value.push(letter),
        }
    }
}

/// Name, and port with its colon.
fn split_port(host_port: &str) -> (&str, &str) {
    match host_port.rfind(':') {
        Some(at) if !host_port.ends_with(']') => {
            let (name, port) = host_port.split_at(at);
            if port.bytes().skip(1).all(|byte| byte.is_ascii_digit()) {
                (name, port)
            } else {
                (host_port, "")
            }
        }
        _ => (host_port, ""),
    }
}

/// How much of `rest` (what follows `://` in running text) is the URL at most: up to white space, a quote or an angle
/// bracket, or a character that no host can have.
///
/// The host is looked at first, so that a cut there does not cost a search to the end of the line.
pub fn extent(rest: &str) -> usize {
    let ends_host = |letter: char| matches!(letter, '/' | '?' | '#' | '\\') || is_delimiter(letter);
    let authority = rest.find(ends_host).unwrap_or(rest.len());
    let (text, tail) = rest.split_at(authority);
    let v6 = text.starts_with('[');
    let bad = text.find(|letter: char| match letter {
        ':' | '%' => false,
        '[' | ']' => !v6,
        _ => !host::is_host_letter(letter),
    });
    match bad {
        Some(bad) if !text.contains('@') => bad,
        _ => authority + tail.find(is_delimiter).unwrap_or(tail.len()),
    }
}

/// What a rewritten link leads to: Proofpoint, and anything that carries a whole URL in its query, as Safe Links and
/// most redirectors do.
pub fn unwrap(value: &str) -> Option<String> {
    let (_, rest) = value.split_once("://")?;
    let lower = rest.get(..rest.len().min(40)).unwrap_or_default().to_ascii_lowercase();
    let query = rest.split_once('?').map(|(_, query)| query.split('#').next().unwrap_or_default());
    if lower.starts_with("urldefense.") {
        if let Some(wrapped) = rest.split_once("/v3/__").map(|(_, wrapped)| wrapped) {
            return proofpoint_3(wrapped);
        }
        let wrapped = query?.split('&').find_map(|pair| pair.strip_prefix("u="))?;
        let plain = if rest.contains("/v2/") {
            wrapped.replace('-', "%").replace('_', "/")
        } else {
            wrapped.to_owned()
        };
        return web(&percent_decode(&plain));
    }
    query?.split('&').take(50).find_map(|pair| web(&percent_decode(pair.split_once('=')?.1)))
}

fn web(text: &str) -> Option<String> {
    let start = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    let valid = (start.starts_with("http://") || start.starts_with("https://")) && text.len() > 10;
    valid.then(|| text.split(is_delimiter).next().unwrap_or_default().to_owned())
}

/// `https://host/path*x__;Iw!!…`: each `*` stands for the next byte of the base64 text, `**` for a run.
fn proofpoint_3(wrapped: &str) -> Option<String> {
    let (url, rest) = wrapped.split_once("__;")?;
    let packed = base64_url(rest.split('!').next().unwrap_or_default());
    let packed = String::from_utf8_lossy(&packed).into_owned();
    let mut letters = packed.chars();
    let mut out = String::with_capacity(url.len());
    let mut source = url.chars().peekable();
    while let Some(letter) = source.next() {
        if letter != '*' {
            out.push(letter);
            continue;
        }
        let run = if source.next_if_eq(&'*').is_some() {
            source.next().and_then(run_length).unwrap_or(0)
        } else {
            1
        };
        out.extend(letters.by_ref().take(run));
    }
    // `http:/` with one slash is how some gateways leave it.
    web(&if out.contains("://") { out } else { out.replacen(":/", "://", 1) })
}

fn run_length(letter: char) -> Option<usize> {
    let value = base64_value(u8::try_from(letter).ok()?)?;
    usize::try_from(value).ok().map(|value| value + 2)
}

fn base64_value(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'-' | b'+' => 62,
        b'_' | b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

fn base64_url(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for value in text.bytes().map_while(base64_value) {
        bits = (bits << 6 | value) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    bytes
}

/// A URL that nobody opens by accident.
pub fn defang(value: &str) -> String {
    let (scheme, rest) = match value.split_once("://") {
        Some((scheme, rest)) => (scheme, rest),
        None => return value.replacen(':', "[:]", 1),
    };
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let scheme = match scheme {
        "http" => "hxxp",
        "https" => "hxxps",
        "ftp" => "fxp",
        other => other,
    };
    format!("{scheme}://{}{tail}", authority.replace('.', "[.]").replace('@', "[@]"))
}
