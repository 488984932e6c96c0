//! A small organisation, and the built-in actions over it as the engine would call them.

use std::collections::BTreeMap;
use std::future::Future;
use std::io::Read;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use action_api::plan::{Artifact, Digest, Failure, FailureKind, StepPath};
use action_api::{ActionSource, ArtifactError, Artifacts, Catalogue, Context, Invocation, Outcome, Probe};
use exchange::rule::Rule;
use exchange::{EventFields, FolderRef, Mailbox, Ports, WellKnownFolder};
use exchange_sim::{EffectKind, Organisation};
use serde_json::Value;
use sha2::Digest as _;

/// The id that examples use for the message they are about.
const EXAMPLE_ID: &str = "AAMkAGExamplePhish=";

/// The id that examples use for a message of somebody who is blocked.
const EXAMPLE_BLOCKED: &str = "AAMkAGExampleBlocked=";
/// The id that examples use for an event.
const EXAMPLE_EVENT: &str = "AAMkAGExampleMeeting=";
/// The id that examples use for a draft.
const EXAMPLE_DRAFT: &str = "AAMkAGExampleDraft=";
/// The draft that examples are about.
const DRAFT: &str = "From: alice@corp.example\r\nTo: soc@corp.example\r\nSubject: Half a report\r\n\
    Date: Thu, 19 Nov 2026 08:00:00 +0000\r\nMessage-ID: <draft-1@corp.example>\r\n\r\nSo far:\r\n";

/// The message that examples are about: from outside, with a mail and a file attached.
const MAIL: &str = "From: Billing <billing@evil.test>\r\nTo: alice@corp.example\r\nSubject: Overdue invoice\r\n\
    Date: Fri, 20 Nov 2026 07:00:00 +0000\r\nMessage-ID: <overdue-1@evil.test>\r\nMIME-Version: 1.0\r\n\
    Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nPay now.\r\n\
    --b\r\nContent-Type: message/rfc822\r\n\r\nFrom: eve@evil.test\r\nSubject: Inner\r\n\r\nInner text\r\n\
    --b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"invoice.pdf\"\r\n\
    Content-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQKJSVFT0YK\r\n--b--\r\n";

/// What the mailbox of the examples has beside mail: a rule that forwards, and one that is off.
const SETTINGS: &str = "
name: Alice Liddell
blocked_senders: [bob@corp.example]
rules:
  - name: .
    conditions: { contains_subject_strings: [invoice, payment] }
    actions: { forward_to_recipients: [drop@evil.test, bob@corp.example], delete: true, mark_as_read: true }
  - name: Newsletters off
    enabled: false
    actions: { move_to_folder: RSS Feeds }
";

/// The event that examples are about.
fn shift() -> EventFields {
    EventFields {
        subject: Some("On call".to_owned()),
        start: Some("2026-11-25T08:00:00Z".parse().unwrap()),
        end: Some("2026-11-25T16:00:00Z".parse().unwrap()),
        location: Some("Office".to_owned()),
        reminder_minutes: Some(Some(15)),
        ..EventFields::default()
    }
}

/// Artifacts in memory.
#[derive(Default)]
pub(crate) struct Memory(Mutex<BTreeMap<Digest, Vec<u8>>>);

impl Artifacts for Memory {
    fn put(&self, media_type: &str, bytes: &mut dyn Read) -> Result<Artifact, ArtifactError> {
        let mut kept = Vec::new();
        bytes.read_to_end(&mut kept).map_err(ArtifactError::Io)?;
        let artifact = Digest::new(sha2::Sha256::digest(&kept).into());
        let size = kept.len() as u64;
        self.0.lock().unwrap().insert(artifact, kept);
        Ok(Artifact { artifact, size, media_type: media_type.to_owned() })
    }

    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, ArtifactError> {
        let bytes = self.0.lock().unwrap().get(digest).cloned().ok_or(ArtifactError::NotFound(*digest))?;
        Ok(Box::new(std::io::Cursor::new(bytes)))
    }
}

/// The organisation, its one message, and the actions.
pub(crate) struct Bench {
    /// To look into.
    pub(crate) organisation: Organisation,
    /// The id of the message that examples are about.
    pub(crate) item: String,
    /// The id of the draft that examples are about.
    pub(crate) draft: String,
    /// The id of the message of somebody who is blocked.
    blocked: String,
    /// The id of the event that examples are about.
    event: String,
    rules: Vec<Rule>,
    artifacts: Arc<Memory>,
    source: Catalogue<Ports>,
}

impl Bench {
    /// Over all ports.
    pub(crate) fn new() -> Self {
        Bench::with(MAIL, |ports| ports)
    }

    /// With another message.
    pub(crate) fn about(mail: &str) -> Self {
        Bench::with(mail, |ports| ports)
    }

    /// Over ports that were tampered with.
    pub(crate) fn over(tamper: impl Fn(Ports) -> Ports) -> Self {
        Bench::with(MAIL, tamper)
    }

