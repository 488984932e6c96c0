//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/getevents-operation>

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::xml::Element;
use super::notifications;

const NAME: &str = "GetEvents";

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["SubscriptionId", "Watermark"])?;
    let id = request.required("SubscriptionId")?.text();
    let watermark = request.required("Watermark")?.text();
    let owner = call.owner();
    match call.is_here(id.trim()).and_then(|()| call.state.pull(&owner, id.trim(), &watermark)) {
        Ok(news) => {
            call.success(NAME);
            let Call { state, out, .. } = call;
            if let Some(mailbox) = state.mailboxes.get(&news.mailbox.to_lowercase()) {
                notifications::notification(out, mailbox, id.trim(), &news);
            }
            call.end(NAME);
        }
        Err(error) => call.refuse(NAME, &error, ""),
    }
    Ok(())
}
