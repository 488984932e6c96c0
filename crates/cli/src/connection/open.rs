//! Opens a connection over Exchange Web Services: how it is reached, how it logs in, what it may open.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use ews::EwsClient;
use exchange::{Mailbox, Ports};
use http::Uri;
use login::{Authority, Certificate, Grant, LogIn, LogIns, Problem, ReadSecret, Settings};
use transport::{Builder, Client, Credentials, Origin, Secret, TlsVersion};

use crate::config::{Address, App, At, Auth, ClientCertificate, Ews, Proxy, SecretRef, Tls, Via};
use crate::exit::Wrong;

use super::carried::{self, Carried};

/// How many requests are under way at a time if nothing is said: Exchange allows an account 27, which others use too.
const MAX_REQUESTS: usize = 10;
/// How long connecting may take at most.
const CONNECT: std::time::Duration = std::time::Duration::from_secs(10);

impl Ews {
    /// The ports of this connection.
    pub(crate) fn ports(&self, name: &str, log_ins: &LogIns) -> Result<Ports> {
        let discovery = self.discovery(name, self.http(name, log_ins)?)?;
        let ports = self.client(name, log_ins, self.access.clone())?.ports();
        Ok(Ports { discovery: Some(Arc::new(discovery)), ..ports })
    }

    /// The ports it would have, without reading the secret of its log-in.
    pub(crate) fn ports_unopened(&self, name: &str) -> Result<Ports> {
        let nowhere = Uri::from_static("https://server.invalid/");
        let settings = self.settings(self.url(name).unwrap_or(nowhere), self.access.clone());
        let ports = EwsClient::new(self.stranger(name)?, settings, carried::sent).ports();
        let discovery = self.discovery(name, self.stranger(name)?)?;
        Ok(Ports { discovery: Some(Arc::new(discovery)), ..ports })
    }

    /// The client of this connection, or of it with another access.
    pub(crate) fn client(&self, name: &str, log_ins: &LogIns, access: ews::Access) -> Result<EwsClient> {
        let http = Carried(self.http(name, log_ins)?);
        let mut settings = self.settings(self.url(name)?, access);
        settings.on_busy = http.on_busy(self.origin(name)?);
        settings.streams_requests = true;
        Ok(EwsClient::new(http, settings, carried::sent))
    }

    /// Where the server is.
    pub(crate) fn url(&self, name: &str) -> Result<Uri> {
        match &self.address {
            Address::Url(url) => Ok(url.clone()),
            Address::Autodiscover(address) => {
                Err(anyhow!("connection `{name}`: the server of {address} was not looked for yet"))
            }
        }
    }

    /// Whether secrets can be read and everything fits together. Sends nothing.
    pub(crate) fn usable(&self, name: &str, log_ins: &LogIns) -> Result<()> {
        self.credentials(name, log_ins)?;
        self.stranger(name).map(drop)
    }

    /// The HTTP client, logged in.
    pub(crate) fn http(&self, name: &str, log_ins: &LogIns) -> Result<Client> {
        let credentials = self.credentials(name, log_ins)?;
        let builder = self.way(name, true)?.credentials(self.origin(name)?, credentials);
        builder.build().with_context(|| unusable(name))
    }

    /// The HTTP client, without a log-in.
    pub(crate) fn stranger(&self, name: &str) -> Result<Client> {
        self.way(name, true)?.build().with_context(|| unusable(name))
    }

    /// The server the log-in is for.
    pub(crate) fn origin(&self, name: &str) -> Result<Origin> {
        Origin::of(&self.url(name)?)
            .ok_or_else(|| Wrong(format!("connection `{name}`: `url` is no address of a server")).into())
    }

    /// The mailbox that is the account's own, where that is known.
    pub(crate) fn own_mailbox(&self) -> Option<Mailbox> {
        let account = || self.auth.account().and_then(|account| Mailbox::new(&account.user));
        self.email.clone().or_else(account)
    }

    /// The only mailboxes that are opened, where it is not for the access to say: a connection with an alias is for that
    /// shared mailbox, and for the account's own.
    fn only(&self) -> Vec<Mailbox> {
        self.alias.iter().cloned().chain(self.alias.as_ref().and_then(|_| self.own_mailbox())).collect()
    }

