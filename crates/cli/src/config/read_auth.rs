//! Reads how a connection logs in: each kind has its own settings, and those of another kind are refused.

use super::fields::{Around, Fields, one_of};
use super::keys::{ALGORITHMS, CONNECTION, KINDS, Kind};
use super::problem::Sink;
use super::profile::{Account, App, At, Auth};
use super::read_connection::kinds;
use super::secret;

/// The log-in: `auth`, or `user` and `password` beside it.
pub(super) fn auth(fields: &Fields<'_>, around: &Around<'_>, sink: &mut Sink) -> Option<Auth> {
    let Some(entry) = fields.get("auth") else {
        if fields.first_of(&["user", "password"]).is_none() {
            sink.error(
                fields.place,
                format!(
                    "{} does not say how to log in: add `auth: {{ kind: … }}`, one of {}",
                    fields.what,
                    kinds().join(", ")
                ),
            );
            return None;
        }
        for key in ["user", "password"] {
            if !fields.has(key, CONNECTION) {
                sink.error(fields.place, format!("{} needs `{key}`, or `auth`", fields.what));
            }
        }
        return account(fields, around, sink).map(Auth::Basic);
    };
    if let Some(short) = fields.first_of(&["user", "password"]) {
        sink.error(short.place, format!("`{}` belongs into `auth`, which is there too", short.key));
        return None;
    }
    let auth = Fields::open(&entry.value, format!("`auth` of {}", fields.what), sink)?;
    let every = KINDS.iter().flat_map(|kind| kind.keys).map(|key| key.name);
    auth.know(["kind"].into_iter().chain(every.clone()), sink);
    let Some(said) = auth.text("kind", sink) else {
        if auth.get("kind").is_none() {
            sink.error(auth.place, format!("{} needs `kind`, one of {}", auth.what, kinds().join(", ")));
        }
        return None;
    };
    let Some(kind) = KINDS.iter().find(|kind| kind.name == said) else {
        let help = one_of(said, &kinds());
        sink.error(auth.place_of("kind"), format!("`kind` of {} cannot be `{said}`; {help}", auth.what));
        return None;
    };
    fits(&auth, kind, sink);
    auth.require(kind.keys, sink);
    read(kind.name, &auth, around, sink)
}

/// Refuses what belongs to another kind.
fn fits(auth: &Fields<'_>, kind: &Kind, sink: &mut Sink) {
    for entry in auth.entries() {
        let name = entry.key.as_str();
        let has = |kind: &Kind| kind.keys.iter().any(|key| key.name == name);
        let others: Vec<&str> = KINDS.iter().filter(|other| has(other)).map(|other| other.name).collect();
        if name != "kind" && !has(kind) && !others.is_empty() {
            sink.error(
                entry.place,
                format!(
                    "`{name}` does not fit `kind: {}`; it belongs to {}: take it out",
                    kind.name,
                    others.join(", ")
                ),
            );
        }
    }
}

fn read(kind: &str, auth: &Fields<'_>, around: &Around<'_>, sink: &mut Sink) -> Option<Auth> {
    match kind {
        "basic" => account(auth, around, sink).map(Auth::Basic),
        "digest" => account(auth, around, sink).map(Auth::Digest),
        "ntlm" => account(auth, around, sink).map(Auth::Ntlm),
        "negotiate" => {
            let kdc = auth.text("kdc", sink).map(str::to_owned);
            account(auth, around, sink).map(|account| Auth::Negotiate(account, kdc))
        }
        "client_secret" => {
            let (app, secret) = (app(auth, sink), auth.secret("secret", around, sink));
            Some(Auth::ClientSecret(app?, secret?))
        }
        "client_certificate" => {
            let file = auth.file("certificate", around, sink);
            if let Some(Err(why)) = file.as_deref().map(secret::private) {
                sink.error(
                    auth.place_of("certificate"),
                    format!("`certificate` of {} holds a private key: its {why}", auth.what),
                );
            }
            let password = auth.secret("certificate_password", around, sink);
            let algorithm = match auth.word("algorithm", ALGORITHMS, sink) {
                Some("rs256") => login::Algorithm::Rs256,
                _ => login::Algorithm::default(),
            };
            Some(Auth::ClientCertificate(app(auth, sink)?, file?, password, algorithm))
        }
        "device_code" => {
            let person = auth.text("user", sink).map(str::to_owned);
            app(auth, sink).map(|app| Auth::DeviceCode(app, person))
        }
        "auth_code" => {
            let person = auth.text("user", sink).map(str::to_owned);
            let port = auth.number("redirect_port", 1, 65535, sink).and_then(|port| u16::try_from(port).ok());
            Some(Auth::Browser(app(auth, sink)?, person, port))
        }
        _ => {
            let (app, account) = (app(auth, sink), account(auth, around, sink));
            Some(Auth::PasswordLegacy(app?, account?))
        }
    }
}

fn account(fields: &Fields<'_>, around: &Around<'_>, sink: &mut Sink) -> Option<Account> {
    let user = fields.text("user", sink);
    let domain = fields.text("domain", sink);
    if let (Some(user), Some(_)) = (user, domain)
        && user.contains(['\\', '@'])
    {
        sink.error(
            fields.place_of("domain"),
            format!("`user` of {} names the domain already: take `domain` out", fields.what),
        );
    }
    let password = fields.secret("password", around, sink);
    Some(Account { user: user?.to_owned(), password: password?, domain: domain.map(str::to_owned) })
}

fn app(fields: &Fields<'_>, sink: &mut Sink) -> Option<App> {
    let at = at(fields, sink);
    let client_id = fields.text("client_id", sink)?;
    // AD FS lets an administrator choose any word.
    if !matches!(at, Some(At::Authority(..))) && !is_guid(client_id) {
        sink.error(
            fields.place_of("client_id"),
            format!(
                "`client_id` of {} must be like 11111111-2222-3333-4444-555555555555, as the app registration shows it",
                fields.what
            ),
        );
        return None;
    }
    Some(App { client_id: client_id.to_owned(), at: at? })
}

/// Where to log in: a tenant of a cloud of Microsoft, or a log-in service by its address.
fn at(fields: &Fields<'_>, sink: &mut Sink) -> Option<At> {
    let (tenant, authority) = (fields.text("tenant", sink), fields.text("authority", sink));
    let scope = fields.text("scope", sink).map(str::to_owned);
    match (tenant, authority) {
        (Some(_), Some(_)) => {
            let place = fields.place_of("authority");
            sink.error(place, "`authority` says where to log in, and so does `tenant`: keep one of the two");
            None
        }
        (None, Some(authority)) => {
            if let Err(why) = login::Authority::at(authority) {
                sink.error(fields.place_of("authority"), why.to_string());
                return None;
            }
            if scope.is_none() {
                let message = format!("{} needs `scope` beside `authority`: what is asked for", fields.what);
                sink.error(fields.place_of("authority"), message);
            }
            Some(At::Authority(authority.to_owned(), scope?))
        }
        (Some(tenant), None) => {
            if let Err(why) = login::Authority::entra(login::Cloud::default(), tenant) {
                sink.error(fields.place_of("tenant"), why.to_string());
                return None;
            }
            Some(At::Tenant(tenant.to_owned(), scope))
        }
        (None, None) => {
            if fields.get("tenant").is_none() && fields.get("authority").is_none() {
                let message = format!(
                    "{} needs `tenant`: the directory (tenant) id, or a domain of the organisation",
                    fields.what
                );
                sink.error(fields.place, message);
            }
            None
        }
    }
}

fn is_guid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}
