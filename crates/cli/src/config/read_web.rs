//! Reads one connection over HTTP. Every wrong value is reported where it stands, with what would be right.

use http::{HeaderName, Uri};
use transport::Network;
use web_actions::{Base, Kind};

use super::fields::{Around, Fields, one_of};
use super::keys_web::{LOG_INS, keys_of};
use super::problem::Sink;
use super::profile::{Address, Connection};
use super::read_way;
use super::tree::Value;
use super::web::{Place, WebAuth, WebConnection};

/// The kind of a connection, if it is one over HTTP.
pub(super) fn kind(fields: &Fields<'_>) -> Option<Kind> {
    let Value::Text(said) = &fields.get("kind")?.value.value else { return None };
    Kind::ALL.into_iter().find(|kind| kind.as_str() == said)
}

/// The connection, if there is nothing wrong with it.
pub(super) fn connection(
    fields: &Fields<'_>,
    kind: Kind,
    around: &Around<'_>,
    sink: &mut Sink,
) -> Option<Connection> {
    fields.know_keys(keys_of(kind), sink);
    let place = place(fields, kind, around, sink);
    let auth = auth(fields, around, sink);
    // Whether it is plain is only known of an address that is no secret.
    let address = match &place {
        Some(Place::Base(base)) => base.whole().parse::<Uri>().ok().map(Address::Url),
        _ => None,
    };
    let tls = read_way::tls(fields, address.as_ref(), around, sink);
    let proxy = read_way::proxy(fields, around, sink);
    let networks = networks(fields, sink);
    let size = |name, most, sink: &mut Sink| fields.number(name, 1, most, sink);
    let (max_answer, max_request) = (size("max_answer_mib", 256, sink), size("max_request_mib", 64, sink));
    let max_requests = fields.number("max_requests", 1, 64, sink);
    Some(Connection::Web(Box::new(WebConnection {
        kind,
        signing_key: fields.secret("signing_key", around, sink),
        deduplicates: fields.flag("deduplicates", sink),
        allow_private: fields.flag("allow_private", sink),
        timeout: fields.duration("timeout", sink),
        max_requests: max_requests.and_then(|number| usize::try_from(number).ok()),
        max_answer,
        max_request,
        networks,
        place: place?,
        auth: auth?,
        tls: tls?,
        proxy: proxy?,
    })))
}

fn place(fields: &Fields<'_>, kind: Kind, around: &Around<'_>, sink: &mut Sink) -> Option<Place> {
    if kind.address_is_secret() {
        return fields.secret("url", around, sink).map(Place::Secret);
    }
    let text = fields.text("url", sink)?;
    match Base::parse(text) {
        Ok(base) => Some(Place::Base(base)),
        Err(why) => {
            // The address may hold a password before its host, so it is not repeated.
            sink.error(fields.get("url")?.value.place, format!("`url` of {}: {why}", fields.what));
            None
        }
    }
}

fn networks(fields: &Fields<'_>, sink: &mut Sink) -> Vec<Network> {
    let place = fields.place_of("networks");
    let mut all = Vec::new();
    for text in fields.texts("networks", sink) {
        match text.parse() {
            Ok(network) => all.push(network),
            Err(why) => sink.error(place, format!("`networks` of {}: {why}", fields.what)),
        }
    }
    all
}

fn auth(fields: &Fields<'_>, around: &Around<'_>, sink: &mut Sink) -> Option<WebAuth> {
    let Some(entry) = fields.get("auth") else { return Some(WebAuth::None) };
    let auth = Fields::open(&entry.value, format!("`auth` of {}", fields.what), sink)?;
    let kinds: Vec<&str> = LOG_INS.iter().map(|kind| kind.name).collect();
    let Some(said) = auth.text("kind", sink) else {
        if auth.get("kind").is_none() {
            sink.error(auth.place, format!("{} needs `kind`, one of {}", auth.what, kinds.join(", ")));
        }
        return None;
    };
    let Some(kind) = LOG_INS.iter().find(|kind| kind.name == said) else {
        let help = one_of(said, &kinds);
        sink.error(auth.place_of("kind"), format!("`kind` of {} cannot be `{said}`; {help}", auth.what));
        return None;
    };
    auth.know(["kind"].into_iter().chain(kind.keys.iter().map(|key| key.name)), sink);
    auth.require(kind.keys, sink);
    match kind.name {
        "none" => Some(WebAuth::None),
        "basic" => {
            let (user, password) = (auth.text("user", sink), auth.secret("password", around, sink));
            Some(WebAuth::Basic(user?.to_owned(), password?))
        }
        "bearer" => auth.secret("token", around, sink).map(WebAuth::Bearer),
        "header" => {
            let (name, value) = (auth.text("name", sink), auth.secret("value", around, sink));
            let name = name?;
            if HeaderName::try_from(name).is_err() {
                sink.error(auth.place_of("name"), format!("`name` of {} is no name of a header", auth.what));
                return None;
            }
            Some(WebAuth::Header(name.to_ascii_lowercase(), value?))
        }
        _ => {
            let (parameter, key) = (auth.text("parameter", sink), auth.secret("key", around, sink));
            Some(WebAuth::ApiKey(parameter?.to_owned(), key?))
        }
    }
}
