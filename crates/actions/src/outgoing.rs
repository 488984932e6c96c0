//! What everything that sends has in common: a draft with our own key, what hangs on it, and then that draft is sent.
//!
//! Exchange has no idempotent send. So a message is first kept as a draft that carries the step's key, and the
//! draft is sent; sending moves it to Sent Items. After any doubt the key tells what happened: nowhere, nothing
//! was sent; in Drafts, nothing was sent and the same draft is sent now; in Sent Items, it was sent. A second
//! message for one key is never made while the first can be found. What hangs on a draft is listed before more is hung
//! there, so that nothing is attached twice. A message that is to leave no copy among the sent ones leaves it in
//! Deleted Items, because without any copy nobody could tell.
//!
//! Between the moment a message leaves Drafts and the moment it shows in Sent Items a server shows it nowhere. So
//! where neither has it, the probe says "not yet", and is asked again until the time of the wire for that
//! ([`Submit::settle`]) is over. Honest limit: a process that died, and a server that takes longer than that, make two
//! mails; where the process lived, the step ends as unknown instead.

use std::future::Future;

use action_api::plan::{Blame, Effect, Failure, FailureKind, Repeat};
use action_api::{Context, Probe};
use exchange::port::{Drafts, KeyState, Submit};
use exchange::{
    Address, Draft, DraftContent, Error, ErrorKind, ItemRef, Mailbox, MimeDraft, NewAttachment, Ports,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::enclosure::hangs;
use crate::failure::{done, from_exchange, need};

/// What sending does to the world.
pub(crate) const EFFECT: Effect = Effect::Notification;
/// What may happen to it after a crash.
pub(crate) const REPEAT: Repeat = Repeat::Verify;
/// How it may fail.
pub(crate) const ERRORS: &[FailureKind] = &[
    FailureKind::Transient,
    FailureKind::Throttled,
    FailureKind::NotFound,
    FailureKind::PermissionDenied,
    FailureKind::Invalid,
    FailureKind::Limit,
    FailureKind::Unknown,
];

/// Output of whatever sends a message.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The `Message-ID` header, by which answers name it; null if the server does not show it yet.
    #[schemars(extend("x-untrusted" = true))]
    pub(crate) internet_message_id: Option<String>,
    /// The id of the copy in Sent Items (with `save_copy: false`, in Deleted Items); null if the server does not show
    /// it yet.
    pub(crate) sent_item_id: Option<String>,
    /// The addresses it went to, those of copies included.
    #[schemars(extend("x-untrusted" = true))]
    pub(crate) to: Vec<String>,
    /// Its subject, as far as it is known here.
    #[schemars(extend("x-untrusted" = true))]
    pub(crate) subject: Option<String>,
}

impl Output {
    /// What is known before the server said anything.
    pub(crate) fn planned(draft: &Draft) -> Self {
        Output {
            internet_message_id: None,
            sent_item_id: None,
            to: bare(&[&draft.to, &draft.cc, &draft.bcc]),
            subject: draft.subject.clone(),
        }
    }

    /// What the server says.
    pub(crate) fn of(content: DraftContent) -> Self {
        Output {
            internet_message_id: content.internet_message_id,
            sent_item_id: None,
            to: bare(&[&content.to, &content.cc, &content.bcc]),
            subject: content.subject,
        }
    }
}

/// The way of one message out of one mailbox.
#[derive(Clone, Copy)]
pub(crate) struct Way<'a> {
    submit: &'a dyn Submit,
    drafts: &'a dyn Drafts,
    mailbox: &'a Mailbox,
    key: &'a str,
    attempt: u32,
}

impl<'a> Way<'a> {
    /// The way of the message of a step.
    pub(crate) fn new(
        ports: &'a Ports,
        action: &str,
        mailbox: &'a Mailbox,
        context: &'a Context,
    ) -> Result<Self, Failure> {
        Ok(Way {
            submit: need(&ports.submit, action, "submit")?,
            drafts: need(&ports.drafts, action, "drafts")?,
            mailbox,
            key: &context.key,
            attempt: context.attempt,
        })
    }

