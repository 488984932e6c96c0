//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/expanddl-operation>

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::xml::Element;
use super::resolve_names::write_mailbox;
use crate::model::store_error::StoreError;

const NAME: &str = "ExpandDL";

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["Mailbox"])?;
    let mailbox = request.required("Mailbox")?;
    mailbox.sequence(&[
        "Name",
        "EmailAddress",
        "RoutingType",
        "MailboxType",
        "ItemId",
        "OriginalDisplayName",
    ])?;
    let named = mailbox.child("EmailAddress").map(Element::text).unwrap_or_default();
    let Some(group) = call.state.group(&named) else {
        let error = StoreError::new("ErrorNameResolutionNoResults", "No results are found.");
        call.refuse(NAME, &error, "");
        return Ok(());
    };
    let members: Vec<_> = group.members.iter().map(|member| call.state.whose(member)).collect();
    call.success(NAME);
    call.out.raw(&format!(
        "<m:DLExpansion TotalItemsInView=\"{}\" IncludesLastItemInRange=\"true\">",
        members.len()
    ));
    members.iter().for_each(|member| write_mailbox(&mut call.out, member));
    call.out.raw("</m:DLExpansion>");
    call.end(NAME);
    Ok(())
}
