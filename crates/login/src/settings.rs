//! How a connection logs in, as it is configured.
//!
//! Secrets are asked for when they are needed and not before: one that was changed on the disk counts from
//! the next request on, and none lies about in memory for the hours between.

use std::fmt;
use std::sync::Arc;

use transport::Secret;

use crate::authority::Authority;
use crate::certificate::{Algorithm, Certificate};
use crate::cloud::Cloud;
use crate::problem::Problem;

/// Reads a secret. A failure says in words where it should have been.
pub type ReadSecret = Arc<dyn Fn() -> Result<Secret, String> + Send + Sync>;

/// Reads a certificate with its key.
pub type ReadCertificate = Arc<dyn Fn() -> Result<Certificate, Problem> + Send + Sync>;

/// How to log in.
#[derive(Clone)]
#[non_exhaustive]
pub enum Grant {
    /// As the application itself, with a secret.
    ClientSecret(ReadSecret),
    /// As the application itself, with a certificate.
    ClientCertificate(ReadCertificate, Algorithm),
    /// As a person who logs in with any browser, once, and types a code.
    DeviceCode,
    /// As a person who logs in with the browser of this machine, once. The port of the redirect; a free one
    /// if there is none.
    AuthorizationCode(Option<u16>),
    /// As a person whose password we are given. Legacy: it keeps a person's password on this machine, and
    /// fails wherever a second factor is asked for. For nothing but what offers no other way.
    PasswordLegacy {
        /// The person.
        user: String,
        /// The password.
        password: ReadSecret,
    },
}

impl Grant {
    /// The name it has in a configuration.
    pub fn name(&self) -> &'static str {
        match self {
            Grant::ClientSecret(_) => "client_secret",
            Grant::ClientCertificate(..) => "client_certificate",
            Grant::DeviceCode => "device_code",
            Grant::AuthorizationCode(_) => "auth_code",
            Grant::PasswordLegacy { .. } => "password_legacy",
        }
    }

    /// Whether a person has to log in once, with us watching.
    pub fn needs_person(&self) -> bool {
        matches!(self, Grant::DeviceCode | Grant::AuthorizationCode(_))
    }

    /// Whether the application logs in as itself.
    pub fn is_application(&self) -> bool {
        matches!(self, Grant::ClientSecret(_) | Grant::ClientCertificate(..))
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A log-in as it is configured.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(crate) authority: Authority,
    pub(crate) client: String,
    pub(crate) scope: String,
    pub(crate) account: Option<String>,
    pub(crate) grant: Grant,
}

impl Settings {
    /// At Exchange Online.
    pub fn exchange_online(cloud: Cloud, tenant: &str, client: &str, grant: Grant) -> Result<Self, Problem> {
        let scope = match grant.is_application() {
            true => cloud.application_scope(),
            false => cloud.delegated_scope(),
        };
        let all = matches!(tenant.to_ascii_lowercase().as_str(), "common" | "organizations" | "consumers");
        if all && grant.is_application() {
            return Err(Problem::Settings(format!(
                "an application logs in at one tenant: set `tenant` to its id, not to `{tenant}`"
            )));
        }
        Self::at(Authority::entra(cloud, tenant)?, client, &scope, grant)
    }

    /// Anywhere else: AD FS, or Entra ID for a server on premises (hybrid).
    pub fn at(authority: Authority, client: &str, scope: &str, grant: Grant) -> Result<Self, Problem> {
        let fits = |text: &str, letter: fn(&char) -> bool| {
            !text.trim().is_empty() && text.len() <= 1024 && text.chars().all(|c| letter(&c))
        };
        if !fits(client, |c| c.is_ascii_graphic()) {
            return Err(Problem::Settings("the client id must be one word".to_owned()));
        }
        if !fits(scope, |c| c.is_ascii_graphic() || *c == ' ') {
            return Err(Problem::Settings("the scope must be one or more words".to_owned()));
        }
        Ok(Settings { authority, client: client.to_owned(), scope: scope.to_owned(), account: None, grant })
    }

    /// Whose log-in it is. If somebody else logs in that is refused. Tells apart two people who log in with
    /// the same application.
    #[must_use]
    pub fn account(mut self, account: &str) -> Self {
        self.account = Some(account.to_owned());
        self
    }

    /// The authority.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// How to log in.
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// What tokens are told apart by: authority, client, scope, account and way.
    pub(crate) fn key(&self) -> String {
        let account = match (&self.grant, &self.account) {
            (Grant::PasswordLegacy { user, .. }, _) => user.to_lowercase(),
            (_, account) => account.as_deref().unwrap_or_default().to_lowercase(),
        };
        // None of these has a line break in it.
        let whose = if self.grant.is_application() { "application" } else { "person" };
        format!("{}\n{}\n{}\n{account}\n{whose}", self.authority, self.client, self.scope)
    }
}
