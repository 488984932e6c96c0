//! What becomes of an answer: JSON, text or an artifact, without the secrets of the connection.

use std::collections::BTreeMap;

use action_api::Artifacts;
use action_api::plan::{Blame, Failure, FailureKind};
use serde_json::Value;

use crate::call::Answer;
use crate::expect::Expected;
use crate::failure::{from_artifacts, with_status};
use crate::fields::{Answered, Keep};
use crate::web::Site;

/// The largest body that goes into a step's output, in bytes; the journal takes 1 MiB in all.
const INLINE: usize = 512 * 1024;
/// How many headers are handed on, and how many bytes of them.
const MOST_HEADERS: usize = 64;
const LONGEST_HEADERS: usize = 16 * 1024;

/// Headers that are about a log-in or a session, and say nothing to a playbook.
const KEPT_BACK: [&str; 7] = [
    "set-cookie",
    "set-cookie2",
    "www-authenticate",
    "authorization",
    "authentication-info",
    "proxy-authenticate",
    "proxy-authentication-info",
];

/// How an answer is wanted.
pub(crate) struct Wanted<'w> {
    pub(crate) action: &'static str,
    pub(crate) keep: Keep,
    pub(crate) expected: Option<Expected>,
    pub(crate) artifacts: &'w dyn Artifacts,
}

/// The output of a step.
pub(crate) fn output(site: &Site, answer: Answer, wanted: &Wanted<'_>) -> Result<Answered, Failure> {
    let media_type = site.hidden.text(&answer.media_type());
    let mut answered = Answered {
        status: answer.status.as_u16(),
        headers: headers(site, &answer),
        size: u64::try_from(answer.body.len()).unwrap_or(u64::MAX),
        json: Value::Null,
        text: None,
        content: None,
        media_type,
    };
    body(site, &answer, wanted, &mut answered).map_err(|failure| match &failure.details {
        Value::Null => with_status(failure, answer.status),
        _ => failure,
    })?;
    Ok(answered)
}

fn body(site: &Site, answer: &Answer, wanted: &Wanted<'_>, into: &mut Answered) -> Result<(), Failure> {
    let small = answer.body.len() <= INLINE;
    let needs_json = wanted.keep == Keep::Json || wanted.expected.is_some();
    let wrong =
        |kind, why: String| Err(Failure::new(kind, Blame::Server, format!("{}: {why}", wanted.action)));
    if !small && (needs_json || wanted.keep == Keep::Text) {
        let size = answer.body.len();
        let why = format!(
            "the answer has {size} bytes, and {INLINE} fit into the output of a step; use `keep: artifact`"
        );
        return wrong(FailureKind::Limit, why);
    }
    if answer.body.is_empty() && wanted.keep == Keep::Auto && wanted.expected.is_none() {
        return Ok(());
    }
    let json_like = is_json(&into.media_type);
    if small && (needs_json || (wanted.keep == Keep::Auto && json_like)) {
        match serde_json::from_slice::<Value>(without_mark(&answer.body)) {
            Ok(value) => {
                let value = site.hidden.value(value);
                if let Some(expected) = &wanted.expected {
                    expected.check(wanted.action, &value)?;
                }
                into.json = value;
                return Ok(());
            }
            Err(error) if needs_json => {
                let (line, column) = (error.line(), error.column());
                let said = site.words(&answer.body);
                let why = format!("the answer is not JSON (line {line}, column {column}); it begins: {said}");
                return wrong(FailureKind::Invalid, why);
            }
            Err(_) => {}
        }
    }
    if small && wanted.keep != Keep::Artifact {
        let text = text(answer, &into.media_type, json_like, wanted.keep == Keep::Text);
        if let Some(text) = text {
            into.text = Some(site.hidden.text(text));
            return Ok(());
        }
        if wanted.keep == Keep::Text {
            let why = "the answer is not text in UTF-8; use `keep: artifact`".to_owned();
            return wrong(FailureKind::Invalid, why);
        }
    }
    if site.hidden.is_in(&answer.body) {
        let why =
            "the answer repeats a secret of the connection, so it is not kept as an artifact".to_owned();
        return wrong(FailureKind::Invalid, why);
    }
    let media_type = if into.media_type.is_empty() { "application/octet-stream" } else { &into.media_type };
    let kept = wanted.artifacts.put(media_type, &mut &answer.body[..]);
    into.content = Some(kept.map_err(|error| from_artifacts(&error))?);
    Ok(())
}

fn headers(site: &Site, answer: &Answer) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut left = LONGEST_HEADERS;
    for (name, value) in &answer.headers {
        let Ok(value) = value.to_str() else { continue };
        if KEPT_BACK.contains(&name.as_str()) || all.len() >= MOST_HEADERS || value.len() > left {
            continue;
        }
        left -= value.len();
        let value = site.hidden.text(value);
        all.entry(name.as_str().to_owned())
            .and_modify(|all: &mut String| {
                all.push_str(", ");
                all.push_str(&value);
            })
            .or_insert(value);
    }
    all
}

fn is_json(media_type: &str) -> bool {
    media_type == "application/json" || media_type == "text/json" || media_type.ends_with("+json")
}

/// The body as text, if that is what it says it is, or is asked for.
fn text<'a>(answer: &'a Answer, media_type: &str, json_like: bool, asked: bool) -> Option<&'a str> {
    let says_so = media_type.starts_with("text/")
        || json_like
        || media_type.is_empty()
        || media_type.ends_with("+xml")
        || matches!(
            media_type,
            "application/xml" | "application/javascript" | "application/x-www-form-urlencoded"
        );
    let text = std::str::from_utf8(without_mark(&answer.body)).ok()?;
    let plain = !text.contains('\0');
    ((says_so || asked) && plain).then_some(text)
}

/// Without the byte order mark that some servers begin with.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}
