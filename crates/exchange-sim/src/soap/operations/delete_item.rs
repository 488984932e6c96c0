//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/deleteitem-operation>

use super::super::call::{Call, item_ids};
use super::super::fault::SoapFault;
use super::super::xml::Element;
use super::meeting;
use crate::model::detail::DetailKind;
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
    let cancellations = meeting::read(request, "SendMeetingCancellations")?;
    for item_id in item_ids(request)? {
        let deleted = call.place(item_id)?.and_then(|place| {
            let detail = call.state.item(&place)?.detail.as_ref();
            let is_event = detail.is_some_and(|detail| detail.kind == DetailKind::Calendar);
            let code = "ErrorSendMeetingCancellationsRequired";
            let tell = meeting::required(cancellations, is_event, code)?;
            meeting::tell(call, &place, tell, "Canceled: ")?;
            call.state.delete_item(&place, how)
        });
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
