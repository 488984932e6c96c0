//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/deleteattachment-operation>

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::xml::Element;
use crate::model::attached;
use crate::model::store_error::StoreError;

const NAME: &str = "DeleteAttachment";

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["AttachmentIds"])?;
    let mut ids = Vec::new();
    for id in request.required("AttachmentIds")?.children() {
        ids.push(id.required_attribute("Id")?.to_owned());
    }
    let mut refused = Vec::new();
    for id in &ids {
        let allowed =
            attached::read_id(id).and_then(|(item, _)| call.locate(&item).map_err(attached::not_found));
        refused.push(allowed.err());
    }
    let open: Vec<String> =
        ids.into_iter().zip(&refused).filter(|(_, refused)| refused.is_none()).map(|(id, _)| id).collect();
    let mut done = call.state.detach(None, &open).into_iter();
    for refused in refused {
        let result = match refused {
            Some(error) => Err(error),
            None => done.next().unwrap_or_else(|| Err(StoreError::item_not_found())),
        };
        match result.and_then(|place| {
            let item = call.state.item(&place)?;
            Ok((item.id.clone(), item.change_key()))
        }) {
            Ok((id, change_key)) => {
                call.success(NAME);
                call.out
                    .raw(&format!("<m:RootItemId RootItemId=\"{id}\" RootItemChangeKey=\"{change_key}\"/>"));
                call.end(NAME);
            }
            Err(error) => call.refuse(NAME, &error, ""),
        }
    }
    Ok(())
}
