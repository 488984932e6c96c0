//! What is configured, and what is found.

use std::time::Duration;

use exchange::Mailbox;
use http::Uri;

/// Which face is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum AutodiscoverMethod {
    /// All of them, in order.
    #[default]
    Auto,
    /// `autodiscover.svc`.
    Soap,
    /// `autodiscover.xml`.
    Pox,
    /// `autodiscover.json`, which needs no log-in.
    Json,
}

/// How a server is looked for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AutodiscoverConfig {
    /// Which face is asked.
    pub method: AutodiscoverMethod,
    /// Servers that are asked first, e.g. `https://mail.corp.example`. They are trusted with the log-in.
    pub endpoints: Vec<Uri>,
    /// Hosts that a redirect may lead the log-in to, beside the domain of the address and `autodiscover.` before it.
    pub trusted_hosts: Vec<String>,
    /// Hosts whose JSON is asked, without a log-in. They get to know the address.
    pub json_hosts: Vec<String>,
    /// Whether `http://autodiscover.<domain>` is asked, without a log-in, where it redirects to.
    pub ask_plain_http: bool,
    /// How many redirects are followed.
    pub hops: usize,
    /// How long it is remembered which server answered for a domain.
    pub lifetime: Duration,
    /// The longest answer, in bytes.
    pub max_answer: u64,
}

impl Default for AutodiscoverConfig {
    /// All faces, Exchange Online's JSON last, ten redirects, an hour.
    fn default() -> Self {
        AutodiscoverConfig {
            method: AutodiscoverMethod::Auto,
            endpoints: Vec::new(),
            trusted_hosts: Vec::new(),
            json_hosts: vec!["outlook.office365.com".to_owned()],
            ask_plain_http: true,
            hops: 10,
            lifetime: Duration::from_secs(3600),
            max_answer: 1 << 20,
        }
    }
}

/// Another mailbox that belongs to somebody: an archive, or one they have full access to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlternateMailbox {
    /// `Archive`, `Delegate` or `TeamMailbox`.
    pub kind: String,
    /// Its name.
    pub display_name: String,
    /// Its address.
    pub address: String,
    /// The address of its owner.
    pub owner: String,
    /// The server it is on.
    pub server: String,
}

/// One look at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Where.
    pub url: String,
    /// The HTTP status, if an answer came.
    pub status: Option<u16>,
    /// What came of it, for a person.
    pub outcome: String,
}

/// Where EWS is, and what else was said.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Discovered {
    /// The address of EWS.
    pub ews_url: Uri,
    /// The same inside of the organisation's network, where that is another.
    pub internal_ews_url: Option<Uri>,
    /// Whether the host of `ews_url` is one that the log-in may be sent to by what is configured. Where it is not,
    /// a person has to say so first.
    pub is_trusted: bool,
    /// The face that answered.
    pub method: AutodiscoverMethod,
    /// Whether the server that answered was remembered.
    pub remembered: bool,
    /// The address that was answered for, after redirects.
    pub address: Mailbox,
    /// The name of its owner.
    pub display_name: Option<String>,
    /// The build of the server, as it says.
    pub server_version: Option<String>,
    /// The schema versions its EWS knows, by their names.
    pub schemas: Vec<String>,
    /// The ways of logging in that servers offered on the way.
    pub auth_schemes: Vec<String>,
    /// The mailboxes of one group can be asked about in one subscription.
    pub grouping_information: Option<String>,
    /// The mailbox that holds the tree of public folders.
    pub public_folder_mailbox: Option<String>,
    /// Other mailboxes that belong to them.
    pub alternate_mailboxes: Vec<AlternateMailbox>,
    /// Redirects that were followed.
    pub redirects: Vec<String>,
    /// Every look at a place.
    pub attempts: Vec<Attempt>,
}

/// What one answer says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) external_url: String,
    pub(super) internal_url: String,
    pub(super) display_name: String,
    pub(super) server_version: String,
    pub(super) schemas: Vec<String>,
    pub(super) grouping: String,
    pub(super) public_folders: String,
    pub(super) alternates: Vec<AlternateMailbox>,
}

/// What an answer comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// Here it is.
    Settings(Box<Settings>),
    /// Ask about this address instead.
    Address(String),
    /// Ask there instead.
    Url(String),
    /// Nothing of use, in words.
    Nothing(String),
}

impl Settings {
    /// What they come to: an answer without the address of EWS is of no use.
    pub(super) fn said(self) -> Said {
        if self.external_url.is_empty() && self.internal_url.is_empty() {
            return Said::Nothing("the answer names no address of EWS".to_owned());
        }
        Said::Settings(Box::new(self))
    }
}
