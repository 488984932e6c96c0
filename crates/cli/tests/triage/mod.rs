//! The phishing playbook in this process: one engine over real HTTP to an organisation made for each mail.
//!
//! The engine and the plugins are shared between mails, as in a server, so that a mail that harms them is seen
//! in the next one.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use engine::{Approvals, End, Engine, RunStatus, Source, Start};
use ews::EwsClient;
use exchange::{FolderRef, Ports, WellKnownFolder};
use exchange_sim::{Config, EffectKind, Organisation, Server};
use plugin_host::{CacheDirs, PluginHost};
use serde_json::Value;
use transport::{Client, Credentials, Origin, Secret};

const USER: &str = "svc@corp.example";
const PASSWORD: &str = "a-password-for-tests";

/// The engine, with a connection that leads to the current organisation.
pub(crate) struct Triage {
    engine: Engine,
    ports: Arc<Mutex<Option<Ports>>>,
    playbook: String,
}

/// The templates of the playbook.
struct Beside;

impl playbook::Files for Beside {
    fn read(&self, path: &str) -> std::result::Result<Arc<str>, String> {
        std::fs::read_to_string(workflow().join(path)).map(Arc::from).map_err(|error| error.to_string())
    }
}

/// How the run for one mail ended.
#[derive(Debug)]
pub(crate) struct Result {
    /// The end of the run.
    pub(crate) end: End,
    /// Mails the simulator counts as deleted.
    pub(crate) deleted: u64,
    /// Time from start to end.
    pub(crate) took: Duration,
}

impl Result {
    /// One of the declared outputs.
    pub(crate) fn output(&self, name: &str) -> &Value {
        self.end.outputs.get(name).unwrap_or(&Value::Null)
    }
}

impl Triage {
    /// Loads the plugins and the playbook.
    pub(crate) fn new() -> Self {
        let ports: Arc<Mutex<Option<Ports>>> = Arc::default();
        let current = Arc::clone(&ports);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let cache = CacheDirs { cache: folder.join("plugins"), state: folder.join("plugins-state") };
        let packages = plugin_host::first_party().unwrap();
        let plugins = PluginHost::builder().packages(packages).cache(cache).build().unwrap();
        let resolve = move |_: Option<&str>| Ok(current.lock().unwrap().clone().unwrap());
        let engine = Engine::builder().source(actions::exchange(resolve)).source(plugins).build().unwrap();
        let playbook = std::fs::read_to_string(workflow().join("playbook.yaml")).unwrap();
        Triage { engine, ports, playbook }
    }

    /// Reports `mail`, of which alice and bob have a copy, approves everything, and waits for the end.
    pub(crate) async fn run(&self, mail: &[u8], limit: Duration) -> Result {
        let organisation = Organisation::new();
        for mailbox in ["alice", "bob", "carol", "phish"] {
            organisation.add_mailbox(&format!("{mailbox}@corp.example"));
        }
        let inbox = FolderRef::WellKnown(WellKnownFolder::Inbox);
        for reader in ["alice@corp.example", "bob@corp.example"] {
            organisation.deliver(reader, &inbox, mail.to_vec()).unwrap();
        }
        organisation.deliver("phish@corp.example", &inbox, report(mail)).unwrap();
        let server = Server::start(organisation.clone(), Config::local(USER, PASSWORD)).await.unwrap();
        *self.ports.lock().unwrap() = Some(connect(&server.url()));

        let start = Start {
            approvals: Approvals::ApproveAll { by: "test".to_owned() },
            starter: "test".to_owned(),
            ..Start::default()
        };
        let begun = Instant::now();
        let source = Source::new("playbook.yaml", &self.playbook).among(&Beside);
        let mut run = self.engine.start(source, start).await.unwrap();
        let end = tokio::time::timeout(limit, run.wait()).await;
        let end = end.unwrap_or_else(|_| panic!("the run did not end within {limit:?}")).unwrap();
        let took = begun.elapsed();
        let deleted = organisation.ledger().count(EffectKind::Deleted);
        server.shutdown().await;
        Result { end, deleted, took }
    }
}

/// Whether the run ended as a run has to.
pub(crate) fn succeeded(result: &Result) -> bool {
    result.end.status == RunStatus::Succeeded
}

fn workflow() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../workflows/phishing-triage")
}

fn connect(url: &str) -> Ports {
    let url: http::Uri = url.parse().unwrap();
    let credentials = Credentials::basic(USER, Secret::new(PASSWORD.to_owned()));
    let client = Client::builder().credentials(Origin::of(&url).unwrap(), credentials).build().unwrap();
    let config = ews::Config::new(url, ews::Access::Impersonation);
    EwsClient::new(client, config, transport::Error::may_have_left).ports()
}

/// A report with the mail attached as a mail program does it.
fn report(mail: &[u8]) -> Vec<u8> {
    let mut text = b"From: Alice Adler <alice@corp.example>\r\nTo: phish@corp.example\r\nSubject: Is this real?\r\n\
        Date: Fri, 20 Nov 2026 10:00:00 +0000\r\nMessage-ID: <report@mail1.corp.example>\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=\"=_the_outermost_report_7d1f\"\r\n\r\n\
        --=_the_outermost_report_7d1f\r\nContent-Type: text/plain\r\n\r\nI got this.\r\n\
        --=_the_outermost_report_7d1f\r\nContent-Type: message/rfc822\r\n\
        Content-Disposition: attachment; filename=\"mail.eml\"\r\n\r\n"
        .to_vec();
    text.extend_from_slice(mail);
    text.extend_from_slice(b"\r\n--=_the_outermost_report_7d1f--\r\n");
    text
}
