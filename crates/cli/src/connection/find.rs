//! From a mail address to the server of its mailbox, for a connection that says `autodiscover`.
//!
//! The log-in goes to the domain of the address and to `autodiscover.` before it, and to no host that an answer names:
//! where the mailbox is on another one, a person puts that into `url`.

use anyhow::{Context, Result, anyhow};
use ews::{Autodiscover, AutodiscoverConfig};
use http::Uri;
use login::LogIns;
use transport::Origin;

use crate::config::{Address, Ews};
use crate::exit::Wrong;

impl Ews {
    /// This connection with the address of its server.
    pub(crate) async fn located(&self, name: &str, log_ins: &LogIns) -> Result<Ews> {
        match &self.address {
            Address::Url(_) => Ok(self.clone()),
            Address::Autodiscover(_) => {
                let url = self.find(name, log_ins).await?;
                Ok(Ews { address: Address::Url(url), ..self.clone() })
            }
        }
    }

    /// As [`Ews::located`], for who cannot wait. Needs a runtime with several threads.
    pub(crate) fn located_now(&self, name: &str, log_ins: &LogIns) -> Result<Ews> {
        match &self.address {
            Address::Url(_) => Ok(self.clone()),
            Address::Autodiscover(_) => {
                let runtime = tokio::runtime::Handle::try_current()
                    .with_context(|| format!("connection `{name}`: nothing can be looked for here"))?;
                tokio::task::block_in_place(|| runtime.block_on(self.located(name, log_ins)))
            }
        }
    }

    async fn find(&self, name: &str, log_ins: &LogIns) -> Result<Uri> {
        let Address::Autodiscover(address) = &self.address else {
            return Err(anyhow!("connection `{name}` knows its server already"));
        };
        let mut config = AutodiscoverConfig::default();
        // Who logs in with a password is on premises: nobody else is told the address.
        config.json_hosts.clear();
        let credentials = self.credentials(name, log_ins)?;
        let mut builder = self.way(name, true)?;
        for origin in config.login_origins(address) {
            if let Some(origin) = origin.parse().ok().as_ref().and_then(Origin::of) {
                builder = builder.credentials(origin, credentials.clone());
            }
        }
        let client = builder.build().with_context(|| format!("connection `{name}` cannot be used"))?;
        let search = Autodiscover::new(client, self.stranger(name)?, config);
        let found = self.with_records(search).discover(address).await?;
        if !found.is_trusted {
            return Err(Wrong(format!(
                "connection `{name}`: {address} is at {}, a host that its domain does not vouch for; write that address \
                 as `url` in place of `autodiscover` if the log-in may go there",
                found.ews_url
            ))
            .into());
        }
        Ok(found.ews_url)
    }
}
