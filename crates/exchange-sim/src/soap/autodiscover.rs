//! Autodiscover: where the EWS of an address is, over SOAP, as plain XML and as JSON.
//!
//! <https://learn.microsoft.com/exchange/client-developer/exchange-web-services/autodiscover-for-exchange>

use super::fault::SoapFault;
use super::out::Out;
use super::xml::Element;
use crate::model::state::State;

const NAMESPACE: &str = "http://schemas.microsoft.com/exchange/2010/Autodiscover";

/// What there is to say about somebody.
#[derive(Default)]
struct Person {
    name: String,
    address: String,
    archive: Option<String>,
    /// The mailbox that holds the tree of public folders.
    public: Option<String>,
}

/// Where an address is.
enum Place {
    Here(Person),
    /// Ask about this address.
    Address(String),
    /// Ask there.
    Url(String),
    Nowhere,
}

fn place(state: &State, address: &str) -> Place {
    let address = address.trim().to_lowercase();
    let by_archive = || {
        state
            .mailboxes
            .values()
            .find(|mailbox| mailbox.archive_address().is_some_and(|own| own.to_lowercase() == address))
    };
    let found = state.mailboxes.get(&address).or_else(by_archive);
    match (state.directory.redirects.get(&address), found) {
        (Some(to), _) if to.contains("://") => Place::Url(to.clone()),
        (Some(to), _) => Place::Address(to.clone()),
        (None, Some(mailbox)) => {
            let name = mailbox.settings.name.clone().unwrap_or_else(|| mailbox.address.clone());
            let public = state.public_folders().map(|(holder, _)| holder.address.clone());
            let archive = mailbox.archive_address();
            Place::Here(Person { name, address: mailbox.address.clone(), archive, public })
        }
        (None, None) => Place::Nowhere,
    }
}

/// Answers `GetUserSettings`. `ews` is the address of EWS.
pub(crate) fn over_soap(state: &State, text: &str, ews: &str) -> (u16, String) {
    match super::read(text).and_then(|document| settings(state, Element(document.root_element()), ews)) {
        Ok(answer) => (200, answer),
        Err(fault) => (500, fault.write().into_text()),
    }
}

fn settings(state: &State, envelope: Element<'_>, ews: &str) -> Result<String, SoapFault> {
    let header = envelope.required("Header")?;
    header.required("RequestedServerVersion")?;
    header.required("Action")?;
    let request =
        envelope.required("Body")?.required("GetUserSettingsRequestMessage")?.required("Request")?;
    request.sequence(&["Users", "RequestedSettings", "RequestedVersion"])?;
    let wanted: Vec<String> = request.required("RequestedSettings")?.children().map(Element::text).collect();
    let mut out = Out::default();
    out.raw(&format!("<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:a=\"http://www.w3.org/2005/08/addressing\"><s:Header><a:Action s:mustUnderstand=\"1\">{NAMESPACE}/Autodiscover/GetUserSettingsResponse</a:Action><h:ServerVersionInfo xmlns:h=\"{NAMESPACE}\"><h:MajorVersion>15</h:MajorVersion><h:MinorVersion>2</h:MinorVersion><h:MajorBuildNumber>1544</h:MajorBuildNumber><h:MinorBuildNumber>4</h:MinorBuildNumber><h:Version>Exchange2013_SP1</h:Version></h:ServerVersionInfo></s:Header><s:Body><GetUserSettingsResponseMessage xmlns=\"{NAMESPACE}\"><Response xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\"><ErrorCode>NoError</ErrorCode><ErrorMessage/><UserResponses>"));
    for user in request.required("Users")?.children() {
        let address = user.required("Mailbox")?.text();
        let (code, words, target, person) = match place(state, &address) {
            Place::Here(person) => ("NoError", "No error.", None, Some(person)),
            Place::Address(to) => ("RedirectAddress", "Redirection address.", Some(to), None),
            Place::Url(to) => ("RedirectUrl", "Redirection URL.", Some(to), None),
            Place::Nowhere => ("InvalidUser", "The user was not found.", None, None),
        };
        out.raw("<UserResponse>");
        out.element("ErrorCode", code);
        out.element("ErrorMessage", words);
        match target {
            Some(target) => out.element("RedirectTarget", &target),
            None => out.raw("<RedirectTarget i:nil=\"true\"/>"),
        }
        out.raw("<UserSettingErrors/><UserSettings>");
        for setting in &wanted {
            let value = match (setting.trim(), &person) {
                (_, None) => continue,
                ("UserDisplayName", Some(person)) => person.name.as_str(),
                ("PublicFolderInformation", Some(Person { public: Some(public), .. })) => public.as_str(),
                ("AlternateMailboxes", Some(person)) => {
                    alternates(&mut out, person);
                    continue;
                }
                ("ExternalEwsUrl" | "InternalEwsUrl", _) => ews,
                ("CasVersion" | "ExternalEwsVersion", _) => "15.02.1544.004",
                ("EwsSupportedSchemas", _) => "Exchange2010, Exchange2013, Exchange2013_SP1, Exchange2016",
                ("GroupingInformation", _) => "simulation",
                _ => continue,
            };
            out.raw("<UserSetting i:type=\"StringSetting\">");
            out.element("Name", setting.trim());
            out.element("Value", value);
            out.raw("</UserSetting>");
        }
        out.raw("</UserSettings></UserResponse>");
    }
    out.raw("</UserResponses></Response></GetUserSettingsResponseMessage></s:Body></s:Envelope>");
    Ok(out.into_text())
}

