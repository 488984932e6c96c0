//! What one seed plays: which playbooks are started when, with which inputs, over which mailboxes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use engine::{ActionSource, Engine, Functions, Invocation};
use exchange_sim::Organisation;
use jiff::Timestamp;
use plan::{Blame, Failure, FailureKind};
use serde_json::{Value, json};

use crate::clock::WallClock;
use crate::dice::Dice;
use crate::grammar;
use crate::ports::faulty;
use crate::service::{Invented, Watched};
use crate::shape::Shape;
use crate::store::{Bytes, Store};
use crate::world::{BEGIN, Sabotage, World};

/// A playbook that is started at some time.
pub(crate) struct Intent {
    pub(crate) text: Arc<str>,
    pub(crate) files: BTreeMap<String, Arc<str>>,
    pub(crate) inputs: BTreeMap<String, Value>,
    pub(crate) trigger: Value,
    /// Seconds after the beginning.
    pub(crate) after: i64,
}

/// Everything of one seed that is decided before it begins.
pub(crate) struct Play {
    pub(crate) intents: Vec<Intent>,
    pub(crate) answers: BTreeMap<String, Shape>,
    pub(crate) organisation: Organisation,
    /// Words in the subjects of mails that may be touched.
    pub(crate) marked: &'static [&'static str],
    made: Vec<grammar::Made>,
    seed: u64,
}

/// A shipped playbook, read once.
struct Shipped {
    text: Arc<str>,
    files: BTreeMap<String, Arc<str>>,
    inputs: BTreeMap<String, Value>,
    mail: Organisation,
}

const SWEEP: &str = include_str!("playbooks/sweep.yaml");
const TELL: &str = include_str!("playbooks/tell.yaml");

/// Name of the folder, inputs, and what the subjects of its victims hold.
const WORKFLOWS: [(&str, &str, &[&str]); 5] = [
    (
        "bulk-purge",
        r#"{"mailboxes": ["alice@corp.example", "bob@corp.example", "carol@corp.example", "dave@corp.example"],
            "sender": "deals@bulk-offers.test", "subject": "Your voucher expires tonight",
            "received_after": "2026-11-17T00:00:00Z", "four_eyes_above": 2}"#,
        &["voucher"],
    ),
    ("phishing-triage", "{}", &["password expires"]),
    ("compromised-mailbox", r#"{"mailbox": "alice@corp.example", "since": "2026-11-19T18:00:00Z"}"#, &[]),
    (
        "malicious-attachment-sweep",
        r#"{"mailboxes": ["alice@corp.example", "bob@corp.example", "carol@corp.example"],
            "sha256": ["d0a0709ab0001fe9b398837baa9a7038b8ab7f334c508b6006d660f0cdb07de5",
                       "ca7dd9de4d92b4073610f795480e4c6ad41ae8fd971f62b765dd309397170032"],
            "received_after": "2026-11-01T00:00:00Z"}"#,
        &[],
    ),
    (
        "vip-impersonation",
        r#"{"vips": [{"name": "Valerie Voss", "assistant": "alice@corp.example", "private": ["valerie@voss-family.test"]},
                     {"name": "Oskar Lindqvist", "assistant": "bob@corp.example", "private": []}],
            "mailboxes": ["alice@corp.example", "bob@corp.example", "carol@corp.example"],
            "received_after": "2026-11-19T00:00:00Z"}"#,
        &[],
    ),
];

static SHIPPED: LazyLock<Vec<Shipped>> = LazyLock::new(|| {
    let read = |(name, inputs, _): &(&str, &str, &[&str])| {
        let folder = portcullis_tests::root().join("workflows").join(name);
        let text = std::fs::read_to_string(folder.join("playbook.yaml")).unwrap();
        let mut files = BTreeMap::new();
        for (below, ending) in [("", "yaml"), ("templates/", "j2")] {
            for entry in std::fs::read_dir(folder.join(below)).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|found| found == ending) {
                    let name = format!("{below}{}", path.file_name().unwrap().to_str().unwrap());
                    files.insert(name, Arc::from(std::fs::read_to_string(path).unwrap()));
                }
            }
        }
        Shipped {
            text: text.into(),
            files,
            inputs: serde_json::from_str(inputs).unwrap(),
            mail: Organisation::load_folder(folder.join("mail")).unwrap(),
        }
    };
    WORKFLOWS.iter().map(read).collect()
});

