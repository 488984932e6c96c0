//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/syncfolderhierarchy-operation>
//!
//! The state is the number of folders: folders are only ever added here.

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::folder_writer;
use super::super::xml::Element;
use super::get_folder::read_shape;
use crate::model::store_error::StoreError;

const NAME: &str = "SyncFolderHierarchy";

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["FolderShape", "SyncFolderId", "SyncState"])?;
    let shape = read_shape(request)?;
    let root = match request.child("SyncFolderId").and_then(|id| id.children().next()) {
        Some(id) => call.folder(id)?,
        None => call.own_mailbox().and_then(|address| {
            let root =
                call.state.mailbox(&address)?.well_known("root").ok_or_else(StoreError::folder_not_found)?;
            Ok((address.to_lowercase(), root))
        }),
    };
    let state = request.child("SyncState").map(Element::text).unwrap_or_default();
    let known = if state.is_empty() { Some(0) } else { state.parse::<usize>().ok() };
    let Some(known) = known else {
        let error =
            StoreError::new("ErrorInvalidSyncStateData", "The synchronization state data is corrupt.");
        call.refuse(NAME, &error, "");
        return Ok(());
    };
    let (mailbox, root) = match root {
        Ok(found) => found,
        Err(error) => {
            call.refuse(NAME, &error, "");
            return Ok(());
        }
    };
    call.success(NAME);
    let Call { state, out, .. } = call;
    if let Some(mailbox) = state.mailboxes.get(&mailbox) {
        out.element("m:SyncState", &mailbox.folders.len().to_string());
        out.element("m:IncludesLastFolderInRange", "true");
        out.raw("<m:Changes>");
        for key in (known..mailbox.folders.len()).filter(|key| *key != root && mailbox.is_within(*key, root))
        {
            out.raw("<t:Create>");
            folder_writer::write(out, mailbox, key, shape);
            out.raw("</t:Create>");
        }
        out.raw("</m:Changes>");
    }
    call.end(NAME);
    Ok(())
}
