//! [GetServiceConfiguration](https://learn.microsoft.com/exchange/client-developer/web-service-reference/getserviceconfiguration-operation):
//! how the organisation is set up: its own domains, limits of mail tips, voice mail, rules that protect messages.
//! Policy nudges are left out: they are a document of their own that Outlook interprets.

use exchange::{Error, ErrorKind, Mailbox};

use crate::answer::Message;
use crate::client::EwsClient;
use crate::directory::write_address;
use crate::failure::{Effect, Failure};
use crate::op::Operation;
use crate::xml::{Pull, Reader, Writer};

/// A part of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServicePart {
    /// Mail tips, and which domains are the organisation's.
    MailTips,
    /// Voice mail.
    VoiceMail,
    /// Rules that protect messages before they leave.
    ProtectionRules,
}

impl ServicePart {
    fn as_str(self) -> &'static str {
        match self {
            ServicePart::MailTips => "MailTips",
            ServicePart::VoiceMail => "UnifiedMessagingConfiguration",
            ServicePart::ProtectionRules => "ProtectionRules",
        }
    }
}

/// A domain of the organisation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnDomain {
    /// Its name.
    pub name: String,
    /// Whether those below it are the organisation's, too.
    pub with_subdomains: bool,
}

/// Mail tips.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MailTipsSetup {
    /// Whether there are any.
    pub enabled: bool,
    /// How many recipients one question may name.
    pub max_recipients: u32,
    /// The largest message, in bytes.
    pub max_message_size: u64,
    /// From how many recipients on a message goes to many.
    pub large_audience: u32,
    /// Whether the number of recipients outside is shown.
    pub shows_external_count: bool,
    /// The organisation's domains.
    pub own_domains: Vec<OwnDomain>,
}

/// Voice mail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VoiceMailSetup {
    /// Whether the mailbox has it.
    pub enabled: bool,
    /// The number that messages are played to.
    pub dial: String,
    /// Whether they can be played to a telephone.
    pub plays_on_phone: bool,
}

/// A rule that protects messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProtectionRule {
    /// Its name.
    pub name: String,
    /// Its place in the order.
    pub priority: i32,
    /// Whether the sender may set it aside.
    pub overridable: bool,
}

/// What was asked for, as far as the server has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceConfiguration {
    /// Mail tips.
    pub mail_tips: Option<MailTipsSetup>,
    /// Voice mail.
    pub voice_mail: Option<VoiceMailSetup>,
    /// Rules that protect messages.
    pub protection_rules: Option<Vec<ProtectionRule>>,
    /// Why a part is not there, in the order of the answer.
    pub refused: Vec<Error>,
}

struct GetServiceConfiguration<'a> {
    mailbox: &'a Mailbox,
    parts: &'a [ServicePart],
}

impl Operation for GetServiceConfiguration<'_> {
    const NAME: &'static str = "GetServiceConfiguration";
    const ANSWER: &'static str = "GetServiceConfigurationResponse";
    const EFFECT: Effect = Effect::Reads;
    const BARE: bool = true;
    type Output = ServiceConfiguration;

    fn write(&self, out: &mut Writer) {
        out.open("m:GetServiceConfiguration", &[]);
        // Mail tips are a sender's: a server wants to know whose.
        if self.parts.contains(&ServicePart::MailTips) {
            write_address(out, "m:ActingAs", self.mailbox.as_str());
        }
        out.open("m:RequestedConfiguration", &[]);
        self.parts.iter().for_each(|part| out.word("m:ConfigurationName", part.as_str()));
        out.close("m:RequestedConfiguration");
        out.close("m:GetServiceConfiguration");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<ServiceConfiguration, Failure> {
        let mut message = Message::begin(reader);
        let mut all = ServiceConfiguration::default();
        while reader.child().await? {
            match reader.name() {
                b"ResponseMessages" => {
                    while reader.child().await? {
                        let mut one = Message::begin(reader);
                        while reader.child().await? {
                            match reader.name() {
                                b"MailTipsConfiguration" => all.mail_tips = Some(mail_tips(reader).await?),
                                b"UnifiedMessagingConfiguration" => {
                                    all.voice_mail = Some(voice_mail(reader).await?);
                                }
                                b"ProtectionRulesConfiguration" => {
                                    all.protection_rules = Some(protection_rules(reader).await?);
                                }
                                _ => one.other(reader).await?,
                            }
                        }
                        all.refused.extend(one.finish(Self::NAME, Self::EFFECT).err());
                    }
                }
                _ => message.other(reader).await?,
            }
        }
        message.finish(Self::NAME, Self::EFFECT)?;
        Ok(all)
    }
}

