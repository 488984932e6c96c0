//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/syncfolderhierarchy-operation>
//!
//! A state is a position in the list of changes. All changes come at once, as a server gives them, too.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::folder_writer::{self, FolderShape};
use super::super::out::Out;
use super::super::xml::Element;
use super::get_folder::read_shape;
use crate::model::item::FolderKey;
use crate::model::mailbox::Mailbox;
use crate::model::store_error::StoreError;
use crate::model::subscription::mark;

const NAME: &str = "SyncFolderHierarchy";
/// What a refusal has in place of a state.
const NOTHING: &str = "<m:SyncState/><m:IncludesLastFolderInRange>true</m:IncludesLastFolderInRange>";

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
    let found = root.and_then(|(address, root)| {
        let mailbox = call.state.mailbox(&address)?;
        let text = "The synchronization state data is corrupt.";
        let known = match state.trim() {
            "" => Some(None),
            text => read(mailbox, text).map(Some),
        };
        let known = known.ok_or_else(|| StoreError::new("ErrorInvalidSyncStateData", text))?;
        Ok((address, root, known))
    });
    match found {
        Ok((address, root, known)) => {
            call.success(NAME);
            let Call { state, out, .. } = call;
            if let Some(mailbox) = state.mailboxes.get(&address) {
                write(out, mailbox, root, known, shape);
            }
            call.end(NAME);
        }
        Err(error) => call.refuse(NAME, &error, NOTHING),
    }
    Ok(())
}

fn write(out: &mut Out, mailbox: &Mailbox, root: FolderKey, known: Option<usize>, shape: FolderShape) {
    let end = mailbox.changes.end();
    let mut bytes = vec![3];
    bytes.extend(mark(mailbox));
    bytes.extend((end as u64).to_be_bytes());
    out.element("m:SyncState", &STANDARD.encode(bytes));
    out.element("m:IncludesLastFolderInRange", "true");
    out.raw("<m:Changes>");
    for (key, is_new, old) in mailbox.changes.folders(known.unwrap_or(0)) {
        let Some(folder) = mailbox.folders.get(key).filter(|_| key != root) else { continue };
        let is_here = !folder.gone && mailbox.is_within(key, root);
        let was_here =
            !is_new && old.map_or(mailbox.is_within(key, root), |old| mailbox.is_within(old, root));
        let element = match (was_here, is_here) {
            (false, true) => "t:Create",
            (true, true) => "t:Update",
            (true, false) => {
                out.raw(&format!(
                    "<t:Delete><t:FolderId Id=\"{}\" ChangeKey=\"{}\"/></t:Delete>",
                    folder.id,
                    folder.change_key()
                ));
                continue;
            }
            (false, false) => continue,
        };
        out.raw(&format!("<{element}>"));
        folder_writer::write(out, mailbox, key, shape);
        out.raw(&format!("</{element}>"));
    }
    out.raw("</m:Changes>");
}

fn read(mailbox: &Mailbox, text: &str) -> Option<usize> {
    let bytes = STANDARD.decode(text).ok()?;
    let rest = bytes.strip_prefix(&[3])?.strip_prefix(mark(mailbox).as_slice())?;
    let position = usize::try_from(u64::from_be_bytes(rest.try_into().ok()?)).ok()?;
    let changes = &mailbox.changes;
    (position <= changes.end() && changes.reaches_back_to(position)).then_some(position)
}
