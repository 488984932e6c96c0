//! The mails of the suite. Written here rather than kept as files, so that whoever runs it needs nothing else.

use super::{ALICE, BOB};

/// A mail, and where it belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixtureMail {
    /// The mailbox.
    pub mailbox: &'static str,
    /// The folder, as [`FolderRef::parse`](crate::FolderRef::parse) reads it; made if it is not there.
    pub folder: &'static str,
    /// The MIME form.
    pub raw: Vec<u8>,
}

/// The folder that only searches look into and nothing changes.
pub(super) const QUIET: &str = "Inbox/Conformance";
/// The bytes of the attachment of "With a file": every byte there is.
pub(super) fn attached_bytes() -> Vec<u8> {
    (0..=255).cycle().take(100_003).collect()
}
/// The message inside of "With a message", byte for byte.
pub(super) const INNER: &str = "From: Mallory <mallory@evil.example>\r\nTo: alice@corp.example\r\nSubject: Inner\r\nDate: Mon, 02 Mar 2026 08:00:00 +0000\r\nMessage-ID: <inner@evil.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nTrailing blanks stay:   \r\n\ttabs too.\r\n";
/// Words of the mail that is answered.
pub(super) const QUESTION: &str = "A question?";
/// A subject that would break out of XML, of a query language and of a header.
pub(super) const ODD: &str = "a < b & \"c\" 'd' ]]> OR subject:* \\ %00 é";

/// The mails the suite needs, with where each belongs.
pub fn mails() -> Vec<FixtureMail> {
    let mut mails = quiet();
    let changed = [
        "Move me",
        "Move me too",
        "Trash me",
        "Soft me",
        "Hard me",
        "Batch 1",
        "Batch 2",
        "Batch 3",
        "Mark me",
        "Mark me too",
        "Categorise me",
        "Junk me",
        "Block me",
        "Copy me",
        "Take me along",
    ];
    for (day, subject) in (1..).zip(changed) {
        mails.push(plain(ALICE, "inbox", day, subject, "carol@partner.example", "to be changed"));
    }
    mails.push(plain(BOB, "inbox", 1, "Not yours", "carol@partner.example", "stays"));
    mails.push(with_file());
    mails.push(with_message());
    mails.push(with_three());
    mails.push(to_answer());
    mails
}

fn quiet() -> Vec<FixtureMail> {
    let odd = "=?utf-8?Q?a_<_b_&_\"c\"_'d'_]]>_OR_subject:*_\\_%00_=C3=A9?=";
    let mut mails: Vec<FixtureMail> = (1..=5)
        .map(|day| {
            let subject = format!("Quiet Number {day}");
            plain(
                ALICE,
                QUIET,
                day,
                &subject,
                &format!("Writer{day}@Partner.Example"),
                &format!("Needle{day} here"),
            )
        })
        .collect();
    mails.push(plain(ALICE, QUIET, 6, odd, "odd@partner.example", "odd"));
    mails.push(multipart(QUIET, 7, "Quiet with file", "quiet-file", "Zm9v"));
    mails
}

fn head(day: u8, from: &str, subject: &str, id: &str) -> String {
    format!(
        "Received: from mx.partner.example by mail.corp.example with ESMTPS;\r\n {day:02} Jun 2026 10:00:00 +0000\r\nFrom: The Writer <{from}>\r\nTo: Alice <alice@corp.example>, erin@corp.example\r\nCc: frank@corp.example\r\nSubject: {subject}\r\nDate: {day:02} Jun 2026 09:59:00 +0000\r\nMessage-ID: <{id}@partner.example>\r\nX-Repeat: first\r\nX-Repeat: second\r\nMIME-Version: 1.0\r\n"
    )
}

fn plain(
    mailbox: &'static str,
    folder: &'static str,
    day: u8,
    subject: &str,
    from: &str,
    body: &str,
) -> FixtureMail {
    let letters = |c: &char| c.is_ascii_alphanumeric();
    let id: String = format!("{mailbox}{subject}").chars().filter(letters).collect();
    let head = head(day, from, subject, &id);
    let raw = format!("{head}Content-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n").into_bytes();
    FixtureMail { mailbox, folder, raw }
}

fn multipart(folder: &'static str, day: u8, subject: &str, id: &str, base64: &str) -> FixtureMail {
    let head = head(day, "carol@partner.example", subject, id);
    let raw = format!(
        "{head}Content-Type: multipart/mixed; boundary=\"b1\"\r\n\r\n--b1\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>See <b>file</b></p>\r\n--b1\r\nContent-Type: application/octet-stream; name=\"data.bin\"\r\nContent-Disposition: attachment; filename=\"data.bin\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{base64}\r\n--b1--\r\n"
    );
    FixtureMail { mailbox: ALICE, folder, raw: raw.into_bytes() }
}

fn with_file() -> FixtureMail {
    multipart("inbox", 20, "With a file", "with-file", &base64(&attached_bytes()))
}

fn with_message() -> FixtureMail {
    let head = head(21, "carol@partner.example", "With a message", "with-message");
    let raw = format!(
        "{head}Content-Type: multipart/mixed; boundary=\"b2\"\r\n\r\n--b2\r\nContent-Type: text/plain\r\n\r\nIs this bad?\r\n--b2\r\nContent-Type: message/rfc822\r\nContent-Disposition: attachment\r\n\r\n{INNER}\r\n--b2--\r\n"
    );
    FixtureMail { mailbox: ALICE, folder: "inbox", raw: raw.into_bytes() }
}

/// Three files.
fn with_three() -> FixtureMail {
    let head = head(23, "carol@partner.example", "With three files", "with-three");
    let part = |name: &str, more: &str| {
        format!("--b3\r\nContent-Type: text/plain; name=\"{name}\"\r\n{more}\r\n\r\n{name}\r\n")
    };
    let attached = "Content-Disposition: attachment";
    let raw = format!(
        "{head}Content-Type: multipart/mixed; boundary=\"b3\"\r\n\r\n--b3\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGrüße\r\n{}{}{}--b3--\r\n",
        part("a.txt", attached),
        part("b.txt", attached),
        part("c.txt", attached),
    );
    FixtureMail { mailbox: ALICE, folder: "inbox", raw: raw.into_bytes() }
}

fn to_answer() -> FixtureMail {
    plain(ALICE, "inbox", 22, "Answer me", "bob@corp.example", QUESTION)
}

/// [RFC 4648](https://www.rfc-editor.org/rfc/rfc4648), in lines; written here because this crate needs no other
/// base64.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for (row, chunk) in bytes.chunks(3).enumerate() {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let six = (bits >> (18 - 6 * place) & 0x3f) as usize;
            let letter = ALPHABET.get(six).copied().unwrap_or(b'=');
            out.push(if place <= chunk.len() { char::from(letter) } else { '=' });
        }
        if row % 19 == 18 {
            out.push_str("\r\n");
        }
    }
    out
}
