//! The ports: what a wire can do, one trait per capability.
//!
//! Obligations of every implementation: one bad item never loses the others (per-item results); ids that
//! were not asked for are never acted on; a request that left without an answer is [`ErrorKind::Unknown`]
//! unless it only reads; dropping the future stops it.
//!
//! [`ErrorKind::Unknown`]: crate::ErrorKind::Unknown

mod calendar;
mod contacts;
mod discovery;
mod drafts;
mod folders;
mod groups;
mod mailboxes;
mod properties;
mod transfer;

use std::future::Future;
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

pub use calendar::Calendar;
pub use contacts::Contacts;
pub use discovery::Discovery;
pub use drafts::Drafts;
pub use folders::{Folders, MOST_FOLDERS};
pub use groups::Groups;
pub use mailboxes::Mailboxes;
pub use properties::Properties;
pub use transfer::{Copies, Transfer};

use crate::rule::RuleChange;
use crate::{
    AttachmentInfo, DeleteMode, Draft, Error, FolderRef, Found, ItemRef, Junked, Mailbox, Message,
    MessageSummary, OutOfOffice, Resolved, SearchRequest,
};

/// A boxed future, so that ports can be trait objects.
pub type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// One result per item asked for, in the order asked.
pub type PerItem<T> = Vec<Result<T, Error>>;

/// Takes bytes of several things as they arrive: the place of the thing in the list that was asked for, and its next
/// bytes. The bytes of one thing come one after the other, and those of the next after them.
pub type Take<'a> = dyn FnMut(usize, &[u8]) -> io::Result<()> + Send + 'a;

/// Finds messages.
pub trait Search: Send + Sync {
    /// One page, newest first.
    fn search<'a>(&'a self, request: &'a SearchRequest) -> Work<'a, Found>;
}

/// Reads messages.
pub trait Read: Send + Sync {
    /// Whole messages without the bytes of attachments.
    fn get<'a>(&'a self, mailbox: &'a Mailbox, items: &'a [ItemRef]) -> Work<'a, PerItem<Message>>;

    /// What a search would have given of these messages.
    fn summaries<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
    ) -> Work<'a, PerItem<MessageSummary>>;

    /// The MIME form of one message, written to `out` as it arrives; gives the number of bytes.
    fn mime<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        item: &'a ItemRef,
        out: &'a mut (dyn Write + Send),
    ) -> Work<'a, u64>;

    /// The MIME forms of several messages, passed on to `take` as they arrive; gives the number of bytes of each. What
    /// was taken of a message whose result is an error is of no use. Where `take` refuses, that message has failed, and
    /// the others come all the same.
    ///
    /// One by one, unless a wire has something better: there all come in one answer, so that whoever wants many large
    /// ones asks for a few at a time.
    fn mimes<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
        take: &'a mut Take<'_>,
    ) -> Work<'a, PerItem<u64>> {
        Box::pin(async move {
            let mut all = Vec::with_capacity(items.len());
            for (place, item) in items.iter().enumerate() {
                all.push(self.mime(mailbox, item, &mut At { place, take: &mut *take }).await);
            }
            Ok(all)
        })
    }
}

/// A writer of what belongs to one place.
struct At<'a, 'b> {
    place: usize,
    take: &'a mut Take<'b>,
}

impl Write for At<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (self.take)(self.place, bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads attachments.
pub trait Attachments: Send + Sync {
    /// What is attached to a message.
    fn list<'a>(&'a self, mailbox: &'a Mailbox, item: &'a ItemRef) -> Work<'a, Vec<AttachmentInfo>>;

    /// The bytes of one attachment (of an item: its MIME form), written to `out` as they arrive; gives their
    /// number.
    fn fetch<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        attachment: &'a AttachmentInfo,
        out: &'a mut (dyn Write + Send),
    ) -> Work<'a, u64>;
}

/// Takes attachments off messages.
pub trait Detach: Send + Sync {
    /// One result per attachment; one that is not there is [`ErrorKind::NotFound`](crate::ErrorKind::NotFound).
    /// The ids of attachments that stay may change.
    fn detach<'a>(&'a self, mailbox: &'a Mailbox, attachments: &'a [String]) -> Work<'a, PerItem<()>>;
}

/// Moves messages between folders of one mailbox.
pub trait Move: Send + Sync {
    /// The new reference of each; the id changes.
    fn move_to<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
        folder: &'a FolderRef,
    ) -> Work<'a, PerItem<ItemRef>>;
}

/// Deletes messages.
pub trait Delete: Send + Sync {
    /// An item that is not there is [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) for that item.
    fn delete<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
        mode: DeleteMode,
    ) -> Work<'a, PerItem<()>>;
}

/// Changes marks on messages.
pub trait Update: Send + Sync {
    /// Sets or removes the read mark, without a read receipt being sent.
    fn mark_read<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
        read: bool,
    ) -> Work<'a, PerItem<ItemRef>>;
}

/// Tells the mailbox what is junk.
pub trait Junk: Send + Sync {
    /// With `junk` the sender of each message is put on the mailbox's list of blocked senders, else taken off it.
    /// With `moves` the message goes to Junk E-mail, or back to the Inbox.
    fn mark_junk<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
        junk: bool,
        moves: bool,
    ) -> Work<'a, PerItem<Junked>>;
}

