//! Every shipped playbook, with the answers of the people it asks, and one that changes rules in every way there is: killed after every record of its journal, and with
//! every one of its requests lost: before the server saw it, half way through the answer, and with no answer at all,
//! each with the process killed and with the process living on. What counts is what the simulated organisation saw.
//!
//! The process is the engine in this very test, over real HTTP: dropped where it is, as a crash would. The real binary
//! is killed in `kill.rs` and `random_kills.rs`. All points are always tried; nothing is left to chance.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    dead_code,
    reason = "test code, of which several tests share a part"
)]

mod crash;
#[path = "../../engine/tests/world/disk.rs"]
mod disk;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use action_api::{ActionSource, Invocation, Outcome, PluginFacts, Probe, Spec, Work};
use crash::judge::{Wanted, judge};
use crash::playbooks::{PEOPLE, Shipped};
use crash::wire::{Lost, Stage, Wire};
use disk::{Disk, Stop};
use engine::{
    Decision, End, Engine, Event, EventKind, Failure, FailureKind, Journal, MemoryArtifacts, MemoryJournal,
    Person, Run, RunId, RunStatus, Source, Start, Timestamp, VirtualClock,
};
use exchange::rule::Rule;
use exchange::{Mailbox, Ports};
use exchange_sim::{Config, Ledger, Organisation, Server};
use journal::{Event as Happened, Record};
use plan::Digest;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use transport::{Client, Credentials, Origin, Secret};

const USER: &str = "svc@corp.example";
const PASSWORD: &str = "restart-test-password";
/// 21 November 2026, 10:00 UTC: the sample mails are of the days before.
const NOW: Timestamp = Timestamp(1_795_255_200_000);

/// One source for many engines: plugins are compiled once.
#[derive(Clone)]
struct Shared(Arc<dyn ActionSource>);

impl ActionSource for Shared {
    fn specs(&self) -> Vec<Arc<Spec>> {
        self.0.specs()
    }

    fn plugins(&self) -> Vec<PluginFacts> {
        self.0.plugins()
    }

    fn invoke<'a>(&'a self, call: Invocation) -> Work<'a, Result<Outcome, Failure>> {
        self.0.invoke(call)
    }

    fn probe<'a>(&'a self, call: Invocation) -> Work<'a, Result<Probe, Failure>> {
        self.0.probe(call)
    }
}

fn plugins() -> Shared {
    static PLUGINS: OnceLock<Shared> = OnceLock::new();
    let load = || {
        let packages = plugin_host::first_party().unwrap();
        Shared(Arc::new(plugin_host::PluginHost::builder().packages(packages).build().unwrap()))
    };
    PLUGINS.get_or_init(load).clone()
}

fn ports(url: &str, settle: Duration) -> Ports {
    let url: http::Uri = url.parse().unwrap();
    let credentials = Credentials::basic(USER, Secret::new(PASSWORD.to_owned()));
    let client = Client::builder().credentials(Origin::of(&url).unwrap(), credentials).build().unwrap();
    let mut config = ews::Config::new(url, ews::Access::Impersonation);
    config.settle = settle;
    ews::EwsClient::new(client, config, transport::Error::may_have_left).ports()
}

/// What goes wrong.
#[derive(Debug, Clone, Copy)]
enum Mishap {
    None,
    /// Killed at a write of the journal: before it, or when it is durable and nobody knows.
    Write(Stop),
    /// A request gets lost, and the process is killed, or sees that no answer comes.
    Request(Lost, bool),
}

/// What came of it.
struct Told {
    met: bool,
    end: End,
    ledger: Ledger,
    /// The rules of every mailbox, without the ids that the server gave them.
    rules: Vec<Rule>,
    requests: u64,
}

