//! One call: who asks, for which mailbox, and the answer so far.

use super::fault::SoapFault;
use super::out::Out;
use super::rights::{Caller, Use};
use super::routing::Routing;
use super::xml::Element;
use crate::model::item::FolderKey;
use crate::model::state::{Place, State};
use crate::model::store_error::{StoreError, Stored};
use crate::model::subscription::Live;

/// A call being answered.
pub(crate) struct Call<'s> {
    pub(crate) state: &'s mut State,
    pub(crate) out: Out,
    /// Who logged in.
    pub(crate) caller: &'s Caller,
    /// What the headers say about where the request is to go.
    pub(crate) routing: &'s Routing,
    /// The name of the operation.
    pub(crate) operation: &'s str,
    /// What the operation does to what it names.
    pub(crate) needs: Use,
    /// The mailbox it acts as, where the request says so.
    pub(crate) impersonated: Option<String>,
    /// Cookies to be set, as the headers say them.
    pub(crate) cookies: Vec<String>,
    /// What goes on after the answer, if it stays open.
    pub(crate) live: Option<Live>,
}

impl Call<'_> {
    /// The mailbox meant where a request names none.
    pub(crate) fn own_mailbox(&self) -> Stored<String> {
        let address = self.impersonated.as_deref().unwrap_or(&self.caller.user);
        self.state.mailbox(address).map(|mailbox| mailbox.address.clone())
    }

    /// Who makes the call: the mailbox that is acted as, or the account that logged in.
    pub(crate) fn owner(&self) -> String {
        self.impersonated.as_deref().unwrap_or(&self.caller.user).to_lowercase()
    }

    /// The mailbox a request names by its address, if it names one; only one that the caller may open as its own.
    pub(crate) fn named_mailbox(&self, named: Option<String>) -> Stored<String> {
        let address = match named {
            Some(address) => address.trim().to_owned(),
            None => self.own_mailbox()?,
        };
        self.allowed(&address, None, Use::Owns)?;
        self.state.mailbox(&address).map(|mailbox| mailbox.address.clone())
    }

    /// The item a request names by `ItemId`.
    pub(crate) fn place(&self, item_id: Element<'_>) -> Result<Stored<Place>, SoapFault> {
        let id = item_id.required_attribute("Id")?;
        Ok(self.locate(id))
    }

    /// Like [`Call::place`], and checks that the request knows the newest version. `missing` is the code for a
    /// request that names no version; without it none is needed.
    pub(crate) fn current(
        &self,
        item_id: Element<'_>,
        missing: Option<&'static str>,
    ) -> Result<Stored<Place>, SoapFault> {
        let place = match self.place(item_id)? {
            Ok(place) => place,
            Err(error) => return Ok(Err(error)),
        };
        let version = item_id.attribute("ChangeKey").filter(|key| !key.is_empty());
        let now = self.state.item(&place).map(|item| item.change_key());
        Ok(match (version, missing, now) {
            (_, _, Err(error)) => Err(error),
            (None, Some(code), Ok(_)) => {
                Err(StoreError::new(code, "A change key is required for this operation."))
            }
            (Some(version), _, Ok(now)) if version != now => Err(StoreError::new(
                "ErrorStaleObject",
                "The change key is not the current one; read the item again.",
            )),
            _ => Ok(place),
        })
    }

    /// The folder a request names.
    pub(crate) fn folder(&self, folder_id: Element<'_>) -> Result<Stored<(String, FolderKey)>, SoapFault> {
        let id = folder_id.required_attribute("Id")?;
        match folder_id.name() {
            "DistinguishedFolderId" => {
                let named = folder_id.child("Mailbox").and_then(|mailbox| mailbox.child("EmailAddress"));
                if !WELL_KNOWN.contains(&id) {
                    return Err(folder_id.violation(&format!(
                        "The 'Id' attribute is invalid - The value '{id}' is invalid according to its datatype 'http://schemas.microsoft.com/exchange/services/2006/types:DistinguishedFolderIdNameType' - The Enumeration constraint failed."
                    )));
                }
                Ok(self.well_known(id, named.map(Element::text)))
            }
            "FolderId" => Ok(self.folder_by_id(id)),
            other => Err(SoapFault::new(
                "ErrorInvalidOperation",
                format!("The simulator has no folders by '{other}'."),
            )),
        }
    }

    fn well_known(&self, name: &str, mailbox: Option<String>) -> Stored<(String, FolderKey)> {
        let address = match mailbox {
            // They are nobody's, whoever's they are said to be.
            _ if name == "publicfoldersroot" => {
                let text = "There is no public folder replica available.";
                let none = || StoreError::new("ErrorNoPublicFolderReplicaAvailable", text);
                self.state.public_folders().ok_or_else(none)?.0.address.clone()
            }
            Some(address) => address.trim().to_owned(),
            None => self.own_mailbox()?,
        };
        let folder = self.state.mailbox(&address)?.well_known(name);
        self.allowed(&address, folder, self.needs)?;
        Ok((address.to_lowercase(), folder.ok_or_else(StoreError::folder_not_found)?))
    }

    /// The folder with this id.
    pub(crate) fn folder_by_id(&self, id: &str) -> Stored<(String, FolderKey)> {
        if crate::model::id::read(id) != Some(crate::model::id::Named::Folder) {
            return Err(StoreError::malformed_id());
        }
        let scope = self.impersonated.as_deref().map(str::to_lowercase);
        let found = self.state.mailboxes.iter().find_map(|(address, mailbox)| {
            let open = scope.as_ref().is_none_or(|scope| scope == address) || mailbox.public.is_some();
            mailbox.folder_by_id(id).filter(|_| open).map(|folder| (address.clone(), folder))
        });
        let (address, folder) = found.ok_or_else(StoreError::folder_not_found)?;
        self.allowed(&address, Some(folder), self.needs)?;
        Ok((address, folder))
    }

    /// Opens a response message that says all is well.
    pub(crate) fn success(&mut self, operation: &str) {
        self.out.raw(&format!(
            "<m:{operation}ResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode>"
        ));
    }

    /// Closes a response message.
    pub(crate) fn end(&mut self, operation: &str) {
        self.out.raw(&format!("</m:{operation}ResponseMessage>"));
    }

    /// Writes a response message that refuses one item; `rest` is what the schema wants to follow.
    pub(crate) fn refuse(&mut self, operation: &str, error: &StoreError, rest: &str) {
        self.out.raw(&format!("<m:{operation}ResponseMessage ResponseClass=\"Error\"><m:MessageText>"));
        self.out.text(&error.text);
        self.out.raw(&format!(
            "</m:MessageText><m:ResponseCode>{}</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>{rest}",
            error.code
        ));
        self.end(operation);
    }
}

