//! Many mailboxes with rules of an intruder and of their owners, behind a server that refuses and breaks off as it is told:
//! what actions about rules and senders are tried on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use action_api::plan::Failure;
use action_api::{ActionSource, Catalogue, Outcome};
use exchange::port::{Junk, PerItem, Rules, Work};
use exchange::rule::RuleChange;
use exchange::{Error, ErrorKind, FolderRef, ItemRef, Junked, Mailbox, Ports, WellKnownFolder};
use exchange_sim::{EffectKind, Organisation};
use serde_json::{Value, json};

use crate::bench::invocation;
use crate::world::{finished, some_time};

/// What every mailbox has: two rules of an intruder under one name, one of the owner's, one that is off.
const SETTINGS: &str = "
rules:
  - { name: ., priority: 1, actions: { forward_to_recipients: [drop@evil.test], delete: true } }
  - { name: ., priority: 2, actions: { mark_as_read: true, delete: true } }
  - { name: Newsletters, priority: 3, actions: { move_to_folder: Junk Email } }
  - { name: Old, priority: 4, enabled: false, actions: { mark_as_read: true } }
";

/// How the server behaves.
#[derive(Default)]
pub(crate) struct Behaviour {
    /// Mailboxes that refuse everything.
    pub(crate) broken: BTreeMap<String, ErrorKind>,
    /// Mailboxes that refuse changes only.
    pub(crate) fixed: BTreeMap<String, ErrorKind>,
    /// At which change the connection breaks, and whether the server has made it by then.
    pub(crate) dies: Option<(usize, bool)>,
    pub(crate) changes: usize,
    pub(crate) now: BTreeMap<String, usize>,
    pub(crate) most: usize,
    pub(crate) crowded: bool,
}

/// The simulator's ports, behind such a server.
#[derive(Clone)]
struct Rough {
    rules: Arc<dyn Rules>,
    junk: Arc<dyn Junk>,
    behaviour: Arc<Mutex<Behaviour>>,
}

impl Rough {
    async fn pass<T>(&self, mailbox: &Mailbox, changes: bool, work: Work<'_, T>) -> Result<T, Error> {
        let name = mailbox.as_str().to_lowercase();
        let (broken, dies) = {
            let mut behaviour = self.behaviour.lock().unwrap();
            *behaviour.now.entry(name.clone()).or_default() += 1;
            behaviour.most = behaviour.most.max(behaviour.now.len());
            behaviour.crowded |= behaviour.now[&name] > 1;
            let fixed = behaviour.fixed.get(&name).filter(|_| changes);
            let broken = behaviour.broken.get(&name).or(fixed).copied();
            let number = behaviour.changes;
            behaviour.changes += usize::from(changes);
            // Once it is broken nothing gets through any more.
            let dies = behaviour.dies.filter(|(at, _)| number >= *at + usize::from(!changes));
            (broken, dies.map(|(at, after)| after && changes && number == at))
        };
        some_time().await;
        let answer = match (broken, dies) {
            (Some(kind), _) => Err(Error::new(kind, format!("{name} says no"))),
            (None, None) => work.await,
            (None, Some(made)) => {
                if made {
                    work.await?;
                }
                Err(Error::new(ErrorKind::Unknown, "the connection broke"))
            }
        };
        self.behaviour.lock().unwrap().now.remove(&name);
        answer
    }
}

impl Rules for Rough {
    fn rules<'a>(&'a self, mailbox: &'a Mailbox) -> Work<'a, exchange::rule::Rules> {
        Box::pin(self.pass(mailbox, false, self.rules.rules(mailbox)))
    }

    fn change_rules<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        change: &'a RuleChange,
        lose_client_rules: bool,
    ) -> Work<'a, ()> {
        let work = self.rules.change_rules(mailbox, change, lose_client_rules);
        Box::pin(self.pass(mailbox, true, work))
    }
}

impl Junk for Rough {
    fn mark_junk<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
        junk: bool,
        moves: bool,
    ) -> Work<'a, PerItem<Junked>> {
        Box::pin(self.pass(mailbox, true, self.junk.mark_junk(mailbox, items, junk, moves)))
    }
}

pub(crate) struct World {
    pub(crate) organisation: Organisation,
    /// A message of each of two senders in every mailbox.
    pub(crate) messages: Vec<(String, String)>,
    pub(crate) behaviour: Arc<Mutex<Behaviour>>,
    pub(crate) source: Catalogue<Ports>,
}

pub(crate) fn address(number: usize) -> String {
    format!("m{number}@corp.example")
}

