//! [GetUserSettings](https://learn.microsoft.com/exchange/client-developer/web-service-reference/getusersettings-operation-soap):
//! Autodiscover over SOAP.

use exchange::{Error, Mailbox};

use super::settings::{AlternateMailbox, Said, Settings};
use crate::code::shown;
use crate::failure::Failure;
use crate::malformed::Reason;
use crate::xml::{Kind, Pull, Reader, Writer};

/// What is asked for.
const ASKED: [&str; 11] = [
    "UserDisplayName",
    "ExternalEwsUrl",
    "InternalEwsUrl",
    "ExternalEwsVersion",
    "EwsSupportedSchemas",
    "CasVersion",
    "GroupingInformation",
    "PublicFolderInformation",
    "AlternateMailboxes",
    "MailboxVersion",
    "EwsPartnerUrl",
];

/// The request about one address to a server.
pub(super) fn request(address: &Mailbox, to: &str) -> Result<String, Error> {
    const ACTION: &str =
        "http://schemas.microsoft.com/exchange/2010/Autodiscover/Autodiscover/GetUserSettings";
    let mut out = Writer::default();
    out.open(
        "s:Envelope",
        &[
            ("xmlns:s", "http://schemas.xmlsoap.org/soap/envelope/"),
            ("xmlns:a", "http://schemas.microsoft.com/exchange/2010/Autodiscover"),
            ("xmlns:wsa", "http://www.w3.org/2005/08/addressing"),
        ],
    );
    out.open("s:Header", &[]);
    out.word("a:RequestedServerVersion", "Exchange2013");
    out.word("wsa:Action", ACTION);
    out.exact("wsa:To", to);
    out.close("s:Header");
    out.open("s:Body", &[]);
    out.open("a:GetUserSettingsRequestMessage", &[]);
    out.open("a:Request", &[]);
    out.open("a:Users", &[]);
    out.open("a:User", &[]);
    out.exact("a:Mailbox", address.as_str());
    out.close("a:User");
    out.close("a:Users");
    out.open("a:RequestedSettings", &[]);
    ASKED.iter().for_each(|setting| out.word("a:Setting", setting));
    out.close("a:RequestedSettings");
    out.close("a:Request");
    out.close("a:GetUserSettingsRequestMessage");
    out.close("s:Body");
    out.close("s:Envelope");
    out.finish().map(|text| format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>{text}"))
}

/// Reads an answer.
pub(super) async fn read<P: Pull>(reader: &mut Reader<P>) -> Result<Said, Failure> {
    if reader.next().await? != Kind::Start || reader.name() != b"Envelope" {
        return Err(reader.error(Reason::Envelope("the root is no Envelope")));
    }
    let mut said = None;
    let mut version = String::new();
    while reader.child().await? {
        match reader.name() {
            b"Header" => version = server_version(reader).await?,
            b"Body" => {
                while reader.child().await? {
                    match reader.name() {
                        b"GetUserSettingsResponseMessage" => said = Some(message(reader).await?),
                        b"Fault" => said = Some(fault(reader).await?),
                        _ => reader.skip().await?,
                    }
                }
            }
            _ => reader.skip().await?,
        }
    }
    while reader.next().await? != Kind::Eof {}
    match said.ok_or_else(|| reader.error(Reason::Missing("GetUserSettingsResponseMessage")))? {
        Said::Settings(mut settings) => {
            if settings.server_version.is_empty() {
                settings.server_version = version;
            }
            Ok(Said::Settings(settings))
        }
        other => Ok(other),
    }
}

/// Here the numbers are elements, unlike in EWS.
async fn server_version<P: Pull>(reader: &mut Reader<P>) -> Result<String, Failure> {
    let mut numbers = Vec::new();
    while reader.child().await? {
        if reader.name() != b"ServerVersionInfo" {
            reader.skip().await?;
            continue;
        }
        while reader.child().await? {
            let is_word = reader.name() == b"Version";
            let text = reader.text().await?;
            if !is_word {
                numbers.push(text.trim().to_owned());
            }
        }
    }
    Ok(numbers.join("."))
}

async fn fault<P: Pull>(reader: &mut Reader<P>) -> Result<Said, Failure> {
    let mut words = String::new();
    while reader.child().await? {
        match reader.name() {
            b"faultstring" | b"Reason" => words = reader.text().await?,
            _ => reader.skip().await?,
        }
    }
    Ok(Said::Nothing(format!("the server says: {}", shown(&words, 200))))
}

async fn message<P: Pull>(reader: &mut Reader<P>) -> Result<Said, Failure> {
    let mut said = None;
    while reader.child().await? {
        if reader.name() != b"Response" {
            reader.skip().await?;
            continue;
        }
        let mut whole = Verdict::default();
        while reader.child().await? {
            match reader.name() {
                b"UserResponses" => {
                    while reader.child().await? {
                        let one = user(reader).await?;
                        said = said.or(Some(one));
                    }
                }
                _ => whole.read(reader).await?,
            }
        }
        if said.is_none() || !whole.is_good() {
            said = Some(Said::Nothing(whole.words()));
        }
    }
    said.ok_or_else(|| reader.error(Reason::Missing("Response")))
}

/// What a response says of itself.
#[derive(Default)]
struct Verdict {
    code: String,
    text: String,
    target: String,
}

impl Verdict {
    async fn read<P: Pull>(&mut self, reader: &mut Reader<P>) -> Result<(), Failure> {
        match reader.name() {
            b"ErrorCode" => self.code = reader.text().await?.trim().to_owned(),
            b"ErrorMessage" => self.text = reader.text().await?,
            b"RedirectTarget" => self.target = reader.text().await?.trim().to_owned(),
            _ => reader.skip().await?,
        }
        Ok(())
    }

    fn is_good(&self) -> bool {
        matches!(self.code.as_str(), "" | "NoError")
    }

    fn words(&self) -> String {
        format!("the server says {} ({})", shown(&self.code, 80), shown(&self.text, 200))
    }
}

async fn user<P: Pull>(reader: &mut Reader<P>) -> Result<Said, Failure> {
    let mut verdict = Verdict::default();
    let mut settings = Settings::default();
    while reader.child().await? {
        match reader.name() {
            b"UserSettings" => {
                while reader.child().await? {
                    setting(reader, &mut settings).await?;
                }
            }
            _ => verdict.read(reader).await?,
        }
    }
    Ok(match verdict.code.as_str() {
        "RedirectAddress" => Said::Address(verdict.target),
        "RedirectUrl" => Said::Url(verdict.target),
        _ if verdict.is_good() => settings.said(),
        _ => Said::Nothing(verdict.words()),
    })
}

async fn setting<P: Pull>(reader: &mut Reader<P>, settings: &mut Settings) -> Result<(), Failure> {
    let (mut name, mut value) = (String::new(), String::new());
    while reader.child().await? {
        match reader.name() {
            b"Name" => name = reader.text().await?,
            b"Value" => value = reader.text().await?,
            b"AlternateMailboxes" => {
                while reader.child().await? {
                    settings.alternates.push(alternate(reader).await?);
                }
            }
            _ => reader.skip().await?,
        }
    }
    let value = value.trim().to_owned();
    match name.trim() {
        "UserDisplayName" => settings.display_name = value,
        "ExternalEwsUrl" => settings.external_url = value,
        "InternalEwsUrl" => settings.internal_url = value,
        "CasVersion" | "ExternalEwsVersion" if settings.server_version.is_empty() => {
            settings.server_version = value;
        }
        "EwsSupportedSchemas" => {
            settings.schemas = value.split(',').map(|name| name.trim().to_owned()).collect();
        }
        "GroupingInformation" => settings.grouping = value,
        "PublicFolderInformation" => settings.public_folders = value,
        _ => {}
    }
    Ok(())
}

/// Reads a mailbox that belongs to somebody, as SOAP and POX write it.
pub(super) async fn alternate<P: Pull>(reader: &mut Reader<P>) -> Result<AlternateMailbox, Failure> {
    let mut it = AlternateMailbox::default();
    while reader.child().await? {
        match reader.name() {
            b"Type" => it.kind = reader.text().await?,
            b"DisplayName" => it.display_name = reader.text().await?,
            b"SmtpAddress" => it.address = reader.text().await?,
            b"OwnerSmtpAddress" => it.owner = reader.text().await?,
            b"Server" => it.server = reader.text().await?,
            _ => reader.skip().await?,
        }
    }
    Ok(it)
}
