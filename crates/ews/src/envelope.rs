//! The SOAP envelope around every request.

use exchange::Error;

use crate::config::Config;
use crate::reach::Reach;
use crate::xml::Writer;

/// Namespace of the operations.
const MESSAGES: &str = "http://schemas.microsoft.com/exchange/services/2006/messages";
/// Namespace of everything inside them.
const TYPES: &str = "http://schemas.microsoft.com/exchange/services/2006/types";

/// A request, and where in it a value goes that is put in while it is sent.
pub(crate) struct Written {
    pub(crate) text: String,
    pub(crate) cut: Option<usize>,
}

/// A whole request: the [version](https://learn.microsoft.com/exchange/client-developer/web-service-reference/requestserverversion)
/// asked for, the mailbox [acted for](https://learn.microsoft.com/exchange/client-developer/web-service-reference/exchangeimpersonation),
/// what times and folder names are meant in, and the operation that `body` writes.
pub(crate) fn write(
    config: &Config,
    reach: &Reach,
    body: impl FnOnce(&mut Writer),
) -> Result<Written, Error> {
    let mut out = Writer::reaching(reach);
    out.prolog();
    out.open(
        "s:Envelope",
        &[
            ("xmlns:s", "http://schemas.xmlsoap.org/soap/envelope/"),
            ("xmlns:m", MESSAGES),
            ("xmlns:t", TYPES),
        ],
    );
    out.open("s:Header", &[]);
    out.empty("t:RequestServerVersion", &[("Version", reach.version.as_str())]);
    if let Some(culture) = &config.culture {
        out.exact("t:MailboxCulture", culture);
    }
    if let Some((element, value)) = &reach.acted_for {
        out.open("t:ExchangeImpersonation", &[]);
        out.open("t:ConnectingSID", &[]);
        out.exact(element, value);
        out.close("t:ConnectingSID");
        out.close("t:ExchangeImpersonation");
    }
    if let Some(zone) = &config.time_zone {
        out.open("t:TimeZoneContext", &[]);
        out.empty("t:TimeZoneDefinition", &[("Id", zone)]);
        out.close("t:TimeZoneContext");
    }
    if let Some(role) = reach.role {
        out.open("t:ManagementRole", &[]);
        out.open("t:UserRoles", &[]);
        out.word("t:Role", role);
        out.close("t:UserRoles");
        out.close("t:ManagementRole");
    }
    out.close("s:Header");
    out.open("s:Body", &[]);
    body(&mut out);
    out.close("s:Body");
    out.close("s:Envelope");
    let cut = out.cut();
    out.finish().map(|text| Written { text, cut })
}
