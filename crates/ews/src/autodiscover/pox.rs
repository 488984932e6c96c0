//! [Plain XML](https://learn.microsoft.com/exchange/client-developer/web-service-reference/pox-autodiscover-web-service-reference-for-exchange):
//! the oldest face of Autodiscover, which every server still has.

use exchange::{Error, Mailbox};

use super::settings::{Said, Settings};
use super::soap::alternate;
use crate::code::shown;
use crate::failure::Failure;
use crate::malformed::Reason;
use crate::xml::{Kind, Pull, Reader, Writer};

/// The request about one address.
pub(super) fn request(address: &Mailbox) -> Result<String, Error> {
    const ANSWER: &str = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";
    let mut out = Writer::default();
    out.open(
        "Autodiscover",
        &[("xmlns", "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006")],
    );
    out.open("Request", &[]);
    out.exact("EMailAddress", address.as_str());
    out.word("AcceptableResponseSchema", ANSWER);
    out.close("Request");
    out.close("Autodiscover");
    out.finish().map(|text| format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>{text}"))
}

/// Reads an answer.
pub(super) async fn read<P: Pull>(reader: &mut Reader<P>) -> Result<Said, Failure> {
    if reader.next().await? != Kind::Start || reader.name() != b"Autodiscover" {
        return Err(reader.error(Reason::Missing("Autodiscover")));
    }
    let mut said = None;
    while reader.child().await? {
        match reader.name() {
            b"Response" => {
                let one = response(reader).await?;
                said = said.or(Some(one));
            }
            _ => reader.skip().await?,
        }
    }
    while reader.next().await? != Kind::Eof {}
    said.ok_or_else(|| reader.error(Reason::Missing("Response")))
}

async fn response<P: Pull>(reader: &mut Reader<P>) -> Result<Said, Failure> {
    let mut settings = Settings::default();
    let mut said = None;
    while reader.child().await? {
        match reader.name() {
            b"User" => {
                while reader.child().await? {
                    match reader.name() {
                        b"DisplayName" => settings.display_name = reader.text().await?,
                        _ => reader.skip().await?,
                    }
                }
            }
            b"Account" => {
                let elsewhere = account(reader, &mut settings).await?;
                said = said.or(elsewhere);
            }
            b"Error" => {
                let error = refusal(reader).await?;
                said = said.or(Some(error));
            }
            _ => reader.skip().await?,
        }
    }
    Ok(said.unwrap_or_else(|| settings.said()))
}

/// Reads an account; where it sends somewhere else, that.
async fn account<P: Pull>(reader: &mut Reader<P>, settings: &mut Settings) -> Result<Option<Said>, Failure> {
    let (mut action, mut address, mut url) = (String::new(), String::new(), String::new());
    while reader.child().await? {
        match reader.name() {
            b"Action" => action = reader.text().await?,
            b"RedirectAddr" => address = reader.text().await?.trim().to_owned(),
            b"RedirectUrl" => url = reader.text().await?.trim().to_owned(),
            b"Protocol" => protocol(reader, settings).await?,
            b"AlternativeMailbox" => settings.alternates.push(alternate(reader).await?),
            b"PublicFolderInformation" => {
                while reader.child().await? {
                    match reader.name() {
                        b"SmtpAddress" => settings.public_folders = reader.text().await?.trim().to_owned(),
                        _ => reader.skip().await?,
                    }
                }
            }
            _ => reader.skip().await?,
        }
    }
    Ok(match action.trim() {
        "redirectAddr" => Some(Said::Address(address)),
        "redirectUrl" => Some(Said::Url(url)),
        _ => None,
    })
}

/// `EXPR` and `EXHTTP` are how a server is reached from outside, `EXCH` from inside.
async fn protocol<P: Pull>(reader: &mut Reader<P>, settings: &mut Settings) -> Result<(), Failure> {
    let (mut kind, mut url, mut older) = (String::new(), String::new(), String::new());
    while reader.child().await? {
        match reader.name() {
            b"Type" => kind = reader.text().await?,
            b"EwsUrl" => url = reader.text().await?.trim().to_owned(),
            b"ASUrl" => older = reader.text().await?.trim().to_owned(),
            b"GroupingInformation" => settings.grouping = reader.text().await?.trim().to_owned(),
            _ => reader.skip().await?,
        }
    }
    let url = if url.is_empty() { older } else { url };
    let place = match kind.trim() {
        "EXPR" | "EXHTTP" => &mut settings.external_url,
        "EXCH" => &mut settings.internal_url,
        _ => return Ok(()),
    };
    if place.is_empty() {
        *place = url;
    }
    Ok(())
}

async fn refusal<P: Pull>(reader: &mut Reader<P>) -> Result<Said, Failure> {
    let (mut code, mut words) = (String::new(), String::new());
    while reader.child().await? {
        match reader.name() {
            b"ErrorCode" => code = reader.text().await?,
            b"Message" => words = reader.text().await?,
            _ => reader.skip().await?,
        }
    }
    Ok(Said::Nothing(format!("the server says {} ({})", shown(&code, 80), shown(&words, 200))))
}
