//! Messages of many mailboxes kept as files: each is what it is by itself, few requests are made, and neither a mailbox
//! nor a message that fails loses the others.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use action_api::plan::FailureKind;
use action_api::{ActionSource, Artifacts, Catalogue};
use exchange::port::{PerItem, Read, Take, Work};
use exchange::{
    Error, ErrorKind, FolderRef, ItemRef, Mailbox, Message, MessageSummary, Ports, WellKnownFolder,
};
use exchange_sim::Organisation;
use serde_json::{Value, json};

use crate::bench::{Memory, invocation};
use crate::world::{finished, some_time};

/// A wire that answers for several messages at once, and fails as it is told.
struct Wire {
    inner: Arc<dyn Read>,
    /// Where the answer about this message cannot be read, alone or among others.
    garbled: Option<String>,
    /// Mailboxes that cannot be reached from this request for MIME on.
    lost: Vec<(String, usize)>,
    /// How many messages were asked for by every such request.
    asked: Mutex<Vec<(String, usize)>>,
}

impl Read for Wire {
    fn get<'a>(&'a self, mailbox: &'a Mailbox, items: &'a [ItemRef]) -> Work<'a, PerItem<Message>> {
        self.inner.get(mailbox, items)
    }

    fn summaries<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
    ) -> Work<'a, PerItem<MessageSummary>> {
        self.inner.summaries(mailbox, items)
    }

    fn mime<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        item: &'a ItemRef,
        out: &'a mut (dyn Write + Send),
    ) -> Work<'a, u64> {
        self.inner.mime(mailbox, item, out)
    }

    fn mimes<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
        take: &'a mut Take<'_>,
    ) -> Work<'a, PerItem<u64>> {
        Box::pin(async move {
            some_time().await;
            let name = mailbox.as_str().to_owned();
            let before = {
                let mut asked = self.asked.lock().unwrap();
                asked.push((name.clone(), items.len()));
                asked.iter().filter(|(mailbox, _)| *mailbox == name).count()
            };
            let said = self.inner.mimes(mailbox, items, take).await?;
            if self.lost.iter().any(|(lost, from)| *lost == name && before >= *from) {
                return Err(Error::new(ErrorKind::Transient, "the connection broke"));
            }
            if items.iter().any(|item| Some(&item.id) == self.garbled.as_ref()) {
                return Err(Error::new(ErrorKind::Invalid, "the answer cannot be used"));
            }
            Ok(said)
        })
    }
}

/// Mailboxes with messages, each of its own length.
struct World {
    organisation: Organisation,
    /// Mailbox and id; the mailboxes take turns.
    items: Vec<(String, String)>,
}

fn address(number: usize) -> String {
    format!("m{number}@corp.example")
}

impl World {
    fn new(mailboxes: usize, each: usize) -> Self {
        let organisation = Organisation::new();
        let inbox = FolderRef::WellKnown(WellKnownFolder::Inbox);
        (0..mailboxes).for_each(|number| organisation.add_mailbox(&address(number)));
        let mut items = Vec::new();
        for message in 0..each {
            for number in 0..mailboxes {
                let text = "Pay now. ".repeat(message * 7 + number);
                let mail = format!("From: eve@evil.test\r\nSubject: {message} to {number}\r\n\r\n{text}\r\n");
                items.push((address(number), organisation.deliver(&address(number), &inbox, mail).unwrap()));
            }
        }
        World { organisation, items }
    }

    fn wire(&self) -> Wire {
        let inner = self.organisation.ports().read.unwrap();
        Wire { inner, garbled: None, lost: Vec::new(), asked: Mutex::default() }
    }

    fn list(&self) -> Value {
        self.items.iter().map(|(mailbox, item)| json!({ "mailbox": mailbox, "item_id": item })).collect()
    }

    fn bytes(&self, (mailbox, item): &(String, String)) -> Vec<u8> {
        let (mut bytes, mailbox) = (Vec::new(), Mailbox::new(mailbox).unwrap());
        let read = self.organisation.ports().read.unwrap();
        finished(read.mime(&mailbox, &ItemRef::new(item), &mut bytes)).unwrap();
        bytes
    }

