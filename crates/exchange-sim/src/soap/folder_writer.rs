//! Writes one folder.

use super::out::Out;
use super::paths;
use crate::model::extended::PropertyName;
use crate::model::folder_mapi;
use crate::model::item::FolderKey;
use crate::model::mailbox::Mailbox;

/// Which properties of a folder are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FolderShape {
    /// Names and counts, not only the id.
    pub(crate) all: bool,
    /// Which of the MAPI properties of folders, as bits in the order of their list.
    pub(crate) tags: u16,
}

const RIGHTS: &str = "<t:EffectiveRights><t:CreateAssociated>true</t:CreateAssociated><t:CreateContents>true</t:CreateContents><t:CreateHierarchy>true</t:CreateHierarchy><t:Delete>true</t:Delete><t:Modify>true</t:Modify><t:Read>true</t:Read></t:EffectiveRights>";

fn extended(out: &mut Out, mailbox: &Mailbox, key: FolderKey, shape: FolderShape) {
    for (bit, (tag, kind)) in folder_mapi::TAGS.into_iter().enumerate() {
        let Some(value) = folder_mapi::value(mailbox, key, tag).filter(|_| shape.tags >> bit & 1 == 1) else {
            continue;
        };
        out.raw("<t:ExtendedProperty>");
        let name = PropertyName { tag: Some(tag), kind: kind.to_owned(), ..PropertyName::default() };
        paths::write_extended(out, &name);
        out.element("t:Value", &value);
        out.raw("</t:ExtendedProperty>");
    }
}

/// Writes a folder as the element its class asks for.
pub(crate) fn write(out: &mut Out, mailbox: &Mailbox, key: FolderKey, shape: FolderShape) {
    let Some(folder) = mailbox.folders.get(key) else { return };
    let element = match &*folder.class {
        "IPF.Appointment" => "t:CalendarFolder",
        "IPF.Contact" => "t:ContactsFolder",
        "IPF.Task" => "t:TasksFolder",
        _ => "t:Folder",
    };
    out.raw(&format!("<{element}><t:FolderId Id=\"{}\" ChangeKey=\"{}\"/>", folder.id, folder.change_key()));
    if shape.all {
        if let Some(parent) = folder.parent.and_then(|parent| mailbox.folders.get(parent)) {
            out.raw(&format!(
                "<t:ParentFolderId Id=\"{}\" ChangeKey=\"{}\"/>",
                parent.id,
                parent.change_key()
            ));
        }
        let (total, unread) = mailbox.counts(key);
        let children =
            mailbox.folders.iter().filter(|child| !child.gone && child.parent == Some(key)).count();
        out.element("t:FolderClass", &folder.class);
        out.element("t:DisplayName", &folder.name);
        out.element("t:TotalCount", &total.to_string());
        out.element("t:ChildFolderCount", &children.to_string());
        extended(out, mailbox, key, shape);
        out.raw(RIGHTS);
        // The schema does not know this name, though servers do.
        if let Some(name) = folder.well_known.filter(|_| !mailbox.is_all_items(key)) {
            out.element("t:DistinguishedFolderId", name);
        }
        if matches!(element, "t:Folder" | "t:TasksFolder") {
            out.element("t:UnreadCount", &unread.to_string());
        }
    }
    out.raw(&format!("</{element}>"));
}
