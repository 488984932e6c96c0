//! Searches running text. Every pass is linear: what looks back or ahead does so for a bounded number of characters,
//! and what was taken by one pass is skipped by the next.

use memchr::{memchr_iter, memmem};

use crate::bitcoin;
use crate::collect::{At, Collector};
use crate::host::{self, Host};
use crate::link::{self, LONGEST, Link};
use crate::mapped::Mapped;
use crate::output::{Algorithm, Place};
use crate::phones;
use crate::refang::refang;

/// URLs inside of one URL that are listed by themselves.
const INNER: usize = 5;
/// Longest local part of an address (RFC 5321 4.5.3.1.1).
const LOCAL: usize = 64;
/// Longest domain name (RFC 1035 2.3.4).
const DOMAIN: usize = 253;

/// Top-level domains that are more often the end of a file's name when they stand in running text.
const FILE_ENDINGS: [&str; 11] = ["zip", "mov", "md", "py", "sh", "pl", "rs", "ps", "cab", "bat", "so"];

/// A text to search, and where it comes from.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Name of the input.
    pub name: &'a str,
    /// Kind of place.
    pub place: Place,
    /// How the text was made from the input; nothing if it is the input.
    pub made_from: Option<&'a Mapped>,
}

impl<'a> Source<'a> {
    fn at(&self, refanged: &Mapped, offset: usize) -> At<'a> {
        let offset = refanged.source(offset);
        let offset = self.made_from.map_or(offset, |mapped| mapped.source(offset));
        At { source: self.name, place: self.place, offset }
    }

    /// Whether a range was written differently, in this text or in the one that it was made from.
    fn rewritten(&self, text: &Mapped, start: usize, end: usize) -> bool {
        let origin = |made_from: &Mapped| made_from.is_rewritten(text.source(start), text.source(end));
        text.is_rewritten(start, end) || self.made_from.is_some_and(origin)
    }
}

/// Ranges that belong to something already. Sorted.
#[derive(Debug, Default)]
pub(crate) struct Taken(Vec<(usize, usize)>);

impl Taken {
    fn add(&mut self, start: usize, end: usize) {
        self.0.push((start, end));
    }

    fn sort(&mut self) {
        self.0.sort_unstable();
    }

    /// Whether something in the range is taken.
    pub(crate) fn has(&self, start: usize, end: usize) -> bool {
        let index = self.0.partition_point(|(_, taken)| *taken <= start);
        self.0.get(index).is_some_and(|(taken, _)| *taken < end)
    }
}

/// Finds everything in a text that a reader sees.
pub fn prose(text: &str, source: Source<'_>, found: &mut Collector) {
    let text = refang(text);
    let mut taken = Taken::default();
    urls(&text.text, |start, end, link| {
        found.url(&link, source.rewritten(&text, start, end), source.at(&text, start));
        taken.add(start, end);
    });
    taken.sort();
    let mut addresses = Taken::default();
    emails(&text.text, &taken, |start, end, local, host| {
        found.email(local, host, source.rewritten(&text, start, end), source.at(&text, start));
        addresses.add(start, end);
    });
    taken.0.append(&mut addresses.0);
    taken.sort();
    words(&text, &source, &mut taken, found);
    ipv6(&text, &source, &taken, found);
    phones::scan(&text.text, &taken, |start, number| found.phone(number, source.at(&text, start)));
}

/// Every URL with a scheme, outermost first. Calls `take` with start, end and the URL.
pub fn urls(text: &str, mut take: impl FnMut(usize, usize, Link)) {
    let mut done = 0;
    for colon in memmem::find_iter(text.as_bytes(), "://") {
        if colon < done {
            continue;
        }
        let Some((start, end, link)) = url_at(text, done, colon) else { continue };
        done = end;
        // A list of URLs without spaces, or a redirector: the inner ones count by themselves.
        let inner = text.get(colon + 3..end).unwrap_or_default();
        let colons: Vec<usize> = memmem::find_iter(inner.as_bytes(), "://").take(INNER).collect();
        take(start, end, link);
        for offset in colons {
            if let Some((start, end, link)) = url_at(text, colon + 3, colon + 3 + offset) {
                take(start, end, link);
            }
        }
    }
}

