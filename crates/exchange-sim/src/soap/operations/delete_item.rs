//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/deleteitem-operation>

use super::super::call::{Call, item_ids};
use super::super::fault::SoapFault;
use super::super::xml::Element;
use crate::model::state::Disposal;

const NAME: &str = "DeleteItem";

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["ItemIds"])?;
    let kinds = [
        ("HardDelete", Disposal::Hard),
        ("SoftDelete", Disposal::Soft),
        ("MoveToDeletedItems", Disposal::Trash),
    ];
    request.required_attribute("DeleteType")?;
    let how = request.one_of("DeleteType", &kinds)?.unwrap_or(Disposal::Trash);
    for item_id in item_ids(request)? {
        let deleted = call.place(item_id)?.and_then(|place| call.state.delete_item(&place, how));
        match deleted {
            Ok(()) => {
                call.success(NAME);
                call.end(NAME);
            }
            Err(error) => call.refuse(NAME, &error, ""),
        }
    }
    Ok(())
}
