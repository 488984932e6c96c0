//! The audit log as the configuration wants it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use audit::{AuditLog, Key, LogError, MIN_KEY, Options};

use crate::config::Config;
use crate::exit::Wrong;

/// Where the log lies.
pub(crate) fn place(data: &Path) -> PathBuf {
    data.join(audit::FILE)
}

/// How it is opened, or looked at.
pub(crate) fn options(config: &Config) -> Result<Options> {
    let mut options = Options::default();
    if let Some(head) = &config.audit.head {
        options = options.head(head);
    }
    if let Some(secret) = &config.audit.key {
        let text = secret.read_as("the audit log", "key")?;
        let key = Key::new(text)
            .ok_or_else(|| Wrong(format!("the key of the audit log has fewer than {MIN_KEY} characters")))?;
        options = options.key(key);
    }
    Ok(options)
}

/// Opens the log for whoever drives runs.
pub(crate) fn open(config: &Config, data: &Path) -> Result<AuditLog> {
    AuditLog::open(data, options(config)?)
        .map_err(|error| match error {
            LogError::Locked(_) => Wrong(error.to_string()).into(),
            error => anyhow::Error::new(error),
        })
        .context("nothing is run without an audit log")
}