/// Inbox rules are changed whole, so it shows in them what was done twice. No shipped playbook makes one, takes one
/// away or switches one on.
const RULES: &str = "inbox-rules";
const RULES_PLAYBOOK: &str = "playbook: 1
id: inbox-rules
connections: { mail: { kind: exchange } }
steps:
  - { id: list, uses: inbox_rule.list, with: { mailbox: alice@corp.example } }
  - id: off
    uses: inbox_rule.disable
    with: { mailbox: alice@corp.example, rule_id: \"${{ steps.list.output.rules[0].rule_id }}\" }
  - id: on
    uses: inbox_rule.enable
    with: { mailbox: alice@corp.example, rule_id: \"${{ steps.list.output.rules[1].rule_id }}\" }
  - id: remove
    uses: inbox_rule.remove
    with: { mailbox: alice@corp.example, rule_id: \"${{ steps.list.output.rules[2].rule_id }}\" }
  - id: restore
    uses: inbox_rule.restore
    with:
      mailbox: alice@corp.example
      rule:
        name: Partners
        priority: 1
        enabled: true
        conditions: [{ clause: contains_subject_strings, values: [partner] }]
        exceptions: []
        actions: [{ clause: mark_as_read, values: [\"true\"] }]
";
const RULES_MAILBOX: &str = "
name: Alice Liddell
rules:
  - { name: Forward, actions: { forward_to_recipients: [drop@evil.test], mark_as_read: true } }
  - { name: Newsletters, enabled: false, actions: { delete: true } }
  - { name: Hide, conditions: { contains_subject_strings: [invoice] }, actions: { delete: true } }
";

/// One playbook over one organisation.
struct Scene {
    /// Nothing for the one that changes rules.
    shipped: Option<Shipped>,
    organisation: Organisation,
    text: String,
    files: BTreeMap<String, Arc<str>>,
}

impl Scene {
    fn new(name: &str) -> Self {
        if name == RULES {
            let organisation = Organisation::new();
            organisation.add_mailbox("alice@corp.example");
            organisation.configure("alice@corp.example", RULES_MAILBOX).unwrap();
            let text = RULES_PLAYBOOK.to_owned();
            return Scene { shipped: None, organisation, text, files: BTreeMap::new() };
        }
        let shipped = Shipped::named(name);
        let organisation = Organisation::load_folder(shipped.folder().join("mail")).unwrap();
        let text = std::fs::read_to_string(shipped.file()).unwrap();
        let mut files = BTreeMap::new();
        gather(&shipped.folder(), "", &mut files);
        Scene { shipped: Some(shipped), organisation, text, files }
    }

    /// Runs the playbook to its end, over a mishap. With `late`, Sent Items show what was sent some looks later.
    async fn play(&self, mishap: Mishap, late: u32) -> Told {
        let organisation = self.organisation.fork("2026-11-21T10:00:00Z".parse().unwrap());
        organisation.file_sent_late(late);
        let server = Server::start(organisation.clone(), Config::local(USER, PASSWORD)).await.unwrap();
        let address = server.base_url().trim_start_matches("http://").parse().unwrap();
        let wire = Wire::to(address);
        let killed = Arc::new(Notify::new());
        let mut stop = None;
        match mishap {
            Mishap::None => {}
            Mishap::Write(write) => stop = Some(write),
            Mishap::Request(lost, kill) => {
                let killed = Arc::clone(&killed);
                wire.lose(lost, move || {
                    if kill {
                        killed.notify_one()
                    }
                });
            }
        }
        let settle = if late == 0 { Duration::ZERO } else { Duration::from_secs(20) };
        let journal = Arc::new(MemoryJournal::default());
        let artifacts = Arc::new(MemoryArtifacts::new());
        let clock = VirtualClock::new(NOW);
        let (mut run_id, mut kept): (Option<RunId>, Vec<Record>) = (None, Vec::new());
        let mut killed_once = false;
        loop {
            let ports = ports(&wire.url(), settle);
            let disk = Disk::new(&journal, stop.take(), &killed);
            let engine = Engine::builder()
                .source(actions::exchange(move |_| Ok(ports.clone())))
                .source(plugins())
                .artifacts(Kept(Arc::clone(&artifacts)))
                .clock(clock.clone())
                .journal(disk)
                .build()
                .unwrap();
            let (sender, events) = unbounded_channel();
            let start = Start { starter: "ana".to_owned(), events: Some(sender), ..Start::default() };
            let mut run = match &run_id {
                Some(id) => engine.resume(id, start).await.unwrap(),
                None => {
                    let shipped = self.shipped.as_ref();
                    let inputs = shipped.map(Shipped::inputs).unwrap_or_default();
                    let trigger = shipped.map(Shipped::trigger).unwrap_or_default();
                    let source = Source::new("playbook.yaml", &self.text).among(&self.files);
                    engine.start(source, Start { inputs, trigger, ..start }).await.unwrap()
                }
            };
            let end = self.drive(&mut run, events, &killed).await;
            let id = run.id().clone();
            drop((run, engine));
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            let records = journal.load(&id).await.map_or(Vec::new(), |stored| stored.records);
            assert_eq!(
                records[..kept.len().min(records.len())],
                kept[..],
                "{mishap:?}: acknowledged steps are lost"
            );
            kept = records;
            once_each(&kept, &format!("{mishap:?}"));
            let Some(end) = end else {
                killed_once = true;
                run_id = (!kept.is_empty()).then_some(id);
                continue;
            };
            let met = killed_once || matches!(mishap, Mishap::Request(..)) && !wire.mend();
            let ledger = organisation.ledger();
            let requests = ledger.requests.values().sum();
            return Told { met, end, ledger, rules: rules(&organisation).await, requests };
        }
    }

    /// People answer until the run is over, or killed.
    async fn drive(
        &self,
        run: &mut Run,
        mut events: UnboundedReceiver<Event>,
        killed: &Notify,
    ) -> Option<End> {
        let mut asked: BTreeMap<String, usize> = BTreeMap::new();
        loop {
            let event = tokio::select! {
                biased;
                () = killed.notified() => return None,
                event = tokio::time::timeout(Duration::from_secs(60), events.recv()) => event.expect("the run goes on"),
            };
            let Some(Event { kind, .. }) = event else { return Some(run.wait().await.unwrap()) };
            let path = match &kind {
                EventKind::Asked(ask) => ask.path.clone(),
                EventKind::Form(form) => form.path.clone(),
                _ => continue,
            };
            // A quorum wants different people, and who has approved before a crash has done so.
            let turn = asked.entry(path.to_string()).or_default();
            let first = if let EventKind::Asked(ask) = &kind { ask.approved.len().max(*turn) } else { 0 };
            *turn = first + 1;
            let (name, roles) = PEOPLE[first % PEOPLE.len()];
            let person = Person::new(name, roles.iter().copied());
            tokio::select! {
                biased;
                () = killed.notified() => return None,
                () = async {
                    match kind {
                        EventKind::Asked(ask) => {
                            run.decide(&path, Decision::Approved, person, Some(&ask.digest)).await.unwrap();
                        }
                        _ => run.answer(&path, self.shipped.unwrap().answer(), person).await.unwrap(),
                    }
                } => {}
            }
        }
    }
}

/// Artifacts that outlive the process.
struct Kept(Arc<MemoryArtifacts>);

impl action_api::Artifacts for Kept {
    fn put(
        &self,
        media_type: &str,
        bytes: &mut dyn std::io::Read,
    ) -> Result<plan::Artifact, action_api::ArtifactError> {
        self.0.put(media_type, bytes)
    }

    fn open(&self, digest: &Digest) -> Result<Box<dyn std::io::Read + Send>, action_api::ArtifactError> {
        self.0.open(digest)
    }
}

/// Every text file beside the playbook, by its path.
fn gather(folder: &std::path::Path, below: &str, files: &mut BTreeMap<String, Arc<str>>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        if entry.path().is_dir() {
            if name != "mail" && name != "cases" {
                gather(&entry.path(), &path, files);
            }
        } else if let Ok(text) = std::fs::read_to_string(entry.path()) {
            files.insert(path, Arc::from(text));
        }
    }
}

/// No history begins anything again that has ended.
fn once_each(records: &[Record], place: &str) {
    let mut ended = std::collections::BTreeSet::new();
    for record in records {
        match &record.event {
            Happened::Performed { op, .. } => assert!(ended.insert(*op), "{place}: {op:?} ended twice"),
            Happened::Performing { op, path, .. } => {
                assert!(!ended.contains(op), "{place}: {path} had ended and was begun again");
            }
            _ => {}
        }
    }
}

/// The rules of a mailbox as they stand, without the ids that the server gave them.
async fn rules(organisation: &Organisation) -> Vec<Rule> {
    let alice = Mailbox::new("alice@corp.example").unwrap();
    let found = organisation.ports().rules.unwrap().rules(&alice).await;
    let found = found.map_or(Vec::new(), |found| found.rules);
    found.into_iter().map(|rule| Rule { id: String::new(), ..rule }).collect()
}

/// What happens without a mishap.
async fn meant(stage: &Scene) -> Told {
    let told = stage.play(Mishap::None, 0).await;
    assert_eq!(told.end.status, RunStatus::Succeeded, "{:?}", told.end);
    assert!(!told.ledger.effects.is_empty(), "nothing was done");
    told
}

/// Killed at every write, before and after it.
async fn killed_at_every_write(name: &str) {
    let stage = Scene::new(name);
    let meant = meant(&stage).await;
    let mut points = 0;
    for after in [false, true] {
        for write in 1.. {
            let place = format!("{name}, write {write}, after: {after}");
            let told = stage.play(Mishap::Write(Stop { write, after }), 0).await;
            if !told.met {
                break;
            }
            points += 1;
            assert_eq!(
                (told.end.status, &told.end.outputs),
                (RunStatus::Succeeded, &meant.end.outputs),
                "{place}"
            );
            judge(&meant.ledger, &told.ledger, Wanted::All, &place);
            assert_eq!(told.rules, meant.rules, "{place}");
        }
    }
    eprintln!("{name}: killed at {points} points");
    assert!(points >= 10, "only {points} points");
}

/// Every request lost at one stage.
async fn every_request_lost(name: &str, stages: &[Stage], kill: bool, late: u32) {
    let stage = Scene::new(name);
    let meant = meant(&stage).await;
    let mut ends: BTreeMap<String, u32> = BTreeMap::new();
    for &at in stages {
        for request in 1.. {
            let lost = Lost { request, stage: at };
            let place = format!("{name}, {lost:?}, killed: {kill}");
            let told = stage.play(Mishap::Request(lost, kill), late).await;
            if !told.met {
                assert!(u64::from(request) > meant.requests, "{place}: never came about");
                break;
            }
            let same = told.end.status == RunStatus::Succeeded && told.end.outputs == meant.end.outputs;
            // Who was killed goes on as if nothing had been. Who sees an error may give up, and says so.
            assert!(same || !kill, "{place}: {:?}", told.end);
            let wanted = if same { Wanted::All } else { Wanted::NoneTwice };
            judge(&meant.ledger, &told.ledger, wanted, &place);
            assert!(!same || told.rules == meant.rules, "{place}: {:#?}", told.rules);
            let unsure =
                told.end.failure.as_ref().is_some_and(|failure| failure.kind == FailureKind::Unknown);
            let word = if same {
                "as if nothing had happened".to_owned()
            } else {
                format!("{}, unknown: {unsure}", told.end.status.as_str())
            };
            *ends.entry(word).or_default() += 1;
        }
    }
    eprintln!("{name}, requests lost {stages:?}, killed: {kill}: {ends:?}");
}

const STAGES: [Stage; 3] = [Stage::Before, Stage::Half, Stage::After];

macro_rules! batteries {
    ($($module:ident: $name:literal),*) => {$(
        mod $module {
            use super::*;

            #[tokio::test]
            async fn killed_at_every_write() {
                super::killed_at_every_write($name).await;
            }

            #[tokio::test]
            async fn every_request_lost_and_killed() {
                every_request_lost($name, &STAGES, true, 0).await;
            }

            #[tokio::test]
            async fn every_request_lost_and_seen() {
                every_request_lost($name, &STAGES, false, 0).await;
            }
        }
    )*};
}

batteries! {
    inbox_rules: "inbox-rules",
    bulk_purge: "bulk-purge",
    compromised_mailbox: "compromised-mailbox",
    malicious_attachment_sweep: "malicious-attachment-sweep",
    phishing_triage: "phishing-triage",
    report_mailbox_autoreply: "report-mailbox-autoreply",
    vip_impersonation: "vip-impersonation"
}

/// A server that shows what was sent only after some looks: nobody takes it for unsent.
#[tokio::test]
async fn what_is_filed_late_is_not_sent_again() {
    for kill in [true, false] {
        every_request_lost("report-mailbox-autoreply", &[Stage::After], kill, 5).await;
    }
}
