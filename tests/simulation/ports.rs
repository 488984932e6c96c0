//! The ports of the simulated Exchange with everything between it and the process: requests are refused, get lost
//! before, half way or after their effect, hang, or the process dies around them.

use std::future::pending;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use exchange::port::{
    Attachments, AutomaticReplies, Delete, Detach, Directory, Drafts, Folders, Junk, KeyState, Move, PerItem,
    Read, Rules, Search, Submit, Update, Work,
};
use exchange::rule::RuleChange;
use exchange::{
    AttachmentInfo, DeleteMode, Draft, DraftChange, DraftContent, Error, ErrorKind, Folder, FolderList,
    FolderRef, Found, ItemRef, Junked, Mailbox, Message, MessageSummary, MimeDraft, NewAttachment,
    OutOfOffice, Ports, Resolved, SearchRequest,
};

use crate::world::{Sabotage, World};

/// What becomes of one request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fate {
    Fine,
    Transient,
    Throttled(u64),
    Denied,
    /// Done, and the answer is lost.
    Lost,
    /// Done in part, and the answer is lost.
    Half,
    /// Never arrives, and nobody says so.
    Swallowed,
    /// Done, and nobody says so.
    Silent,
}

impl Fate {
    pub(crate) fn draw(world: &World) -> Fate {
        let mut state = world.state();
        let (chance, wait) = (state.dice.below(1000), state.dice.below(120) as u64);
        if !state.storm {
            return Fate::Fine;
        }
        match chance {
            0..30 => Fate::Transient,
            30..50 => Fate::Throttled(wait),
            50..60 => Fate::Denied,
            60..120 => Fate::Lost,
            120..140 => Fate::Half,
            140..150 => Fate::Swallowed,
            150..170 => Fate::Silent,
            _ => Fate::Fine,
        }
    }
}

/// All ports of an organisation, over a bad line.
pub(crate) fn faulty(world: &World) -> Ports {
    let line = Arc::new(Line { world: world.clone(), to: world.organisation.ports() });
    Ports {
        search: Some(line.clone()),
        read: Some(line.clone()),
        attachments: Some(line.clone()),
        moves: Some(line.clone()),
        delete: Some(line.clone()),
        update: Some(line.clone()),
        submit: Some(line.clone()),
        detach: Some(line.clone()),
        junk: Some(line.clone()),
        rules: Some(line.clone()),
        automatic_replies: Some(line.clone()),
        directory: Some(line.clone()),
        drafts: Some(line.clone()),
        folders: Some(line),
        // The playbooks here use no others.
        ..Ports::default()
    }
}

struct Line {
    world: World,
    to: Ports,
}

impl Line {
    /// One request. `whole` and `half` do nothing until they are polled.
    async fn request<T>(
        &self,
        name: &str,
        changes: bool,
        whole: Work<'_, T>,
        half: Option<Work<'_, T>>,
    ) -> Result<T, Error> {
        let fate = Fate::draw(&self.world);
        self.world.note(format!("request {name}, {fate:?}"));
        self.world.moment().await;
        match fate {
            Fate::Fine => {
                let answer = whole.await;
                self.world.moment().await;
                let told = answer.as_ref().err().map_or("answered".to_owned(), |e| format!("{:?}", e.kind));
                self.world.note(format!("{name} {told}"));
                answer
            }
            Fate::Transient => Err(Error::new(ErrorKind::Transient, "the connection was refused")),
            Fate::Throttled(seconds) => Err(Error::new(ErrorKind::Throttled, "too much at once")
                .with_retry_after(Some(Duration::from_secs(seconds)))),
            Fate::Denied => Err(Error::new(ErrorKind::PermissionDenied, "not for this account")),
            Fate::Lost | Fate::Half => {
                let some = if fate == Fate::Half { half.unwrap_or(whole) } else { whole };
                let _ = some.await;
                self.world.moment().await;
                let kind = if changes { ErrorKind::Unknown } else { ErrorKind::Transient };
                Err(Error::new(kind, "the connection was lost before the answer"))
            }
            Fate::Swallowed => pending().await,
            Fate::Silent => {
                let _ = whole.await;
                pending().await
            }
        }
    }
}

fn some(items: &[ItemRef]) -> &[ItemRef] {
    &items[..items.len() / 2]
}

macro_rules! port {
    ($self:ident . $port:ident) => {
        $self.to.$port.as_ref().unwrap()
    };
}

impl Search for Line {
    fn search<'a>(&'a self, request: &'a SearchRequest) -> Work<'a, Found> {
        Box::pin(self.request("search", false, port!(self.search).search(request), None))
    }
}

