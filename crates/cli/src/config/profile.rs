//! A connection as it is configured, before anything is opened.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use exchange::Mailbox;
use http::Uri;

use super::secret::SecretRef;

/// One connection.
#[derive(Debug, Clone)]
pub(crate) enum Connection {
    /// Exchange Web Services.
    Ews(Box<Ews>),
    /// A service over HTTP, or a webhook.
    Web(Box<super::web::WebConnection>),
}

/// A connection over Exchange Web Services.
#[derive(Debug, Clone)]
pub(crate) struct Ews {
    /// Where the server is.
    pub(crate) address: Address,
    /// Which cloud, as far as that matters to the log-in.
    pub(crate) cloud: login::Cloud,
    /// How to log in.
    pub(crate) auth: Auth,
    /// The account's own mailbox.
    pub(crate) email: Option<Mailbox>,
    /// A shared mailbox the account works in.
    pub(crate) alias: Option<Mailbox>,
    /// How mailboxes are opened.
    pub(crate) access: ews::Access,
    /// What is opened, and what is said about it.
    pub(crate) opened: Opened,
    /// How their owners are named in an impersonation.
    pub(crate) named_by: ews::NamedBy,
    /// The owners that are named in another way.
    pub(crate) identities: Vec<(Mailbox, ews::Identity)>,
    /// The schema version requests ask for; found out if not set.
    pub(crate) version: Option<ews::Version>,
    /// How long one request may take.
    pub(crate) timeout: Option<Duration>,
    /// How many requests are under way at a time.
    pub(crate) max_requests: Option<usize>,
    /// How long a message that was sent may take to show in Sent Items.
    pub(crate) settle: Option<Duration>,
    /// Leads to the simulator of this process; cannot be written in the file.
    pub(crate) simulated: bool,
    /// A mailbox that is opened by impersonation to test the connection.
    pub(crate) test_user: Option<Mailbox>,
    /// How the connection is encrypted.
    pub(crate) tls: Tls,
    /// The way out.
    pub(crate) proxy: Proxy,
}

/// What is opened at a server, and what it and the readers of its mail are told.
#[derive(Debug, Clone, Default)]
pub(crate) struct Opened {
    /// Mailboxes, archives or public folders.
    pub(crate) store: ews::Store,
    /// The mailbox that servers route requests by.
    pub(crate) anchor: Option<Mailbox>,
    /// The name, in Windows, of the time zone that times without one are meant in.
    pub(crate) time_zone: Option<String>,
    /// The language of a mailbox that nobody has opened yet.
    pub(crate) culture: Option<String>,
    /// The charset of text that does not name one.
    pub(crate) charset: Option<Arc<str>>,
}

/// Where the server is.
#[derive(Debug, Clone)]
pub(crate) enum Address {
    /// There.
    Url(Uri),
    /// Where the domain of this address says.
    Autodiscover(Mailbox),
}

/// How to log in.
#[derive(Debug, Clone)]
pub(crate) enum Auth {
    /// User and password with every request.
    Basic(Account),
    /// An answer to a challenge with every request.
    Digest(Account),
    /// NTLM.
    Ntlm(Account),
    /// Kerberos at this key distribution centre, or NTLM.
    Negotiate(Account, Option<String>),
    /// OAuth: the application itself, with a secret.
    ClientSecret(App, SecretRef),
    /// OAuth: the application itself, with a certificate.
    ClientCertificate(App, PathBuf, Option<SecretRef>, login::Algorithm),
    /// OAuth: a person in any browser; who, if that matters.
    DeviceCode(App, Option<String>),
    /// OAuth: a person in the browser of this machine; who, and the port of the redirect.
    Browser(App, Option<String>, Option<u16>),
    /// OAuth with user and password.
    PasswordLegacy(App, Account),
}

/// A user and a password.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) user: String,
    pub(crate) password: SecretRef,
    pub(crate) domain: Option<String>,
}

/// An application that is registered with Microsoft.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) client_id: String,
    pub(crate) at: At,
}

/// Where it logs in, and what for.
#[derive(Debug, Clone)]
pub(crate) enum At {
    /// At a cloud of Microsoft, for Exchange Online or for this scope.
    Tenant(String, Option<String>),
    /// At this log-in service, for this scope.
    Authority(String, String),
}

