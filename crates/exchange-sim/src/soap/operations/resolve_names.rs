//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/resolvenames-operation>
//!
//! The directory is the list of mailboxes and groups; a name resolves if an address, an alias, a display name or a
//! word of one begins with it. Contacts of mailboxes are nobody here.

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::out::Out;
use super::super::xml::Element;
use crate::model::people::Profile;
use crate::model::settings::Found;
use crate::model::store_error::StoreError;

const NAME: &str = "ResolveNames";
const SCOPES: [(&str, bool); 4] = [
    ("ActiveDirectory", true),
    ("ActiveDirectoryContacts", true),
    ("Contacts", false),
    ("ContactsActiveDirectory", true),
];

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["ParentFolderIds", "UnresolvedEntry"])?;
    request.required_attribute("ReturnFullContactData")?;
    let full = request
        .one_of("ReturnFullContactData", &[("true", true), ("1", true), ("false", false), ("0", false)])?;
    let directory = request.one_of("SearchScope", &SCOPES)?.unwrap_or(true);
    let entry = request.required("UnresolvedEntry")?.text();
    let (found, more) = if directory { call.state.resolve(&entry) } else { (Vec::new(), false) };
    if found.is_empty() {
        let error = StoreError::new("ErrorNameResolutionNoResults", "No results were found.");
        call.refuse(NAME, &error, "");
        return Ok(());
    }
    if found.len() == 1 {
        call.success(NAME);
    } else {
        call.out.raw("<m:ResolveNamesResponseMessage ResponseClass=\"Warning\"><m:MessageText>Multiple results were found.</m:MessageText><m:ResponseCode>ErrorNameResolutionMultipleResults</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>");
    }
    let Call { state, out, .. } = call;
    out.raw(&format!(
        "<m:ResolutionSet TotalItemsInView=\"{}\" IncludesLastItemInRange=\"{}\">",
        found.len(),
        !more
    ));
    for one in &found {
        out.raw("<t:Resolution>");
        write_mailbox(out, one);
        let mailbox = state.mailboxes.get(&one.address.to_lowercase());
        if let Some(mailbox) = mailbox.filter(|_| full == Some(true)) {
            write_contact(out, one, &mailbox.settings.profile);
        }
        out.raw("</t:Resolution>");
    }
    out.raw("</m:ResolutionSet>");
    call.end(NAME);
    Ok(())
}

/// Writes somebody as a `Mailbox`.
pub(crate) fn write_mailbox(out: &mut Out, who: &Found) {
    out.raw("<t:Mailbox>");
    out.element("t:Name", &who.name);
    out.element("t:EmailAddress", &who.address);
    out.raw("<t:RoutingType>SMTP</t:RoutingType>");
    out.element("t:MailboxType", who.kind);
    out.raw("</t:Mailbox>");
}

/// In the order of the schema.
fn write_contact(out: &mut Out, who: &Found, profile: &Profile) {
    let text = |out: &mut Out, name: &str, value: &str| {
        if !value.is_empty() {
            out.element(name, value);
        }
    };
    out.raw("<t:Contact>");
    text(out, "t:DisplayName", &who.name);
    text(out, "t:GivenName", &profile.given_name);
    text(out, "t:CompanyName", &profile.company);
    out.raw("<t:EmailAddresses><t:Entry Key=\"EmailAddress1\">SMTP:");
    out.text(&who.address);
    out.raw("</t:Entry></t:EmailAddresses>");
    if !profile.phone.is_empty() {
        out.raw("<t:PhoneNumbers><t:Entry Key=\"BusinessPhone\">");
        out.text(&profile.phone);
        out.raw("</t:Entry></t:PhoneNumbers>");
    }
    out.raw("<t:ContactSource>ActiveDirectory</t:ContactSource>");
    text(out, "t:Department", &profile.department);
    text(out, "t:JobTitle", &profile.title);
    text(out, "t:OfficeLocation", &profile.office);
    text(out, "t:Surname", &profile.surname);
    text(out, "t:Alias", &profile.alias);
    out.raw("</t:Contact>");
}
