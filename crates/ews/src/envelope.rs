//! The SOAP envelope around every request.

use exchange::{Error, Mailbox};

use crate::client::Version;
use crate::xml::Writer;

/// Namespace of the operations.
const MESSAGES: &str = "http://schemas.microsoft.com/exchange/services/2006/messages";
/// Namespace of everything inside them.
const TYPES: &str = "http://schemas.microsoft.com/exchange/services/2006/types";

/// A whole request: the [version](https://learn.microsoft.com/exchange/client-developer/web-service-reference/requestserverversion)
/// asked for, the mailbox [acted for](https://learn.microsoft.com/exchange/client-developer/web-service-reference/exchangeimpersonation),
/// and the operation that `body` writes.
pub(crate) fn write(
    version: Version,
    acted_for: Option<&Mailbox>,
    body: impl FnOnce(&mut Writer),
) -> Result<String, Error> {
    let mut out = Writer::default();
    out.open(
        "s:Envelope",
        &[
            ("xmlns:s", "http://schemas.xmlsoap.org/soap/envelope/"),
            ("xmlns:m", MESSAGES),
            ("xmlns:t", TYPES),
        ],
    );
    out.open("s:Header", &[]);
    out.empty("t:RequestServerVersion", &[("Version", version.as_str())]);
    if let Some(mailbox) = acted_for {
        out.open("t:ExchangeImpersonation", &[]);
        out.open("t:ConnectingSID", &[]);
        out.exact("t:PrimarySmtpAddress", mailbox.as_str());
        out.close("t:ConnectingSID");
        out.close("t:ExchangeImpersonation");
    }
    out.close("s:Header");
    out.open("s:Body", &[]);
    body(&mut out);
    out.close("s:Body");
    out.close("s:Envelope");
    out.finish().map(|text| format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>{text}"))
}
