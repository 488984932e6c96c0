//! What `mail.send` and `mail.reply` have in common: a draft with our own key, then that draft is sent.
//!
//! Exchange has no idempotent send. So a message is first kept as a draft that carries the step's key, and the
//! draft is sent; sending moves it to Sent Items. After any doubt the key tells what happened: nowhere, nothing
//! was sent; in Drafts, nothing was sent and the same draft is sent now; in Sent Items, it was sent. A second
//! message for one key is never made while the first can be found.
//!
//! Between the moment a message leaves Drafts and the moment it shows in Sent Items a server shows it nowhere. So
//! where neither has it, the probe says "not yet", and is asked again until the time of the wire for that
//! ([`Submit::settle`]) is over. Honest limit: a process that died, and a server that takes longer than that, make two
//! mails; where the process lived, the step ends as unknown instead.

use action_api::plan::{Blame, Effect, Failure, FailureKind, Repeat};
use action_api::{Context, Probe};
use exchange::port::{KeyState, Submit};
use exchange::{Address, BodyText, Error, ErrorKind, Header, ItemRef, Mailbox};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::failure::{from_exchange, invalid};

/// What both actions do to the world.
pub(crate) const EFFECT: Effect = Effect::Notification;
/// What may happen to both after a crash.
pub(crate) const REPEAT: Repeat = Repeat::Verify;
/// How both may fail.
pub(crate) const ERRORS: &[FailureKind] = &[
    FailureKind::Transient,
    FailureKind::Throttled,
    FailureKind::NotFound,
    FailureKind::PermissionDenied,
    FailureKind::Invalid,
    FailureKind::Unknown,
];

/// Output of `mail.send` and `mail.reply`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The id of the copy in Sent Items; null if the server does not show it yet.
    pub(crate) sent_item_id: Option<String>,
    /// The addresses it went to, those of copies included.
    #[schemars(extend("x-untrusted" = true))]
    pub(crate) to: Vec<String>,
    /// Its subject, as far as it is known here.
    #[schemars(extend("x-untrusted" = true))]
    pub(crate) subject: Option<String>,
}

/// Where the message of this step stands.
pub(crate) async fn standing(port: &dyn Submit, mailbox: &Mailbox, key: &str) -> Result<KeyState, Failure> {
    port.find_by_key(mailbox, key).await.map_err(from_exchange)
}

/// What a probe says of a message that was not found in Sent Items: a draft was not sent, and what is nowhere may be
/// on its way.
pub(crate) fn unsent(port: &dyn Submit, found: &KeyState) -> Probe {
    match found {
        KeyState::Draft(_) | KeyState::Sent(_) => Probe::NotDone,
        KeyState::Absent => Probe::NotYet { settle: port.settle() },
    }
}

/// As [`standing`]; the first attempt of a step asks nobody, because nothing can be there.
pub(crate) async fn standing_before(
    port: &dyn Submit,
    mailbox: &Mailbox,
    context: &Context,
) -> Result<KeyState, Failure> {
    if context.attempt > 1 { standing(port, mailbox, &context.key).await } else { Ok(KeyState::Absent) }
}

/// Sends a draft and gives the copy in Sent Items, if the server shows it already.
pub(crate) async fn send_draft(
    port: &dyn Submit,
    mailbox: &Mailbox,
    draft: &ItemRef,
    key: &str,
) -> Result<Option<ItemRef>, Failure> {
    let refused = port.send(mailbox, draft).await.err();
    let vanished = match refused {
        None => false,
        // A draft that is gone was sent by an attempt that was cut off, or somebody deleted it.
        Some(error) if error.kind == ErrorKind::NotFound => true,
        Some(error) => return Err(from_exchange(error)),
    };
    match port.find_by_key(mailbox, key).await {
        Ok(KeyState::Sent(item)) => Ok(Some(item)),
        _ if vanished => Err(Failure::new(
            FailureKind::Unknown,
            Blame::Server,
            format!(
                "the draft in {mailbox} is gone and Sent Items do not show it yet; look there whether it was sent"
            ),
        )),
        // Sent, and not shown yet.
        _ => Ok(None),
    }
}

/// The failure of a draft that could not be made. Whatever happened to it, nothing was sent, and another attempt
/// finds the draft by its key.
pub(crate) fn not_drafted(error: Error) -> Failure {
    let unknown = error.kind == ErrorKind::Unknown;
    let mut failure = from_exchange(error);
    if unknown {
        failure.kind = FailureKind::Transient;
    }
    failure.message = format!("{} (the message was not sent)", failure.message);
    failure
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

/// The marks of [RFC 3834](https://www.rfc-editor.org/rfc/rfc3834#section-5) and of
/// [Exchange](https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxcmail/ced68690-498a-4567-9d14-5c01f974d8b1)
/// that keep machines from answering what a machine wrote.
pub(crate) fn marks(submitted: &str) -> Vec<Header> {
    [("Auto-Submitted", submitted), ("X-Auto-Response-Suppress", "All")]
        .into_iter()
        .map(|(name, value)| Header { name: name.to_owned(), value: value.to_owned() })
        .collect()
}

/// The bare addresses of recipients, each once.
pub(crate) fn bare(lists: &[&[Address]]) -> Vec<String> {
    let mut seen = std::collections::BTreeSet::new();
    lists
        .iter()
        .copied()
        .flatten()
        .map(|recipient| recipient.address.clone())
        .filter(|address| seen.insert(address.to_ascii_lowercase()))
        .collect()
}
