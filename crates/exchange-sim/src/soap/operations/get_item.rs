//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/getitem-operation>

use super::super::call::{Call, item_ids};
use super::super::fault::SoapFault;
use super::super::item_writer::ItemView;
use super::super::shape::Shape;
use super::super::xml::Element;
use crate::model::state::Place;

const NAME: &str = "GetItem";

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["ItemShape", "ItemIds"])?;
    let shape = Shape::read(request.required("ItemShape")?, false)?;
    for item_id in item_ids(request)? {
        match call.place(item_id)? {
            Ok(place) => write(call, NAME, &place, &shape, ""),
            Err(error) => call.refuse(NAME, &error, "<m:Items/>"),
        }
    }
    Ok(())
}

/// Writes the response message that shows an item; `rest` is what the schema wants after the items.
pub(crate) fn write(call: &mut Call<'_>, operation: &str, place: &Place, shape: &Shape, rest: &str) {
    call.success(operation);
    call.out.raw("<m:Items>");
    let Call { state, out, .. } = call;
    if let Some(mailbox) = state.mailboxes.get(&place.mailbox)
        && let Some(item) = mailbox.items.get(&place.key)
    {
        ItemView { mailbox, item, shape, attached: None }.write(out);
    }
    call.out.raw("</m:Items>");
    call.out.raw(rest);
    call.end(operation);
}
