//! What messages are written from: bodies, importance, extra headers.
//!
//! Every message of ours is marked as automatic, so that no machine answers it. Left out: whole messages in MIME form
//! ([`crate::raw`]).

use action_api::plan::Failure;
use exchange::restriction::Importance as Said;
use exchange::{BodyText, Header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::failure::invalid;
use crate::input::Line;

/// How important a message says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(crate) enum Importance {
    /// Low.
    Low,
    /// Neither.
    Normal,
    /// High.
    High,
}

impl Importance {
    /// As a port takes it.
    pub(crate) fn said(self) -> Said {
        match self {
            Importance::Low => Said::Low,
            Importance::Normal => Said::Normal,
            Importance::High => Said::High,
        }
    }
}

impl From<Said> for Importance {
    fn from(said: Said) -> Self {
        match said {
            Said::Low => Importance::Low,
            Said::Normal => Importance::Normal,
            Said::High => Importance::High,
        }
    }
}

/// An extra header.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Extra {
    /// Begins with `X-`. Names that begin with `X-Portcullis-` or `X-Auto-Response-` are ours.
    #[schemars(regex(pattern = r"^[Xx]-[A-Za-z0-9-]{1,60}$"), extend("x-guard" = "header"))]
    name: String,
    /// One line.
    #[schemars(extend("x-guard" = "header"))]
    value: Line,
}

/// The headers of a message: our marks and those asked for.
pub(crate) fn headers(action: &str, mut marks: Vec<Header>, extra: &[Extra]) -> Result<Vec<Header>, Failure> {
    for Extra { name, value } in extra {
        let lower = name.to_ascii_lowercase();
        let ours = lower.starts_with("x-portcullis-") || lower.starts_with("x-auto-response-");
        if ours || marks.iter().any(|header| header.name.eq_ignore_ascii_case(name)) {
            return Err(invalid(format!("{action} writes the header {name} itself, or it is given twice")));
        }
        marks.push(Header { name: name.clone(), value: value.as_str().to_owned() });
    }
    Ok(marks)
}

/// The marks of [RFC 3834](https://www.rfc-editor.org/rfc/rfc3834#section-5) and of
/// [Exchange](https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxcmail/ced68690-498a-4567-9d14-5c01f974d8b1)
/// that keep machines from answering what a machine wrote.
pub(crate) fn marks(submitted: &str) -> Vec<Header> {
    [("Auto-Submitted", submitted), ("X-Auto-Response-Suppress", "All")]
        .into_iter()
        .map(|(name, value)| Header { name: name.to_owned(), value: value.to_owned() })
        .collect()
}

/// The body out of `text` and `html`, and the same as plain text beside it if both are given.
pub(crate) fn bodies(
    action: &str,
    text: Option<String>,
    html: Option<String>,
) -> Result<(BodyText, Option<String>), Failure> {
    match (text, html) {
        (Some(text), None) => Ok((BodyText::Text(text), None)),
        (plain, Some(html)) => Ok((BodyText::Html(html), plain)),
        (None, None) => Err(invalid(format!("{action} needs a body: give `text`, `html` or both"))),
    }
}

/// The body out of `text` and `html`, of which exactly one must be given.
pub(crate) fn body(action: &str, text: Option<String>, html: Option<String>) -> Result<BodyText, Failure> {
    match (text, html) {
        (Some(text), None) => Ok(BodyText::Text(text)),
        (None, Some(html)) => Ok(BodyText::Html(html)),
        (None, None) => Err(invalid(format!("{action} needs a body: give `text` or `html`"))),
        (Some(_), Some(_)) => {
            Err(invalid(format!("{action} takes one body: give `text` or `html`, not both")))
        }
    }
}