/// Reads and changes inbox rules.
pub trait Rules: Send + Sync {
    /// The rules a server shows, in the order they run in.
    fn rules<'a>(&'a self, mailbox: &'a Mailbox) -> Work<'a, crate::rule::Rules>;

    /// Changes the rules. Where a mail client keeps rules of its own, the change is refused unless
    /// `lose_client_rules` is set, because it would lose them.
    fn change_rules<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        change: &'a RuleChange,
        lose_client_rules: bool,
    ) -> Work<'a, ()>;
}

/// Reads and sets automatic replies.
pub trait AutomaticReplies: Send + Sync {
    /// The settings.
    fn out_of_office<'a>(&'a self, mailbox: &'a Mailbox) -> Work<'a, OutOfOffice>;

    /// Sets all of them at once.
    fn set_out_of_office<'a>(&'a self, mailbox: &'a Mailbox, settings: &'a OutOfOffice) -> Work<'a, ()>;
}

/// Looks names up.
pub trait Directory: Send + Sync {
    /// Who is called so: a name, the beginning of one, an alias or an address. `mailbox` is whose directory is
    /// asked. Nobody is an empty answer and no error.
    fn resolve<'a>(&'a self, mailbox: &'a Mailbox, name: &'a str) -> Work<'a, Resolved>;
}

/// Sends messages, in two steps so that a crash between them can be told apart.
pub trait Submit: Send + Sync {
    /// Keeps a draft that carries `draft.key`.
    fn create_draft<'a>(&'a self, mailbox: &'a Mailbox, draft: &'a Draft) -> Work<'a, ItemRef>;

    /// Keeps a draft that answers `item` and carries `draft.key`. Without `draft.to` the server takes the recipients
    /// of the original; with `all` everybody who got it. `draft.cc` and `draft.bcc` get it beside them.
    fn create_reply<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        item: &'a ItemRef,
        draft: &'a Draft,
        all: bool,
    ) -> Work<'a, ItemRef>;

    /// Sends a draft and keeps a copy in Sent Items.
    fn send<'a>(&'a self, mailbox: &'a Mailbox, draft: &'a ItemRef) -> Work<'a, ()>;

    /// Looks for the item that carries `key`, in Sent Items and in Drafts.
    fn find_by_key<'a>(&'a self, mailbox: &'a Mailbox, key: &'a str) -> Work<'a, KeyState>;

    /// How long a message that was sent may be shown nowhere: it has left Drafts and is not filed yet.
    fn settle(&self) -> Duration {
        SETTLE
    }
}

/// How long [`Submit::settle`] is, unless a wire knows better. A server files what it has sent within seconds; a busy
/// one may need some more.
pub const SETTLE: Duration = Duration::from_secs(30);

/// Where the item that carries a key was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyState {
    /// Nowhere.
    Absent,
    /// In Drafts: created, not sent.
    Draft(ItemRef),
    /// In Sent Items: sent.
    Sent(ItemRef),
}

/// The ports a connection has. `None` means its wire or its rights do not allow it.
#[derive(Clone, Default)]
pub struct Ports {
    /// The charset that text is assumed to be in where it does not say, as the operator of the connection knows it, e.g.
    /// `windows-1252`. Whoever hands out mail as it came says it beside.
    pub fallback_charset: Option<Arc<str>>,
    /// Finds messages.
    pub search: Option<Arc<dyn Search>>,
    /// Reads messages.
    pub read: Option<Arc<dyn Read>>,
    /// Reads attachments.
    pub attachments: Option<Arc<dyn Attachments>>,
    /// Moves messages.
    pub moves: Option<Arc<dyn Move>>,
    /// Deletes messages.
    pub delete: Option<Arc<dyn Delete>>,
    /// Changes marks.
    pub update: Option<Arc<dyn Update>>,
    /// Sends messages.
    pub submit: Option<Arc<dyn Submit>>,
    /// Takes attachments off.
    pub detach: Option<Arc<dyn Detach>>,
    /// Tells what is junk.
    pub junk: Option<Arc<dyn Junk>>,
    /// Inbox rules.
    pub rules: Option<Arc<dyn Rules>>,
    /// Automatic replies.
    pub automatic_replies: Option<Arc<dyn AutomaticReplies>>,
    /// Looks at events, makes, changes and deletes them.
    pub calendar: Option<Arc<dyn Calendar>>,
    /// Looks names up.
    pub directory: Option<Arc<dyn Directory>>,
    /// Works on drafts.
    pub drafts: Option<Arc<dyn Drafts>>,
    /// Looks at folders, makes and deletes them.
    pub folders: Option<Arc<dyn Folders>>,
    /// Shows the members of groups.
    pub groups: Option<Arc<dyn Groups>>,
    /// Lists contacts.
    pub contacts: Option<Arc<dyn Contacts>>,
    /// Lists the mailboxes that may be looked into.
    pub mailboxes: Option<Arc<dyn Mailboxes>>,
    /// Reads and changes properties of messages.
    pub properties: Option<Arc<dyn Properties>>,
    /// Looks for servers.
    pub discovery: Option<Arc<dyn Discovery>>,
    /// Copies messages in their mailbox.
    pub copies: Option<Arc<dyn Copies>>,
    /// Takes whole messages from one mailbox to another.
    pub transfer: Option<Arc<dyn Transfer>>,
}
