//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/getservertimezones-operation>
//!
//! The organisation lives in UTC and knows no other zone.

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::xml::Element;

const NAME: &str = "GetServerTimeZones";
const UTC: &str = "<t:TimeZoneDefinition Id=\"UTC\" Name=\"(UTC) Coordinated Universal Time\"><t:Periods><t:Period Bias=\"P0D\" Name=\"Standard\" Id=\"trule:Microsoft/Registry/UTC/1-Standard\"/></t:Periods><t:TransitionsGroups><t:TransitionsGroup Id=\"0\"><t:Transition><t:To Kind=\"Period\">trule:Microsoft/Registry/UTC/1-Standard</t:To></t:Transition></t:TransitionsGroup></t:TransitionsGroups><t:Transitions><t:Transition><t:To Kind=\"Group\">0</t:To></t:Transition></t:Transitions></t:TimeZoneDefinition>";

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["Ids"])?;
    let wanted = match request.child("Ids") {
        None => true,
        Some(ids) => ids.children().any(|id| id.text() == "UTC"),
    };
    call.success(NAME);
    call.out.raw("<m:TimeZoneDefinitions>");
    if wanted {
        call.out.raw(UTC);
    }
    call.out.raw("</m:TimeZoneDefinitions>");
    call.end(NAME);
    Ok(())
}
