//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/updatefolder-operation>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::paths::{self, Path};
use super::super::xml::Element;
use super::create_folder::{read as read_folder, write_id};
use crate::model::folders::FolderUpdate;
use crate::model::store_error::{StoreError, Stored};

const NAME: &str = "UpdateFolder";

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["FolderChanges"])?;
    let mut all = Vec::new();
    for change in request.required("FolderChanges")?.children() {
        change.sequence(&["FolderId", "DistinguishedFolderId", "Updates"])?;
        let id = change.children().next().ok_or_else(|| change.violation("FolderChange is empty."))?;
        id.required_attribute("Id")?;
        let updates: Vec<Stored<Option<FolderUpdate>>> =
            change.required("Updates")?.children().map(read).collect::<Result<_, _>>()?;
        all.push((id, updates));
    }
    for (id, updates) in all {
        let key = id.attribute("ChangeKey").filter(|key| !key.is_empty());
        let known = match key {
            Some(key) if STANDARD.decode(key).is_err() => {
                Err(StoreError::new("ErrorInvalidChangeKey", "The change key is invalid."))
            }
            _ => call.folder(id)?,
        };
        let done = known.and_then(|(mailbox, key)| {
            let updates = updates.into_iter().filter_map(Result::transpose).collect::<Stored<Vec<_>>>()?;
            call.state.update_folder(&mailbox, key, updates)?;
            Ok((mailbox, key))
        });
        match done {
            Ok((mailbox, key)) => write_id(call, NAME, &mailbox, key),
            Err(error) => call.refuse(NAME, &error, "<m:Folders/>"),
        }
    }
    Ok(())
}

/// One change; none where nothing is to change.
fn read(update: Element<'_>) -> Result<Stored<Option<FolderUpdate>>, SoapFault> {
    let mut children = update.children();
    let path = children.next().ok_or_else(|| update.violation("A property path is expected."))?;
    let path = paths::read(path)?;
    match (update.name(), &path) {
        ("SetFolderField", _) => {}
        ("DeleteFolderField", Path::Schema("folder:DisplayName" | "folder:FolderClass")) => {
            let text = "Delete action is invalid for this property of a folder.";
            return Ok(Err(StoreError::new("ErrorInvalidPropertyDelete", text)));
        }
        // What a folder does not have is gone already.
        ("DeleteFolderField", _) => return Ok(Ok(None)),
        (other, _) => {
            let text = format!("The simulator does not support {other}.");
            return Err(SoapFault::new("ErrorInvalidOperation", text));
        }
    }
    let folder = children.next().ok_or_else(|| update.violation("The new value is missing."))?;
    let (given, _) = read_folder(folder)?;
    Ok(match (path, given.name, given.class) {
        (Path::Schema("folder:DisplayName"), Some(name), _) => Ok(Some(FolderUpdate::Name(name))),
        (Path::Schema("folder:FolderClass"), _, Some(class)) => Ok(Some(FolderUpdate::Class(class))),
        _ => Err(StoreError::new(
            "ErrorInvalidPropertySet",
            "Set action is invalid for this property of a folder.",
        )),
    })
}
