//! A connection that breaks at its nth request about drafts, before or after the server has done what was asked, and
//! does not come back: the process died.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use exchange::port::{Drafts, KeyState, Submit, Work};
use exchange::{
    Draft, DraftChange, DraftContent, Error, ErrorKind, ItemRef, Mailbox, MimeDraft, NewAttachment, Ports,
};

/// The ports, of which those that make and send drafts die together.
pub(crate) fn dying(mut ports: Ports, dies_at: usize, after: bool) -> Ports {
    let (submit, drafts) = (ports.submit.take().unwrap(), ports.drafts.take().unwrap());
    let dying = Arc::new(Dying { submit, drafts, calls: AtomicUsize::new(0), dies_at, after });
    ports.submit = Some(dying.clone());
    ports.drafts = Some(dying);
    ports
}

struct Dying {
    submit: Arc<dyn Submit>,
    drafts: Arc<dyn Drafts>,
    calls: AtomicUsize,
    dies_at: usize,
    after: bool,
}

impl Dying {
    fn wrap<'a, T: Send + 'a>(&'a self, work: Work<'a, T>) -> Work<'a, T> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            if call < self.dies_at {
                return work.await;
            }
            if call == self.dies_at && self.after {
                work.await?;
            }
            Err(Error::new(ErrorKind::Unknown, "the connection broke"))
        })
    }
}

impl Submit for Dying {
    fn create_draft<'a>(&'a self, mailbox: &'a Mailbox, draft: &'a Draft) -> Work<'a, ItemRef> {
        self.wrap(self.submit.create_draft(mailbox, draft))
    }

    fn create_reply<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        item: &'a ItemRef,
        draft: &'a Draft,
        all: bool,
    ) -> Work<'a, ItemRef> {
        self.wrap(self.submit.create_reply(mailbox, item, draft, all))
    }

    fn send<'a>(&'a self, mailbox: &'a Mailbox, draft: &'a ItemRef) -> Work<'a, ()> {
        self.wrap(self.submit.send(mailbox, draft))
    }

    fn find_by_key<'a>(&'a self, mailbox: &'a Mailbox, key: &'a str) -> Work<'a, KeyState> {
        self.wrap(self.submit.find_by_key(mailbox, key))
    }

    fn settle(&self) -> Duration {
        self.submit.settle()
    }
}

impl Drafts for Dying {
    fn draft<'a>(&'a self, mailbox: &'a Mailbox, item: &'a ItemRef) -> Work<'a, DraftContent> {
        self.wrap(self.drafts.draft(mailbox, item))
    }

    fn create_forward<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        item: &'a ItemRef,
        draft: &'a Draft,
    ) -> Work<'a, ItemRef> {
        self.wrap(self.drafts.create_forward(mailbox, item, draft))
    }

    fn create_from_mime<'a>(&'a self, mailbox: &'a Mailbox, draft: &'a MimeDraft) -> Work<'a, ItemRef> {
        self.wrap(self.drafts.create_from_mime(mailbox, draft))
    }

    fn attach<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        draft: &'a ItemRef,
        attachment: &'a NewAttachment,
    ) -> Work<'a, ItemRef> {
        self.wrap(self.drafts.attach(mailbox, draft, attachment))
    }

    fn change_draft<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        draft: &'a ItemRef,
        change: &'a DraftChange,
    ) -> Work<'a, ItemRef> {
        self.wrap(self.drafts.change_draft(mailbox, draft, change))
    }

    fn send_unfiled<'a>(&'a self, mailbox: &'a Mailbox, draft: &'a ItemRef) -> Work<'a, ()> {
        self.wrap(self.drafts.send_unfiled(mailbox, draft))
    }

    fn find_unfiled<'a>(&'a self, mailbox: &'a Mailbox, key: &'a str) -> Work<'a, Option<ItemRef>> {
        self.wrap(self.drafts.find_unfiled(mailbox, key))
    }
}
