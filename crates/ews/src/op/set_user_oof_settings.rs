//! [SetUserOofSettings](https://learn.microsoft.com/exchange/client-developer/web-service-reference/setuseroofsettings-operation):
//! sets the automatic replies of a mailbox, all of them at once.

use exchange::{Mailbox, OofAudience, OofState, OutOfOffice};

use crate::failure::{Effect, Failure};
use crate::malformed::Reason;
use crate::op::Operation;
use crate::op::get_user_oof_settings::{verdict, write_mailbox};
use crate::xml::{Pull, Reader, Writer};

/// New settings.
pub(crate) struct SetUserOofSettings<'a> {
    pub(crate) mailbox: &'a Mailbox,
    pub(crate) settings: &'a OutOfOffice,
}

impl Operation for SetUserOofSettings<'_> {
    const NAME: &'static str = "SetUserOofSettings";
    const ANSWER: &'static str = "SetUserOofSettingsResponse";
    const EFFECT: Effect = Effect::Changes;
    const BARE: bool = true;
    type Output = ();

    fn write(&self, out: &mut Writer) {
        let settings = self.settings;
        out.open("m:SetUserOofSettingsRequest", &[]);
        write_mailbox(out, self.mailbox);
        out.open("t:UserOofSettings", &[]);
        let state = match settings.state {
            OofState::Disabled => "Disabled",
            OofState::Enabled => "Enabled",
            OofState::Scheduled => "Scheduled",
        };
        out.word("t:OofState", state);
        let audience = match settings.audience {
            OofAudience::None => "None",
            OofAudience::Known => "Known",
            OofAudience::All => "All",
        };
        out.word("t:ExternalAudience", audience);
        if let Some((start, end)) = settings.duration {
            out.open("t:Duration", &[]);
            out.word("t:StartTime", &start.to_string());
            out.word("t:EndTime", &end.to_string());
            out.close("t:Duration");
        }
        for (name, text) in
            [("t:InternalReply", &settings.internal_reply), ("t:ExternalReply", &settings.external_reply)]
        {
            out.open(name, &[]);
            out.text("t:Message", text);
            out.close(name);
        }
        out.close("t:UserOofSettings");
        out.close("m:SetUserOofSettingsRequest");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<(), Failure> {
        let mut said = false;
        while reader.child().await? {
            match reader.name() {
                b"ResponseMessage" => {
                    verdict(reader, Self::NAME, Self::EFFECT).await?;
                    said = true;
                }
                _ => reader.skip().await?,
            }
        }
        if said { Ok(()) } else { Err(reader.error(Reason::Missing("ResponseMessage"))) }
    }
}
