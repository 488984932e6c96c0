//! What the actions on automatic replies have in common: how the settings are shown, and when two replies say the same.

use exchange::{OofAudience, OofState, OutOfOffice};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::input::Time;

/// The automatic replies of a mailbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Replies {
    /// `disabled`, `enabled`, or `scheduled`: sent between `start` and `end`.
    pub(crate) state: OofState,
    /// Who outside of the organisation gets one: `none`, `known` (contacts of the mailbox) or `all`.
    pub(crate) audience: OofAudience,
    /// From when, RFC 3339 in UTC; null if there is no time.
    pub(crate) start: Option<Time>,
    /// Until when, RFC 3339 in UTC; null if there is no time.
    pub(crate) end: Option<Time>,
    /// What people inside get, HTML or plain text. Whoever controls the mailbox wrote it.
    #[schemars(extend("x-untrusted" = true))]
    pub(crate) internal_reply: String,
    /// What people outside get, HTML or plain text. Whoever controls the mailbox wrote it.
    #[schemars(extend("x-untrusted" = true))]
    pub(crate) external_reply: String,
}

impl From<OutOfOffice> for Replies {
    fn from(settings: OutOfOffice) -> Self {
        let (start, end) = settings.duration.unzip();
        Replies {
            state: settings.state,
            audience: settings.audience,
            start: start.map(Time::from),
            end: end.map(Time::from),
            internal_reply: settings.internal_reply,
            external_reply: settings.external_reply,
        }
    }
}

/// Whether two replies say the same to who reads them: the same letters, whatever the markup and the spaces. A server
/// puts HTML around plain text and writes HTML anew.
pub(crate) fn same_words(a: &str, b: &str) -> bool {
    a == b || words(a) == words(b)
}

/// The letters a person sees.
fn words(text: &str) -> String {
    let text = text.replace("\r", "");
    // A server may add a head, of which nothing is seen.
    let body = text.find("<body").and_then(|at| text.get(at..)).unwrap_or(&text);
    let mut seen = String::new();
    let mut rest = body;
    while let Some((before, tag)) = rest.split_once('<') {
        seen.push_str(before);
        rest = tag.split_once('>').map_or("", |(_, after)| after);
    }
    seen.push_str(rest);
    let pairs =
        [("&nbsp;", " "), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    let plain = pairs.iter().fold(seen, |seen, (from, to)| seen.replace(from, to));
    plain.chars().filter(|letter| !letter.is_whitespace()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_spaces_make_no_other_reply() {
        let ours = "This account was misused.\r\nDo not \"click\" & do not pay.";
        let theirs = "<html xmlns=\"x\"><head><style>p { margin: 0 }</style></head>\r\n<body><div>This account was \
                      misused.<br>\r\nDo not &quot;click&quot; &amp; do not&nbsp;pay.</div>\r\n</body></html>\r\n";
        assert!(same_words(ours, theirs) && same_words(theirs, ours));
        assert!(!same_words(ours, "We have a new bank account."));
        assert!(!same_words(ours, "") && same_words("", "<html><body></body></html>"));
        assert!(same_words("", " <br "), "a tag that does not end shows nothing");
    }
}
