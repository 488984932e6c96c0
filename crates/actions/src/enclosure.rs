//! What is attached to a message: artifacts of the run, each under a name that is safe to save.
//!
//! Before anything is made the store is asked for each of them, so that a message does not end as half a draft because
//! an artifact is not there. The bytes stay in the store until the request that carries them is written. Names are made
//! safe rather than refused, because most of them come from somebody else's mail; equal names get a number, by which
//! what hangs on a draft already is told from what is still missing after a crash.

use std::io::{self, Read};
use std::sync::Arc;

use action_api::plan::{Artifact, Digest, Failure};
use action_api::{Artifacts, Context};
use exchange::{AttachmentInfo, AttachmentKind, Content, NewAttachment};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::failure::{from_artifacts, invalid, too_large};

/// The longest name, in characters.
const LONGEST: usize = 120;
/// What is said of bytes nothing is known of.
const UNKNOWN: &str = "application/octet-stream";

/// Something to be attached.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults)]
pub(crate) struct Enclosure {
    /// The bytes, as another step gave them.
    #[schemars(schema_with = "crate::artifact::schema")]
    content: Artifact,
    /// The file name that recipients see. What cannot be in a file name becomes `_`, and a name that is there already
    /// gets a number.
    #[schemars(length(max = 1000))]
    name: String,
    /// Media type; without it that of the artifact.
    #[serde(default)]
    #[schemars(with = "String", regex(pattern = MEDIA_TYPE))]
    media_type: Option<String>,
    /// Shows it inside an HTML body that names it: `<img src="cid:logo">` shows what has the content id `logo`.
    #[serde(default)]
    #[schemars(with = "String", regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$"))]
    content_id: Option<String>,
}

/// [RFC 6838](https://www.rfc-editor.org/rfc/rfc6838#section-4.2), without parameters.
const MEDIA_TYPE: &str = r"^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$";

/// How much may be attached unless a step says more, in bytes.
pub(crate) fn size_limit() -> u64 {
    25 * 1024 * 1024
}

/// Bytes in the run's store.
struct Stored {
    artifacts: Arc<dyn Artifacts>,
    digest: Digest,
}

impl Content for Stored {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        self.artifacts.open(&self.digest).map_err(|error| io::Error::other(error.to_string()))
    }
}

/// An artifact as something to be attached.
pub(crate) fn attachment(context: &Context, artifact: &Artifact, name: String) -> NewAttachment {
    NewAttachment {
        name,
        media_type: Some(artifact.media_type.clone()).filter(|kind| is_media_type(kind)),
        content_id: None,
        kind: AttachmentKind::File,
        size: artifact.size,
        content: Arc::new(Stored { artifacts: Arc::clone(&context.artifacts), digest: artifact.artifact }),
    }
}

/// What is to be attached, after the store was asked for all of it. Together at most `most` bytes.
pub(crate) fn ready(
    context: &Context,
    enclosures: &[Enclosure],
    most: u64,
) -> Result<Vec<NewAttachment>, Failure> {
    let total = enclosures.iter().fold(0_u64, |sum, one| sum.saturating_add(one.content.size));
    if total > most {
        return Err(too_large("what is to be attached", most));
    }
    let mut all: Vec<NewAttachment> = Vec::with_capacity(enclosures.len());
    for (number, one) in (1..).zip(enclosures) {
        let name = safe(&one.name);
        if let Err(error) = context.artifacts.open(&one.content.artifact) {
            let mut failure = from_artifacts(&error);
            failure.message =
                format!("attachment {number}, \"{name}\": {} (nothing was sent)", failure.message);
            return Err(failure);
        }
        let made = attachment(context, &one.content, numbered(&name, &all));
        let media_type = one.media_type.clone().or(made.media_type).unwrap_or_else(|| UNKNOWN.to_owned());
        if one.content_id.is_some() && all.iter().any(|other| other.content_id == one.content_id) {
            return Err(invalid(format!("attachment {number}, \"{name}\": its content id is given twice")));
        }
        all.push(NewAttachment { media_type: Some(media_type), content_id: one.content_id.clone(), ..made });
    }
    Ok(all)
}