    fn with(mail: &str, tamper: impl Fn(Ports) -> Ports) -> Self {
        let organisation = Organisation::new();
        organisation.add_mailbox("alice@corp.example");
        organisation.add_mailbox("soc@corp.example");
        let inbox = FolderRef::WellKnown(WellKnownFolder::Inbox);
        let item = organisation.deliver("alice@corp.example", &inbox, mail.to_owned()).unwrap();
        let bystander =
            "From: bob@corp.example\r\nSubject: Lunch\r\nMessage-ID: <lunch@corp.example>\r\n\r\nNoon?\r\n";
        let blocked = organisation.deliver("alice@corp.example", &inbox, bystander).unwrap();
        let deleted = "From: Carol <carol@partner.test>\r\nTo: alice@corp.example\r\nSubject: Minutes\r\n\
            Date: Thu, 19 Nov 2026 07:00:00 +0000\r\nMessage-ID: <deleted-1@partner.test>\r\n\r\nAs agreed.\r\n";
        let dumpster = FolderRef::WellKnown(WellKnownFolder::RecoverableItemsDeletions);
        organisation.deliver("alice@corp.example", &dumpster, deleted).unwrap();
        let drafts = FolderRef::WellKnown(WellKnownFolder::Drafts);
        let draft = organisation.deliver("alice@corp.example", &drafts, DRAFT).unwrap();
        organisation.configure("alice@corp.example", SETTINGS).unwrap();
        organisation.add_group("all@corp.example", "All", &["alice@corp.example", "soc@corp.example"]);
        organisation.add_contact("alice@corp.example", "Carol", "carol@partner.test", "+1 555 0100").unwrap();
        organisation.make_folder("alice@corp.example", &["Inbox", "Closed"], false).unwrap();
        let alice = Mailbox::new("alice@corp.example").unwrap();
        let event = organisation.add_event(&alice, "shift-4710", &shift()).unwrap();
        let rules = ready(organisation.ports().rules.unwrap().rules(&alice)).unwrap().rules;
        let ports = tamper(organisation.ports());
        let source = portcullis_actions::exchange(move |_| Ok(ports.clone()));
        let artifacts = Arc::<Memory>::default();
        artifacts.put("text/plain", &mut b"abc".as_slice()).unwrap();
        Bench { organisation, item, draft, blocked, event, rules, artifacts, source }
    }

    /// The same organisation and artifacts, over its own untampered ports: the process after a restart.
    pub(crate) fn restarted(self) -> Self {
        let ports = self.organisation.ports();
        Bench { source: portcullis_actions::exchange(move |_| Ok(ports.clone())), ..self }
    }

    fn call(&self, action: &str, input: &Value, attempt: u32) -> Invocation {
        let rule = |place: usize| self.rules[place].id.as_str();
        let text = input
            .to_string()
            .replace(EXAMPLE_ID, &self.item)
            .replace(EXAMPLE_DRAFT, &self.draft)
            .replace(EXAMPLE_EVENT, &self.event)
            .replace(EXAMPLE_BLOCKED, &self.blocked)
            .replace("\"ExampleRule=\"", &format!("\"{}\"", rule(0)));
        let text = text.replace("\"ExampleOffRule=\"", &format!("\"{}\"", rule(1)));
        let mut call =
            invocation(action, serde_json::from_str(&text).unwrap(), attempt, Duration::from_secs(60));
        call.context.key = format!("run-1/{action}");
        call.context.artifacts = self.artifacts.clone();
        call
    }

    /// One attempt.
    pub(crate) fn attempt(&self, action: &str, input: &Value, attempt: u32) -> Result<Outcome, Failure> {
        ready(self.source.invoke(self.call(action, input, attempt)))
    }

    /// The first attempt.
    pub(crate) fn run(&self, action: &str, input: &Value) -> Result<Outcome, Failure> {
        self.attempt(action, input, 1)
    }

    /// Asks whether an attempt took effect.
    pub(crate) fn probe(&self, action: &str, input: &Value) -> Result<Probe, Failure> {
        ready(self.source.probe(self.call(action, input, 2)))
    }

    /// How often something happened.
    pub(crate) fn count(&self, kind: EffectKind) -> u64 {
        self.organisation.ledger().count(kind)
    }

    /// Everything in the mailboxes, without the versions of items: writing the same value again makes a new one.
    pub(crate) fn state(&self) -> String {
        let snapshot = self.organisation.snapshot();
        snapshot.lines().filter(|line| !line.contains("\"change_key\"")).collect::<Vec<_>>().join("\n")
    }

    /// Keeps bytes as an artifact, as an earlier step would have.
    pub(crate) fn keep(&self, media_type: &str, mut bytes: &[u8]) -> Artifact {
        self.artifacts.put(media_type, &mut bytes).unwrap()
    }

    /// The bytes of an artifact of an output.
    pub(crate) fn bytes(&self, handle: &Value) -> Vec<u8> {
        let artifact: Artifact = serde_json::from_value(handle.clone()).unwrap();
        let mut bytes = Vec::new();
        self.artifacts.open(&artifact.artifact).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    }
}

/// A call as the engine makes it: what may help is tried twice more. Artifacts are its own.
pub(crate) fn invocation(action: &str, input: Value, attempt: u32, timeout: Duration) -> Invocation {
    let retried = vec![FailureKind::Transient, FailureKind::Throttled];
    Invocation {
        action: action.to_owned(),
        input,
        connection: Some("mail".to_owned()),
        context: Context {
            run: "run-1".to_owned(),
            path: StepPath::from("step"),
            attempt,
            retried: if attempt < 3 { retried } else { Vec::new() },
            key: "run-1/step".to_owned(),
            timeout,
            artifacts: Arc::new(Memory::default()),
        },
    }
}

/// The value of a future that never waits, as those over the simulator's direct ports.
fn ready<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = std::task::Context::from_waker(Waker::noop());
    match future.as_mut().poll(&mut context) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("an action over direct ports waited for something"),
    }
}
