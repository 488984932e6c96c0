//! The log-ins of a process: one for each authority, client, scope and account, however many connections use
//! it. Two that asked for tokens of the same kind side by side would take refresh tokens from each other.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use transport::Client;

use crate::clock::{Clock, SystemClock};
use crate::ear::Ear;
use crate::log_in::LogIn;
use crate::settings::Settings;
use crate::vault::Vault;

/// All log-ins.
pub struct LogIns {
    clock: Arc<dyn Clock>,
    vault: Option<Vault>,
    ear: Option<Ear>,
    open: Mutex<HashMap<String, LogIn>>,
}

impl LogIns {
    /// None yet. Without a vault the log-ins of people last as long as the process.
    pub fn new(vault: Option<Vault>) -> Self {
        Self::with_clock(vault, Arc::new(SystemClock))
    }

    /// By another clock.
    pub fn with_clock(vault: Option<Vault>, clock: Arc<dyn Clock>) -> Self {
        LogIns { clock, vault, ear: None, open: Mutex::default() }
    }

    /// Tells `ear` of every token from now on.
    #[must_use]
    pub fn heard_by(mut self, ear: Ear) -> Self {
        self.ear = Some(ear);
        self
    }

    /// The log-in for these settings: the one that is there, or a new one over `http`.
    pub fn open(&self, settings: Settings, http: Client) -> LogIn {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let key = settings.key();
        let new =
            || LogIn::heard(settings, http, Arc::clone(&self.clock), self.vault.clone(), self.ear.clone());
        open.entry(key).or_insert_with(new).clone()
    }
}

impl fmt::Debug for LogIns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogIns").field("vault", &self.vault).finish_non_exhaustive()
    }
}