/// The URL whose `://` is at `colon`, with its scheme not before `from`.
fn url_at(text: &str, from: usize, colon: usize) -> Option<(usize, usize, Link)> {
    let before = text.get(from..colon)?;
    let (length, scheme) = link::scheme_before(before)?;
    let start = colon - length;
    let rest = window(text, colon + 3, LONGEST);
    let rest = rest.get(..link::extent(rest)).unwrap_or_default();
    let rest = link::trim_sentence(rest);
    if rest.is_empty() {
        return None;
    }
    let mut link = link::read(scheme, rest);
    link.hidden |= !text.get(start..colon).is_some_and(|written| written.eq_ignore_ascii_case(scheme));
    Some((start, colon + 3 + rest.len(), link))
}

/// At most `most` bytes from `start`.
fn window(text: &str, start: usize, most: usize) -> &str {
    let mut end = start.saturating_add(most).min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(start..end).unwrap_or_default()
}

fn emails(text: &str, taken: &Taken, mut take: impl FnMut(usize, usize, &str, &Host)) {
    let mut last = 0;
    for at in memchr_iter(b'@', text.as_bytes()) {
        if taken.has(at, at + 1) {
            continue;
        }
        let before = text.get(last..at).unwrap_or_default();
        let local = before
            .char_indices()
            .rev()
            .take(LOCAL)
            .take_while(|(_, letter)| {
                letter.is_alphanumeric() || matches!(letter, '.' | '_' | '+' | '-' | '~' | '%')
            })
            .last()
            .map_or("", |(start, _)| before.get(start..).unwrap_or_default())
            .trim_start_matches(['.', '-', '%']);
        let name = host_run(text, at + 1);
        let host = host::host(name).filter(|host| host.registrable().is_some());
        if let (false, Some(host)) = (local.is_empty(), host) {
            let end = at + 1 + name.len();
            take(at - local.len(), end, local, &host);
            last = end;
        }
    }
}

/// Letters of a host name from `start`, without dots and dashes at the end.
fn host_run(text: &str, start: usize) -> &str {
    let rest = window(text, start, DOMAIN);
    let end = rest.find(|letter| !host::is_host_letter(letter)).unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default().trim_end_matches(['.', '-', '_'])
}

/// Passes over runs of letters, digits, dots and dashes: domains, IPv4 addresses, hashes, bitcoin addresses.
fn words(text: &Mapped, source: &Source<'_>, taken: &mut Taken, found: &mut Collector) {
    let mut links = Vec::new();
    let mut at = 0;
    for run in text.text.split(|letter| !host::is_host_letter(letter)) {
        let start = at;
        at += run.len()
            + text
                .text
                .get(start + run.len()..)
                .and_then(|rest| rest.chars().next())
                .map_or(0, char::len_utf8);
        if run.len() < 4 || run.len() > LONGEST {
            continue;
        }
        let word = run.trim_matches(['.', '-', '_']);
        let start = start + (run.len() - run.trim_start_matches(['.', '-', '_']).len());
        let end = start + word.len();
        if bitcoin::is_address(word) {
            found.bitcoin(word, source.at(text, start));
            continue;
        }
        if taken.has(start, end) {
            continue;
        }
        if let Some(algorithm) = hash(word) {
            found.hash(word, algorithm, source.at(text, start));
        } else if let Ok(ip) = word.parse::<std::net::Ipv4Addr>() {
            found.ip(ip.into(), source.rewritten(text, start, end), source.at(text, start));
        } else if let Some(host) = domain(word, text.text.get(end..).unwrap_or_default()) {
            match bare_link(&text.text, start, end) {
                Some((link, end)) => {
                    found.url(&link, source.rewritten(text, start, end), source.at(text, start));
                    links.push((start, end));
                }
                None => found.host(&host, source.rewritten(text, start, end), source.at(text, start)),
            }
        }
    }
    taken.0.append(&mut links);
    taken.sort();
}