/// Writes the other mailboxes somebody has: their archive.
fn alternates(out: &mut Out, person: &Person) {
    let Some(archive) = &person.archive else { return };
    out.raw("<UserSetting i:type=\"AlternateMailboxCollectionSetting\"><Name>AlternateMailboxes</Name><AlternateMailboxes><AlternateMailbox>");
    alternate(out, person, archive);
    out.raw("</AlternateMailbox></AlternateMailboxes></UserSetting>");
}

fn alternate(out: &mut Out, person: &Person, archive: &str) {
    out.element("Type", "Archive");
    out.element("DisplayName", &format!("In-Place Archive - {}", person.name));
    out.element("SmtpAddress", archive);
    out.element("OwnerSmtpAddress", &person.address);
}

/// Answers a request in plain XML.
pub(crate) fn over_pox(state: &State, text: &str, ews: &str) -> (u16, String) {
    const ANSWER: &str = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";
    let address = super::read(text).ok().and_then(|document| {
        let request = Element(document.root_element()).child("Request")?;
        let schema = request.child("AcceptableResponseSchema")?.text();
        Some(request.child("EMailAddress")?.text()).filter(|_| schema == ANSWER)
    });
    let mut out = Out::default();
    out.raw("<?xml version=\"1.0\" encoding=\"utf-8\"?><Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006\">");
    let open = format!("<Response xmlns=\"{ANSWER}\">");
    match address.map(|address| place(state, &address)) {
        None => out.raw("<Response><Error Time=\"00:00:00.0000000\" Id=\"1\"><ErrorCode>600</ErrorCode><Message>Invalid Request</Message><DebugData/></Error></Response>"),
        Some(Place::Nowhere) => out.raw("<Response><Error Time=\"00:00:00.0000000\" Id=\"1\"><ErrorCode>500</ErrorCode><Message>The email address can't be found.</Message><DebugData/></Error></Response>"),
        Some(Place::Address(to)) => {
            out.raw(&open);
            out.raw("<Account><Action>redirectAddr</Action>");
            out.element("RedirectAddr", &to);
            out.raw("</Account></Response>");
        }
        Some(Place::Url(to)) => {
            out.raw(&open);
            out.raw("<Account><Action>redirectUrl</Action>");
            out.element("RedirectUrl", &to);
            out.raw("</Account></Response>");
        }
        Some(Place::Here(person)) => {
            out.raw(&open);
            out.raw("<User>");
            out.element("DisplayName", &person.name);
            out.raw("</User><Account><AccountType>email</AccountType><Action>settings</Action>");
            for kind in ["EXCH", "EXPR"] {
                out.raw("<Protocol>");
                out.element("Type", kind);
                out.element("ASUrl", ews);
                out.element("EwsUrl", ews);
                out.raw("</Protocol>");
            }
            if let Some(archive) = &person.archive {
                out.raw("<AlternativeMailbox>");
                alternate(&mut out, &person, archive);
                out.raw("</AlternativeMailbox>");
            }
            if let Some(public) = &person.public {
                out.raw("<PublicFolderInformation>");
                out.element("SmtpAddress", public);
                out.raw("</PublicFolderInformation>");
            }
            out.raw("</Account></Response>");
        }
    }
    out.raw("</Autodiscover>");
    (200, out.into_text())
}

/// Answers the request for JSON about an address: a status, and where it sends to or what it says.
pub(crate) fn over_json(state: &State, address: &str, protocol: &str, ews: &str) -> (u16, String) {
    let error = |code: &str, words: &str| serde_json::json!({ "ErrorCode": code, "ErrorMessage": words });
    if !protocol.eq_ignore_ascii_case("Ews") {
        let words = format!("The given protocol value '{protocol}' is invalid.");
        return (400, error("InvalidProtocol", &words).to_string());
    }
    match place(state, address) {
        Place::Here(_) => (200, serde_json::json!({ "Protocol": "Ews", "Url": ews }).to_string()),
        Place::Url(to) => (302, to),
        Place::Address(_) | Place::Nowhere => {
            (404, error("UserNotFound", "The given user is not found").to_string())
        }
    }
}
