//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/deleteitem-operation>

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::targets::{self, Target};
use super::super::xml::Element;
use super::meeting;
use crate::model::detail::DetailKind;
use crate::model::meeting::Notice;
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
    for named in targets::read(request)? {
        let deleted = call.target(named)?.and_then(|Target { place, number }| {
            let detail = call.state.item(&place)?.detail.as_ref();
            let is_event = detail.is_some_and(|detail| detail.kind == DetailKind::Calendar);
            let code = "ErrorSendMeetingCancellationsRequired";
            let tell = meeting::required(cancellations, is_event, code)?;
            meeting::tell(call, &place, number, tell, Notice::Cancellation)?;
            match number {
                Some(number) => call.state.remove_occurrence(&place, number),
                None => call.state.delete_item(&place, how),
            }
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
