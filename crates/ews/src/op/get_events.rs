//! [GetEvents](https://learn.microsoft.com/exchange/client-developer/web-service-reference/getevents-operation): what
//! happened since a watermark.

use exchange::{Error, Mailbox};

use crate::affinity::Affinity;
use crate::answer::Message;
use crate::client::EwsClient;
use crate::events::Notification;
use crate::failure::{Effect, Failure};
use crate::malformed::Reason;
use crate::op::Operation;
use crate::xml::{Pull, Reader, Writer};

/// A look at what happened.
pub(crate) struct GetEvents<'a> {
    pub(crate) subscription: &'a str,
    pub(crate) watermark: &'a str,
}

impl Operation for GetEvents<'_> {
    const NAME: &'static str = "GetEvents";
    const ANSWER: &'static str = "GetEventsResponse";
    const EFFECT: Effect = Effect::Reads;
    type Output = Notification;

    fn affinity(&self) -> Affinity<'_> {
        Affinity::On(self.subscription)
    }

    fn write(&self, out: &mut Writer) {
        out.open("m:GetEvents", &[]);
        out.exact("m:SubscriptionId", self.subscription);
        out.exact("m:Watermark", self.watermark);
        out.close("m:GetEvents");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Notification, Failure> {
        let mut found = None;
        while reader.child().await? {
            if found.is_some() {
                return Err(reader.error(Reason::Count { asked: 1, got: 2 }));
            }
            let mut message = Message::begin(reader);
            let mut notification = None;
            while reader.child().await? {
                match reader.name() {
                    b"Notification" => notification = Some(Notification::read(reader).await?),
                    _ => message.other(reader).await?,
                }
            }
            message.finish(Self::NAME, Self::EFFECT)?;
            found = notification;
        }
        found.ok_or_else(|| reader.error(Reason::Missing("Notification")))
    }
}

impl EwsClient {
    /// What happened since a watermark, and keeps the subscription alive. Nothing is lost if the answer is: the same
    /// watermark gives the same events again. Go on with [`Notification::watermark`].
    ///
    /// # Errors
    /// Where the server knows neither the subscription nor the watermark, or the request fails.
    pub async fn get_events(
        &self,
        mailbox: &Mailbox,
        subscription: &str,
        watermark: &str,
    ) -> Result<Notification, Error> {
        self.call(mailbox, GetEvents { subscription, watermark }).await
    }
}
