//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/getservertimezones-operation>

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::xml::Element;
use super::super::zone_xml;
use crate::model::zone;

const NAME: &str = "GetServerTimeZones";

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["Ids"])?;
    let whole = !matches!(request.attribute("ReturnFullTimeZoneData"), Some("false" | "0"));
    call.success(NAME);
    call.out.raw("<m:TimeZoneDefinitions>");
    match request.child("Ids") {
        None => {
            for (zone, rule) in zone::all() {
                zone_xml::define(&mut call.out, zone, &rule, whole);
            }
        }
        // One that is not known is left out.
        Some(ids) => {
            for zone in ids.children().filter_map(|id| zone::named(&id.text())) {
                zone_xml::define(&mut call.out, zone, &zone.rule(), whole);
            }
        }
    }
    call.out.raw("</m:TimeZoneDefinitions>");
    call.end(NAME);
    Ok(())
}