/// Six mails to be found in three mailboxes, and three that are nobody's business.
static MAIL: LazyLock<Organisation> = LazyLock::new(|| {
    let organisation = Organisation::new();
    let inbox = exchange::FolderRef::WellKnown(exchange::WellKnownFolder::Inbox);
    for (at, mailbox) in ["ann@corp.example", "ben@corp.example", "cho@corp.example"].into_iter().enumerate()
    {
        organisation.add_mailbox(mailbox);
        let subjects = ["Invoice overdue", "Lunch", "Invoice overdue"];
        for (number, subject) in subjects.iter().enumerate() {
            let mail = format!(
                "Message-ID: <{at}.{number}@test>\r\nDate: Fri, 20 Nov 2026 0{number}:0{at}:00 +0000\r\n\
                 From: billing@bad.test\r\nTo: {mailbox}\r\nSubject: {subject}\r\n\r\nPay {number}.\r\n"
            );
            organisation.deliver(mailbox, &inbox, mail.into_bytes()).unwrap();
        }
    }
    organisation.add_mailbox("soc@corp.example");
    organisation
});

impl Play {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed ^ 0x00c0_ffee);
        let begin = Timestamp::from_millisecond(BEGIN).unwrap();
        let mut play = Play {
            intents: Vec::new(),
            answers: BTreeMap::new(),
            organisation: MAIL.fork(begin),
            marked: &["Invoice overdue"],
            made: Vec::new(),
            seed,
        };
        let own = |text: &str, inputs: Value, after| Intent {
            text: text.into(),
            files: BTreeMap::new(),
            inputs: serde_json::from_value(inputs).unwrap(),
            trigger: Value::Null,
            after,
        };
        match dice.below(10) {
            0..=2 => play.invent(seed, &mut dice),
            3 => {
                let which = dice.below(WORKFLOWS.len());
                let shipped = &SHIPPED[which];
                play.organisation = shipped.mail.fork(begin);
                play.marked = WORKFLOWS[which].2;
                play.intents.push(Intent {
                    text: Arc::clone(&shipped.text),
                    files: shipped.files.clone(),
                    inputs: shipped.inputs.clone(),
                    trigger: Value::Null,
                    after: 0,
                });
            }
            4..=6 => {
                for _ in 0..1 + dice.below(2) {
                    let mode = *dice.pick(&["trash", "soft", "hard"]);
                    play.intents.push(own(SWEEP, json!({"mode": mode}), dice.below(7200) as i64));
                }
            }
            _ => {
                for _ in 0..1 + dice.below(2) {
                    let text = format!("about {}", dice.below(3));
                    play.intents.push(own(TELL, json!({"about": text}), dice.below(7200) as i64));
                }
                if dice.chance(40) {
                    play.intents.push(own(SWEEP, json!({}), dice.below(600) as i64));
                }
            }
        }
        play
    }

    /// A playbook from the grammar that checks; the next seed's where this one's does not.
    fn invent(&mut self, seed: u64, dice: &mut Dice) {
        for number in 0..40 {
            let case = grammar::case(seed.wrapping_add(number * 1_000_003));
            if case.careless > 0 {
                continue;
            }
            let world = World::new(seed, self.organisation.clone(), None);
            let engine =
                Engine::builder().source(Invented::new(&world, &case.actions, dice)).build().unwrap();
            let source = engine::Source::new("made.yaml", &case.text).among(&case.files);
            if engine.check(source).plan.is_none() {
                continue;
            }
            self.made = case.actions;
            self.answers = case.answers;
            for _ in 0..1 + dice.below(2) {
                self.intents.push(Intent {
                    text: case.text.as_str().into(),
                    files: case.files.clone(),
                    inputs: case.inputs.clone(),
                    trigger: Value::Null,
                    after: dice.below(600) as i64,
                });
            }
            return;
        }
    }

    /// The product, put together over this world as a process does it when it starts.
    pub(crate) fn engine(&self, world: &World) -> Engine {
        let store = Store::open(world);
        let entropy = world.clone();
        HERE.set(Some(world.clone()));
        // The same actions in every process.
        let mut dice = Dice::new(self.seed ^ 0x00ac_7105);
        let watched = |inner: Arc<dyn ActionSource>| Watched { world: world.clone(), inner };
        let builder = Engine::builder()
            .journal(store)
            .artifacts(Bytes(world.clone()))
            .clock(WallClock(world.clone()))
            .source(watched(Arc::clone(&ACTIONS.0)))
            .source(watched(Arc::clone(&ACTIONS.1)))
            .source(watched(Arc::new(Invented::new(world, &self.made, &mut dice))));
        let builder = if world.is(Sabotage::OwnEntropy) {
            builder
        } else {
            builder.entropy(move || entropy.state().dice.roll())
        };
        builder.build().unwrap()
    }
}

