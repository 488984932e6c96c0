//! DeleteFolder and EmptyFolder.
//!
//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/deletefolder-operation>

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::xml::Element;
use crate::model::item::FolderKey;
use crate::model::state::Disposal;
use crate::model::store_error::Stored;

pub(crate) fn answer_delete(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    answer(call, request, "DeleteFolder", |call, mailbox, folder, how| {
        call.state.delete_folder(mailbox, folder, how)
    })
}

pub(crate) fn answer_empty(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    let below = match request.required_attribute("DeleteSubFolders")? {
        "true" | "1" => true,
        "false" | "0" => false,
        other => {
            return Err(request
                .violation(&format!("The 'DeleteSubFolders' attribute is invalid - The value '{other}'.")));
        }
    };
    answer(call, request, "EmptyFolder", |call, mailbox, folder, how| {
        call.state.empty_folder(mailbox, folder, how, below)
    })
}

fn answer(
    call: &mut Call<'_>,
    request: Element<'_>,
    name: &str,
    act: impl Fn(&mut Call<'_>, &str, FolderKey, Disposal) -> Stored<()>,
) -> Result<(), SoapFault> {
    request.sequence(&["FolderIds"])?;
    let kinds = [
        ("HardDelete", Disposal::Hard),
        ("SoftDelete", Disposal::Soft),
        ("MoveToDeletedItems", Disposal::Trash),
    ];
    request.required_attribute("DeleteType")?;
    let how = request.one_of("DeleteType", &kinds)?.unwrap_or(Disposal::Trash);
    let ids: Vec<Element<'_>> = request.required("FolderIds")?.children().collect();
    for id in ids {
        let done = call.folder(id)?.and_then(|(mailbox, folder)| act(call, &mailbox, folder, how));
        match done {
            Ok(()) => {
                call.success(name);
                call.end(name);
            }
            Err(error) => call.refuse(name, &error, ""),
        }
    }
    Ok(())
}
