//! The organisation as its users hold it: a handle that can be cloned, filled, and looked into.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use exchange::FolderRef;
use jiff::Timestamp;

use crate::ledger::Ledger;
use crate::loader::{self, LoadError};
use crate::loader_settings;
use crate::model::clock::Clock;
use crate::model::state::State;
use crate::model::store_error::StoreError;
use crate::model::subscription::Pace;

/// An Exchange organisation in memory. Clones are the same organisation.
#[derive(Debug, Clone)]
pub struct Organisation {
    state: Arc<Mutex<State>>,
}

/// Why something could not be put into the organisation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the simulated organisation refused: {message}")]
pub struct OrganisationError {
    /// What is wrong, with the server's code for it.
    pub message: String,
}

impl From<StoreError> for OrganisationError {
    fn from(error: StoreError) -> Self {
        OrganisationError { message: error.to_string() }
    }
}

impl Organisation {
    /// An organisation without mailboxes, whose clock is the machine's.
    pub fn new() -> Self {
        Organisation::with(Clock::System)
    }

    /// An organisation whose clock starts at `start` and goes on by a second at every event, so that two runs
    /// see the same times.
    pub fn with_clock_from(start: Timestamp) -> Self {
        Organisation::with(Clock::Counted(start))
    }

    fn with(clock: Clock) -> Self {
        Organisation { state: Arc::new(Mutex::new(State::new(clock))) }
    }

    /// An organisation filled from
    /// `<dir>/<mailbox address>/<Folder or well-known name>[/<Subfolder>]/*.eml`.
    ///
    /// A mail counts as received when its top `Received` header says so, else at its `Date`, else in the order
    /// of the files.
    ///
    /// # Errors
    /// Where the folder cannot be read or something in it is out of place; the error names the path.
    pub fn load_folder(dir: impl AsRef<Path>) -> Result<Self, LoadError> {
        let organisation = Organisation::new();
        organisation.add_folder(dir)?;
        Ok(organisation)
    }

    /// Adds the mailboxes and mails of a folder, laid out as for [`Organisation::load_folder`].
    ///
    /// # Errors
    /// As [`Organisation::load_folder`]; what was read before the error stays.
    pub fn add_folder(&self, dir: impl AsRef<Path>) -> Result<(), LoadError> {
        loader::load(&mut self.lock(), dir.as_ref())
    }

    /// A copy of its own, with an empty ledger and a clock that starts at `start` and goes on by a second at every
    /// event: many tests can begin with one folder of mails that is read once.
    #[must_use]
    pub fn fork(&self, start: Timestamp) -> Self {
        let mut state = self.lock().clone();
        state.ledger = Ledger::default();
        state.clock = Clock::Counted(start);
        Organisation { state: Arc::new(Mutex::new(state)) }
    }

    /// Adds an empty mailbox, unless it is there.
    pub fn add_mailbox(&self, address: &str) {
        self.lock().add_mailbox(address);
    }

    /// Gives a mailbox an archive, unless it has one; the mailbox is added if it is not there. The folders of the archive
    /// are named by their well-known names, e.g. `archiveinbox` or `archivemsgfolderroot/2019`.
    pub fn add_archive(&self, mailbox: &str) {
        self.lock().add_mailbox(mailbox).open_archive();
    }

    /// Adds the mailbox that holds the public folders, unless it is there. Paths in it begin at their root. Requests
    /// about the tree have to be sent to it, requests about what is in the folders to `content`, if that is another.
    pub fn add_public_folders(&self, mailbox: &str, content: Option<&str>) {
        self.lock().add_public_folders(mailbox, content);
    }

    /// The addresses of all mailboxes, sorted.
    pub fn mailboxes(&self) -> Vec<String> {
        self.lock().mailboxes.values().map(|mailbox| mailbox.address.clone()).collect()
    }

    /// Puts a mail into a folder as if it had come from outside, and gives the item's id. The folder is made
    /// if it is a path that does not exist.
    ///
    /// # Errors
    /// Where the mailbox or the folder does not exist.
    pub fn deliver(
        &self,
        mailbox: &str,
        folder: &FolderRef,
        raw: impl Into<Bytes>,
    ) -> Result<String, OrganisationError> {
        let mut state = self.lock();
        if !state.mailboxes.contains_key(&mailbox.to_lowercase()) {
            return Err(StoreError::no_mailbox(mailbox).into());
        }
        let target = state.add_mailbox(mailbox);
        let key = match folder {
            FolderRef::WellKnown(folder) => target.well_known(folder.as_str()),
            FolderRef::Path(path) => target.make_path(path),
            FolderRef::Id(id) => target.folder_by_id(id),
        };
        let place = state.receive(mailbox, key.ok_or_else(StoreError::folder_not_found)?, raw.into())?;
        Ok(state.item(&place)?.id.clone())
    }

    /// Sets what a mailbox has beside mail, written as in the file `mailbox.yaml` of a folder of mails: a name in the
    /// directory, rules, automatic replies, blocked senders. Rules are added to those that are there.
    ///
    /// # Errors
    /// Where the mailbox does not exist or the text cannot be used.
    pub fn configure(&self, mailbox: &str, yaml: &str) -> Result<(), OrganisationError> {
        let mut state = self.lock();
        if !state.mailboxes.contains_key(&mailbox.to_lowercase()) {
            return Err(StoreError::no_mailbox(mailbox).into());
        }
        loader_settings::apply(state.add_mailbox(mailbox), yaml)
            .map_err(|message| OrganisationError { message })
    }

    /// Makes a mailbox refuse the account that logs in (`true`), or accept it again.
    pub fn deny_access(&self, mailbox: &str, denied: bool) {
        self.lock().add_mailbox(mailbox).denied = denied;
    }

    /// Makes messages that are sent from now on show in no folder until Sent Items have been searched so many times.
    /// A real server takes a moment, too.
    pub fn file_sent_late(&self, searches: u32) {
        self.lock().files_late = searches;
    }

    /// How fast time passes for answers that stay open: after how much silence they say so, and how long a minute of
    /// their timeout is. As on a real server, 45 seconds and a minute, until a test says otherwise.
    pub fn pace_of_streams(&self, heartbeat: Duration, minute: Duration) {
        self.lock().subscriptions.pace = Pace { heartbeat, minute };
    }

    /// How many subscriptions one account may have.
    pub fn limit_subscriptions(&self, most: usize) {
        self.lock().subscriptions.most = most;
    }

    /// How many changes of each mailbox that is there are kept for those who synchronise; 100,000 without this. What is
    /// known from before that is refused with `ErrorInvalidSyncStateData` or `ErrorInvalidWatermark`.
    pub fn keep_changes(&self, most: usize) {
        self.lock().mailboxes.values_mut().for_each(|mailbox| mailbox.changes.keep(most));
    }

    /// Makes every new subscription live on one server of several (`true`): a request about it has to bring the cookies
    /// that `X-PreferServerAffinity` got, or it lands on a server that does not know it.
    pub fn need_affinity(&self, needed: bool) {
        self.lock().subscriptions.affinity = needed;
    }

    /// What happened so far.
    pub fn ledger(&self) -> Ledger {
        self.lock().ledger.clone()
    }

    /// Everything in all mailboxes, as canonical JSON: equal organisations give equal bytes.
    pub fn snapshot(&self) -> String {
        crate::snapshot::snapshot(&self.lock())
    }

    /// The state, also after a panic elsewhere: every operation leaves it whole.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Organisation {
    fn default() -> Self {
        Organisation::new()
    }
}
