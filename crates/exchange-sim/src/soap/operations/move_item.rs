//! MoveItem and CopyItem, which differ in one word.
//!
//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/moveitem-operation>

use super::super::call::{Call, item_ids};
use super::super::fault::SoapFault;
use super::super::shape::Shape;
use super::super::xml::Element;
use super::get_item;
use crate::model::item::FolderKey;
use crate::model::state::Place;
use crate::model::store_error::{StoreError, Stored};

pub(crate) fn answer_move(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    answer(call, request, "MoveItem", |call, place, folder| {
        call.state.move_item(place, folder)?;
        Ok(place.clone())
    })
}

pub(crate) fn answer_copy(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    answer(call, request, "CopyItem", |call, place, folder| call.state.copy_item(place, folder))
}

fn answer(
    call: &mut Call<'_>,
    request: Element<'_>,
    name: &str,
    act: fn(&mut Call<'_>, &Place, FolderKey) -> Stored<Place>,
) -> Result<(), SoapFault> {
    request.sequence(&["ToFolderId", "ItemIds", "ReturnNewItemIds"])?;
    let to = request.required("ToFolderId")?;
    let target = to.children().next().ok_or_else(|| to.violation("ToFolderId is empty."))?;
    let target = call.folder(target)?;
    let wants_ids = request.child("ReturnNewItemIds").map(Element::flag).transpose()?.unwrap_or(true);
    for item_id in item_ids(request)? {
        let done = match (&target, call.place(item_id)?) {
            (Err(error), _) => Err(error.clone()),
            (_, Err(error)) => Err(error),
            (Ok((mailbox, _)), Ok(place)) if *mailbox != place.mailbox => {
                let text = "The simulator moves and copies inside one mailbox only.";
                Err(StoreError::new("ErrorCrossMailboxMoveCopy", text))
            }
            (Ok((_, folder)), Ok(place)) => act(call, &place, *folder),
        };
        match done {
            Ok(place) if wants_ids => get_item::write(call, name, &place, &Shape::id_only(), ""),
            Ok(_) => {
                call.success(name);
                call.out.raw("<m:Items/>");
                call.end(name);
            }
            Err(error) => call.refuse(name, &error, "<m:Items/>"),
        }
    }
    Ok(())
}
