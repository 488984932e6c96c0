//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/senditem-operation>

use super::super::call::{Call, item_ids};
use super::super::fault::SoapFault;
use super::super::xml::Element;
use crate::model::state::Place;
use crate::model::store_error::{StoreError, Stored};

const NAME: &str = "SendItem";

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["ItemIds", "SavedItemFolderId"])?;
    let save = match request.required_attribute("SaveItemToFolder")? {
        "true" | "1" => true,
        "false" | "0" => false,
        other => {
            return Err(
                request.violation(&format!("The 'SaveItemToFolder' attribute is invalid: '{other}'."))
            );
        }
    };
    let folder = match request.child("SavedItemFolderId") {
        None => None,
        Some(_) if !save => {
            let text = "A folder is named, but the copy is not to be saved.";
            return Err(SoapFault::new("ErrorInvalidSendItemSaveSettings", text));
        }
        Some(saved) => {
            let id = saved.children().next().ok_or_else(|| saved.violation("SavedItemFolderId is empty."))?;
            Some(call.folder(id)?)
        }
    };
    for item_id in item_ids(request)? {
        let place = call.current(item_id, Some("ErrorChangeKeyRequired"))?;
        let sent = place.and_then(|place| {
            let keep = match folder.clone().transpose()? {
                Some((_, folder)) => Some(folder),
                None if save => Some(sent_items(call, &place)?),
                None => None,
            };
            call.may_send(&place)?;
            call.state.send(&place, keep)
        });
        match sent {
            Ok(()) => {
                call.success(NAME);
                call.end(NAME);
            }
            Err(error) => call.refuse(NAME, &error, ""),
        }
    }
    Ok(())
}

fn sent_items(call: &Call<'_>, place: &Place) -> Stored<usize> {
    call.state.mailbox(&place.mailbox)?.well_known("sentitems").ok_or_else(StoreError::folder_not_found)
}
