//! [GetStreamingEvents](https://learn.microsoft.com/exchange/client-developer/web-service-reference/getstreamingevents-operation):
//! opens the stream through which notifications come.

use std::time::Duration;

use exchange::{Error, ErrorKind, Mailbox};

use crate::affinity::Affinity;
use crate::answer::{self, Expected};
use crate::client::EwsClient;
use crate::events::EventStream;
use crate::failure::{Effect, Failure};
use crate::op::Operation;
use crate::xml::{Pull, Reader, Writer};

/// The most subscriptions one stream follows.
const MOST: usize = 200;
/// The longest a stream is open, in minutes.
const LONGEST: u8 = 30;

/// A stream to be opened.
pub(crate) struct GetStreamingEvents<'a> {
    pub(crate) subscriptions: &'a [String],
    pub(crate) minutes: u8,
}

impl GetStreamingEvents<'_> {
    /// Steps into an envelope after the first.
    pub(crate) async fn open<P: Pull>(reader: &mut Reader<P>) -> Result<(), Failure> {
        let expected = Expected { name: Self::ANSWER, bare: Self::BARE };
        answer::open(reader, expected, Self::NAME, Self::EFFECT, &mut None).await
    }
}

impl Operation for GetStreamingEvents<'_> {
    const NAME: &'static str = "GetStreamingEvents";
    const ANSWER: &'static str = "GetStreamingEventsResponse";
    const EFFECT: Effect = Effect::Reads;
    /// Nothing is read as a whole: the stream reads on from where the first envelope begins.
    type Output = ();

    /// A minute more than the server was asked for, so that it is the one to end it.
    fn lasts(&self) -> Option<Duration> {
        Some(Duration::from_secs(60 * (u64::from(self.minutes) + 1)))
    }

    /// They are all on one server: see [`EwsClient::subscribe_streaming_beside`].
    fn affinity(&self) -> Affinity<'_> {
        self.subscriptions.first().map_or(Affinity::None, |first| Affinity::On(first))
    }

    fn write(&self, out: &mut Writer) {
        out.open("m:GetStreamingEvents", &[]);
        out.open("m:SubscriptionIds", &[]);
        for id in self.subscriptions {
            out.exact("t:SubscriptionId", id);
        }
        out.close("m:SubscriptionIds");
        out.word("m:ConnectionTimeout", &self.minutes.to_string());
        out.close("m:GetStreamingEvents");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<(), Failure> {
        while reader.child().await? {
            reader.skip().await?;
        }
        Ok(())
    }
}

impl EwsClient {
    /// Opens a stream of the events of some streaming subscriptions at one mailbox, for 1 to 30 minutes. It is read as it
    /// comes. A service that limits the time of an answer has to let this one go on ([`Nature::lasts`](crate::Nature)).
    /// Nothing here has a clock: put a time limit around [`EventStream::next`], as a server says every 45 seconds or so
    /// that it is still there.
    ///
    /// # Errors
    /// Where there are no subscriptions or more than 200, the time is none, or the request fails.
    pub async fn stream_events(
        &self,
        mailbox: &Mailbox,
        subscriptions: &[String],
        minutes: u8,
    ) -> Result<EventStream, Error> {
        let wrong = if !(1..=LONGEST).contains(&minutes) {
            Some(format!("a stream is open for 1 to {LONGEST} minutes"))
        } else if subscriptions.is_empty() || subscriptions.len() > MOST {
            Some(format!("a stream follows 1 to {MOST} subscriptions"))
        } else {
            None
        };
        if let Some(wrong) = wrong {
            let words = format!("GetStreamingEvents at {mailbox}: {wrong}");
            return Err(Error::new(ErrorKind::Invalid, words));
        }
        let operation = GetStreamingEvents { subscriptions, minutes };
        let (reader, id, _) = self.begin(mailbox, operation).await?;
        Ok(EventStream::new(reader, id, mailbox.clone()))
    }
}
