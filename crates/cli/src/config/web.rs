//! A connection over HTTP as it is configured: a service below a base address, or a webhook whose address is a secret.

use std::time::Duration;

use transport::Network;
use web_actions::{Base, Kind};

use super::profile::{ClientCertificate, Proxy, Tls, Via};
use super::secret::SecretRef;

/// One connection.
#[derive(Debug, Clone)]
pub(crate) struct WebConnection {
    pub(crate) kind: Kind,
    pub(crate) place: Place,
    pub(crate) auth: WebAuth,
    /// The key a webhook is signed with.
    pub(crate) signing_key: Option<SecretRef>,
    /// Whether the other side knows repeats.
    pub(crate) deduplicates: bool,
    /// Whether names may lead into private networks.
    pub(crate) allow_private: bool,
    /// The networks that names may lead to beside public ones.
    pub(crate) networks: Vec<Network>,
    /// How long one request may take.
    pub(crate) timeout: Option<Duration>,
    /// How many requests are under way at a time.
    pub(crate) max_requests: Option<usize>,
    /// The largest answer, in MiB.
    pub(crate) max_answer: Option<u32>,
    /// The largest body of a request, in MiB.
    pub(crate) max_request: Option<u32>,
    pub(crate) tls: Tls,
    pub(crate) proxy: Proxy,
}

/// Where the service is.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// Below this address.
    Base(Base),
    /// At an address that only the secret knows.
    Secret(SecretRef),
}

/// How to log in.
#[derive(Debug, Clone)]
pub(crate) enum WebAuth {
    /// Not at all.
    None,
    /// User and password.
    Basic(String, SecretRef),
    /// A token that stays the same.
    Bearer(SecretRef),
    /// A header of the service's own.
    Header(String, SecretRef),
    /// A parameter of the query.
    ApiKey(String, SecretRef),
}

impl WebAuth {
    /// What the file calls it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            WebAuth::None => "none",
            WebAuth::Basic(..) => "basic",
            WebAuth::Bearer(_) => "bearer",
            WebAuth::Header(..) => "header",
            WebAuth::ApiKey(..) => "api_key",
        }
    }

    /// Its secret and what that is.
    pub(crate) fn secret(&self) -> Option<(&'static str, &SecretRef)> {
        match self {
            WebAuth::None => None,
            WebAuth::Basic(_, secret) => Some(("password", secret)),
            WebAuth::Bearer(secret) => Some(("token", secret)),
            WebAuth::Header(_, secret) => Some(("value of the header", secret)),
            WebAuth::ApiKey(_, secret) => Some(("key", secret)),
        }
    }
}

impl WebConnection {
    /// Its secrets, and what each is for.
    pub(crate) fn secrets(&self) -> Vec<(&'static str, &SecretRef)> {
        let mut secrets = Vec::new();
        if let Place::Secret(address) = &self.place {
            secrets.push(("address", address));
        }
        secrets.extend(self.auth.secret());
        secrets.extend(self.signing_key.as_ref().map(|key| ("signing key", key)));
        if let Some(ClientCertificate { password: Some(password), .. }) = &self.tls.client {
            secrets.push(("password of the certificate for TLS", password));
        }
        if let Proxy::Via(Via { password: Some(password), .. }) = &self.proxy {
            secrets.push(("password of the proxy", password));
        }
        secrets
    }
}
