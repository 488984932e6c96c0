//! [GetUserOofSettings](https://learn.microsoft.com/exchange/client-developer/web-service-reference/getuseroofsettings-operation):
//! the automatic replies of a mailbox.

use exchange::{Error, Mailbox, OofAudience, OofState, OutOfOffice};
use jiff::Timestamp;

use crate::answer::Message;
use crate::client::EwsClient;
use crate::failure::{Effect, Failure};
use crate::malformed::Reason;
use crate::op::Operation;
use crate::time;
use crate::xml::{Pull, Reader, Writer};

/// The automatic replies of a mailbox, and who outside may get one at all.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OofSettings {
    /// What its owner set.
    pub replies: OutOfOffice,
    /// What the organisation allows to go out; none where the server does not say.
    pub allowed_outside: Option<OofAudience>,
}

/// A look at the settings.
pub(crate) struct GetUserOofSettings<'a> {
    pub(crate) mailbox: &'a Mailbox,
}

impl Operation for GetUserOofSettings<'_> {
    const NAME: &'static str = "GetUserOofSettings";
    const ANSWER: &'static str = "GetUserOofSettingsResponse";
    const EFFECT: Effect = Effect::Reads;
    const BARE: bool = true;
    type Output = OofSettings;

    fn write(&self, out: &mut Writer) {
        out.open("m:GetUserOofSettingsRequest", &[]);
        write_mailbox(out, self.mailbox);
        out.close("m:GetUserOofSettingsRequest");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<OofSettings, Failure> {
        let mut found = None;
        let mut allowed_outside = None;
        let mut said = false;
        while reader.child().await? {
            match reader.name() {
                b"ResponseMessage" => {
                    verdict(reader, Self::NAME, Self::EFFECT).await?;
                    said = true;
                }
                b"OofSettings" => found = Some(settings(reader).await?),
                b"AllowExternalOof" => allowed_outside = Some(audience(reader, "AllowExternalOof").await?),
                _ => reader.skip().await?,
            }
        }
        if !said {
            return Err(reader.error(Reason::Missing("ResponseMessage")));
        }
        let replies = found.ok_or_else(|| reader.error(Reason::Missing("OofSettings")))?;
        Ok(OofSettings { replies, allowed_outside })
    }
}

/// Writes whose settings are meant. The namespace is that of types, unlike elsewhere.
pub(crate) fn write_mailbox(out: &mut Writer, mailbox: &Mailbox) {
    out.open("t:Mailbox", &[]);
    out.exact("t:Address", mailbox.as_str());
    out.close("t:Mailbox");
}

/// Reads the one response message.
pub(crate) async fn verdict<P: Pull>(
    reader: &mut Reader<P>,
    operation: &'static str,
    effect: Effect,
) -> Result<(), Failure> {
    let mut message = Message::begin(reader);
    while reader.child().await? {
        message.other(reader).await?;
    }
    Ok(message.finish(operation, effect)?)
}

async fn settings<P: Pull>(reader: &mut Reader<P>) -> Result<OutOfOffice, Failure> {
    let mut settings = OutOfOffice::default();
    let mut state = None;
    while reader.child().await? {
        match reader.name() {
            b"OofState" => {
                state = Some(match reader.text().await?.trim() {
                    "Disabled" => OofState::Disabled,
                    "Enabled" => OofState::Enabled,
                    "Scheduled" => OofState::Scheduled,
                    _ => return Err(reader.error(Reason::Value("OofState"))),
                });
            }
            b"ExternalAudience" => {
                settings.audience = audience(reader, "ExternalAudience").await?;
            }
            b"Duration" => settings.duration = duration(reader).await?,
            b"InternalReply" => settings.internal_reply = reply(reader).await?,
            b"ExternalReply" => settings.external_reply = reply(reader).await?,
            _ => reader.skip().await?,
        }
    }
    settings.state = state.ok_or_else(|| reader.error(Reason::Missing("OofState")))?;
    Ok(settings)
}

async fn audience<P: Pull>(reader: &mut Reader<P>, element: &'static str) -> Result<OofAudience, Failure> {
    Ok(match reader.text().await?.trim() {
        "None" => OofAudience::None,
        "Known" => OofAudience::Known,
        "All" => OofAudience::All,
        _ => return Err(reader.error(Reason::Value(element))),
    })
}

async fn duration<P: Pull>(reader: &mut Reader<P>) -> Result<Option<(Timestamp, Timestamp)>, Failure> {
    let (mut start, mut end) = (None, None);
    while reader.child().await? {
        let is_start = reader.name() == b"StartTime";
        let text = reader.text().await?;
        let at = time::utc(&text).and_then(|text| text.parse().ok());
        *(if is_start { &mut start } else { &mut end }) = at;
    }
    Ok(start.zip(end))
}

async fn reply<P: Pull>(reader: &mut Reader<P>) -> Result<String, Failure> {
    let mut text = String::new();
    while reader.child().await? {
        match reader.name() {
            b"Message" => text = reader.text().await?,
            _ => reader.skip().await?,
        }
    }
    Ok(text)
}

impl EwsClient {
    /// The automatic replies of a mailbox, with who outside the organisation may get one.
    ///
    /// # Errors
    /// What the wire says.
    pub async fn oof_settings(&self, mailbox: &Mailbox) -> Result<OofSettings, Error> {
        self.call(mailbox, GetUserOofSettings { mailbox }).await
    }
}
