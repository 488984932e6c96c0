//! A whole message that a step gives in MIME form, to be sent as it is: signed mail, or mail in a charset of its own.
//!
//! MIME names its recipients itself, where neither a policy, an approval nor a plan looks. So the step names them
//! beside it, and what the server understands of the message has to be what the step says: the server makes a draft of
//! it, the draft is read, and unless author, recipients, the addresses for answers and the subject are those of the
//! step, it is not sent. What counts is the reading of the one who delivers: a second parser here could be made to see
//! other recipients than the server sees. Whoever changes the draft between that look and the sending may send from
//! this mailbox anyway.
//!
//! Looked at here is only the shape of the head, so that what servers may read in two ways is refused in words before
//! anything is made. Two lines are put above the message: the marks of a machine. Left out: everything below the head.

use std::io::{self, Cursor, Read};
use std::sync::Arc;

use action_api::Context;
use action_api::plan::{Artifact, Failure};
use exchange::port::KeyState;
use exchange::{Address, Content, Draft, DraftContent, Mailbox, MimeDraft};

use crate::enclosure;
use crate::failure::{from_artifacts, invalid, too_large};
use crate::letter;
use crate::outgoing::{Way, not_drafted};

/// The longest head, in bytes.
const HEAD: usize = 64 * 1024;
/// The longest line of a head, in bytes without its end ([RFC 5322](https://www.rfc-editor.org/rfc/rfc5322#section-2.1.1)).
const LINE: usize = 998;
/// The media type of a message.
const MESSAGE: &str = "message/rfc822";

/// What a head may say once. Of two, one reader takes the first and another the last.
const ONCE: [&str; 15] = [
    "from",
    "to",
    "cc",
    "bcc",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "importance",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "content-disposition",
];

/// What a head may not say, and why.
const REFUSED: [(&str, &str); 10] = [
    ("sender", "whoever sends it is the mailbox; give another author as `from`"),
    ("resent-", "it asks for other recipients than the step names"),
    ("return-path", "the message was delivered already; pass it on with mail.forward"),
    ("received", "the message was delivered already; pass it on with mail.forward"),
    ("disposition-notification-to", "it asks readers to write to somebody whom the step does not name"),
    ("return-receipt-to", "it asks servers to write to somebody whom the step does not name"),
    ("x-confirm-reading-to", "it asks readers to write to somebody whom the step does not name"),
    ("auto-submitted", "the step writes it itself"),
    ("x-auto-response-", "the step writes it itself"),
    ("x-portcullis-", "the step writes it itself"),
];

/// What a step gives: a text, or an artifact.
pub(crate) enum Raw<'a> {
    Text(&'a str),
    Stored(&'a Artifact),
}

/// The message as a draft to be made, with the marks of a machine above it.
pub(crate) fn ready(context: &Context, action: &str, raw: &Raw<'_>, most: u64) -> Result<MimeDraft, Failure> {
    let (rest, size): (Arc<dyn Content>, u64) = match raw {
        Raw::Text(text) => {
            let bytes = text.replace("\r\n", "\n").replace('\n', "\r\n").into_bytes();
            let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            (Arc::new(bytes), size)
        }
        Raw::Stored(artifact) => {
            if !artifact.media_type.eq_ignore_ascii_case(MESSAGE) {
                return Err(invalid(format!(
                    "{action}: `raw_mime` takes a whole message, an artifact of type {MESSAGE}; this one is of another \
                     type"
                )));
            }
            if let Err(error) = context.artifacts.open(&artifact.artifact) {
                let mut failure = from_artifacts(&error);
                failure.message = format!("`raw_mime`: {} (nothing was sent)", failure.message);
                return Err(failure);
            }
            (enclosure::attachment(context, artifact, String::new()).content, artifact.size)
        }
    };
    if size > most {
        return Err(too_large("the raw message", most));
    }
    let mut start = Vec::new();
    let limit = u64::try_from(HEAD).unwrap_or(u64::MAX);
    let read = rest.open().and_then(|reader| reader.take(limit).read_to_end(&mut start));
    let refuse = |why: &str| invalid(format!("{action}: the raw message cannot be sent: {why}"));
    read.map_err(|error| refuse(&error.to_string()))?;
    let end = check_head(&start).map_err(|why| refuse(&why))?;
    let mut marks = String::new();
    for mark in letter::marks("auto-generated") {
        marks.push_str(&format!("{}: {}{end}", mark.name, mark.value));
    }
    let size = size.saturating_add(u64::try_from(marks.len()).unwrap_or(u64::MAX));
    let content = Arc::new(Marked { marks: marks.into_bytes().into(), rest });
    Ok(MimeDraft { size, content, key: context.key.clone() })
}

/// A message with lines above it.
struct Marked {
    marks: Arc<[u8]>,
    rest: Arc<dyn Content>,
}

impl Content for Marked {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(Cursor::new(Arc::clone(&self.marks)).chain(self.rest.open()?)))
    }
}

