//! Address headers (RFC 5322 3.4): mailboxes, groups, comments, and what mailers make of them.
//!
//! One pass, no backtracking. The structure is read before encoded words are decoded, because a comma or an angle
//! bracket inside of an encoded word is part of a name and never structure.

use schemars::JsonSchema;
use serde::Serialize;

use crate::anomaly::{Anomalies, Code};
use crate::words;

/// A mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false, "x-untrusted" = true))]
pub struct Address {
    /// The display name, decoded. Whoever wrote the mail chose it freely.
    pub name: String,
    /// `local@domain` as it stands in the mail.
    pub address: String,
}

#[derive(Default)]
struct Mailbox {
    /// Words of the display name.
    phrase: String,
    /// The same with quotes, in case it turns out to be the address.
    raw: String,
    comment: String,
    angle: Option<String>,
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
    quotes: bool,
    comments: bool,
    angles: bool,
}

/// Reads an address list; not more than `most` addresses.
pub fn list(text: &str, most: usize, anomalies: &mut Anomalies) -> Vec<Address> {
    let mut scan = Scan { text, at: 0, quotes: true, comments: true, angles: true };
    let mut found = Vec::new();
    let mut mailbox = Mailbox::default();
    while let Some(next) = scan.next() {
        match next {
            '"' if scan.quotes => match scan.until('"') {
                Some(quoted) => {
                    mailbox.phrase.push_str(&unescape(quoted));
                    mailbox.raw.push('"');
                    mailbox.raw.push_str(quoted);
                    mailbox.raw.push('"');
                }
                None => scan.quotes = false,
            },
            '(' if scan.comments => match scan.comment() {
                Some(comment) => mailbox.comment = unescape(comment),
                None => scan.comments = false,
            },
            '<' if scan.angles => match scan.until('>') {
                Some(angle) => mailbox.angle = Some(angle.to_owned()),
                None => scan.angles = false,
            },
            ',' | ';' => mailbox.end(&mut found, anomalies),
            // A group's name. A colon elsewhere is part of a bad address.
            ':' if mailbox.angle.is_none() && !mailbox.raw.contains('@') => mailbox = Mailbox::default(),
            _ => {
                mailbox.phrase.push(next);
                mailbox.raw.push(next);
            }
        }
        if found.len() >= most {
            return found;
        }
    }
    mailbox.end(&mut found, anomalies);
    found
}

impl Mailbox {
    fn end(&mut self, found: &mut Vec<Address>, anomalies: &mut Anomalies) {
        let Mailbox { phrase, raw, comment, angle } = std::mem::take(self);
        let raw = raw.trim();
        let (address, name) = match angle {
            Some(angle) => (without_route(&angle), phrase),
            None if raw.is_empty() => return,
            // `Somebody somebody@example.com` without brackets: the last word is the address.
            None if raw.contains([' ', '\t']) && !raw.contains('"') => {
                let mut words = raw.split([' ', '\t']).rev();
                let at = words.find(|word| word.contains('@')).unwrap_or_default();
                anomalies.add(Code::BadAddress, raw);
                (at.to_owned(), raw.strip_suffix(at).unwrap_or_default().to_owned())
            }
            // `"local part"@example.com` is an address; `"somebody@example.com"` alone is only a name.
            None if raw.rsplit_once('"').is_some_and(|(_, tail)| !tail.contains('@')) => {
                (String::new(), phrase)
            }
            None => (raw.to_owned(), String::new()),
        };
        let address: String = if address.contains('"') {
            address.trim().to_owned()
        } else {
            address.chars().filter(|letter| !letter.is_whitespace()).collect()
        };
        if !address.contains('@') {
            anomalies.add(Code::BadAddress, raw);
            return;
        }
        if address.matches('@').count() > 1 && !address.contains('"') {
            anomalies.add(Code::BadAddress, &address);
        }
        let name = if name.trim().is_empty() { comment } else { name };
        let name = words::decode(&name, anomalies);
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
        found.push(Address { name, address });
    }
}

impl<'a> Scan<'a> {
    fn next(&mut self) -> Option<char> {
        let next = self.text.get(self.at..)?.chars().next()?;
        self.at += next.len_utf8();
        Some(next)
    }

    /// Text up to an unescaped `stop`, which is consumed; nothing if it never comes.
    fn until(&mut self, stop: char) -> Option<&'a str> {
        let rest = self.text.get(self.at..)?;
        let mut escaped = false;
        for (offset, letter) in rest.char_indices() {
            if escaped {
                escaped = false;
            } else if letter == '\\' {
                escaped = true;
            } else if letter == stop {
                self.at += offset + letter.len_utf8();
                return rest.get(..offset);
            }
        }
        None
    }

    /// Text of a comment whose opening parenthesis is consumed.
    fn comment(&mut self) -> Option<&'a str> {
        let rest = self.text.get(self.at..)?;
        let mut escaped = false;
        let mut depth = 1_usize;
        for (offset, letter) in rest.char_indices() {
            match letter {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '(' => depth += 1,
                ')' => {
                    depth -= 1;
                    if depth == 0 {
                        self.at += offset + 1;
                        return rest.get(..offset);
                    }
                }
                _ => {}
            }
        }
        None
    }
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        out.push(if letter == '\\' { letters.next().unwrap_or('\\') } else { letter });
    }
    out
}

/// Takes an obsolete source route (`@a,@b:user@c`) off.
fn without_route(angle: &str) -> String {
    let angle = angle.trim();
    if angle.starts_with('@')
        && let Some((_, address)) = angle.split_once(':')
    {
        return address.to_owned();
    }
    // `<mailto:somebody@example.com>` is a mailer's mistake, not a route.
    angle.strip_prefix("mailto:").unwrap_or(angle).to_owned()
}
