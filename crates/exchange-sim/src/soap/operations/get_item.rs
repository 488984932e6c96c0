//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/getitem-operation>

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::item_writer::ItemView;
use super::super::shape::Shape;
use super::super::targets::{self, Target};
use super::super::xml::Element;
use crate::model::state::Place;

const NAME: &str = "GetItem";

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["ItemShape", "ItemIds"])?;
    let shape = Shape::read(request.required("ItemShape")?, false)?;
    for named in targets::read(request)? {
        match call.target(named)? {
            Ok(target) => write_target(call, NAME, &target, &shape, ""),
            Err(error) => call.refuse(NAME, &error, "<m:Items/>"),
        }
    }
    Ok(())
}

/// Writes the response message that shows an item; `rest` is what the schema wants after the items.
pub(crate) fn write(call: &mut Call<'_>, operation: &str, place: &Place, shape: &Shape, rest: &str) {
    write_target(call, operation, &Target { place: place.clone(), number: None }, shape, rest);
}

/// The same of an item or of one occurrence of it.
pub(crate) fn write_target(call: &mut Call<'_>, operation: &str, target: &Target, shape: &Shape, rest: &str) {
    let Target { place, number } = target;
    call.success(operation);
    call.out.raw("<m:Items>");
    let Call { state, out, .. } = call;
    if let Some(mailbox) = state.mailboxes.get(&place.mailbox)
        && let Some(item) = mailbox.items.get(&place.key)
    {
        let occurrence = number.and_then(|number| item.occurrence(number).ok());
        let item = occurrence.as_ref().unwrap_or(item);
        ItemView { mailbox, item, shape, attached: None }.write(out);
    }
    call.out.raw("</m:Items>");
    call.out.raw(rest);
    call.end(operation);
}
