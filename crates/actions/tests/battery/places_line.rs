//! Ports over folders, calendars and automatic replies with mailboxes that fail, and that can break off for good at the
//! nth request, before or after the server has done what was asked: the process died.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use exchange::port::{AutomaticReplies, Calendar, Folders, Work};
use exchange::{
    Error, ErrorKind, Event, EventFields, EventList, EventView, Folder, FolderList, FolderRef, ItemRef,
    Mailbox, OutOfOffice, Ports,
};

use crate::world::some_time;

/// What happens on the way.
#[derive(Default)]
pub(crate) struct Weather {
    /// Mailboxes that fail.
    pub(crate) broken: BTreeMap<String, ErrorKind>,
    /// How many requests still get through, if not all do, and whether the one after them is carried out.
    pub(crate) cut: Option<(usize, bool)>,
    /// How many requests there were.
    pub(crate) requests: usize,
    /// The mailboxes that a request is about at the moment.
    now: BTreeSet<String>,
    /// The most of them at once.
    pub(crate) most: usize,
    /// A mailbox that had two requests at once.
    pub(crate) crowded: Option<String>,
}

/// The simulator's ports behind that.
#[derive(Clone)]
pub(crate) struct Line {
    inner: Ports,
    /// To change the weather, and to read it.
    pub(crate) weather: Arc<Mutex<Weather>>,
}

/// What becomes of a request.
enum Fate {
    Through,
    Lost,
    CarriedOutAndLost,
}

impl Line {
    /// Over these ports, with all of them in place.
    pub(crate) fn over(inner: Ports) -> (Self, Ports) {
        let line = Line { inner: inner.clone(), weather: Arc::default() };
        let ports = Ports {
            folders: Some(Arc::new(line.clone())),
            calendar: Some(Arc::new(line.clone())),
            automatic_replies: Some(Arc::new(line.clone())),
            ..inner
        };
        (line, ports)
    }

    fn fate(&self) -> Fate {
        let mut weather = self.weather.lock().unwrap();
        weather.requests += 1;
        match &mut weather.cut {
            None => Fate::Through,
            Some((left, _)) if *left > 0 => {
                *left -= 1;
                Fate::Through
            }
            Some((_, after)) => {
                if std::mem::take(after) {
                    Fate::CarriedOutAndLost
                } else {
                    Fate::Lost
                }
            }
        }
    }

    async fn pass<T>(&self, mailbox: &Mailbox, work: Work<'_, T>) -> Result<T, Error> {
        let name = mailbox.as_str().to_lowercase();
        {
            let mut weather = self.weather.lock().unwrap();
            if !weather.now.insert(name.clone()) {
                weather.crowded = Some(name.clone());
            }
            weather.most = weather.most.max(weather.now.len());
        }
        some_time().await;
        let broken = self.weather.lock().unwrap().broken.get(&name).copied();
        let lost = || Err(Error::new(ErrorKind::Unknown, "the connection broke"));
        let answer = match (broken, self.fate()) {
            (Some(kind), _) => Err(Error::new(kind, format!("{name} says no"))),
            (None, Fate::Through) => work.await,
            (None, Fate::Lost) => lost(),
            (None, Fate::CarriedOutAndLost) => match work.await {
                Ok(_) => lost(),
                Err(error) => Err(error),
            },
        };
        self.weather.lock().unwrap().now.remove(&name);
        answer
    }
}

impl Folders for Line {
    fn folder<'a>(&'a self, mailbox: &'a Mailbox, folder: &'a FolderRef) -> Work<'a, Folder> {
        Box::pin(self.pass(mailbox, self.inner.folders.as_deref().unwrap().folder(mailbox, folder)))
    }

    fn below<'a>(&'a self, mailbox: &'a Mailbox, root: &'a FolderRef, deep: bool) -> Work<'a, FolderList> {
        Box::pin(self.pass(mailbox, self.inner.folders.as_deref().unwrap().below(mailbox, root, deep)))
    }

    fn create<'a>(&'a self, mailbox: &'a Mailbox, parent: &'a FolderRef, name: &'a str) -> Work<'a, Folder> {
        Box::pin(self.pass(mailbox, self.inner.folders.as_deref().unwrap().create(mailbox, parent, name)))
    }

    fn discard<'a>(&'a self, mailbox: &'a Mailbox, folder: &'a FolderRef) -> Work<'a, ()> {
        Box::pin(self.pass(mailbox, self.inner.folders.as_deref().unwrap().discard(mailbox, folder)))
    }
}

impl AutomaticReplies for Line {
    fn out_of_office<'a>(&'a self, mailbox: &'a Mailbox) -> Work<'a, OutOfOffice> {
        let replies = self.inner.automatic_replies.as_deref().unwrap();
        Box::pin(self.pass(mailbox, replies.out_of_office(mailbox)))
    }

    fn set_out_of_office<'a>(&'a self, mailbox: &'a Mailbox, settings: &'a OutOfOffice) -> Work<'a, ()> {
        let replies = self.inner.automatic_replies.as_deref().unwrap();
        Box::pin(self.pass(mailbox, replies.set_out_of_office(mailbox, settings)))
    }
}

impl Calendar for Line {
    fn events<'a>(&'a self, mailbox: &'a Mailbox, view: &'a EventView) -> Work<'a, EventList> {
        Box::pin(self.pass(mailbox, self.inner.calendar.as_deref().unwrap().events(mailbox, view)))
    }

    fn event<'a>(&'a self, mailbox: &'a Mailbox, event: &'a ItemRef) -> Work<'a, Event> {
        Box::pin(self.pass(mailbox, self.inner.calendar.as_deref().unwrap().event(mailbox, event)))
    }

    fn find_event<'a>(&'a self, mailbox: &'a Mailbox, key: &'a str) -> Work<'a, Option<Event>> {
        Box::pin(self.pass(mailbox, self.inner.calendar.as_deref().unwrap().find_event(mailbox, key)))
    }

    fn create_event<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        key: &'a str,
        fields: &'a EventFields,
        tell: bool,
    ) -> Work<'a, ItemRef> {
        let calendar = self.inner.calendar.as_deref().unwrap();
        Box::pin(self.pass(mailbox, calendar.create_event(mailbox, key, fields, tell)))
    }

    fn update_event<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        event: &'a ItemRef,
        fields: &'a EventFields,
        tell: bool,
    ) -> Work<'a, ItemRef> {
        let calendar = self.inner.calendar.as_deref().unwrap();
        Box::pin(self.pass(mailbox, calendar.update_event(mailbox, event, fields, tell)))
    }

    fn delete_event<'a>(&'a self, mailbox: &'a Mailbox, event: &'a ItemRef, tell: bool) -> Work<'a, ()> {
        let calendar = self.inner.calendar.as_deref().unwrap();
        Box::pin(self.pass(mailbox, calendar.delete_event(mailbox, event, tell)))
    }
}
