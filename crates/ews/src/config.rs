//! How a server is reached: its address, whose mailboxes are opened and in what way, limits.

use std::sync::Arc;
use std::time::Duration;

use exchange::Mailbox;
use exchange::port::SETTLE;
use http::Uri;

use crate::busy::OnBusy;
use crate::version::Version;

/// Whose mailboxes the account may open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Any that the server lets it act for, by impersonation.
    Impersonation,
    /// Its own, and no other is ever asked for.
    SelfOnly {
        /// The account's own mailbox.
        mailbox: Mailbox,
    },
    /// Its own, and those of others that let it in: as a delegate, or because it has full access, as to a shared
    /// mailbox. It stays itself, so its own rights count and what it sends is sent on behalf.
    Delegate {
        /// The account's own mailbox, if it has one.
        mailbox: Option<Mailbox>,
    },
}

/// How a mailbox that is acted for is named where nothing is said about it in particular.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum NamedBy {
    /// By the address it sends from.
    #[default]
    PrimarySmtpAddress,
    /// By any of its addresses.
    SmtpAddress,
    /// By the name its owner logs in with, which then is what playbooks call it.
    PrincipalName,
}

/// How one mailbox that is acted for is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// By the name its owner logs in with (UPN), where that is not the address.
    PrincipalName(String),
    /// By the security identifier of its owner, e.g. `S-1-5-21-…`.
    Sid(String),
}

/// Which part of a mailbox, or what instead of one, folders are looked for in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Store {
    /// The mailbox itself.
    #[default]
    Primary,
    /// Its in-place archive: well-known folders are those of the archive.
    Archive,
    /// The organisation's public folders: paths begin below their root.
    PublicFolders {
        /// The mailbox that holds the tree of folders, as Autodiscover names it; requests about folders go there.
        hierarchy: Option<String>,
        /// The mailbox that holds what is in the folders, where that is another.
        content: Option<String>,
    },
}

/// How to reach a server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// The service, e.g. `https://mail.corp.example/EWS/Exchange.asmx`.
    pub url: Uri,
    /// The schema version to begin with. Where the server does not know it, older ones are tried.
    pub version: Version,
    /// Whether older versions are tried.
    pub step_down: bool,
    /// Whose mailboxes the account may open.
    pub access: Access,
    /// The only mailboxes that are ever asked for, whatever the account may open; any if there are none.
    pub only: Vec<Mailbox>,
    /// How mailboxes that are acted for are named.
    pub named_by: NamedBy,
    /// The mailboxes that are named in another way.
    pub identities: Vec<(Mailbox, Identity)>,
    /// What is opened.
    pub store: Store,
    /// The mailbox that servers route requests by, where that is not the mailbox asked about.
    pub anchor: Option<String>,
    /// The time zone times without one are meant in, by its Windows name, e.g. `W. Europe Standard Time`; UTC
    /// without it.
    pub time_zone: Option<String>,
    /// The language a mailbox that nobody has opened yet gets its folder names in, e.g. `de-DE`.
    pub culture: Option<String>,
    /// The charset of text that does not say, for whoever reads the mail that is handed out.
    pub fallback_charset: Option<Arc<str>>,
    /// How many items one request names at most.
    pub batch: usize,
    /// The longest answer that is kept in memory, in bytes.
    pub max_answer: u64,
    /// The longest answer that is passed on as it comes (MIME, attachments), in bytes of its base64.
    pub max_stream: u64,
    /// Whether the service that carries requests looks for [`Outgoing`](crate::Outgoing) in their extensions. Where it
    /// does not, a request is in memory as a whole before it is sent.
    pub streams_requests: bool,
    /// How long a message that was sent may be shown nowhere, before it is filed in Sent Items.
    pub settle: Duration,
    /// Where the names of requests begin, so that a test sees the same ones in every run; random without it.
    pub request_id_seed: Option<u64>,
    /// Who is told when the server wants to be left alone.
    pub on_busy: OnBusy,
}

impl Config {
    /// The defaults for a server: Exchange 2016 or what it knows, 100 items a request, answers of at most 64 MiB,
    /// streams of at most 256 MiB, half a minute to file what was sent.
    pub fn new(url: Uri, access: Access) -> Self {
        Config {
            url,
            version: Version::default(),
            step_down: true,
            access,
            only: Vec::new(),
            named_by: NamedBy::default(),
            identities: Vec::new(),
            store: Store::default(),
            anchor: None,
            time_zone: None,
            culture: None,
            fallback_charset: None,
            batch: 100,
            max_answer: 64 << 20,
            max_stream: 256 << 20,
            streams_requests: false,
            settle: SETTLE,
            request_id_seed: None,
            on_busy: OnBusy::default(),
        }
    }
}
