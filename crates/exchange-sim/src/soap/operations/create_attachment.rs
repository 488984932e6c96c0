//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/createattachment-operation>

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::item_writer::element;
use super::super::xml::Element;
use super::message;
use crate::model::id;
use crate::model::mail::Attachment;
use crate::model::state::Place;
use crate::model::store_error::Stored;

const NAME: &str = "CreateAttachment";

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["ParentItemId", "Attachments"])?;
    let parent = request.required("ParentItemId")?;
    let attachments = request
        .required("Attachments")?
        .children()
        .map(message::attachment)
        .collect::<Result<Vec<_>, _>>()?;
    let place = call.current(parent, None)?;
    for attachment in attachments {
        let added = place.clone().and_then(|place| attach(call, &place, &attachment));
        match added {
            Ok((attachment_id, item_id, change_key)) => {
                let (open, close) = element(&attachment);
                call.success(NAME);
                call.out.raw(&format!(
                    "<m:Attachments>{open}<t:AttachmentId Id=\"{attachment_id}\" RootItemId=\"{item_id}\" RootItemChangeKey=\"{change_key}\"/>{close}</m:Attachments>"
                ));
                call.end(NAME);
            }
            Err(error) => call.refuse(NAME, &error, "<m:Attachments/>"),
        }
    }
    Ok(())
}

fn attach(call: &mut Call<'_>, place: &Place, attachment: &Attachment) -> Stored<(String, String, String)> {
    call.state.attach(place, attachment)?;
    let item = call.state.item(place)?;
    let number = item.number(item.mail.attachments.len().saturating_sub(1));
    Ok((id::attachment(&item.id, &[number]), item.id.clone(), item.change_key()))
}
