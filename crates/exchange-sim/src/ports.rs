//! Face 1: the ports directly on the organisation, without a wire.
//!
//! The same operations as behind SOAP, so that a playbook sees the same mailbox either way.

use std::io::Write;
use std::sync::Arc;

use exchange::port::{Attachments, Delete, Move, PerItem, Ports, Read, Search, Update, Work};
use exchange::{
    AttachmentInfo, AttachmentKind, DeleteMode, Error, ErrorKind, FolderRef, Found, ItemRef, Mailbox,
    Message, MessageSummary, SearchRequest,
};

use crate::ledger::EffectKind;
use crate::model::attached;
use crate::model::item::FolderKey;
use crate::model::state::{Disposal, Place, State};
use crate::model::store_error::{StoreError, Stored};
use crate::organisation::Organisation;
use crate::views;

impl Organisation {
    /// The ports, all of them, directly on this organisation.
    pub fn ports(&self) -> Ports {
        let direct = Arc::new(Direct(self.clone()));
        Ports {
            fallback_charset: None,
            search: Some(direct.clone()),
            read: Some(direct.clone()),
            attachments: Some(direct.clone()),
            moves: Some(direct.clone()),
            delete: Some(direct.clone()),
            update: Some(direct.clone()),
            submit: Some(direct.clone()),
            detach: Some(direct.clone()),
            junk: Some(direct.clone()),
            rules: Some(direct.clone()),
            automatic_replies: Some(direct.clone()),
            calendar: Some(direct.clone()),
            directory: Some(direct.clone()),
            drafts: Some(direct.clone()),
            folders: Some(direct.clone()),
            groups: Some(direct.clone()),
            contacts: Some(direct.clone()),
            mailboxes: Some(direct.clone()),
            properties: Some(direct.clone()),
            discovery: Some(direct.clone()),
            copies: Some(direct.clone()),
            transfer: Some(direct),
        }
    }
}

pub(crate) struct Direct(Organisation);

impl Direct {
    pub(crate) fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock()
    }

    /// Whether what was sent is shown late.
    pub(crate) fn files_late(&self) -> bool {
        self.0.lock().files_late > 0
    }

    /// Does something at once, under the lock.
    pub(crate) fn now<'a, T: Send + 'a>(
        &'a self,
        act: impl FnOnce(&mut State) -> Result<T, Error> + Send + 'a,
    ) -> Work<'a, T> {
        Box::pin(async move { act(&mut self.0.lock()) })
    }
}

/// The store's refusal as the ports say it.
pub(crate) fn refused(error: StoreError) -> Error {
    let kind = match error.code {
        "ErrorItemNotFound"
        | "ErrorFolderNotFound"
        | "ErrorNonExistentMailbox"
        | "ErrorAttachmentNotFound" => ErrorKind::NotFound,
        "ErrorAccessDenied" => ErrorKind::PermissionDenied,
        "ErrorStaleObject"
        | "ErrorIrresolvableConflict"
        | "ErrorOutlookRuleBlobExists"
        | "ErrorFolderExists" => ErrorKind::Conflict,
        "ErrorRulesOverQuota" => ErrorKind::Limit,
        _ => ErrorKind::Invalid,
    };
    Error::new(kind, error.text).with_code(error.code)
}

pub(crate) fn locate(state: &State, mailbox: &Mailbox, item: &ItemRef) -> Stored<Place> {
    state.mailbox(mailbox.as_str())?;
    state.locate(Some(mailbox.as_str()), &item.id)
}

pub(crate) fn folder(state: &State, mailbox: &Mailbox, folder: &FolderRef) -> Stored<FolderKey> {
    let mailbox = state.mailbox(mailbox.as_str())?;
    let found = match folder {
        FolderRef::WellKnown(name) => mailbox.well_known(name.as_str()),
        FolderRef::Path(path) => mailbox.folder_by_path(path),
        FolderRef::Id(id) => mailbox.folder_by_id(id),
    };
    found.ok_or_else(StoreError::folder_not_found)
}

pub(crate) fn each<T>(items: &[ItemRef], mut act: impl FnMut(&ItemRef) -> Stored<T>) -> PerItem<T> {
    items.iter().map(|item| act(item).map_err(refused)).collect()
}

pub(crate) fn reference(state: &State, place: &Place) -> Stored<ItemRef> {
    let item = state.item(place)?;
    Ok(ItemRef { id: item.id.clone(), change_key: Some(item.change_key()) })
}

