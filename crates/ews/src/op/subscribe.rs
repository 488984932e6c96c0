//! [Subscribe](https://learn.microsoft.com/exchange/client-developer/web-service-reference/subscribe-operation): to be
//! told what happens in a mailbox, by asking or through a stream. Left out: push, where the server calls back.

use exchange::{Error, ErrorKind, Mailbox};

use crate::affinity::Affinity;
use crate::answer::Message;
use crate::client::EwsClient;
use crate::events::EventKind;
use crate::failure::{Effect, Failure};
use crate::folder::Target;
use crate::folders;
use crate::malformed::Reason;
use crate::object::FolderAt;
use crate::op::Operation;
use crate::xml::{Pull, Reader, Writer};

/// A day: the longest a pull subscription waits to be asked, in minutes.
const LONGEST: u16 = 1_440;

/// What is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    /// Of which folders; of all folders of the mailbox if there are none.
    pub folders: Vec<FolderAt>,
    /// Which kinds of events.
    pub kinds: Vec<EventKind>,
}

impl Watch {
    /// New mail in one folder.
    pub fn new_mail(folder: impl Into<FolderAt>) -> Self {
        Watch { folders: vec![folder.into()], kinds: vec![EventKind::NewMail] }
    }
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subscription {
    /// Its id.
    pub id: String,
    /// Where its events begin; a streaming one has none.
    pub watermark: Option<String>,
}

/// How events are got.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Delivery<'a> {
    Pull { minutes: u16, watermark: Option<&'a str> },
    Streaming,
}

/// A subscription to be made.
pub(crate) struct Subscribe<'a> {
    pub(crate) folders: &'a [Target],
    pub(crate) kinds: &'a [EventKind],
    pub(crate) delivery: Delivery<'a>,
    /// A subscription on whose server this one is to be.
    pub(crate) beside: Option<&'a str>,
}

impl Operation for Subscribe<'_> {
    const NAME: &'static str = "Subscribe";
    const ANSWER: &'static str = "SubscribeResponse";
    /// A subscription that nobody knows of costs nothing but a place, and goes away by itself.
    const EFFECT: Effect = Effect::Reads;
    type Output = Subscription;

    fn affinity(&self) -> Affinity<'_> {
        Affinity::New(self.beside)
    }

    fn write(&self, out: &mut Writer) {
        let request = match self.delivery {
            Delivery::Pull { .. } => "m:PullSubscriptionRequest",
            Delivery::Streaming => "m:StreamingSubscriptionRequest",
        };
        out.open("m:Subscribe", &[]);
        if self.folders.is_empty() {
            out.open(request, &[("SubscribeToAllFolders", "true")]);
        } else {
            out.open(request, &[]);
            folders::write_ids(out, "t:FolderIds", self.folders);
        }
        out.open("t:EventTypes", &[]);
        for kind in self.kinds {
            out.word("t:EventType", kind.as_str());
        }
        out.close("t:EventTypes");
        if let Delivery::Pull { minutes, watermark } = self.delivery {
            if let Some(watermark) = watermark {
                out.exact("t:Watermark", watermark);
            }
            out.word("t:Timeout", &minutes.to_string());
        }
        out.close(request);
        out.close("m:Subscribe");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Subscription, Failure> {
        let mut found = None;
        while reader.child().await? {
            if found.is_some() {
                return Err(reader.error(Reason::Count { asked: 1, got: 2 }));
            }
            let mut message = Message::begin(reader);
            let (mut id, mut watermark) = (None, None);
            while reader.child().await? {
                match reader.name() {
                    b"SubscriptionId" => id = Some(reader.text().await?).filter(|id| !id.is_empty()),
                    b"Watermark" => watermark = Some(reader.text().await?),
                    _ => message.other(reader).await?,
                }
            }
            message.finish(Self::NAME, Self::EFFECT)?;
            let id = id.ok_or_else(|| reader.error(Reason::Missing("SubscriptionId")))?;
            found = Some(Subscription { id, watermark });
        }
        found.ok_or_else(|| reader.error(Reason::Missing("SubscriptionId")))
    }
}

impl EwsClient {
    /// Subscribes to what happens, to be asked for with [`EwsClient::get_events`] at least every `minutes` (1 to 1,440),
    /// or the subscription is gone. With a watermark of an earlier one it goes on where that was.
    ///
    /// # Errors
    /// Where a folder is not there, the time or the kinds are none, or the request fails.
    pub async fn subscribe_pull(
        &self,
        mailbox: &Mailbox,
        watch: &Watch,
        minutes: u16,
        watermark: Option<&str>,
    ) -> Result<Subscription, Error> {
        if !(1..=LONGEST).contains(&minutes) {
            return Err(wrong(mailbox, "a pull subscription waits for 1 to 1,440 minutes"));
        }
        self.subscribe(mailbox, watch, Delivery::Pull { minutes, watermark }, None).await
    }

    /// Subscribes to what happens, to be listened to with [`EwsClient::stream_events`].
    ///
    /// # Errors
    /// Where a folder is not there, the kinds are none, or the request fails.
    pub async fn subscribe_streaming(&self, mailbox: &Mailbox, watch: &Watch) -> Result<Subscription, Error> {
        self.subscribe(mailbox, watch, Delivery::Streaming, None).await
    }

    /// The same on the server of another subscription, so that one stream can carry both. Servers want that of the
    /// mailboxes of one group only, see [`Discovered::grouping_information`](crate::Discovered::grouping_information).
    ///
    /// # Errors
    /// As [`EwsClient::subscribe_streaming`].
    pub async fn subscribe_streaming_beside(
        &self,
        mailbox: &Mailbox,
        watch: &Watch,
        other: &Subscription,
    ) -> Result<Subscription, Error> {
        self.subscribe(mailbox, watch, Delivery::Streaming, Some(&other.id)).await
    }

    async fn subscribe(
        &self,
        mailbox: &Mailbox,
        watch: &Watch,
        delivery: Delivery<'_>,
        beside: Option<&str>,
    ) -> Result<Subscription, Error> {
        if watch.kinds.is_empty() || watch.kinds.contains(&EventKind::Status) {
            let words = "name the kinds of events to be told; a sign of life is not one, it comes unasked";
            return Err(wrong(mailbox, words));
        }
        let mut folders = Vec::with_capacity(watch.folders.len());
        for folder in &watch.folders {
            folders.push(self.target_at(mailbox, folder).await?);
        }
        let operation = Subscribe { folders: &folders, kinds: &watch.kinds, delivery, beside };
        let (made, heard) = self.call_hearing(mailbox, operation).await?;
        self.affinities().keep(&made.id, beside, &heard.anchor, heard.cookies);
        Ok(made)
    }
}

fn wrong(mailbox: &Mailbox, words: &str) -> Error {
    Error::new(ErrorKind::Invalid, format!("Subscribe at {mailbox}: {words}"))
}
