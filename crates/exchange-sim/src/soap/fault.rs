//! SOAP faults: the whole request is refused.

use super::out::Out;
use crate::model::store_error::StoreError;

/// A refusal of the whole request, sent with HTTP status 500.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SoapFault {
    pub(crate) code: &'static str,
    pub(crate) text: String,
    /// Children of `t:MessageXml`: name and text.
    pub(crate) details: Vec<(&'static str, String)>,
}

impl SoapFault {
    pub(crate) fn new(code: &'static str, text: impl Into<String>) -> Self {
        SoapFault { code, text: text.into(), details: Vec::new() }
    }

    pub(crate) fn schema(line: u32, column: u32, violation: &str) -> Self {
        SoapFault {
            code: "ErrorSchemaValidation",
            text: format!("The request failed schema validation: {violation}"),
            details: vec![
                ("LineNumber", line.to_string()),
                ("LinePosition", column.to_string()),
                ("Violation", violation.to_owned()),
            ],
        }
    }

    /// The envelope.
    pub(crate) fn write(&self) -> Out {
        let mut out = Out::default();
        out.raw("<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><s:Fault><faultcode xmlns:a=\"http://schemas.microsoft.com/exchange/services/2006/types\">a:");
        out.text(self.code);
        out.raw("</faultcode><faultstring xml:lang=\"en-US\">");
        out.text(&self.text);
        out.raw("</faultstring><detail><e:ResponseCode xmlns:e=\"http://schemas.microsoft.com/exchange/services/2006/errors\">");
        out.text(self.code);
        out.raw("</e:ResponseCode><e:Message xmlns:e=\"http://schemas.microsoft.com/exchange/services/2006/errors\">");
        out.text(&self.text);
        out.raw("</e:Message>");
        if !self.details.is_empty() {
            out.raw("<t:MessageXml xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\">");
            for (name, text) in &self.details {
                // The value of server-busy's wait is a named value, the places of a violation are elements.
                if *name == "BackOffMilliseconds" {
                    out.raw("<t:Value Name=\"BackOffMilliseconds\">");
                    out.text(text);
                    out.raw("</t:Value>");
                } else {
                    out.element(&format!("t:{name}"), text);
                }
            }
            out.raw("</t:MessageXml>");
        }
        out.raw("</detail></s:Fault></s:Body></s:Envelope>");
        out
    }
}

impl From<StoreError> for SoapFault {
    fn from(error: StoreError) -> Self {
        SoapFault::new(error.code, error.text)
    }
}