    /// The log-in by OAuth, if it is one.
    pub(crate) fn log_in(&self, name: &str, log_ins: &LogIns) -> Result<Option<LogIn>> {
        let Some(app) = self.auth.app() else { return Ok(None) };
        let settings = self.grant(name).map_or(Ok(None), |grant| self.log_in_settings(app, grant).map(Some));
        let settings = settings.map_err(|why| Wrong(format!("connection `{name}`: {why}")))?;
        // The certificate for TLS is for the mail server, not for the log-in service.
        let http = self.way(name, false)?.build().with_context(|| unusable(name))?;
        Ok(settings.map(|settings| log_ins.open(settings, http)))
    }

    fn settings(&self, url: Uri, access: ews::Access) -> ews::Config {
        let mut config = ews::Config::new(url, access);
        config.named_by = self.named_by;
        config.identities.clone_from(&self.identities);
        if let Some(version) = self.version {
            config.version = version;
            config.step_down = false;
        }
        config.only = self.only();
        config.store = self.opened.store.clone();
        config.anchor = self.opened.anchor.as_ref().map(|mailbox| mailbox.as_str().to_owned());
        config.time_zone.clone_from(&self.opened.time_zone);
        config.culture.clone_from(&self.opened.culture);
        config.fallback_charset.clone_from(&self.opened.charset);
        if let Some(settle) = self.settle {
            config.settle = settle;
        }
        if self.simulated {
            // Nobody asks a simulator about one request, and two runs of a test say the same.
            config.request_id_seed = Some(0);
        }
        config
    }

    /// Limits, TLS and proxy; with the certificate this machine shows, or without.
    pub(super) fn way(&self, name: &str, identity: bool) -> Result<Builder> {
        let mut builder = Client::builder();
        if let Some(timeout) = self.timeout {
            builder = builder.deadline(timeout).connect_timeout(timeout.min(CONNECT));
        }
        builder = builder.max_concurrent(self.max_requests.unwrap_or(MAX_REQUESTS));
        if self.simulated {
            // The clock of a test may be virtual, and its faults are meant for the step.
            builder = builder.callers_time();
        }
        dressed(builder, name, &self.tls, &self.proxy, identity)
    }

    pub(super) fn credentials(&self, name: &str, log_ins: &LogIns) -> Result<Credentials> {
        let password = |secret: &SecretRef| secret.read_as(&whose(name), "password").map(Secret::new);
        if let Some(log_in) = self.log_in(name, log_ins)? {
            // What cannot be read is found now and not with the first request.
            self.secrets_are_there(name)?;
            return Ok(Credentials::bearer(Arc::new(log_in)));
        }
        match &self.auth {
            Auth::Digest(account) => {
                Ok(Credentials::Digest { user: account.user.clone(), password: password(&account.password)? })
            }
            Auth::Ntlm(account) => Ok(Credentials::Ntlm {
                user: account.user.clone(),
                domain: account.domain.clone(),
                password: password(&account.password)?,
            }),
            Auth::Negotiate(account, kdc) => Ok(Credentials::Negotiate {
                user: account.user.clone(),
                domain: account.domain.clone(),
                password: password(&account.password)?,
                kdc: kdc.clone(),
            }),
            other => {
                let account = other.account().ok_or_else(|| anyhow!("{} names no user", whose(name)))?;
                Ok(Credentials::basic(&account.user, password(&account.password)?))
            }
        }
    }

    fn secrets_are_there(&self, name: &str) -> Result<()> {
        match &self.auth {
            Auth::ClientSecret(_, secret) => secret.read_as(&whose(name), "client secret").map(drop),
            Auth::PasswordLegacy(_, account) => account.password.read_as(&whose(name), "password").map(drop),
            Auth::ClientCertificate(_, file, secret, _) => certificate(&whose(name), file, secret.as_ref())
                .map(drop)
                .map_err(|why| Wrong(why.to_string()).into()),
            _ => Ok(()),
        }
    }