impl World {
    pub(crate) fn new(mailboxes: usize) -> Self {
        let organisation = Organisation::new();
        let inbox = FolderRef::WellKnown(WellKnownFolder::Inbox);
        let mut messages = Vec::new();
        for number in 0..mailboxes {
            organisation.add_mailbox(&address(number));
            organisation.configure(&address(number), SETTINGS).unwrap();
            for sender in ["eve", "mallory"] {
                let mail = format!(
                    "From: {sender}@evil.test\r\nSubject: Win\r\nMessage-ID: <{sender}{number}@evil.test>\r\n\r\nx\r\n"
                );
                let item = organisation.deliver(&address(number), &inbox, mail).unwrap();
                messages.push((address(number), item));
            }
        }
        let inner = organisation.ports();
        let behaviour = Arc::<Mutex<Behaviour>>::default();
        let rough = Arc::new(Rough {
            rules: inner.rules.clone().unwrap(),
            junk: inner.junk.clone().unwrap(),
            behaviour: behaviour.clone(),
        });
        let all = Ports { rules: Some(rough.clone()), junk: Some(rough), ..inner };
        let source = portcullis_actions::exchange(move |_| Ok(all.clone()));
        World { organisation, messages, behaviour, source }
    }

    pub(crate) fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.behaviour.lock().unwrap());
    }

    pub(crate) fn attempt(&self, action: &str, input: &Value, attempt: u32) -> Result<Outcome, Failure> {
        let call = invocation(action, input.clone(), attempt, Duration::from_secs(600));
        finished(self.source.invoke(call))
    }

    pub(crate) fn run(&self, action: &str, input: &Value) -> Value {
        self.attempt(action, input, 1).unwrap().output
    }

    pub(crate) fn mailboxes(&self) -> Vec<String> {
        (0..self.messages.len() / 2).map(address).collect()
    }

    /// Every rule with this name, as a step hands it on.
    pub(crate) fn named(&self, name: &str) -> Vec<Value> {
        let list = self.run("inbox_rule.list", &json!({ "mailboxes": self.mailboxes() }));
        let rules = list["rules"].as_array().unwrap().iter().filter(|rule| rule["name"] == name);
        rules.map(|rule| json!({ "mailbox": rule["mailbox"], "rule_id": rule["rule_id"] })).collect()
    }

    /// What an action is about: two things in every mailbox.
    pub(crate) fn items(&self, action: &str) -> Vec<Value> {
        match action {
            "inbox_rule.disable" | "inbox_rule.remove" => self.named("."),
            "inbox_rule.enable" => {
                let both = self.named("Old").into_iter().zip(self.named("Newsletters"));
                both.flat_map(|(old, other)| [old, other]).collect()
            }
            "inbox_rule.restore" => {
                let rule = |name: &str| {
                    let actions = json!([{ "clause": "mark_as_read", "values": ["true"] }]);
                    json!({
                        "name": name, "priority": 7, "enabled": true, "conditions": [], "exceptions": [],
                        "actions": actions
                    })
                };
                let both = |mailbox: String| {
                    ["One", "Two"].map(|name| json!({ "mailbox": mailbox, "rule": rule(name) }))
                };
                self.mailboxes().into_iter().flat_map(both).collect()
            }
            _ => self.messages.iter().map(|(m, i)| json!({ "mailbox": m, "item_id": i })).collect(),
        }
    }

    pub(crate) fn list(&self, action: &str) -> Value {
        json!({ "items": self.items(action) })
    }

    /// The rules of every mailbox, whom it blocks, and what lies where; without the ids of rules, because one that is
    /// put back has another.
    pub(crate) fn standing(&self) -> Vec<Value> {
        let all: Vec<Value> = serde_json::from_str(&self.organisation.snapshot()).unwrap();
        let whole = |mut one: Value| {
            one["rules"].as_array_mut().unwrap().iter_mut().for_each(|rule| rule["id"] = json!(null));
            let messages = |folder: &Value| -> BTreeSet<String> {
                let items = folder["items"].as_array().unwrap().iter();
                items
                    .map(|item| format!("{} {} {}", folder["path"], item["message_id"], item["id"]))
                    .collect()
            };
            let lies: BTreeSet<String> =
                one["folders"].as_array().unwrap().iter().flat_map(messages).collect();
            json!([one["address"], one["rules"], one["blocked_senders"], lies])
        };
        all.into_iter().map(whole).collect()
    }

    /// How often something was changed in mailboxes: a rule, or the list of blocked senders.
    pub(crate) fn changed(&self, action: &str) -> u64 {
        let kind = if blocks(action) { EffectKind::Updated } else { EffectKind::Configured };
        self.organisation.ledger().count(kind)
    }
}

pub(crate) fn blocks(action: &str) -> bool {
    action.starts_with("sender.")
}