impl Search for Direct {
    fn search<'a>(&'a self, request: &'a SearchRequest) -> Work<'a, Found> {
        self.now(move |state| {
            let folder = folder(state, &request.mailbox, &request.folder).map_err(refused)?;
            let mailbox = state.mailbox(request.mailbox.as_str()).map_err(refused)?;
            views::search(mailbox, folder, request)
        })
    }
}

impl Read for Direct {
    fn get<'a>(&'a self, mailbox: &'a Mailbox, items: &'a [ItemRef]) -> Work<'a, PerItem<Message>> {
        self.now(move |state| {
            Ok(each(items, |item| {
                let place = locate(state, mailbox, item)?;
                Ok(views::message(state.mailbox(mailbox.as_str())?, state.item(&place)?))
            }))
        })
    }

    fn summaries<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
    ) -> Work<'a, PerItem<MessageSummary>> {
        self.now(move |state| {
            Ok(each(items, |item| {
                let place = locate(state, mailbox, item)?;
                Ok(views::summary(state.mailbox(mailbox.as_str())?, state.item(&place)?))
            }))
        })
    }

    fn mime<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        item: &'a ItemRef,
        out: &'a mut (dyn Write + Send),
    ) -> Work<'a, u64> {
        Box::pin(async move {
            // Cheap to clone, so that the lock is not held while somebody else's writer works.
            let raw = {
                let state = self.0.lock();
                let place = locate(&state, mailbox, item).map_err(refused)?;
                state.item(&place).map_err(refused)?.raw.clone()
            };
            write(&raw, out)
        })
    }
}

fn write(bytes: &[u8], out: &mut (dyn Write + Send)) -> Result<u64, Error> {
    out.write_all(bytes).map_err(|error| {
        Error::new(ErrorKind::Limit, format!("the content could not be written: {error}"))
    })?;
    Ok(bytes.len() as u64)
}

impl Attachments for Direct {
    fn list<'a>(&'a self, mailbox: &'a Mailbox, item: &'a ItemRef) -> Work<'a, Vec<AttachmentInfo>> {
        self.now(move |state| {
            let place = locate(state, mailbox, item).map_err(refused)?;
            Ok(views::attachments(state.item(&place).map_err(refused)?))
        })
    }

    fn fetch<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        attachment: &'a AttachmentInfo,
        out: &'a mut (dyn Write + Send),
    ) -> Work<'a, u64> {
        Box::pin(async move {
            if attachment.kind == AttachmentKind::Reference {
                return Err(Error::new(ErrorKind::Invalid, "a link to a cloud document has no bytes"));
            }
            let bytes = {
                let state = self.0.lock();
                let (item, path) = attached::read_id(&attachment.id).map_err(refused)?;
                let place = locate(&state, mailbox, &ItemRef::new(item))
                    .map_err(attached::not_found)
                    .map_err(refused)?;
                attached::find(state.item(&place).map_err(refused)?, &path).map_err(refused)?.attachment.bytes
            };
            write(&bytes, out)
        })
    }
}

impl Move for Direct {
    fn move_to<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
        to: &'a FolderRef,
    ) -> Work<'a, PerItem<ItemRef>> {
        self.now(move |state| {
            let to = folder(state, mailbox, to).map_err(refused)?;
            Ok(each(items, |item| {
                let place = locate(state, mailbox, item)?;
                state.move_item(&place, to)?;
                reference(state, &place)
            }))
        })
    }
}

impl Delete for Direct {
    fn delete<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
        mode: DeleteMode,
    ) -> Work<'a, PerItem<()>> {
        let how = match mode {
            DeleteMode::Trash => Disposal::Trash,
            DeleteMode::Soft => Disposal::Soft,
            DeleteMode::Hard => Disposal::Hard,
        };
        self.now(move |state| {
            Ok(each(items, |item| {
                let place = locate(state, mailbox, item)?;
                state.delete_item(&place, how)
            }))
        })
    }
}

impl Update for Direct {
    fn mark_read<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
        read: bool,
    ) -> Work<'a, PerItem<ItemRef>> {
        self.now(move |state| {
            Ok(each(items, |item| {
                let place = locate(state, mailbox, item)?;
                state.change_item(&place, EffectKind::Updated, "message:IsRead", |item| {
                    item.is_read = read;
                    Ok(())
                })?;
                reference(state, &place)
            }))
        })
    }
}
