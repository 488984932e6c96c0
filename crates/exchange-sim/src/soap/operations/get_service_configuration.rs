//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/getserviceconfiguration-operation>
//!
//! The organisation has mail tips, no voice mail and no protection rules.

use super::super::bare;
use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::xml::Element;
use crate::model::store_error::StoreError;

const NAME: &str = "GetServiceConfiguration";
const KNOWN: [&str; 4] = ["MailTips", "UnifiedMessagingConfiguration", "ProtectionRules", "PolicyNudges"];

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["ActingAs", "RequestedConfiguration", "ConfigurationRequestDetails"])?;
    let mut wanted = Vec::new();
    for name in request.required("RequestedConfiguration")?.children() {
        for word in name.text().split_whitespace() {
            if !KNOWN.contains(&word) {
                return Err(name.violation(&format!(
                    "The 'http://schemas.microsoft.com/exchange/services/2006/messages:ConfigurationName' element is invalid - The value '{word}' is invalid according to its datatype 'http://schemas.microsoft.com/exchange/services/2006/types:ServiceConfigurationType' - The Enumeration constraint failed."
                )));
            }
            wanted.push(word.to_owned());
        }
    }
    let acting = request.child("ActingAs").and_then(|acting| acting.child("EmailAddress")).map(Element::text);
    if acting.is_none() && wanted.iter().any(|word| word == "MailTips") {
        let text = "ActingAs is required for the requested configuration.";
        return Err(SoapFault::new("ErrorActingAsRequired", text));
    }
    bare::open(&mut call.out, NAME, None);
    let Call { state, out, .. } = call;
    out.raw("<m:ResponseMessages>");
    for word in &wanted {
        out.raw("<m:ServiceConfigurationResponseMessageType");
        if word == "PolicyNudges" {
            let error = StoreError::new("ErrorInvalidOperation", "The simulator has no policy nudges.");
            bare::verdict(out, Some(&error));
            out.raw("</m:ServiceConfigurationResponseMessageType>");
            continue;
        }
        bare::verdict(out, None);
        match word.as_str() {
            "MailTips" => {
                out.raw("<m:MailTipsConfiguration><t:MailTipsEnabled>true</t:MailTipsEnabled><t:MaxRecipientsPerGetMailTipsRequest>50</t:MaxRecipientsPerGetMailTipsRequest><t:MaxMessageSize>37748736</t:MaxMessageSize><t:LargeAudienceThreshold>25</t:LargeAudienceThreshold><t:ShowExternalRecipientCount>true</t:ShowExternalRecipientCount><t:InternalDomains>");
                for domain in state.domains() {
                    out.raw("<t:Domain Name=\"");
                    out.text(&domain);
                    out.raw("\" IncludeSubdomains=\"false\"/>");
                }
                out.raw("</t:InternalDomains><t:PolicyTipsEnabled>false</t:PolicyTipsEnabled><t:LargeAudienceCap>1000</t:LargeAudienceCap></m:MailTipsConfiguration>");
            }
            "UnifiedMessagingConfiguration" => out.raw("<m:UnifiedMessagingConfiguration><t:UmEnabled>false</t:UmEnabled><t:PlayOnPhoneDialString/><t:PlayOnPhoneEnabled>false</t:PlayOnPhoneEnabled></m:UnifiedMessagingConfiguration>"),
            _ => out.raw("<m:ProtectionRulesConfiguration RefreshInterval=\"24\"><t:Rules/><t:InternalDomains/></m:ProtectionRulesConfiguration>"),
        }
        out.raw("</m:ServiceConfigurationResponseMessageType>");
    }
    out.raw("</m:ResponseMessages>");
    bare::close(&mut call.out, NAME);
    Ok(())
}
