//! Many mailboxes with a few messages each, behind ports that are slow enough that requests meet, and that can fail: what
//! actions about many messages are tried on.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::io::Write;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context as Polling, Poll, Waker};
use std::time::Duration;

use action_api::plan::Failure;
use action_api::{ActionSource, Catalogue, Invocation, Outcome, Probe};
use exchange::port::{Delete, Move, PerItem, Read, Search, Update, Work};
use exchange::{
    DeleteMode, Error, ErrorKind, FolderRef, Found, ItemRef, Mailbox, Message, MessageSummary, Ports,
    SearchRequest, WellKnownFolder,
};
use exchange_sim::{EffectKind, Organisation};
use serde_json::{Value, json};

use crate::bench::invocation;

/// What is on the way.
#[derive(Default)]
struct Watch {
    now: BTreeMap<String, usize>,
    most: usize,
    /// A mailbox that had two requests at once.
    crowded: Option<String>,
}

/// The simulator's ports, slow enough that requests meet, and with mailboxes that fail.
#[derive(Clone)]
pub(crate) struct Watched {
    pub(crate) inner: Ports,
    watch: Arc<Mutex<Watch>>,
    broken: Arc<Mutex<BTreeMap<String, ErrorKind>>>,
    dies: Arc<Mutex<Option<Death>>>,
}

/// When the connection breaks for good: at which request from now, and whether the server still does what it asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Death {
    pub(crate) at: usize,
    pub(crate) after: bool,
}

/// Lets others go on a few times.
pub(crate) async fn some_time() {
    for _ in 0..5 {
        let mut polled = false;
        std::future::poll_fn(|context: &mut Polling<'_>| {
            if std::mem::replace(&mut polled, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

impl Watched {
    /// Whether this request is the last one, and whether it is lost before the server does anything.
    fn dies(&self) -> Option<bool> {
        let mut dies = self.dies.lock().unwrap();
        let death = dies.as_mut()?;
        match death.at.checked_sub(1) {
            Some(left) => {
                death.at = left;
                None
            }
            None => Some(!std::mem::take(&mut death.after)),
        }
    }

    pub(crate) async fn pass<T>(&self, mailbox: &Mailbox, work: Work<'_, T>) -> Result<T, Error> {
        let name = mailbox.as_str().to_lowercase();
        {
            let mut watch = self.watch.lock().unwrap();
            *watch.now.entry(name.clone()).or_default() += 1;
            watch.most = watch.most.max(watch.now.len());
            if watch.now[&name] > 1 {
                watch.crowded = Some(name.clone());
            }
        }
        some_time().await;
        let broken = self.broken.lock().unwrap().get(&name).copied();
        let lost = || Error::new(ErrorKind::Unknown, "the connection broke");
        let answer = match (broken, self.dies()) {
            (Some(kind), _) => Err(Error::new(kind, format!("{name} says no"))),
            (None, None) => work.await,
            (None, Some(true)) => Err(lost()),
            (None, Some(false)) => work.await.and_then(|_| Err(lost())),
        };
        let mut watch = self.watch.lock().unwrap();
        watch.now.remove(&name);
        drop(watch);
        answer
    }
}

impl Search for Watched {
    fn search<'a>(&'a self, request: &'a SearchRequest) -> Work<'a, Found> {
        let inner = self.inner.search.as_deref().unwrap();
        Box::pin(self.pass(&request.mailbox, inner.search(request)))
    }
}

impl Read for Watched {
    fn get<'a>(&'a self, mailbox: &'a Mailbox, items: &'a [ItemRef]) -> Work<'a, PerItem<Message>> {
        Box::pin(self.pass(mailbox, self.inner.read.as_deref().unwrap().get(mailbox, items)))
    }

    fn summaries<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
    ) -> Work<'a, PerItem<MessageSummary>> {
        Box::pin(self.pass(mailbox, self.inner.read.as_deref().unwrap().summaries(mailbox, items)))
    }

    fn mime<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        item: &'a ItemRef,
        out: &'a mut (dyn Write + Send),
    ) -> Work<'a, u64> {
        Box::pin(self.pass(mailbox, self.inner.read.as_deref().unwrap().mime(mailbox, item, out)))
    }
}

impl Move for Watched {
    fn move_to<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
        folder: &'a FolderRef,
    ) -> Work<'a, PerItem<ItemRef>> {
        Box::pin(self.pass(mailbox, self.inner.moves.as_deref().unwrap().move_to(mailbox, items, folder)))
    }
}

impl Delete for Watched {
    fn delete<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
        mode: DeleteMode,
    ) -> Work<'a, PerItem<()>> {
        Box::pin(self.pass(mailbox, self.inner.delete.as_deref().unwrap().delete(mailbox, items, mode)))
    }
}

impl Update for Watched {
    fn mark_read<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
        read: bool,
    ) -> Work<'a, PerItem<ItemRef>> {
        Box::pin(self.pass(mailbox, self.inner.update.as_deref().unwrap().mark_read(mailbox, items, read)))
    }
}

/// Many mailboxes with a few messages each.
pub(crate) struct World {
    pub(crate) organisation: Organisation,
    /// Every message: its mailbox, its id, its `Message-ID`; the mailboxes take turns.
    pub(crate) items: Vec<(String, String, String)>,
    pub(crate) ports: Watched,
    pub(crate) source: Catalogue<Ports>,
}