thread_local! {
    /// The world that is played in this thread.
    static HERE: RefCell<Option<World>> = const { RefCell::new(None) };
}

/// The mail actions, and the doubles of the plugins. To read their schemas takes longer than most seeds, so all seeds
/// share them; what they are connected to is looked up at each call.
static ACTIONS: LazyLock<(Arc<dyn ActionSource>, Arc<dyn ActionSource>)> = LazyLock::new(|| {
    let here = || HERE.with_borrow(|world| world.clone().unwrap());
    (Arc::new(actions::exchange(move |_| Ok(faulty(&here())))), Arc::new(readers(here)))
});

/// Doubles of the two plugins that the shipped playbooks use: what runs in the sandbox is judged elsewhere.
fn readers(here: impl Fn() -> World + Send + Sync + 'static) -> Functions {
    let text = json!({"type": ["string", "null"], "x-untrusted": true});
    let spec = |name: &str, input: Value, output: Value| {
        let closed = |fields: Value| {
            let required: Vec<String> = fields.as_object().unwrap().keys().cloned().collect();
            json!({"type": "object", "additionalProperties": false, "required": required, "properties": fields})
        };
        serde_json::from_value(json!({
            "name": name, "summary": "A double", "effect": "enrichment", "repeat": "natural", "errors": [],
            "input": closed(input), "output": closed(output),
        }))
        .unwrap()
    };
    let artifact = json!({"type": "object"});
    let address = json!({"type": ["object", "null"], "additionalProperties": false, "required": ["address"],
        "properties": {"address": {"type": "string", "x-untrusted": true}}});
    let parse = spec(
        "eml.parse",
        json!({"message": artifact}),
        json!({"from": address, "subject": text, "text_body": text, "html_body": text}),
    );
    let url = json!({"type": "object", "additionalProperties": false, "required": ["defanged"],
        "properties": {"defanged": {"type": "string"}}});
    let extract = spec(
        "ioc-extract.extract",
        json!({"subject": text, "text": text, "html": text}),
        json!({"urls": {"type": "array", "items": url}}),
    );
    let read = move |call: Invocation| {
        let end = headers(&here(), &call.input["message"]);
        async move { end }
    };
    let functions = Functions::new().with(parse, read).unwrap();
    functions.with(extract, async |_: Invocation| Ok(json!({"urls": []}))).unwrap()
}

fn headers(world: &World, message: &Value) -> Result<Value, Failure> {
    let lost = || Failure::new(FailureKind::NotFound, Blame::Host, "no such bytes");
    let digest = message["artifact"].as_str().and_then(|hex| hex.parse().ok()).ok_or_else(lost)?;
    let state = world.state();
    let text = String::from_utf8_lossy(state.artifacts.get(&digest).ok_or_else(lost)?).into_owned();
    let header = |name: &str| {
        text.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned())
    };
    let from = header("From:").map(|from| match from.rsplit_once('<') {
        Some((_, address)) => address.trim_end_matches('>').to_owned(),
        None => from,
    });
    Ok(json!({
        "from": from.map(|address| json!({"address": address})), "subject": header("Subject:"),
        "text_body": null, "html_body": null,
    }))
}