impl Read for Line {
    fn get<'a>(&'a self, mailbox: &'a Mailbox, items: &'a [ItemRef]) -> Work<'a, PerItem<Message>> {
        Box::pin(self.request("get", false, port!(self.read).get(mailbox, items), None))
    }

    fn summaries<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
    ) -> Work<'a, PerItem<MessageSummary>> {
        Box::pin(self.request("summaries", false, port!(self.read).summaries(mailbox, items), None))
    }

    fn mime<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        item: &'a ItemRef,
        out: &'a mut (dyn Write + Send),
    ) -> Work<'a, u64> {
        Box::pin(self.request("mime", false, port!(self.read).mime(mailbox, item, out), None))
    }
}

impl Attachments for Line {
    fn list<'a>(&'a self, mailbox: &'a Mailbox, item: &'a ItemRef) -> Work<'a, Vec<AttachmentInfo>> {
        Box::pin(self.request("list", false, port!(self.attachments).list(mailbox, item), None))
    }

    fn fetch<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        attachment: &'a AttachmentInfo,
        out: &'a mut (dyn Write + Send),
    ) -> Work<'a, u64> {
        Box::pin(self.request("fetch", false, port!(self.attachments).fetch(mailbox, attachment, out), None))
    }
}

impl Detach for Line {
    fn detach<'a>(&'a self, mailbox: &'a Mailbox, attachments: &'a [String]) -> Work<'a, PerItem<()>> {
        let port = port!(self.detach);
        let half = port.detach(mailbox, &attachments[..attachments.len() / 2]);
        Box::pin(self.request("detach", true, port.detach(mailbox, attachments), Some(half)))
    }
}

impl Move for Line {
    fn move_to<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
        to: &'a FolderRef,
    ) -> Work<'a, PerItem<ItemRef>> {
        let port = port!(self.moves);
        let half = port.move_to(mailbox, some(items), to);
        Box::pin(self.request("move", true, port.move_to(mailbox, items, to), Some(half)))
    }
}

impl Delete for Line {
    fn delete<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
        mode: DeleteMode,
    ) -> Work<'a, PerItem<()>> {
        let port = port!(self.delete);
        let whole: Work<'a, PerItem<()>> = if self.world.is(Sabotage::GreedyDelete) {
            Box::pin(async move {
                let inbox = FolderRef::WellKnown(exchange::WellKnownFolder::Inbox);
                let all = SearchRequest {
                    mailbox: mailbox.clone(),
                    folder: inbox,
                    query: exchange::Query::default(),
                    restriction: None,
                    offset: 0,
                    limit: 50,
                };
                let found = port!(self.search).search(&all).await?;
                let other = found.messages.iter().map(|m| m.item.clone()).find(|m| !items.contains(m));
                let more: Vec<ItemRef> = other.into_iter().collect();
                let _ = port.delete(mailbox, &more, mode).await;
                port.delete(mailbox, items, mode).await
            })
        } else {
            port.delete(mailbox, items, mode)
        };
        let half = port.delete(mailbox, some(items), mode);
        Box::pin(self.request("delete", true, whole, Some(half)))
    }
}

impl Update for Line {
    fn mark_read<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
        read: bool,
    ) -> Work<'a, PerItem<ItemRef>> {
        let port = port!(self.update);
        let half = port.mark_read(mailbox, some(items), read);
        Box::pin(self.request("mark_read", true, port.mark_read(mailbox, items, read), Some(half)))
    }
}

impl Junk for Line {
    fn mark_junk<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
        junk: bool,
        moves: bool,
    ) -> Work<'a, PerItem<Junked>> {
        let port = port!(self.junk);
        let half = port.mark_junk(mailbox, some(items), junk, moves);
        Box::pin(self.request("mark_junk", true, port.mark_junk(mailbox, items, junk, moves), Some(half)))
    }
}

impl Rules for Line {
    fn rules<'a>(&'a self, mailbox: &'a Mailbox) -> Work<'a, exchange::rule::Rules> {
        Box::pin(self.request("rules", false, port!(self.rules).rules(mailbox), None))
    }

    fn change_rules<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        change: &'a RuleChange,
        lose_client_rules: bool,
    ) -> Work<'a, ()> {
        let whole = port!(self.rules).change_rules(mailbox, change, lose_client_rules);
        Box::pin(self.request("change_rules", true, whole, None))
    }
}

impl AutomaticReplies for Line {
    fn out_of_office<'a>(&'a self, mailbox: &'a Mailbox) -> Work<'a, OutOfOffice> {
        let whole = port!(self.automatic_replies).out_of_office(mailbox);
        Box::pin(self.request("out_of_office", false, whole, None))
    }