pub(crate) fn address(number: usize) -> String {
    format!("m{number}@corp.example")
}

impl World {
    pub(crate) fn new(mailboxes: usize, each: usize) -> Self {
        let organisation = Organisation::new();
        let inbox = FolderRef::WellKnown(WellKnownFolder::Inbox);
        (0..mailboxes).for_each(|number| organisation.add_mailbox(&address(number)));
        let mut items = Vec::new();
        for message in 0..each {
            for number in 0..mailboxes {
                let id = format!("<campaign-{message}-{number}@evil.test>");
                let mail = format!(
                    "From: eve@evil.test\r\nTo: {}\r\nSubject: Win {message}\r\nMessage-ID: {id}\r\n\
                     MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
                     --b\r\nContent-Type: text/plain\r\n\r\nClick.\r\n\
                     --b\r\nContent-Type: application/zip\r\n\
                     Content-Disposition: attachment; filename=\"a.zip\"\r\n\r\nPK\r\n--b--\r\n",
                    address(number)
                );
                let item = organisation.deliver(&address(number), &inbox, mail).unwrap();
                items.push((address(number), item, id));
            }
        }
        let inner = organisation.ports();
        let ports = Watched {
            inner: inner.clone(),
            watch: Arc::default(),
            broken: Arc::default(),
            dies: Arc::default(),
        };
        let all = Ports {
            copies: Some(Arc::new(ports.clone())),
            transfer: Some(Arc::new(ports.clone())),
            properties: Some(Arc::new(ports.clone())),
            search: Some(Arc::new(ports.clone())),
            read: Some(Arc::new(ports.clone())),
            moves: Some(Arc::new(ports.clone())),
            delete: Some(Arc::new(ports.clone())),
            update: Some(Arc::new(ports.clone())),
            ..inner
        };
        let source = portcullis_actions::exchange(move |_| Ok(all.clone()));
        World { organisation, items, ports, source }
    }

    pub(crate) fn fail(&self, broken: &[(usize, ErrorKind)]) {
        let broken = broken.iter().map(|(number, kind)| (address(*number), *kind)).collect();
        *self.ports.broken.lock().unwrap() = broken;
    }

    pub(crate) fn call(&self, action: &str, input: &Value, attempt: u32, timeout: Duration) -> Invocation {
        invocation(action, input.clone(), attempt, timeout)
    }

    pub(crate) fn attempt(&self, action: &str, input: &Value, attempt: u32) -> Result<Outcome, Failure> {
        finished(self.source.invoke(self.call(action, input, attempt, Duration::from_secs(600))))
    }

    /// Asks whether an attempt took effect.
    pub(crate) fn probe(&self, action: &str, input: &Value) -> Probe {
        finished(self.source.probe(self.call(action, input, 2, Duration::from_secs(600)))).unwrap()
    }

    /// Lets the connection break, or heals it.
    pub(crate) fn die(&self, death: Option<Death>) {
        *self.ports.dies.lock().unwrap() = death;
    }

    pub(crate) fn run(&self, action: &str, input: &Value) -> Value {
        self.attempt(action, input, 1).unwrap().output
    }

    /// The messages as `mail.delete` and others take them.
    pub(crate) fn list(&self) -> Vec<Value> {
        self.items.iter().map(|(mailbox, item, _)| json!({ "mailbox": mailbox, "item_id": item })).collect()
    }

    pub(crate) fn marked_list(&self) -> Vec<Value> {
        let item = |(mailbox, item, id): &(String, String, String)| json!({ "mailbox": mailbox, "item_id": item, "internet_message_id": id });
        self.items.iter().map(item).collect()
    }

    pub(crate) fn count(&self, kind: EffectKind) -> u64 {
        self.organisation.ledger().count(kind)
    }

    /// What lies where, without the ids that change when something moves.
    pub(crate) fn standing(&self) -> BTreeSet<String> {
        let snapshot: Value = serde_json::from_str(&self.organisation.snapshot()).unwrap();
        let mut found = BTreeSet::new();
        walk(&snapshot, "", "", &mut found);
        found
    }

    pub(crate) fn watched(&self) -> (usize, Option<String>) {
        let watch = self.ports.watch.lock().unwrap();
        (watch.most, watch.crowded.clone())
    }
}

fn walk(value: &Value, mailbox: &str, folder: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(all) => all.iter().for_each(|one| walk(one, mailbox, folder, found)),
        Value::Object(fields) => {
            if let Some(id) = fields.get("message_id") {
                found.insert(format!("{mailbox} {folder} {id} {} {}", fields["is_read"], fields["sha256"]));
                return;
            }
            let mailbox = fields.get("address").and_then(Value::as_str).unwrap_or(mailbox);
            let folder = fields.get("path").and_then(Value::as_str).unwrap_or(folder);
            fields.values().for_each(|one| walk(one, mailbox, folder, found));
        }
        _ => {}
    }
}

/// The value of a future that wakes itself whenever it waits.
pub(crate) fn finished<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Polling::from_waker(Waker::noop());
    for _ in 0..1_000_000 {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
    panic!("it waits for something that never comes");
}
