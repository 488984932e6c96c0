//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/findpeople-operation>
//!
//! The directory only: folders of contacts hold nobody here.

use super::super::bare;
use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::out::Out;
use super::super::xml::Element;
use crate::model::id;
use crate::model::settings::Found;

const NAME: &str = "FindPeople";

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&[
        "PersonaShape",
        "IndexedPageItemView",
        "Restriction",
        "AggregationRestriction",
        "SortOrder",
        "ParentFolderId",
        "QueryString",
    ])?;
    let view = request.required("IndexedPageItemView")?;
    let number = |name: &str| -> Result<Option<usize>, SoapFault> {
        let Some(text) = view.attribute(name) else { return Ok(None) };
        let wrong = || view.violation(&format!("The '{name}' attribute is invalid - The value '{text}'."));
        text.parse().map(Some).map_err(|_| wrong())
    };
    let (limit, offset) = (number("MaxEntriesReturned")?.unwrap_or(1_000), number("Offset")?.unwrap_or(0));
    if limit == 0 {
        return Err(view.violation("The 'MaxEntriesReturned' attribute is invalid - The value '0'."));
    }
    let folder = request.child("ParentFolderId").and_then(|parent| parent.children().next());
    let directory = folder.is_some_and(|folder| folder.attribute("Id") == Some("directory"));
    if let Some(folder) = folder.filter(|_| !directory)
        && let Err(error) = call.folder(folder)?
    {
        bare::open(&mut call.out, NAME, Some(&error));
        bare::close(&mut call.out, NAME);
        return Ok(());
    }
    let words = request.child("QueryString").map(Element::text).unwrap_or_default();
    let found = if directory { call.state.people(&words) } else { Vec::new() };
    bare::open(&mut call.out, NAME, None);
    call.out.raw("<m:People>");
    for one in found.iter().skip(offset).take(limit.min(1_000)) {
        let Call { state, out, .. } = call;
        write(out, one, state);
    }
    call.out.raw(&format!(
        "</m:People><m:TotalNumberOfPeopleInView>{}</m:TotalNumberOfPeopleInView><m:FirstMatchingRowIndex>0</m:FirstMatchingRowIndex><m:FirstLoadedRowIndex>{offset}</m:FirstLoadedRowIndex>",
        found.len()
    ));
    bare::close(&mut call.out, NAME);
    Ok(())
}

/// In the order of the schema.
fn write(out: &mut Out, who: &Found, state: &crate::model::state::State) {
    let profile = state.mailboxes.get(&who.address.to_lowercase()).map(|mailbox| &mailbox.settings.profile);
    let kind = if who.kind == "PublicDL" { "DistributionList" } else { "Person" };
    out.raw("<t:Persona><t:PersonaId Id=\"");
    out.text(&id::folder("directory", &who.address.to_lowercase()));
    out.raw("\"/>");
    out.element("t:PersonaType", kind);
    out.element("t:DisplayName", &who.name);
    let texts = |profile: &crate::model::people::Profile| {
        [
            ("t:GivenName", profile.given_name.clone()),
            ("t:Surname", profile.surname.clone()),
            ("t:Title", profile.title.clone()),
            ("t:Department", profile.department.clone()),
            ("t:CompanyName", profile.company.clone()),
        ]
    };
    for (name, value) in profile.map(texts).into_iter().flatten() {
        if !value.is_empty() {
            out.element(name, &value);
        }
    }
    let address = |out: &mut Out, name: &str| {
        out.raw(&format!("<{name}>"));
        out.element("t:Name", &who.name);
        out.element("t:EmailAddress", &who.address);
        out.raw("<t:RoutingType>SMTP</t:RoutingType>");
        out.element("t:MailboxType", who.kind);
        out.raw(&format!("</{name}>"));
    };
    address(out, "t:EmailAddress");
    out.raw("<t:EmailAddresses>");
    address(out, "t:Address");
    out.raw("</t:EmailAddresses>");
    if let Some(phone) = profile.map(|profile| &profile.phone).filter(|phone| !phone.is_empty()) {
        out.raw("<t:PhoneNumber>");
        out.element("t:Number", phone);
        out.raw("<t:Type>Business</t:Type></t:PhoneNumber>");
    }
    out.raw("<t:RelevanceScore>2147483647</t:RelevanceScore></t:Persona>");
}
