//! [Unsubscribe](https://learn.microsoft.com/exchange/client-developer/web-service-reference/unsubscribe-operation).

use exchange::{Error, ErrorKind, Mailbox};

use crate::affinity::Affinity;
use crate::client::EwsClient;
use crate::failure::{Effect, Failure};
use crate::folders;
use crate::op::Operation;
use crate::xml::{Pull, Reader, Writer};

/// The end of a subscription.
pub(crate) struct Unsubscribe<'a> {
    pub(crate) subscription: &'a str,
}

impl Operation for Unsubscribe<'_> {
    const NAME: &'static str = "Unsubscribe";
    const ANSWER: &'static str = "UnsubscribeResponse";
    /// Whether it happened or not, the subscription goes away; asking twice is harmless.
    const EFFECT: Effect = Effect::Reads;
    type Output = Vec<Result<(), Error>>;

    fn affinity(&self) -> Affinity<'_> {
        Affinity::On(self.subscription)
    }

    fn write(&self, out: &mut Writer) {
        out.open("m:Unsubscribe", &[]);
        out.exact("m:SubscriptionId", self.subscription);
        out.close("m:Unsubscribe");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Self::Output, Failure> {
        folders::read_done(reader, 1, Self::NAME, Self::EFFECT).await
    }
}

impl EwsClient {
    /// Ends a subscription. One that is gone already is an error of kind [`exchange::ErrorKind::NotFound`].
    ///
    /// # Errors
    /// Where the server does not know it, or the request fails.
    pub async fn unsubscribe(&self, mailbox: &Mailbox, subscription: &str) -> Result<(), Error> {
        let ended = self.call(mailbox, Unsubscribe { subscription }).await?.into_iter().collect();
        if matches!(&ended, Ok(()) | Err(Error { kind: ErrorKind::NotFound, .. })) {
            self.affinities().forget(subscription);
        }
        ended
    }
}
