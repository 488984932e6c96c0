//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/createfolder-operation>

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::folder_writer::{self, FolderShape};
use super::super::xml::Element;
use crate::model::item::FolderKey;
use crate::model::store_error::StoreError;

const NAME: &str = "CreateFolder";

/// The elements of a folder in the order of the schema.
const PARTS: [&str; 13] = [
    "FolderId",
    "ParentFolderId",
    "FolderClass",
    "DisplayName",
    "TotalCount",
    "ChildFolderCount",
    "ExtendedProperty",
    "ManagedFolderInformation",
    "EffectiveRights",
    "DistinguishedFolderId",
    "PolicyTag",
    "ArchiveTag",
    "ReplicaList",
];

/// What a request says about a folder.
pub(super) struct Given {
    pub(super) name: Option<String>,
    pub(super) class: Option<String>,
}

/// Reads `Folder` or one of its kin.
pub(super) fn read(folder: Element<'_>) -> Result<(Given, &'static str), SoapFault> {
    let default = match folder.name() {
        "Folder" => "IPF.Note",
        "CalendarFolder" => "IPF.Appointment",
        "ContactsFolder" => "IPF.Contact",
        "TasksFolder" => "IPF.Task",
        other => {
            let text = format!("The simulator does not support a folder as {other}.");
            return Err(SoapFault::new("ErrorInvalidOperation", text));
        }
    };
    let rest = ["SharingEffectiveRights", "PermissionSet", "UnreadCount"];
    folder.sequence(&[PARTS.as_slice(), rest.as_slice()].concat())?;
    let text = |name: &str| folder.child(name).map(Element::text);
    Ok((Given { name: text("DisplayName"), class: text("FolderClass") }, default))
}

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["ParentFolderId", "Folders"])?;
    let parent = request.required("ParentFolderId")?;
    let parent = parent.children().next().ok_or_else(|| parent.violation("ParentFolderId is empty."))?;
    let folders: Vec<(Given, &str)> =
        request.required("Folders")?.children().map(read).collect::<Result<_, _>>()?;
    let parent = call.folder(parent)?.map_err(|error| match error.code {
        "ErrorFolderNotFound" => StoreError::new("ErrorParentFolderNotFound", error.text),
        _ => error,
    });
    for (given, default) in folders {
        let class = given.class.filter(|class| !class.is_empty()).unwrap_or_else(|| default.to_owned());
        let made = parent.clone().and_then(|(mailbox, parent)| {
            let name = given.name.unwrap_or_default();
            let key = call.state.create_folder(&mailbox, parent, &name, class)?;
            Ok((mailbox, key))
        });
        match made {
            Ok((mailbox, key)) => write_id(call, NAME, &mailbox, key),
            Err(error) => call.refuse(NAME, &error, "<m:Folders/>"),
        }
    }
    Ok(())
}

/// Writes a response message with the id of a folder.
pub(super) fn write_id(call: &mut Call<'_>, operation: &str, mailbox: &str, key: FolderKey) {
    call.success(operation);
    let Call { state, out, .. } = call;
    out.raw("<m:Folders>");
    if let Some(mailbox) = state.mailboxes.get(&mailbox.to_lowercase()) {
        folder_writer::write(out, mailbox, key, FolderShape { all: false, tags: 0 });
    }
    out.raw("</m:Folders>");
    call.end(operation);
}
