//! Looks for the servers of mailboxes over a connection: its own server is asked first, then the domain of the address.
//!
//! The log-in is that of the connection and goes to its server only. What another domain answers, it answers to a
//! stranger.

use std::sync::Arc;

use anyhow::Result;
use ews::{Autodiscover, AutodiscoverConfig, ServiceRecords};
use exchange::{Error, ErrorKind, Work};
use transport::{Client, NameServers};

use crate::config::{Ews, Proxy};

impl Ews {
    /// A search that logs in with `login` where that is bound to, and nowhere else.
    pub(crate) fn discovery(&self, name: &str, login: Client) -> Result<Autodiscover> {
        let mut config = AutodiscoverConfig::default();
        config.endpoints = self.url(name).into_iter().collect();
        // Nobody else gets to know an address because of this.
        config.json_hosts.clear();
        Ok(self.with_records(Autodiscover::new(login, self.stranger(name)?, config)))
    }

    /// The search, with the records of the domain as its last resort. Behind a proxy the names of others are none of
    /// this machine's business, and in a simulation there are none.
    pub(crate) fn with_records(&self, search: Autodiscover) -> Autodiscover {
        match self.proxy {
            Proxy::None if !self.simulated => search.with_records(Arc::new(OfSystem)),
            _ => search,
        }
    }
}

/// The name servers of this machine.
struct OfSystem;

impl ServiceRecords for OfSystem {
    fn look<'a>(&'a self, name: &'a str) -> Work<'a, Vec<(String, u16)>> {
        Box::pin(async move {
            let failed = |why: std::io::Error| Error::new(ErrorKind::Transient, why.to_string());
            let found = NameServers::of_system().map_err(failed)?.service(name).await.map_err(failed)?;
            Ok(found.into_iter().map(|record| (record.host, record.port)).collect())
        })
    }
}
