//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/resolvenames-operation>
//!
//! The directory is the list of mailboxes; a name resolves if an address, a display name or a word of one begins
//! with it.

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::xml::Element;
use crate::model::store_error::StoreError;

const NAME: &str = "ResolveNames";

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["ParentFolderIds", "UnresolvedEntry"])?;
    let entry = request.required("UnresolvedEntry")?.text();
    let (found, more) = call.state.resolve(&entry);
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
    let out = &mut call.out;
    out.raw(&format!(
        "<m:ResolutionSet TotalItemsInView=\"{}\" IncludesLastItemInRange=\"{}\">",
        found.len(),
        !more
    ));
    for entry in &found {
        out.raw("<t:Resolution><t:Mailbox>");
        out.element("t:Name", &entry.name);
        out.element("t:EmailAddress", &entry.address);
        out.raw("<t:RoutingType>SMTP</t:RoutingType><t:MailboxType>Mailbox</t:MailboxType></t:Mailbox></t:Resolution>");
    }
    out.raw("</m:ResolutionSet>");
    call.end(NAME);
    Ok(())
}
