//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/getfolder-operation>

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::folder_writer::{self, FolderShape};
use super::super::paths::{self, Path};
use super::super::xml::Element;
use crate::model::extended::PropertyName;
use crate::model::folder_mapi;

const NAME: &str = "GetFolder";

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["FolderShape", "FolderIds"])?;
    let shape = read_shape(request)?;
    let ids: Vec<Element<'_>> = request.required("FolderIds")?.children().collect();
    for id in ids {
        match call.folder(id)? {
            Ok((mailbox, folder)) => {
                call.success(NAME);
                let Call { state, out, .. } = call;
                if let Some(mailbox) = state.mailboxes.get(&mailbox) {
                    out.raw("<m:Folders>");
                    folder_writer::write(out, mailbox, folder, shape);
                    out.raw("</m:Folders>");
                }
                call.end(NAME);
            }
            Err(error) => call.refuse(NAME, &error, "<m:Folders/>"),
        }
    }
    Ok(())
}

/// Reads `FolderShape`. A folder is small: whoever asks for more than ids gets everything.
pub(crate) fn read_shape(request: Element<'_>) -> Result<FolderShape, SoapFault> {
    let shape = request.required("FolderShape")?;
    shape.sequence(&["BaseShape", "AdditionalProperties"])?;
    let base = shape.required("BaseShape")?;
    let mut tags = 0;
    let mut all = match base.text().trim() {
        "IdOnly" => false,
        "Default" | "AllProperties" => true,
        other => {
            return Err(base.violation(&format!("The 'BaseShape' element is invalid - The value '{other}'.")));
        }
    };
    for path in shape.child("AdditionalProperties").iter().flat_map(|paths| paths.children()) {
        if let Path::Extended(PropertyName { tag: Some(tag), .. }) = paths::read(path)?
            && let Some(bit) = folder_mapi::TAGS.iter().position(|(known, _)| *known == tag)
        {
            tags |= 1 << bit;
        }
        all = true;
    }
    Ok(FolderShape { all, tags })
}