    /// The port drafts are worked on through.
    pub(crate) fn drafts(&self) -> &'a dyn Drafts {
        self.drafts
    }

    /// Keeps a new message as a draft.
    pub(crate) async fn draft(&self, draft: &Draft) -> Result<ItemRef, Failure> {
        self.submit.create_draft(self.mailbox, draft).await.map_err(not_drafted)
    }

    /// Keeps a whole message as a draft.
    pub(crate) async fn mime(&self, draft: &MimeDraft) -> Result<ItemRef, Failure> {
        self.drafts.create_from_mime(self.mailbox, draft).await.map_err(not_drafted)
    }

    /// Keeps an answer as a draft.
    pub(crate) async fn answer(&self, item: &ItemRef, draft: &Draft, all: bool) -> Result<ItemRef, Failure> {
        self.submit.create_reply(self.mailbox, item, draft, all).await.map_err(not_drafted)
    }

    /// Where the message of this step stands.
    pub(crate) async fn standing(&self) -> Result<KeyState, Failure> {
        match self.submit.find_by_key(self.mailbox, self.key).await.map_err(from_exchange)? {
            KeyState::Absent => {
                let unfiled =
                    self.drafts.find_unfiled(self.mailbox, self.key).await.map_err(from_exchange)?;
                Ok(unfiled.map_or(KeyState::Absent, KeyState::Sent))
            }
            found => Ok(found),
        }
    }

    /// As [`Way::standing`]; the first attempt of a step asks nobody, because nothing can be there.
    pub(crate) async fn standing_before(&self) -> Result<KeyState, Failure> {
        if self.attempt > 1 { self.standing().await } else { Ok(KeyState::Absent) }
    }

    /// The draft of this step with everything that is to hang on it; `make` makes it unless an earlier attempt did. Or
    /// the message, if an earlier attempt sent it.
    pub(crate) async fn prepared(
        &self,
        make: impl Future<Output = Result<ItemRef, Failure>> + Send,
        attachments: &[NewAttachment],
    ) -> Result<KeyState, Failure> {
        let (mut draft, there) = match self.standing_before().await? {
            KeyState::Sent(item) => return Ok(KeyState::Sent(item)),
            KeyState::Draft(item) if attachments.is_empty() => (item, Vec::new()),
            KeyState::Draft(item) => {
                let content = self.drafts.draft(self.mailbox, &item).await.map_err(from_exchange)?;
                (item, content.attachments)
            }
            // What an answer brings along is not one of ours: the names were compared before.
            KeyState::Absent => (make.await?, Vec::new()),
        };
        for attachment in attachments.iter().filter(|attachment| !hangs(&there, attachment)) {
            draft = self.drafts.attach(self.mailbox, &draft, attachment).await.map_err(not_drafted)?;
        }
        Ok(KeyState::Draft(draft))
    }

    /// Sends a draft and gives its copy, if the server shows it already.
    pub(crate) async fn send(&self, draft: &ItemRef, save_copy: bool) -> Result<Option<ItemRef>, Failure> {
        let sent = if save_copy {
            self.submit.send(self.mailbox, draft)
        } else {
            self.drafts.send_unfiled(self.mailbox, draft)
        };
        let vanished = match sent.await.err() {
            None => false,
            // A draft that is gone was sent by an attempt that was cut off, or somebody deleted it.
            Some(error) if error.kind == ErrorKind::NotFound => true,
            Some(error) => return Err(from_exchange(error)),
        };
        match self.standing().await {
            Ok(KeyState::Sent(item)) => Ok(Some(item)),
            _ if vanished => Err(self.vanished()),
            // Sent, and not shown yet.
            _ => Ok(None),
        }
    }

    /// The failure of a draft that is gone, and nobody knows where.
    pub(crate) fn vanished(&self) -> Failure {
        Failure::new(
            FailureKind::Unknown,
            Blame::Server,
            format!(
                "the draft in {} is gone and Sent Items do not show it yet; look there whether it was sent",
                self.mailbox
            ),
        )
    }

    /// What the copy says about itself; `known` of a copy that is not shown yet. The message is out already, so one
    /// that cannot be read is no failure.
    pub(crate) async fn told(&self, sent: Option<ItemRef>, known: Output) -> Output {
        let Some(item) = sent else { return known };
        let said = match self.drafts.draft(self.mailbox, &item).await {
            Ok(content) => Output::of(content),
            Err(_) => known,
        };
        Output { sent_item_id: Some(item.id), ..said }
    }

    /// Sends what was prepared. `known` of an answer, whose recipients only the draft tells, is read from the draft.
    pub(crate) async fn deliver(
        &self,
        prepared: KeyState,
        known: Output,
        save_copy: bool,
        read_first: bool,
    ) -> Result<Output, Failure> {
        let draft = match prepared {
            KeyState::Sent(item) => return Ok(self.told(Some(item), known).await),
            KeyState::Draft(item) => item,
            KeyState::Absent => return Err(self.vanished()),
        };
        let known = match read_first {
            true => self.drafts.draft(self.mailbox, &draft).await.map_or(known, Output::of),
            false => known,
        };
        let sent = self.send(&draft, save_copy).await?;
        Ok(self.told(sent, known).await)
    }

    /// What a probe says.
    pub(crate) async fn probe(&self, known: Output) -> Result<Probe, Failure> {
        match self.standing().await? {
            KeyState::Sent(item) => done(&self.told(Some(item), known).await),
            // A draft was not sent, and what is nowhere may be on its way.
            KeyState::Draft(_) => Ok(Probe::NotDone),
            KeyState::Absent => Ok(self.not_shown()),
        }
    }

    /// What a probe says of a message that may be on its way.
    pub(crate) fn not_shown(&self) -> Probe {
        Probe::NotYet { settle: self.submit.settle() }
    }
}

/// The failure of a draft that could not be made, or on which nothing could be hung. Whatever happened to it, nothing
/// was sent, and another attempt finds the draft by its key and what hangs on it by its names.
pub(crate) fn not_drafted(error: Error) -> Failure {
    let unknown = error.kind == ErrorKind::Unknown;
    let mut failure = from_exchange(error);
    if unknown {
        failure.kind = FailureKind::Transient;
    }
    failure.message = format!("{} (the message was not sent)", failure.message);
    failure
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
