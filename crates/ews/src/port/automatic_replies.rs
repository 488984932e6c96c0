//! [`AutomaticReplies`] over GetUserOofSettings and SetUserOofSettings.

use exchange::port::{AutomaticReplies, Work};
use exchange::{Error, ErrorKind, Mailbox, OofState, OutOfOffice};

use crate::client::EwsClient;
use crate::op::get_user_oof_settings::GetUserOofSettings;
use crate::op::set_user_oof_settings::SetUserOofSettings;

impl AutomaticReplies for EwsClient {
    fn out_of_office<'a>(&'a self, mailbox: &'a Mailbox) -> Work<'a, OutOfOffice> {
        Box::pin(async move { Ok(self.call(mailbox, GetUserOofSettings { mailbox }).await?.replies) })
    }

    fn set_out_of_office<'a>(&'a self, mailbox: &'a Mailbox, settings: &'a OutOfOffice) -> Work<'a, ()> {
        Box::pin(async move {
            if settings.duration.is_none() && settings.state == OofState::Scheduled {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    "scheduled replies need a start and an end; nothing was changed",
                ));
            }
            if settings.duration.is_some_and(|(start, end)| start >= end) {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    "automatic replies end before they start; nothing was changed",
                ));
            }
            self.call(mailbox, SetUserOofSettings { mailbox, settings }).await
        })
    }
}