async fn mail_tips<P: Pull>(reader: &mut Reader<P>) -> Result<MailTipsSetup, Failure> {
    let mut it = MailTipsSetup::default();
    while reader.child().await? {
        match reader.name() {
            b"MailTipsEnabled" => it.enabled = reader.boolean("MailTipsEnabled").await?,
            b"MaxRecipientsPerGetMailTipsRequest" => {
                let most = reader.number("MaxRecipientsPerGetMailTipsRequest").await?;
                it.max_recipients = most.unwrap_or_default();
            }
            b"MaxMessageSize" => it.max_message_size = reader.size("MaxMessageSize").await?,
            b"LargeAudienceThreshold" => {
                it.large_audience = reader.number("LargeAudienceThreshold").await?.unwrap_or_default();
            }
            b"ShowExternalRecipientCount" => {
                it.shows_external_count = reader.boolean("ShowExternalRecipientCount").await?;
            }
            b"InternalDomains" => it.own_domains = domains(reader).await?,
            _ => reader.skip().await?,
        }
    }
    Ok(it)
}

async fn domains<P: Pull>(reader: &mut Reader<P>) -> Result<Vec<OwnDomain>, Failure> {
    let mut all = Vec::new();
    while reader.child().await? {
        let below = reader.attribute("IncludeSubdomains");
        all.push(OwnDomain {
            name: reader.attribute("Name").unwrap_or_default(),
            with_subdomains: matches!(below.as_deref(), Some("true" | "1")),
        });
        reader.skip().await?;
    }
    Ok(all)
}

async fn voice_mail<P: Pull>(reader: &mut Reader<P>) -> Result<VoiceMailSetup, Failure> {
    let mut it = VoiceMailSetup::default();
    while reader.child().await? {
        match reader.name() {
            b"UmEnabled" => it.enabled = reader.boolean("UmEnabled").await?,
            b"PlayOnPhoneDialString" => it.dial = reader.text().await?,
            b"PlayOnPhoneEnabled" => it.plays_on_phone = reader.boolean("PlayOnPhoneEnabled").await?,
            _ => reader.skip().await?,
        }
    }
    Ok(it)
}

async fn protection_rules<P: Pull>(reader: &mut Reader<P>) -> Result<Vec<ProtectionRule>, Failure> {
    let mut all = Vec::new();
    while reader.child().await? {
        if reader.name() != b"Rules" {
            reader.skip().await?;
            continue;
        }
        while reader.child().await? {
            let priority = reader.attribute("Priority").and_then(|text| text.trim().parse().ok());
            let overridable = reader.attribute("UserOverridable");
            all.push(ProtectionRule {
                name: reader.attribute("Name").unwrap_or_default(),
                priority: priority.unwrap_or_default(),
                overridable: matches!(overridable.as_deref(), Some("true" | "1")),
            });
            reader.skip().await?;
        }
    }
    Ok(all)
}

impl EwsClient {
    /// These parts of the organisation's configuration.
    ///
    /// # Errors
    /// What the wire says; why a single part is missing is in the result.
    pub async fn service_configuration(
        &self,
        mailbox: &Mailbox,
        parts: &[ServicePart],
    ) -> Result<ServiceConfiguration, Error> {
        if parts.is_empty() {
            return Err(Error::new(ErrorKind::Invalid, "name at least one part of the configuration"));
        }
        self.call(mailbox, GetServiceConfiguration { mailbox, parts }).await
    }
}