    /// How a token comes about.
    fn grant(&self, name: &str) -> Option<Grant> {
        let whose = whose(name);
        let later = |secret: &SecretRef, what: &'static str| -> ReadSecret {
            let (secret, whose) = (secret.clone(), whose.clone());
            Arc::new(move || {
                secret.read_as(&whose, what).map(Secret::new).map_err(|error| format!("{error:#}"))
            })
        };
        match &self.auth {
            Auth::ClientSecret(_, secret) => Some(Grant::ClientSecret(later(secret, "client secret"))),
            Auth::ClientCertificate(_, file, password, algorithm) => {
                let (file, password) = (file.clone(), password.clone());
                let read = move || certificate(&whose, &file, password.as_ref());
                Some(Grant::ClientCertificate(Arc::new(read), *algorithm))
            }
            Auth::DeviceCode(..) => Some(Grant::DeviceCode),
            Auth::Browser(_, _, port) => Some(Grant::AuthorizationCode(*port)),
            Auth::PasswordLegacy(_, account) => Some(Grant::PasswordLegacy {
                user: account.user.clone(),
                password: later(&account.password, "password"),
            }),
            Auth::Basic(_) | Auth::Digest(_) | Auth::Ntlm(_) | Auth::Negotiate(..) => None,
        }
    }

    fn log_in_settings(&self, app: &App, grant: Grant) -> Result<Settings, Problem> {
        let settings = match &app.at {
            At::Authority(authority, scope) => {
                Settings::at(Authority::at(authority)?, &app.client_id, scope, grant)
            }
            At::Tenant(tenant, Some(scope)) => {
                Settings::at(Authority::entra(self.cloud, tenant)?, &app.client_id, scope, grant)
            }
            At::Tenant(tenant, None) => Settings::exchange_online(self.cloud, tenant, &app.client_id, grant),
        }?;
        Ok(match &self.auth {
            Auth::DeviceCode(_, Some(user)) | Auth::Browser(_, Some(user), _) => settings.account(user),
            _ => settings,
        })
    }
}

/// With TLS and proxy as they are configured; with the certificate this machine shows, or without.
pub(super) fn dressed(
    mut builder: Builder,
    name: &str,
    tls: &Tls,
    way_out: &Proxy,
    identity: bool,
) -> Result<Builder> {
    let (least, most) = (tls.min.unwrap_or(TlsVersion::Tls12), tls.max.unwrap_or(TlsVersion::Tls13));
    builder = builder.tls_versions(least, most);
    if let Some(ca) = &tls.ca {
        builder = builder.root_certificates(read(name, ca)?);
    }
    if let Some(certificate) = tls.client.as_ref().filter(|_| identity) {
        builder = builder.client_certificate(shown_certificate(name, certificate)?);
    }
    match way_out {
        Proxy::None => Ok(builder),
        Proxy::System => builder.system_proxy().with_context(|| unusable(name)),
        Proxy::Via(via) => Ok(builder.proxy(proxy(name, via)?)),
    }
}

fn whose(name: &str) -> String {
    format!("connection `{name}`")
}

fn unusable(name: &str) -> String {
    format!("connection `{name}` cannot be used")
}

fn read(name: &str, place: &Path) -> Result<Vec<u8>> {
    std::fs::read(place).with_context(|| format!("connection `{name}`: could not read {}", place.display()))
}

/// The certificate an application logs in with.
fn certificate(whose: &str, file: &Path, password: Option<&SecretRef>) -> Result<Certificate, Problem> {
    let bytes = std::fs::read(file)
        .map_err(|why| Problem::Credential(format!("{whose}: could not read {}: {why}", file.display())))?;
    let password = password
        .map(|secret| secret.read_as(whose, "password of the certificate").map(Secret::new))
        .transpose()
        .map_err(|why| Problem::Credential(format!("{why:#}")))?;
    Certificate::read(&bytes, password.as_ref())
}

/// The certificate this machine shows: PEM in one or two files, or PFX.
fn shown_certificate(name: &str, certificate: &ClientCertificate) -> Result<transport::ClientCertificate> {
    let mut bytes = read(name, &certificate.file)?;
    let read_certificate = if bytes.starts_with(b"-----")
        || bytes.windows(11).any(|text| text == b"-----BEGIN ")
    {
        if let Some(key) = &certificate.key {
            bytes.push(b'\n');
            bytes.extend(read(name, key)?);
        }
        transport::ClientCertificate::pem(&bytes)
    } else {
        let password = certificate.password.as_ref();
        let password =
            password.map(|secret| secret.read_as(&whose(name), "password of the certificate")).transpose()?;
        transport::ClientCertificate::pfx(&bytes, &Secret::new(password.unwrap_or_default()))
    };
    read_certificate.with_context(|| format!("connection `{name}`: {}", certificate.file.display()))
}

fn proxy(name: &str, via: &Via) -> Result<transport::Proxy> {
    let proxy = transport::Proxy::new(via.kind, &via.host, via.port).bypass(&via.bypass);
    let Some(user) = &via.user else { return Ok(proxy) };
    let password = match &via.password {
        Some(secret) => secret.read_as(&whose(name), "password of the proxy")?,
        None => String::new(),
    };
    Ok(proxy.login(user, Secret::new(password), via.domain.as_deref()))
}
