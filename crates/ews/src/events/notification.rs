//! What one subscription has to tell.

use super::event::{Event, EventKind};
use crate::failure::Failure;
use crate::malformed::Reason;
use crate::xml::{Pull, Reader};

/// The events of one subscription.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Notification {
    /// The subscription.
    pub subscription: String,
    /// The watermark these events follow; streams have none.
    pub previous_watermark: Option<String>,
    /// Whether there are more events to be asked for at once.
    pub more: bool,
    /// What happened, in order.
    pub events: Vec<Event>,
}

impl Notification {
    /// The watermark to ask with next: that of the last event.
    pub fn watermark(&self) -> Option<&str> {
        self.events.iter().rev().find_map(|event| event.watermark.as_deref())
    }

    /// Reads the current element to its end. An event of a kind that is not known is passed over.
    pub(crate) async fn read<P: Pull>(reader: &mut Reader<P>) -> Result<Notification, Failure> {
        let mut notification = Notification::default();
        while reader.child().await? {
            match reader.name() {
                b"SubscriptionId" => notification.subscription = reader.text().await?,
                b"PreviousWatermark" => notification.previous_watermark = Some(reader.text().await?),
                b"MoreEvents" => notification.more = reader.boolean("MoreEvents").await?,
                name => match EventKind::of(name) {
                    Some(kind) => notification.events.push(Event::read(kind, reader).await?),
                    None => reader.skip().await?,
                },
            }
        }
        if notification.subscription.is_empty() {
            return Err(reader.error(Reason::Missing("SubscriptionId")));
        }
        Ok(notification)
    }
}