    /// The output of a last attempt, and what was kept.
    fn keep(&self, wire: &Arc<Wire>, more: &Value) -> (Value, Arc<Memory>) {
        let mut input = json!({ "items": self.list(), "on_item_error": "collect" });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let all = Ports { read: Some(wire.clone()), ..self.organisation.ports() };
        let source: Catalogue<Ports> = portcullis_actions::exchange(move |_| Ok(all.clone()));
        let mut call = invocation("mail.download_eml", input, 3, Duration::from_secs(600));
        let memory = Arc::new(Memory::default());
        call.context.artifacts = memory.clone();
        (finished(source.invoke(call)).unwrap().output, memory)
    }

    /// Holds every result against the message by itself; a failed one has to be in `failed`, with that kind.
    fn judge(
        &self,
        output: &Value,
        memory: &Memory,
        failed: impl Fn(&(String, String)) -> Option<FailureKind>,
    ) {
        let results = output["results"].as_array().unwrap();
        assert_eq!(results.len(), self.items.len());
        let mut bad = 0;
        for (asked, one) in self.items.iter().zip(results) {
            assert_eq!((&one["mailbox"], &one["item_id"]), (&json!(asked.0), &json!(asked.1)));
            if let Some(kind) = failed(asked) {
                assert_eq!(
                    (&one["status"], &one["error"]["kind"]),
                    (&json!("failed"), &json!(kind.as_str())),
                    "{one}"
                );
                assert_eq!(
                    (&one["eml"], &one["sha256"], &one["size"]),
                    (&json!(null), &json!(null), &json!(null))
                );
                bad += 1;
                continue;
            }
            assert_eq!((&one["status"], &one["error"]), (&json!("done"), &json!(null)), "{one}");
            let digest = one["sha256"].as_str().unwrap();
            let artifact: action_api::plan::Artifact = serde_json::from_value(one["eml"].clone()).unwrap();
            assert_eq!(artifact.artifact.hex(), digest);
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut memory.open(&artifact.artifact).unwrap(), &mut bytes).unwrap();
            assert!(bytes == self.bytes(asked), "{one}");
            assert_eq!(one["size"], json!(bytes.len()));
        }
        assert_eq!(output["failed"], json!(bad));
    }
}

#[test]
fn a_mailbox_costs_a_request_for_fifty_messages_and_a_failing_one_only_its_own() {
    let world = World::new(6, 120);
    let lost = vec![(address(2), 1), (address(4), 3)];
    let wire = Arc::new(Wire { lost, ..world.wire() });
    let (output, memory) = world.keep(&wire, &json!({}));
    let late: Vec<&(String, String)> =
        world.items.iter().filter(|(mailbox, _)| *mailbox == address(4)).skip(100).collect();
    world.judge(&output, &memory, |one| {
        (one.0 == address(2) || late.contains(&one)).then_some(FailureKind::Transient)
    });
    let asked = wire.asked.lock().unwrap();
    let of = |number: usize| -> Vec<usize> {
        asked.iter().filter(|(mailbox, _)| *mailbox == address(number)).map(|(_, count)| *count).collect()
    };
    assert_eq!(of(0), [50, 50, 20]);
    assert_eq!(of(2), [50], "a server that is away is asked once");
    assert_eq!(of(4), [50, 50, 20]);
}

#[test]
fn a_message_that_cannot_be_put_into_words_loses_no_other() {
    let world = World::new(2, 20);
    let bad = world.items[7].clone();
    let wire = Arc::new(Wire { garbled: Some(bad.1.clone()), ..world.wire() });
    let (output, memory) = world.keep(&wire, &json!({}));
    world.judge(&output, &memory, |one| (*one == bad).then_some(FailureKind::Invalid));
    assert_eq!(
        wire.asked.lock().unwrap().len(),
        2 + 20,
        "those beside it are asked for once more, one by one"
    );
}

#[test]
fn what_is_too_large_or_not_there_is_told_and_the_others_are_kept() {
    let mut world = World::new(3, 30);
    let most = 1_000;
    world.items[4].1 = world.items[3].1.clone();
    let absent = world.items[4].clone();
    let large: Vec<(String, String)> =
        world.items.iter().filter(|one| **one != absent && world.bytes(one).len() > most).cloned().collect();
    assert!(large.len() > 10 && large.len() < 80, "{}", large.len());
    let (output, memory) = world.keep(&Arc::new(world.wire()), &json!({ "max_size": most }));
    world.judge(&output, &memory, |one| {
        if *one == absent {
            Some(FailureKind::NotFound)
        } else {
            large.contains(one).then_some(FailureKind::Limit)
        }
    });
    assert_eq!(output["mailboxes"].as_array().unwrap().len(), 3);
}