fn hash(word: &str) -> Option<Algorithm> {
    let algorithm = match word.len() {
        32 => Algorithm::Md5,
        40 => Algorithm::Sha1,
        64 => Algorithm::Sha256,
        _ => return None,
    };
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    // Thirty-two digits or letters of one kind are an account number or a ruler, not a hash.
    let mixed = digits > 0 && digits < word.len();
    (mixed && word.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(algorithm)
}

/// Whether a word of running text is a domain name; `after` is what follows it.
fn domain(word: &str, after: &str) -> Option<Host> {
    let (front, top) = word.rsplit_once('.')?;
    if word.len() > DOMAIN || front.is_empty() || after.starts_with(['(', '@']) {
        return None;
    }
    let www = word.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("www."));
    let path = after.starts_with('/');
    // `the end.So` is the end of a sentence, without a space after it.
    let sentence = top.starts_with(char::is_uppercase)
        && top.chars().skip(1).all(char::is_lowercase)
        && front.chars().next_back().is_some_and(char::is_lowercase);
    let file = FILE_ENDINGS.iter().any(|ending| ending.eq_ignore_ascii_case(top));
    // `5.Phone` numbers a list; an underscore is no part of a name that somebody can register.
    let number = front.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let underscore = front.rsplit('.').next().is_some_and(|label| label.contains('_'));
    if !www && (sentence || file && !path || number || underscore) {
        return None;
    }
    host::host(word).filter(|host| host.ip.is_none() && host.registrable().is_some())
}

/// A link without a scheme: `www.` in front, or a path behind.
fn bare_link(text: &str, start: usize, end: usize) -> Option<(Link, usize)> {
    let www = text.get(start..start + 4)?.eq_ignore_ascii_case("www.");
    let after = window(text, end, LONGEST);
    let path = after.strip_prefix('/').is_some_and(|path| path.starts_with(char::is_alphanumeric));
    if !www && !path {
        return None;
    }
    let tail = if after.starts_with(['/', '?', '#', ':']) { after.len() } else { 0 };
    let rest = text.get(start..end + tail)?;
    let rest = link::trim_sentence(rest.get(..link::extent(rest))?);
    Some((link::read("http", rest), start + rest.len()))
}

fn ipv6(text: &Mapped, source: &Source<'_>, taken: &Taken, found: &mut Collector) {
    let is_letter = |letter: char| letter.is_ascii_hexdigit() || matches!(letter, ':' | '.');
    let mut at = 0;
    let mut before = ' ';
    for run in text.text.split(|letter| !is_letter(letter)) {
        let start = at;
        let separator = text.text.get(start + run.len()..).and_then(|rest| rest.chars().next());
        at += run.len() + separator.map_or(0, char::len_utf8);
        let previous = std::mem::replace(&mut before, separator.unwrap_or(' '));
        let touching = previous.is_alphanumeric() || separator.is_some_and(char::is_alphanumeric);
        let word = run.trim_end_matches('.');
        let word = if word.ends_with("::") { word } else { word.trim_end_matches(':') };
        // Longer than any address, or too short to be one that means something.
        if touching
            || word.len() < 4
            || word.len() > 45
            || word.bytes().filter(|byte| *byte == b':').count() < 2
        {
            continue;
        }
        let end = start + word.len();
        if let Ok(ip) = word.parse::<std::net::Ipv6Addr>()
            && !taken.has(start, end)
        {
            found.ip(ip.into(), source.rewritten(text, start, end), source.at(text, start));
        }
    }
}

/// The first host that a short text names: of a URL, or standing by itself.
pub fn first_host(text: &str) -> Option<Host> {
    let text = refang(text);
    let mut first = None;
    urls(&text.text, |_, _, link| {
        if first.is_none() {
            first = link.host;
        }
    });
    first.or_else(|| {
        let mut words = text.text.split(|letter: char| !host::is_host_letter(letter) && letter != '@');
        words.find_map(|word| domain(word.trim_matches(['.', '-', '_']), ""))
    })
}
