//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/getdelegate-operation>
//!
//! Delegates are those who were given a right on single folders.

use std::collections::BTreeMap;

use super::super::bare;
use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::xml::Element;
use crate::account::{Right, sid};

const NAME: &str = "GetDelegate";
/// In the order of the schema.
const FOLDERS: [(&str, &str); 6] = [
    ("calendar", "Calendar"),
    ("tasks", "Tasks"),
    ("inbox", "Inbox"),
    ("contacts", "Contacts"),
    ("notes", "Notes"),
    ("journal", "Journal"),
];

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["Mailbox", "UserIds"])?;
    request.required_attribute("IncludePermissions")?;
    let named = request.required("Mailbox")?.child("EmailAddress").map(Element::text);
    let owner = call.named_mailbox(named);
    bare::open(&mut call.out, NAME, owner.as_ref().err());
    if let Ok(owner) = &owner {
        let mut delegates: BTreeMap<String, BTreeMap<String, Right>> = BTreeMap::new();
        for grant in &call.state.directory.grants {
            if let Some(folder) = grant.folder.as_ref().filter(|_| grant.mailbox.eq_ignore_ascii_case(owner))
            {
                let rights = delegates.entry(grant.to.to_lowercase()).or_default();
                rights.insert(folder.to_lowercase(), grant.right);
            }
        }
        // The schema has no empty list.
        if !delegates.is_empty() {
            call.out.raw("<m:ResponseMessages>");
        }
        for (address, rights) in &delegates {
            let Call { state, out, .. } = call;
            out.raw("<m:DelegateUserResponseMessageType");
            bare::verdict(out, None);
            out.raw("<m:DelegateUser><t:UserId>");
            out.element("t:SID", &sid(address));
            out.element("t:PrimarySmtpAddress", address);
            out.element("t:DisplayName", &state.whose(address).name);
            out.raw("</t:UserId><t:DelegatePermissions>");
            for (folder, name) in FOLDERS {
                let level = match rights.get(folder) {
                    None | Some(Right::SendAs | Right::SendOnBehalf) => "None",
                    Some(Right::Reviewer) => "Reviewer",
                    Some(Right::Editor | Right::FullAccess) => "Editor",
                };
                out.element(&format!("t:{name}FolderPermissionLevel"), level);
            }
            out.raw("</t:DelegatePermissions><t:ReceiveCopiesOfMeetingMessages>false</t:ReceiveCopiesOfMeetingMessages><t:ViewPrivateItems>false</t:ViewPrivateItems></m:DelegateUser></m:DelegateUserResponseMessageType>");
        }
        if !delegates.is_empty() {
            call.out.raw("</m:ResponseMessages>");
        }
        call.out.raw("<m:DeliverMeetingRequests>DelegatesAndMe</m:DeliverMeetingRequests>");
    }
    bare::close(&mut call.out, NAME);
    Ok(())
}