    fn set_out_of_office<'a>(&'a self, mailbox: &'a Mailbox, settings: &'a OutOfOffice) -> Work<'a, ()> {
        let whole = port!(self.automatic_replies).set_out_of_office(mailbox, settings);
        Box::pin(self.request("set_out_of_office", true, whole, None))
    }
}

impl Folders for Line {
    fn folder<'a>(&'a self, mailbox: &'a Mailbox, folder: &'a FolderRef) -> Work<'a, Folder> {
        Box::pin(self.request("folder", false, port!(self.folders).folder(mailbox, folder), None))
    }

    fn below<'a>(&'a self, mailbox: &'a Mailbox, root: &'a FolderRef, deep: bool) -> Work<'a, FolderList> {
        Box::pin(self.request("below", false, port!(self.folders).below(mailbox, root, deep), None))
    }

    fn create<'a>(&'a self, mailbox: &'a Mailbox, parent: &'a FolderRef, name: &'a str) -> Work<'a, Folder> {
        Box::pin(self.request("create", true, port!(self.folders).create(mailbox, parent, name), None))
    }

    fn discard<'a>(&'a self, mailbox: &'a Mailbox, folder: &'a FolderRef) -> Work<'a, ()> {
        Box::pin(self.request("discard", true, port!(self.folders).discard(mailbox, folder), None))
    }
}

impl Directory for Line {
    fn resolve<'a>(&'a self, mailbox: &'a Mailbox, name: &'a str) -> Work<'a, Resolved> {
        Box::pin(self.request("resolve", false, port!(self.directory).resolve(mailbox, name), None))
    }
}

impl Drafts for Line {
    fn draft<'a>(&'a self, mailbox: &'a Mailbox, item: &'a ItemRef) -> Work<'a, DraftContent> {
        Box::pin(self.request("draft", false, port!(self.drafts).draft(mailbox, item), None))
    }

    fn create_forward<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        item: &'a ItemRef,
        draft: &'a Draft,
    ) -> Work<'a, ItemRef> {
        let whole = port!(self.drafts).create_forward(mailbox, item, draft);
        Box::pin(self.request("create_forward", true, whole, None))
    }

    fn create_from_mime<'a>(&'a self, mailbox: &'a Mailbox, draft: &'a MimeDraft) -> Work<'a, ItemRef> {
        let whole = port!(self.drafts).create_from_mime(mailbox, draft);
        Box::pin(self.request("create_from_mime", true, whole, None))
    }

    fn attach<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        draft: &'a ItemRef,
        attachment: &'a NewAttachment,
    ) -> Work<'a, ItemRef> {
        let whole = port!(self.drafts).attach(mailbox, draft, attachment);
        Box::pin(self.request("attach", true, whole, None))
    }

    fn change_draft<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        draft: &'a ItemRef,
        change: &'a DraftChange,
    ) -> Work<'a, ItemRef> {
        let whole = port!(self.drafts).change_draft(mailbox, draft, change);
        Box::pin(self.request("change_draft", true, whole, None))
    }

    fn send_unfiled<'a>(&'a self, mailbox: &'a Mailbox, draft: &'a ItemRef) -> Work<'a, ()> {
        let whole = port!(self.drafts).send_unfiled(mailbox, draft);
        Box::pin(self.request("send_unfiled", true, whole, None))
    }

    fn find_unfiled<'a>(&'a self, mailbox: &'a Mailbox, key: &'a str) -> Work<'a, Option<ItemRef>> {
        let whole = port!(self.drafts).find_unfiled(mailbox, key);
        Box::pin(self.request("find_unfiled", false, whole, None))
    }
}

impl Submit for Line {
    fn create_draft<'a>(&'a self, mailbox: &'a Mailbox, draft: &'a Draft) -> Work<'a, ItemRef> {
        Box::pin(self.request("create_draft", true, port!(self.submit).create_draft(mailbox, draft), None))
    }

    fn create_reply<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        item: &'a ItemRef,
        draft: &'a Draft,
        all: bool,
    ) -> Work<'a, ItemRef> {
        let whole = port!(self.submit).create_reply(mailbox, item, draft, all);
        Box::pin(self.request("create_reply", true, whole, None))
    }

    fn send<'a>(&'a self, mailbox: &'a Mailbox, draft: &'a ItemRef) -> Work<'a, ()> {
        Box::pin(self.request("send", true, port!(self.submit).send(mailbox, draft), None))
    }

    fn find_by_key<'a>(&'a self, mailbox: &'a Mailbox, key: &'a str) -> Work<'a, KeyState> {
        Box::pin(self.request("find_by_key", false, port!(self.submit).find_by_key(mailbox, key), None))
    }
}