/// The items a request names. All are checked before the first is touched, as the schema is on a server.
pub(crate) fn item_ids<'a>(request: Element<'a>) -> Result<Vec<Element<'a>>, SoapFault> {
    let ids: Vec<Element<'a>> = request.required("ItemIds")?.children().collect();
    for id in &ids {
        if id.name() != "ItemId" {
            let text = format!("The simulator has no items by {}.", id.name());
            return Err(SoapFault::new("ErrorInvalidOperation", text));
        }
        id.required_attribute("Id")?;
    }
    Ok(ids)
}

/// The names the schema allows, and those that servers know and the schema does not.
const WELL_KNOWN: [&str; 89] = [
    "calendar",
    "contacts",
    "deleteditems",
    "drafts",
    "inbox",
    "journal",
    "notes",
    "outbox",
    "sentitems",
    "tasks",
    "msgfolderroot",
    "publicfoldersroot",
    "root",
    "junkemail",
    "searchfolders",
    "voicemail",
    "recoverableitemsroot",
    "recoverableitemsdeletions",
    "recoverableitemsversions",
    "recoverableitemspurges",
    "recoverableitemsdiscoveryholds",
    "archiveroot",
    "archivemsgfolderroot",
    "archivedeleteditems",
    "archiveinbox",
    "archiverecoverableitemsroot",
    "archiverecoverableitemsdeletions",
    "archiverecoverableitemsversions",
    "archiverecoverableitemspurges",
    "archiverecoverableitemsdiscoveryholds",
    "syncissues",
    "conflicts",
    "localfailures",
    "serverfailures",
    "recipientcache",
    "quickcontacts",
    "conversationhistory",
    "adminauditlogs",
    "todosearch",
    "mycontacts",
    "directory",
    "imcontactlist",
    "peopleconnect",
    "favorites",
    "mecontact",
    "personmetadata",
    "teamspaceactivity",
    "teamspacemessaging",
    "teamspaceworkitems",
    "scheduled",
    "orionnotes",
    "tagitems",
    "alltaggeditems",
    "externalcontacts",
    "teamchat",
    "teamchathistory",
    "yammerroot",
    "yammerinbound",
    "yammeroutbound",
    "yammerfeeds",
    "onedriveroot",
    "onedriverecylebin",
    "onedrivesystem",
    "onedrivevolume",
    "important",
    "starred",
    "archive",
    "allcategorizeditems",
    "allcontacts",
    "allitems",
    "allpersonmetadata",
    "companycontacts",
    "dlppolicyevaluation",
    "fromfavoritesenders",
    "inference",
    "onenotepagepreviews",
    "peoplecentricconversationbuddies",
    "qedcdefaultretention",
    "qedclongretention",
    "qedcmediumretention",
    "qedcshortretention",
    "quarantinedemail",
    "quarantinedemaildefaultcategory",
    "recoverableitemssubstrateholds",
    "relevantcontacts",
    "sharepointnotifications",
    "shortnotes",
    "temporarysaves",
    "usercuratedcontacts",
];