/// How the lines of a head end, if servers cannot but read it in one way.
fn check_head(start: &[u8]) -> Result<&'static str, String> {
    let mut end = None;
    let mut seen: Vec<String> = Vec::new();
    for (number, line) in (1_usize..).zip(start.split_inclusive(|byte| *byte == b'\n')) {
        let (line, ending) = match (line.strip_suffix(b"\r\n"), line.strip_suffix(b"\n")) {
            (Some(line), _) => (line, "\r\n"),
            (None, Some(line)) => (line, "\n"),
            (None, None) => break,
        };
        if *end.get_or_insert(ending) != ending {
            return Err(format!("line {number} ends otherwise than those above it"));
        }
        if line.is_empty() {
            if seen.iter().any(|name| name == "from") {
                return Ok(ending);
            }
            return Err("its head does not say `From`".to_owned());
        }
        check_line(number, line)?;
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            if seen.is_empty() || line.trim_ascii().is_empty() {
                return Err(format!("line {number} goes on with a header that is not there"));
            }
            continue;
        }
        let name = field(number, line)?;
        if ONCE.contains(&name.as_str()) && seen.contains(&name) {
            return Err(format!("line {number} says `{name}` a second time"));
        }
        seen.push(name);
    }
    Err(match start.len() {
        0 => "it is empty".to_owned(),
        HEAD.. => format!("its head does not end within {HEAD} bytes"),
        _ => "its head does not end: an empty line stands between the head and the body".to_owned(),
    })
}

/// Refuses a line of a head for what it is written in.
fn check_line(number: usize, line: &[u8]) -> Result<(), String> {
    if line.len() > LINE {
        return Err(format!("line {number} is longer than {LINE} bytes"));
    }
    if !line.is_ascii() {
        return Err(format!(
            "line {number} of its head has letters beyond ASCII; write them as encoded words (RFC 2047)"
        ));
    }
    if line.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        return Err(format!("line {number} of its head has a control character"));
    }
    Ok(())
}

/// The name of a header in small letters, if a head may say it.
fn field(number: usize, line: &[u8]) -> Result<String, String> {
    let colon = line.iter().position(|byte| *byte == b':').unwrap_or(0);
    let name = line.get(..colon).unwrap_or_default();
    if name.is_empty() || !name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte)) {
        return Err(format!("line {number} of its head is no header of the form `Name: value`"));
    }
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    let refused = REFUSED
        .iter()
        .find(|(word, _)| if word.ends_with('-') { name.starts_with(word) } else { name == *word });
    match refused {
        Some((_, why)) => Err(format!("line {number} says `{name}`: {why}")),
        None => Ok(name),
    }
}

/// Refuses a draft of which the server reads something else than the step says.
pub(crate) async fn agreed(
    way: &Way<'_>,
    action: &str,
    mailbox: &Mailbox,
    prepared: &KeyState,
    said: &Draft,
) -> Result<(), Failure> {
    let KeyState::Draft(item) = prepared else { return Ok(()) };
    let content = way.drafts().draft(mailbox, item).await.map_err(not_drafted)?;
    match differs(mailbox, said, &content) {
        None => Ok(()),
        Some(what) => Err(invalid(format!(
            "{action}: the server reads {what}; nothing was sent, and the draft it made of the raw message is still \
             there to be looked at"
        ))),
    }
}

