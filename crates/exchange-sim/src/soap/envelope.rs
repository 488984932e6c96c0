//! The envelope: finds the operation, the account acted as, and wraps the answer.

use roxmltree::{Document, ParsingOptions};

use super::call::Call;
use super::fault::SoapFault;
use super::operations;
use super::out::Out;
use super::rights::{self, Caller, Use};
use super::routing::Routing;
use super::xml::{Element, MESSAGES, TYPES};
use crate::model::state::State;
use crate::model::subscription::Live;

/// An answer: its HTTP status and its text.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) out: Out,
    /// Cookies to be set, as the headers say them.
    pub(crate) cookies: Vec<String>,
    /// Of an answer that stays open: what goes on in it.
    pub(crate) live: Option<Live>,
}

impl From<SoapFault> for Answer {
    fn from(fault: SoapFault) -> Self {
        Answer { status: 500, out: fault.write(), cookies: Vec::new(), live: None }
    }
}

const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
/// As a server of Exchange 2019 announces itself.
const HEAD: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Header><h:ServerVersionInfo MajorVersion=\"15\" MinorVersion=\"2\" MajorBuildNumber=\"1544\" MinorBuildNumber=\"4\" Version=\"V2017_07_11\" xmlns:h=\"http://schemas.microsoft.com/exchange/services/2006/types\"/></s:Header><s:Body>";
const TAIL: &str = "</s:Body></s:Envelope>";
/// How many nodes a request may have; a request names at most some thousand items.
const MAX_NODES: u32 = 1_000_000;

/// A whole answer of one operation, as one of several that follow each other in one body.
pub(crate) fn wrapped(operation: &str, messages: impl FnOnce(&mut Out)) -> String {
    let mut out = Out::default();
    out.raw(HEAD);
    out.raw(&format!(
        "<m:{operation}Response xmlns:m=\"{MESSAGES}\" xmlns:t=\"{TYPES}\"><m:ResponseMessages>"
    ));
    messages(&mut out);
    out.raw(&format!("</m:ResponseMessages></m:{operation}Response>"));
    out.raw(TAIL);
    out.into_text()
}

/// Reads a request.
pub(crate) fn read(request: &str) -> Result<Document<'_>, SoapFault> {
    let options = ParsingOptions { nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    Document::parse_with_options(request, options).map_err(|error| {
        let place = error.pos();
        SoapFault::schema(place.row, place.col, &error.to_string())
    })
}

/// The operation a request is about, for counting and for misbehaviour on request; `unreadable` if it says
/// none. Looks at the beginning of the body only, because the whole is read later and once.
pub(crate) fn operation_name(request: &str) -> String {
    let name = || {
        let is_tag = |at: usize| {
            let before = request.get(..at).is_some_and(|text| text.ends_with(['<', ':']));
            before && request.get(at + 4..).is_some_and(|text| text.starts_with(['>', ' ', '\n', '\r', '\t']))
        };
        let at = request.match_indices("Body").map(|(at, _)| at).find(|at| is_tag(*at))?;
        let (_, element) = request.get(at..)?.split_once('<')?;
        let end = element.find(|c: char| c.is_whitespace() || matches!(c, '>' | '/'))?;
        let tag = element.get(..end)?;
        let name = tag.rsplit_once(':').map_or(tag, |(_, name)| name);
        (!name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric())).then(|| name.to_owned())
    };
    let name = name().unwrap_or_else(|| String::from("unreadable"));
    // The two operations on automatic replies have an element of another name.
    name.strip_suffix("OofSettingsRequest").map(|verb| format!("{verb}OofSettings")).unwrap_or(name)
}

/// Answers a request.
pub(crate) fn handle(
    state: &mut State,
    caller: &Caller,
    routing: &Routing,
    request: &Document<'_>,
) -> Answer {
    dispatch(state, caller, routing, Element(request.root_element())).unwrap_or_else(Answer::from)
}

