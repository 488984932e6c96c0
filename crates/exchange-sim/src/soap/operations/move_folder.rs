//! MoveFolder and CopyFolder, which differ in one word.
//!
//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/movefolder-operation>

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::xml::Element;
use super::create_folder::write_id;
use crate::model::item::FolderKey;
use crate::model::store_error::{StoreError, Stored};

pub(crate) fn answer_move(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    answer(call, request, "MoveFolder", |call, mailbox, folder, to| {
        call.state.move_folder(mailbox, folder, to).map(|()| folder)
    })
}

pub(crate) fn answer_copy(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    answer(call, request, "CopyFolder", |call, mailbox, folder, to| {
        call.state.copy_folder(mailbox, folder, to)
    })
}

fn answer(
    call: &mut Call<'_>,
    request: Element<'_>,
    name: &str,
    act: fn(&mut Call<'_>, &str, FolderKey, FolderKey) -> Stored<FolderKey>,
) -> Result<(), SoapFault> {
    request.sequence(&["ToFolderId", "FolderIds"])?;
    let to = request.required("ToFolderId")?;
    let to = to.children().next().ok_or_else(|| to.violation("ToFolderId is empty."))?;
    let target = call.folder(to)?;
    let ids: Vec<Element<'_>> = request.required("FolderIds")?.children().collect();
    for id in ids {
        let done = match (&target, call.folder(id)?) {
            (Err(error), _) => Err(error.clone()),
            (_, Err(error)) => Err(error),
            (Ok((there, _)), Ok((here, _))) if *there != here => {
                let text = "The simulator moves and copies inside one mailbox only.";
                Err(StoreError::new("ErrorCrossMailboxMoveCopy", text))
            }
            (Ok((_, to)), Ok((mailbox, folder))) => {
                act(call, &mailbox, folder, *to).map(|folder| (mailbox, folder))
            }
        };
        match done {
            Ok((mailbox, folder)) => write_id(call, name, &mailbox, folder),
            Err(error) => call.refuse(name, &error, "<m:Folders/>"),
        }
    }
    Ok(())
}