/// What a server reads otherwise than a step says it.
fn differs(mailbox: &Mailbox, said: &Draft, content: &DraftContent) -> Option<String> {
    let author = said.from.as_ref().map_or(mailbox.as_str(), |from| from.address.as_str());
    let read = content.from.as_ref().map(|from| from.address.as_str()).unwrap_or_default();
    if !read.eq_ignore_ascii_case(author) {
        return Some("another author in the raw message than the mailbox or `from`".to_owned());
    }
    let lists = [
        ("to", &said.to, &content.to),
        ("cc", &said.cc, &content.cc),
        ("bcc", &said.bcc, &content.bcc),
        ("reply_to", &said.reply_to, &content.reply_to),
    ];
    for (name, said, read) in lists {
        let (more, missing) = (beyond(read, said), beyond(said, read));
        if more > 0 {
            return Some(format!("{more} addresses in the raw message that `{name}` does not name"));
        }
        if missing > 0 {
            return Some(format!("{missing} addresses of `{name}` nowhere in that place of the raw message"));
        }
    }
    let words = |text: Option<&str>| {
        text.unwrap_or_default().split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    (words(said.subject.as_deref()) != words(content.subject.as_deref()))
        .then(|| "another subject in the raw message than `subject`".to_owned())
}

/// How many of these are not among the others.
fn beyond(these: &[Address], others: &[Address]) -> usize {
    let among = |one: &&Address| others.iter().any(|other| other.address.eq_ignore_ascii_case(&one.address));
    these.iter().filter(|one| !among(one)).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "From: a@b.example\r\nTo: c@d.example,\r\n e@f.example\r\nSubject: x\r\n\r\nbody\r\n";

    #[test]
    fn a_head_that_can_be_read_in_one_way_passes() {
        assert_eq!(check_head(GOOD.as_bytes()), Ok("\r\n"));
        assert_eq!(check_head(GOOD.replace("\r\n", "\n").as_bytes()), Ok("\n"));
        assert_eq!(check_head(b"From: a@b.example\r\n\r\n\xff\0\r"), Ok("\r\n"));
    }

    #[test]
    fn a_head_that_can_be_read_in_two_ways_is_refused() {
        for (line, words) in [
            ("To: g@h.example", "second time"),
            ("TO: g@h.example", "second time"),
            ("Resent-To: g@h.example", "resent-to"),
            ("Sender: g@h.example", "from"),
            ("Received: from x", "mail.forward"),
            ("Disposition-Notification-To: g@h.example", "readers"),
            ("Auto-Submitted: no", "itself"),
            ("X-Portcullis-Key: k", "itself"),
            ("Bcc : g@h.example", "no header"),
            ("Bcc\u{a0}: g@h.example", "ASCII"),
            ("X-A: b\rBcc: g@h.example", "control"),
            ("X-A: b\nBcc: g@h.example", "ends otherwise"),
            ("X-A: b\0", "control"),
            ("no colon", "no header"),
            (" \t ", "goes on"),
            (": g", "no header"),
        ] {
            let text = GOOD.replacen("Subject", &format!("{line}\r\nSubject"), 1);
            let why = check_head(text.as_bytes()).unwrap_err();
            assert!(why.contains(words), "{line:?}: {why}");
        }
        let long = "x".repeat(LINE);
        let endless = "X-A: b\r\n".repeat(HEAD / 8 + 1);
        for (text, words) in [
            (String::new(), "empty"),
            (format!(" folded\r\n{GOOD}"), "goes on"),
            ("From: a@b.example\r\nTo: c@d.example".to_owned(), "does not end"),
            ("To: c@d.example\r\n\r\n".to_owned(), "From"),
            (format!("X-A: {long}\r\n{GOOD}"), "longer"),
            (endless[..HEAD].to_owned(), "within"),
        ] {
            let why = check_head(text.as_bytes()).unwrap_err();
            assert!(why.contains(words), "{text:.40?}: {why}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_look_at_a_head(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = check_head(&bytes);
        }

        /// Whoever reads line by line finds nothing in a head that passed but what was looked at.
        #[test]
        fn what_passes_has_each_of_its_names_once(
            lines in proptest::collection::vec("(From|To|Bcc|X-A|Resent-Bcc|\r|\n| |:|a@b\\.example){1,6}\r?\n", 0..6)
        ) {
            let text = format!("{}\r\n", lines.concat());
            if check_head(text.as_bytes()).is_ok() {
                let head = text.split("\r\n\r\n").next().unwrap();
                let head = head.split("\n\n").next().unwrap().to_ascii_lowercase();
                for name in ["from:", "to:", "bcc:"] {
                    prop_assert!(head.split(['\r', '\n']).filter(|line| line.starts_with(name)).count() <= 1);
                }
                prop_assert!(!head.split(['\r', '\n']).any(|line| line.starts_with("resent-")));
            }
        }
    }
}
