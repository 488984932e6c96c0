//! Subscriptions to what happens in a mailbox.
//!
//! A subscription is a filter and, while nobody names another one, a position in the list of changes. Only who made
//! it may use it. One that nobody asks for its timeout is gone.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::changes::{Change, What};
use super::item::FolderKey;
use super::mailbox::Mailbox;
use super::state::State;
use super::store_error::{StoreError, Stored};

/// How many events one answer has at most.
const MOST_EVENTS: usize = 50;
/// How many subscriptions one account may have, unless it is told otherwise; what Exchange 2013 and later start with.
const MOST_SUBSCRIPTIONS: usize = 5_000;
/// How long a streaming subscription lives without a connection, in minutes.
const STREAMING_MINUTES: i64 = 30;

/// How events are got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// By asking for them at least so often, in minutes.
    Pull(i64),
    /// Through a connection that stays open.
    Streaming,
}

/// A subscription to be made.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) mailbox: String,
    /// All folders if none.
    pub(crate) folders: Option<Vec<FolderKey>>,
    pub(crate) kinds: Vec<What>,
    pub(crate) delivery: Delivery,
    pub(crate) watermark: Option<String>,
    /// The server it is on, where there are several.
    pub(crate) server: Option<String>,
}

#[derive(Debug, Clone)]
struct Subscription {
    owner: String,
    wanted: Wanted,
    position: usize,
    expires: Timestamp,
}

/// How fast time passes for answers that stay open, so that a test need not wait for minutes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// After how much silence a server says that it is still there.
    pub(crate) heartbeat: Duration,
    /// How long a minute of `ConnectionTimeout` is.
    pub(crate) minute: Duration,
}

/// All subscriptions of an organisation.
#[derive(Debug, Clone)]
pub(crate) struct Subscriptions {
    all: BTreeMap<String, Subscription>,
    made: u64,
    /// How many one account may have.
    pub(crate) most: usize,
    pub(crate) pace: Pace,
    /// Whether each is on one server of several.
    pub(crate) affinity: bool,
    servers: u64,
}

impl Default for Subscriptions {
    fn default() -> Self {
        let pace = Pace { heartbeat: Duration::from_secs(45), minute: Duration::from_secs(60) };
        Subscriptions {
            all: BTreeMap::new(),
            made: 0,
            most: MOST_SUBSCRIPTIONS,
            pace,
            affinity: false,
            servers: 0,
        }
    }
}

impl Subscriptions {
    /// The next server that a subscription is put on.
    pub(crate) fn next_server(&mut self) -> String {
        self.servers += 1;
        format!("MBX{}~1941962753", self.servers)
    }

    /// The server a subscription is on, where there are several.
    pub(crate) fn server_of(&self, id: &str) -> Option<&str> {
        self.all.get(id)?.wanted.server.as_deref()
    }
}

/// A connection that stays open for the events of some subscriptions.
#[derive(Debug, Clone)]
pub(crate) struct Live {
    pub(crate) owner: String,
    pub(crate) subscriptions: Vec<String>,
    pub(crate) minutes: u32,
}

/// What there is to say about a subscription.
#[derive(Debug)]
pub(crate) struct News {
    pub(crate) mailbox: String,
    pub(crate) events: Vec<(usize, Change)>,
    /// The position before and the one after.
    pub(crate) before: usize,
    pub(crate) after: usize,
    pub(crate) more: bool,
}

impl State {
    /// Makes a subscription; gives its id and where it begins.
    pub(crate) fn subscribe(&mut self, owner: &str, wanted: Wanted) -> Stored<(String, String)> {
        let now = self.clock.now();
        self.forget_expired(now);
        let owner = owner.to_lowercase();
        let own = self.subscriptions.all.values().filter(|subscription| subscription.owner == owner).count();
        if own >= self.subscriptions.most {
            let text = "You have exceeded the available subscriptions for your account. Remove unnecessary subscriptions and try your request again.";
            return Err(StoreError::new("ErrorExceededSubscriptionCount", text));
        }
        let mailbox = self.mailbox(&wanted.mailbox)?;
        let position = match &wanted.watermark {
            Some(watermark) => read_watermark(mailbox, watermark)?,
            None => mailbox.changes.end(),
        };
        let first = watermark(mailbox, position);
        self.subscriptions.made += 1;
        let id = id(&owner, self.subscriptions.made);
        let expires = until(now, wanted.delivery);
        self.subscriptions.all.insert(id.clone(), Subscription { owner, wanted, position, expires });
        Ok((id, first))
    }

    /// Ends a subscription.
    pub(crate) fn unsubscribe(&mut self, owner: &str, id: &str) -> Stored<()> {
        self.subscription(owner, id)?;
        self.subscriptions.all.remove(id);
        // Who streams it is to learn of it.
        self.wake.notify_waiters();
        Ok(())
    }

    /// Whether a subscription can be listened to through a connection.
    pub(crate) fn can_stream(&mut self, owner: &str, id: &str) -> Stored<()> {
        match self.subscription(owner, id)?.wanted.delivery {
            Delivery::Streaming => Ok(()),
            Delivery::Pull(_) => Err(StoreError::new(
                "ErrorInvalidSubscription",
                "The subscription is not a streaming subscription.",
            )),
        }
    }