/// Whether this hangs there already. A message has no other name than its subject, and at most one is attached.
pub(crate) fn hangs(there: &[AttachmentInfo], wanted: &NewAttachment) -> bool {
    there.iter().any(|info| {
        info.kind == wanted.kind
            && (info.kind == AttachmentKind::Item || info.name.as_deref() == Some(&wanted.name))
    })
}

/// Refuses names that the attachments of an original have: after a crash nobody could tell which of the two is there.
pub(crate) fn distinct(
    action: &str,
    original: &[AttachmentInfo],
    wanted: &[NewAttachment],
) -> Result<(), Failure> {
    match wanted.iter().find(|one| hangs(original, one)) {
        None => Ok(()),
        Some(one) => Err(invalid(format!(
            "{action}: the message has an attachment called \"{}\" already; give yours another name",
            one.name
        ))),
    }
}

fn is_media_type(text: &str) -> bool {
    let part = |part: &str| {
        part.len() <= 127
            && part.starts_with(|letter: char| letter.is_ascii_alphanumeric())
            && part.chars().all(|letter| letter.is_ascii_alphanumeric() || "!#$&^_.+-".contains(letter))
    };
    text.split_once('/').is_some_and(|(kind, sub)| part(kind) && part(sub))
}

/// A name without what separates folders or means something to a shell or a file system; the end of a long one, which
/// says what it is, stays.
pub(crate) fn safe(name: &str) -> String {
    let kept: String = name
        .chars()
        .map(|letter| match letter {
            '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
            // They turn the direction of what follows, and `exe.fdp` reads like a document.
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '_',
            letter if letter.is_control() => '_',
            letter => letter,
        })
        .collect();
    let trimmed = kept.trim_matches(|letter: char| letter.is_whitespace() || letter == '.');
    let length = trimmed.chars().count();
    let short: String = match trimmed.rsplit_once('.') {
        Some((stem, end)) if length > LONGEST && end.chars().count() <= 16 => {
            let room = LONGEST.saturating_sub(end.chars().count() + 1);
            let stem: String = stem.chars().take(room).collect();
            format!("{stem}.{end}")
        }
        _ => trimmed.chars().take(LONGEST).collect(),
    };
    if short.is_empty() { "unnamed".to_owned() } else { short }
}

/// The name, with a number before its end if it is taken.
fn numbered(name: &str, taken: &[NewAttachment]) -> String {
    let free = |name: &str| !taken.iter().any(|one| one.name.eq_ignore_ascii_case(name));
    let (stem, end) = match name.rsplit_once('.') {
        Some((stem, end)) => (stem, format!(".{end}")),
        None => (name, String::new()),
    };
    let others = (2_u32..).map(|number| format!("{stem} ({number}){end}"));
    std::iter::once(name.to_owned()).chain(others).find(|name| free(name)).unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_that_can_be_saved() {
        for (given, kept) in [
            ("report.pdf", "report.pdf"),
            ("../../etc/passwd", "_.._etc_passwd"),
            ("C:\\run\\me.exe", "C__run_me.exe"),
            ("a\"b<c>|d?.txt", "a_b_c__d_.txt"),
            ("Übersicht 2026.xlsx", "Übersicht 2026.xlsx"),
            ("invoice\u{202e}fdp.exe", "invoice_fdp.exe"),
            (" . ", "unnamed"),
            ("a\u{9}b", "a_b"),
        ] {
            assert_eq!(safe(given), kept);
        }
        let long = format!("{}.docx", "ä".repeat(400));
        assert_eq!(safe(&long).chars().count(), LONGEST);
        assert!(safe(&long).ends_with("ä.docx"));
    }

    #[test]
    fn a_media_type_is_one_or_nothing() {
        for good in ["text/plain", "application/vnd.ms-excel", "image/svg+xml"] {
            assert!(is_media_type(good), "{good}");
        }
        for bad in
            ["", "text", "text/", "/plain", "text/plain; charset=x", "a/b/c", "text/pl\r\nX: y", "täxt/plain"]
        {
            assert!(!is_media_type(bad), "{bad:?}");
        }
    }
}
