//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/exportitems-operation>

use super::super::call::{Call, item_ids};
use super::super::fault::SoapFault;
use super::super::xml::Element;

const NAME: &str = "ExportItems";

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["ItemIds"])?;
    for item_id in item_ids(request)? {
        let found = call.place(item_id)?.and_then(|place| {
            let item = call.state.item(&place)?;
            Ok((item.id.clone(), item.change_key(), call.state.export(&place)?))
        });
        match found {
            Ok((id, change_key, bytes)) => {
                call.success(NAME);
                call.out.raw(&format!("<m:ItemId Id=\"{id}\" ChangeKey=\"{change_key}\"/><m:Data>"));
                call.out.base64(&bytes);
                call.out.raw("</m:Data>");
                call.end(NAME);
            }
            Err(error) => call.refuse(NAME, &error, ""),
        }
    }
    Ok(())
}
