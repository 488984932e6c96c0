//! A connection as it is configured, for people: where secrets are, never what they are.

use crate::config::{Address, At, Auth, Ews, Proxy, Tls};
use transport::TlsVersion;

impl Address {
    /// For people.
    pub(crate) fn shown(&self) -> String {
        match self {
            Address::Url(url) => url.to_string(),
            Address::Autodiscover(address) => format!("by autodiscover for {address}"),
        }
    }
}

/// What is set, in the words of the file.
pub(crate) fn settings(ews: &Ews) -> Vec<(&'static str, String)> {
    let mut all = vec![("kind", "ews".to_owned()), ("address", ews.address.shown())];
    log_in(&ews.auth, &mut all);
    if ews.auth.app().is_some_and(|app| matches!(app.at, At::Tenant(..))) {
        all.push(("cloud", ews.cloud.to_string()));
    }
    let access = match &ews.access {
        ews::Access::Impersonation => format!("impersonation, by {}", named_by(ews.named_by)),
        ews::Access::SelfOnly { mailbox } => format!("only {mailbox}"),
        ews::Access::Delegate { .. } => match &ews.alias {
            Some(alias) => format!("delegation, only {alias} and the account's own"),
            None => "delegation".to_owned(),
        },
    };
    all.push(("access", access));
    let version = ews.version.map_or("auto".to_owned(), |version| version.as_str().to_owned());
    all.push(("server_version", version));
    let optional = [
        ("email", ews.email.as_ref().map(ToString::to_string)),
        ("alias", ews.alias.as_ref().map(ToString::to_string)),
        ("store", store(&ews.opened.store)),
        ("anchor", ews.opened.anchor.as_ref().map(ToString::to_string)),
        ("time_zone", ews.opened.time_zone.clone()),
        ("culture", ews.opened.culture.clone()),
        ("code_page", ews.opened.charset.as_deref().map(str::to_owned)),
        ("test_user", ews.test_user.as_ref().map(ToString::to_string)),
        ("identities", (!ews.identities.is_empty()).then(|| format!("{} mailboxes", ews.identities.len()))),
        ("timeout", ews.timeout.map(|limit| format!("{} s", limit.as_secs()))),
        ("max_requests", ews.max_requests.map(|most| most.to_string())),
        ("settle_seconds", ews.settle.map(|settle| settle.as_secs().to_string())),
        ("tls", tls(&ews.tls)),
        ("proxy", proxy(&ews.proxy)),
    ];
    all.extend(optional.into_iter().filter_map(|(key, value)| Some((key, value?))));
    all
}

fn log_in(auth: &Auth, all: &mut Vec<(&'static str, String)>) {
    all.push(("log-in", auth.kind().to_owned()));
    if let Some(app) = auth.app() {
        all.push(("client_id", app.client_id.clone()));
        let scope = match &app.at {
            At::Tenant(tenant, scope) => {
                all.push(("tenant", tenant.clone()));
                scope.as_ref()
            }
            At::Authority(authority, scope) => {
                all.push(("authority", authority.clone()));
                Some(scope)
            }
        };
        all.extend(scope.map(|scope| ("scope", scope.clone())));
    }
    if let Some(account) = auth.account() {
        let domain = account.domain.as_ref().map(|domain| format!("{domain}\\")).unwrap_or_default();
        all.push(("user", format!("{domain}{}", account.user)));
        all.push(("password", account.password.place()));
    }
    match auth {
        Auth::ClientSecret(_, secret) => all.push(("secret", secret.place())),
        Auth::Negotiate(_, Some(kdc)) => all.push(("kdc", kdc.clone())),
        Auth::DeviceCode(_, Some(user)) | Auth::Browser(_, Some(user), _) => all.push(("user", user.clone())),
        Auth::ClientCertificate(_, file, ..) => {
            all.push(("certificate", format!("the file {}", file.display())))
        }
        _ => {}
    }
}

fn named_by(named_by: ews::NamedBy) -> &'static str {
    match named_by {
        ews::NamedBy::PrincipalName => "upn",
        ews::NamedBy::SmtpAddress => "any_address",
        _ => "smtp",
    }
}

fn store(store: &ews::Store) -> Option<String> {
    match store {
        ews::Store::Archive => Some("archives".to_owned()),
        ews::Store::PublicFolders { hierarchy, content } => {
            let at = |what: &str, mailbox: &Option<String>| {
                mailbox.as_ref().map(|mailbox| format!(", {what} at {mailbox}")).unwrap_or_default()
            };
            Some(format!("public folders{}{}", at("their tree", hierarchy), at("their content", content)))
        }
        _ => None,
    }
}

pub(super) fn tls(tls: &Tls) -> Option<String> {
    let parts = [
        tls.min.map(|version| format!("at least {}", version_name(version))),
        tls.max.map(|version| format!("at most {}", version_name(version))),
        tls.ca.as_ref().map(|ca| format!("also trusts {}", ca.display())),
        tls.client.as_ref().map(|client| format!("shows {}", client.file.display())),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn version_name(version: TlsVersion) -> &'static str {
    match version {
        TlsVersion::Tls12 => "1.2",
        _ => "1.3",
    }
}

pub(super) fn proxy(proxy: &Proxy) -> Option<String> {
    match proxy {
        Proxy::None => None,
        Proxy::System => Some("as the environment says".to_owned()),
        Proxy::Via(via) => {
            let who = via.user.as_ref().map(|user| format!(", as {user}")).unwrap_or_default();
            let bypass = if via.bypass.is_empty() {
                String::new()
            } else {
                format!(", not for {}", via.bypass.join(", "))
            };
            Some(format!("{}://{}:{}{who}{bypass}", via.kind.as_str(), via.host, via.port))
        }
    }
}
