//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/resolvenames-operation>
//!
//! The directory is the list of mailboxes; a name resolves if an address begins with it.

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::xml::Element;
use crate::model::store_error::StoreError;

const NAME: &str = "ResolveNames";
/// How many a server gives at most.
const MAX_FOUND: usize = 100;

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["ParentFolderIds", "UnresolvedEntry"])?;
    let entry = request.required("UnresolvedEntry")?.text().trim().to_lowercase();
    let wanted = entry.strip_prefix("smtp:").unwrap_or(&entry);
    let found: Vec<String> = call
        .state
        .mailboxes
        .iter()
        .filter(|(address, _)| !wanted.is_empty() && address.starts_with(wanted))
        .map(|(_, mailbox)| mailbox.address.clone())
        .take(MAX_FOUND)
        .collect();
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
        "<m:ResolutionSet TotalItemsInView=\"{}\" IncludesLastItemInRange=\"true\">",
        found.len()
    ));
    for address in &found {
        out.raw("<t:Resolution><t:Mailbox>");
        out.element("t:Name", address);
        out.element("t:EmailAddress", address);
        out.raw("<t:RoutingType>SMTP</t:RoutingType><t:MailboxType>Mailbox</t:MailboxType></t:Mailbox></t:Resolution>");
    }
    out.raw("</m:ResolutionSet>");
    call.end(NAME);
    Ok(())
}