    /// The events after a watermark.
    pub(crate) fn pull(&mut self, owner: &str, id: &str, after: &str) -> Stored<News> {
        let subscription = self.subscription(owner, id)?;
        if subscription.wanted.delivery == Delivery::Streaming {
            let text = "The subscription is not a pull subscription.";
            return Err(StoreError::new("ErrorInvalidPullSubscriptionId", text));
        }
        let wanted = subscription.wanted.clone();
        let mailbox = self.mailbox(&wanted.mailbox)?;
        let position = read_watermark(mailbox, after)?;
        Ok(news(mailbox, &wanted, position))
    }

    /// The events that nobody was told of yet; they count as told. `None` once the subscription is gone.
    pub(crate) fn stream(&mut self, owner: &str, id: &str) -> Option<News> {
        let subscription = self.subscription(owner, id).ok()?;
        let (wanted, position) = (subscription.wanted.clone(), subscription.position);
        let mailbox = self.mailbox(&wanted.mailbox).ok()?;
        if position < mailbox.changes.beginning() {
            // What happened meanwhile is not known any more, so the subscription is of no use.
            self.subscriptions.all.remove(id);
            return None;
        }
        let news = news(mailbox, &wanted, position);
        self.subscriptions.all.get_mut(id)?.position = news.after;
        Some(news)
    }

    /// A subscription; asking for it keeps it alive.
    fn subscription(&mut self, owner: &str, id: &str) -> Stored<&mut Subscription> {
        let now = self.clock.now();
        self.forget_expired(now);
        let subscription = self.subscriptions.all.get_mut(id).ok_or_else(|| {
            StoreError::new("ErrorSubscriptionNotFound", "The specified subscription was not found.")
        })?;
        if !subscription.owner.eq_ignore_ascii_case(owner) {
            let text = "Access is denied. Only the subscription owner may access the subscription.";
            return Err(StoreError::new("ErrorSubscriptionAccessDenied", text));
        }
        subscription.expires = until(now, subscription.wanted.delivery);
        Ok(subscription)
    }

    fn forget_expired(&mut self, now: Timestamp) {
        self.subscriptions.all.retain(|_, subscription| subscription.expires > now);
    }
}

fn until(now: Timestamp, delivery: Delivery) -> Timestamp {
    let minutes = match delivery {
        Delivery::Pull(minutes) => minutes,
        Delivery::Streaming => STREAMING_MINUTES,
    };
    now.checked_add(SignedDuration::from_mins(minutes)).unwrap_or(Timestamp::MAX)
}

fn news(mailbox: &Mailbox, wanted: &Wanted, position: usize) -> News {
    let mut events = Vec::new();
    let mut after = position;
    for (at, change) in mailbox.changes.after(position) {
        if events.len() >= MOST_EVENTS {
            let mailbox = wanted.mailbox.clone();
            return News { mailbox, events, before: position, after, more: true };
        }
        after = at;
        if concerns(mailbox, wanted, change) {
            events.push((at, change.clone()));
        }
    }
    News { mailbox: wanted.mailbox.clone(), events, before: position, after, more: false }
}

fn concerns(mailbox: &Mailbox, wanted: &Wanted, change: &Change) -> bool {
    let kind = if change.what == What::ReadFlag { What::Modified } else { change.what };
    if !wanted.kinds.contains(&kind) {
        return false;
    }
    let Some(folders) = &wanted.folders else { return true };
    let above = match change.item {
        Some(_) => None,
        None => mailbox.parent(change.folder),
    };
    let old = change.from.as_ref().map(|from| from.parent);
    [Some(change.folder), above, old].into_iter().flatten().any(|folder| folders.contains(&folder))
}

/// A position as clients see it.
pub(crate) fn watermark(mailbox: &Mailbox, position: usize) -> String {
    let mut bytes = vec![1];
    bytes.extend(mark(mailbox));
    bytes.extend((position as u64).to_be_bytes());
    STANDARD.encode(bytes)
}

fn read_watermark(mailbox: &Mailbox, text: &str) -> Stored<usize> {
    let position = || {
        let bytes = STANDARD.decode(text.trim()).ok()?;
        let rest = bytes.strip_prefix(&[1])?.strip_prefix(mark(mailbox).as_slice())?;
        let position = usize::try_from(u64::from_be_bytes(rest.try_into().ok()?)).ok()?;
        (mailbox.changes.beginning()..=mailbox.changes.end()).contains(&position).then_some(position)
    };
    position().ok_or_else(|| StoreError::new("ErrorInvalidWatermark", "The watermark is invalid."))
}

/// What tells the positions of one mailbox from those of another.
pub(crate) fn mark(mailbox: &Mailbox) -> Vec<u8> {
    Sha256::digest(mailbox.address.to_lowercase().as_bytes()).iter().copied().take(8).collect()
}

fn id(owner: &str, number: u64) -> String {
    let mut hash = Sha256::new();
    hash.update(owner.as_bytes());
    hash.update(number.to_be_bytes());
    STANDARD.encode(hash.finalize())
}
