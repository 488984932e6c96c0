//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/deleteattachment-operation>

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::xml::Element;

const NAME: &str = "DeleteAttachment";

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["AttachmentIds"])?;
    let mut ids = Vec::new();
    for id in request.required("AttachmentIds")?.children() {
        ids.push(id.required_attribute("Id")?.to_owned());
    }
    let scope = call.impersonated.clone();
    for result in call.state.detach(scope.as_deref(), &ids) {
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
