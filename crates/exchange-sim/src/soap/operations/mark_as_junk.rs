//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/markasjunk-operation>

use super::super::call::{Call, item_ids};
use super::super::fault::SoapFault;
use super::super::xml::Element;

const NAME: &str = "MarkAsJunk";

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["ItemIds"])?;
    let flag = |name: &str| {
        request.required_attribute(name)?;
        let words = [("true", true), ("1", true), ("false", false), ("0", false)];
        Ok::<bool, SoapFault>(request.one_of(name, &words)?.unwrap_or(false))
    };
    let (junk, moves) = (flag("IsJunk")?, flag("MoveItem")?);
    for item_id in item_ids(request)? {
        let done = call.place(item_id)?.and_then(|place| {
            let moved = call.state.mark_junk(&place, junk, moves)?;
            let item = call.state.item(&place)?;
            Ok(moved.then(|| (item.id.clone(), item.change_key())))
        });
        match done {
            Ok(moved) => {
                call.success(NAME);
                if let Some((id, change_key)) = moved {
                    call.out.raw(&format!("<m:MovedItemId Id=\"{id}\" ChangeKey=\"{change_key}\"/>"));
                }
                call.end(NAME);
            }
            Err(error) => call.refuse(NAME, &error, ""),
        }
    }
    Ok(())
}