fn dispatch(
    state: &mut State,
    caller: &Caller,
    routing: &Routing,
    envelope: Element<'_>,
) -> Result<Answer, SoapFault> {
    if envelope.name() != "Envelope" || envelope.0.tag_name().namespace() != Some(SOAP) {
        return Err(envelope.violation("A SOAP 1.1 envelope is expected."));
    }
    let header = envelope.child("Header");
    if let Some(header) = header {
        check_version(header)?;
    }
    let impersonated = rights::impersonated(state, caller, header)?;
    let operation = envelope
        .required("Body")?
        .children()
        .next()
        .ok_or_else(|| envelope.violation("The body is empty."))?;
    let name = operation.name();
    if operation.0.tag_name().namespace() != Some(MESSAGES) {
        return Err(operation.violation(&format!("The element '{name}' is not in the messages namespace.")));
    }
    let answer = operations::find(name).ok_or_else(|| {
        let text = format!("The simulator does not support the operation {name}.");
        SoapFault::new("ErrorInvalidOperation", text)
    })?;
    let out = Out::default();
    let needs = Use::of(name);
    let mut call = Call {
        state,
        out,
        caller,
        routing,
        operation: name,
        needs,
        impersonated,
        cookies: Vec::new(),
        live: None,
    };
    call.out.raw(HEAD);
    if operations::is_bare(name) {
        answer(&mut call, operation)?;
        call.out.raw(TAIL);
        return Ok(Answer { status: 200, out: call.out, cookies: call.cookies, live: None });
    }
    call.out
        .raw(&format!("<m:{name}Response xmlns:m=\"{MESSAGES}\" xmlns:t=\"{TYPES}\"><m:ResponseMessages>"));
    answer(&mut call, operation)?;
    call.out.raw(&format!("</m:ResponseMessages></m:{name}Response>"));
    call.out.raw(TAIL);
    Ok(Answer { status: 200, out: call.out, cookies: call.cookies, live: call.live })
}

fn check_version(header: Element<'_>) -> Result<(), SoapFault> {
    let Some(version) = header.child("RequestServerVersion") else { return Ok(()) };
    let named = version.required_attribute("Version")?;
    let known = named.strip_prefix("Exchange20").is_some_and(|rest| rest != "07" && !rest.is_empty())
        || named.starts_with("V2");
    if known {
        return Ok(());
    }
    let text = "The specified server version is invalid.";
    Err(SoapFault::new("ErrorInvalidServerVersion", text))
}

/// The whole answer of a server that has too much to do, as a SOAP fault.
pub(crate) fn busy(wait_ms: u64) -> Answer {
    let mut fault = SoapFault::new(
        "ErrorServerBusy",
        "The server cannot service this request right now. Try again later.",
    );
    fault.details.push(("BackOffMilliseconds", wait_ms.to_string()));
    fault.into()
}

/// The same inside a normal answer, as servers say it when the limit is reached halfway.
pub(crate) fn busy_inside(operation: &str, wait_ms: u64) -> Answer {
    let rest = match operation {
        "GetItem" | "CreateItem" | "UpdateItem" | "MoveItem" | "CopyItem" => "<m:Items/>",
        "GetAttachment" | "CreateAttachment" => "<m:Attachments/>",
        _ => "",
    };
    let said = format!(
        " ResponseClass=\"Error\"><m:MessageText>The server cannot service this request right now. Try again later.</m:MessageText><m:ResponseCode>ErrorServerBusy</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey><m:MessageXml><t:Value Name=\"BackOffMilliseconds\">{wait_ms}</t:Value></m:MessageXml>{rest}"
    );
    let (before, after) = match operation {
        "GetInboxRules" | "UpdateInboxRules" => (String::new(), String::new()),
        "GetUserOofSettings" | "SetUserOofSettings" => {
            (String::from("><m:ResponseMessage"), String::from("</m:ResponseMessage>"))
        }
        _ => (
            format!("><m:ResponseMessages><m:{operation}ResponseMessage"),
            format!("</m:{operation}ResponseMessage></m:ResponseMessages>"),
        ),
    };
    let mut out = Out::default();
    out.raw(HEAD);
    out.raw(&format!(
        "<m:{operation}Response xmlns:m=\"{MESSAGES}\" xmlns:t=\"{TYPES}\"{before}{said}{after}</m:{operation}Response>"
    ));
    out.raw(TAIL);
    Answer { status: 200, out, cookies: Vec::new(), live: None }
}

/// The answer of a server that broke.
pub(crate) fn internal_error() -> Answer {
    SoapFault::new("ErrorInternalServerError", "An internal server error occurred. The operation failed.")
        .into()
}