/// How a connection is encrypted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tls {
    pub(crate) min: Option<transport::TlsVersion>,
    pub(crate) max: Option<transport::TlsVersion>,
    /// Certificates to trust.
    pub(crate) ca: Option<PathBuf>,
    /// The certificate this machine shows.
    pub(crate) client: Option<ClientCertificate>,
}

/// A certificate this machine shows.
#[derive(Debug, Clone)]
pub(crate) struct ClientCertificate {
    pub(crate) file: PathBuf,
    /// Its key, if that is in another file.
    pub(crate) key: Option<PathBuf>,
    /// The password of a PFX file.
    pub(crate) password: Option<SecretRef>,
}

/// The way out.
#[derive(Debug, Clone, Default)]
pub(crate) enum Proxy {
    /// No proxy, whatever the environment says.
    #[default]
    None,
    /// What the environment says.
    System,
    /// This one.
    Via(Via),
}

/// A proxy.
#[derive(Debug, Clone)]
pub(crate) struct Via {
    pub(crate) kind: transport::ProxyKind,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<SecretRef>,
    pub(crate) domain: Option<String>,
    pub(crate) bypass: Vec<String>,
}

impl Connection {
    /// What the file calls it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Connection::Ews(_) => "ews",
            Connection::Web(web) => web.kind.as_str(),
        }
    }

    /// The kind that playbooks declare it as.
    pub(crate) fn serves(&self) -> &'static str {
        match self {
            Connection::Ews(_) => "exchange",
            Connection::Web(web) => web.kind.as_str(),
        }
    }

    /// Its secrets, and what each is for.
    pub(crate) fn secrets(&self) -> Vec<(&'static str, &SecretRef)> {
        let ews = match self {
            Connection::Ews(ews) => ews,
            Connection::Web(web) => return web.secrets(),
        };
        let mut secrets = match &ews.auth {
            Auth::Basic(account)
            | Auth::Digest(account)
            | Auth::Ntlm(account)
            | Auth::Negotiate(account, _)
            | Auth::PasswordLegacy(_, account) => {
                vec![("password", &account.password)]
            }
            Auth::ClientSecret(_, secret) => vec![("client secret", secret)],
            Auth::ClientCertificate(_, _, Some(password), _) => {
                vec![("password of the certificate", password)]
            }
            Auth::ClientCertificate(..) | Auth::DeviceCode(..) | Auth::Browser(..) => Vec::new(),
        };
        if let Some(ClientCertificate { password: Some(password), .. }) = &ews.tls.client {
            secrets.push(("password of the certificate for TLS", password));
        }
        if let Proxy::Via(Via { password: Some(password), .. }) = &ews.proxy {
            secrets.push(("password of the proxy", password));
        }
        secrets
    }
}

impl Auth {
    /// What the file calls it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Auth::Basic(_) => "basic",
            Auth::Digest(_) => "digest",
            Auth::Ntlm(_) => "ntlm",
            Auth::Negotiate(..) => "negotiate",
            Auth::ClientSecret(..) => "client_secret",
            Auth::ClientCertificate(..) => "client_certificate",
            Auth::DeviceCode(..) => "device_code",
            Auth::Browser(..) => "auth_code",
            Auth::PasswordLegacy(..) => "password_legacy",
        }
    }

    /// The account, where there is one in the file.
    pub(crate) fn account(&self) -> Option<&Account> {
        match self {
            Auth::Basic(account)
            | Auth::Digest(account)
            | Auth::Ntlm(account)
            | Auth::Negotiate(account, _)
            | Auth::PasswordLegacy(_, account) => Some(account),
            _ => None,
        }
    }

    /// The registered application, where there is one.
    pub(crate) fn app(&self) -> Option<&App> {
        match self {
            Auth::ClientSecret(app, _)
            | Auth::ClientCertificate(app, ..)
            | Auth::DeviceCode(app, _)
            | Auth::Browser(app, ..)
            | Auth::PasswordLegacy(app, _) => Some(app),
            _ => None,
        }
    }

    /// Whether the application logs in as itself: it has no mailbox of its own.
    pub(crate) fn is_app_only(&self) -> bool {
        matches!(self, Auth::ClientSecret(..) | Auth::ClientCertificate(..))
    }
}
