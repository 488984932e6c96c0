//! Reads one connection. Every wrong value is reported where it stands, with what would be right.

use std::time::Duration;

use exchange::Mailbox;
use http::Uri;
use login::Cloud;
use transport::Origin;

use super::fields::{Around, Fields, one_of};
use super::keys::{ACCESS, CLOUDS, CONNECTION, CONNECTIONS, KINDS, NAMED_BY, VERSIONS};
use super::problem::Sink;
use super::profile::{Address, At, Auth, Connection, Ews};
use super::tree::{Entry, Node, Value};
use super::{read_auth, read_store, read_way, read_web};

/// The connection, if there is nothing wrong with it.
pub(crate) fn connection(
    name: &str,
    node: &Node,
    around: &Around<'_>,
    sink: &mut Sink,
) -> Option<Connection> {
    let fields = Fields::open(node, format!("connection `{name}`"), sink)?;
    if let Some(kind) = read_web::kind(&fields) {
        return read_web::connection(&fields, kind, around, sink);
    }
    fields.know_keys(CONNECTION, sink);
    fields.word("kind", CONNECTIONS, sink);
    let auth = read_auth::auth(&fields, around, sink);
    let cloud = cloud(&fields, auth.as_ref(), sink);
    let address = address(&fields, auth.as_ref(), cloud.unwrap_or_default(), sink);
    let tls = read_way::tls(&fields, address.as_ref(), around, sink);
    let proxy = read_way::proxy(&fields, around, sink);
    let alias = fields.address("alias", sink);
    let email = fields.address("email", sink);
    let only = fields.address("only_mailbox", sink);
    let test_user = fields.address("test_user", sink);
    let access = access(&fields, auth.as_ref(), email.as_ref(), only.as_ref(), sink);
    let opened = read_store::opened(&fields, sink);
    let named_by = named_by(&fields, access.as_ref(), sink);
    let identities = identities(&fields, access.as_ref(), sink);
    let version = version(&fields, sink);
    let timeout = fields.duration("timeout", sink);
    let max_requests = fields.number("max_requests", 1, 64, sink);
    let settle = fields.number("settle_seconds", 0, 65535, sink);
    Some(Connection::Ews(Box::new(Ews {
        address: address?,
        cloud: cloud?,
        auth: auth?,
        email: email.or(only),
        alias,
        access: access?,
        opened,
        named_by,
        identities,
        version,
        timeout,
        max_requests: max_requests.and_then(|number| usize::try_from(number).ok()),
        settle: settle.map(|seconds| Duration::from_secs(seconds.into())),
        simulated: false,
        test_user,
        tls: tls?,
        proxy: proxy?,
    })))
}

/// The cloud; `None` where what is said is wrong.
fn cloud(fields: &Fields<'_>, auth: Option<&Auth>, sink: &mut Sink) -> Option<Cloud> {
    let Some(entry) = fields.get("cloud") else { return Some(Cloud::default()) };
    if let Some(auth) = auth {
        match auth.app().map(|app| &app.at) {
            None => {
                let kind = auth.kind();
                sink.error(
                    entry.place,
                    format!(
                        "`cloud` does not fit `kind: {kind}`, which logs in at the server itself: take it out"
                    ),
                );
            }
            Some(At::Authority(..)) => {
                sink.error(
                    entry.place,
                    "`cloud` says where to log in, and so does `authority`: keep one of the two",
                );
            }
            Some(At::Tenant(..)) => {}
        }
    }
    Cloud::named(fields.word("cloud", CLOUDS, sink)?)
}

fn address(fields: &Fields<'_>, auth: Option<&Auth>, cloud: Cloud, sink: &mut Sink) -> Option<Address> {
    match (fields.get("url"), fields.get("autodiscover")) {
        (Some(_), Some(Entry { place, .. })) => {
            sink.error(*place, "`autodiscover` finds what `url` says already: keep one of the two");
            None
        }
        (None, Some(Entry { place, .. })) => {
            if let Some(auth) = auth.filter(|auth| auth.app().is_some()) {
                sink.error(
                    *place,
                    format!("`autodiscover` does not fit `kind: {}`: a token is for one server, so write `url`, or nothing for Exchange Online", auth.kind()),
                );
                return None;
            }
            fields.address("autodiscover", sink).map(Address::Autodiscover)
        }
        (Some(_), None) => url(fields, sink).map(Address::Url),
        (None, None) if auth.and_then(Auth::app).is_some_and(|app| matches!(app.at, At::Tenant(_, None))) => {
            format!("{}/EWS/Exchange.asmx", cloud.exchange()).parse().ok().map(Address::Url)
        }
        // What log-in it is, and so whether an address is needed, is not known.
        (None, None) if auth.is_none() => None,
        (None, None) => {
            sink.error(
                fields.place,
                format!(
                    "{} needs `url: https://HOST/EWS/Exchange.asmx`, or `autodiscover` with a mail address",
                    fields.what
                ),
            );
            None
        }
    }
}

fn url(fields: &Fields<'_>, sink: &mut Sink) -> Option<Uri> {
    let text = fields.text("url", sink)?;
    let place = fields.get("url")?.value.place;
    let example = "https://mail.corp.example/EWS/Exchange.asmx";
    let uri: Option<Uri> = text.parse().ok();
    let Some((uri, origin)) = uri.and_then(|uri| Some((uri.clone(), Origin::of(&uri)?))) else {
        // The address may hold a password before its host, so it is not repeated.
        sink.error(place, format!("`url` of {} must be like {example}, without a user in it", fields.what));
        return None;
    };
    if !origin.is_https() && !origin.is_loopback() {
        sink.error(
            place,
            format!("`url` of {} would send mail and credentials unencrypted: write https", fields.what),
        );
        return None;
    }
    if uri.path().len() <= 1 {
        sink.error(place, format!("`url` of {} lacks the path: write it like {example}", fields.what));
        return None;
    }
    Some(uri)
}

fn access(
    fields: &Fields<'_>,
    auth: Option<&Auth>,
    email: Option<&Mailbox>,
    only: Option<&Mailbox>,
    sink: &mut Sink,
) -> Option<ews::Access> {
    if let (Some(only), Some(other)) = (only, fields.first_of(&["access", "email", "alias"])) {
        sink.error(
            other.place,
            format!(
                "`only_mailbox` says `access: self` and `email: {only}` already: take `{}` out",
                other.key
            ),
        );
        return None;
    }
    if let Some(only) = only {
        return Some(ews::Access::SelfOnly { mailbox: only.clone() });
    }
    let person = auth.is_some_and(|auth| auth.app().is_some() && !auth.is_app_only());
    let said = match (fields.get("access"), fields.get("alias")) {
        (Some(_), _) => fields.word("access", ACCESS, sink)?,
        (None, Some(_)) => "delegation",
        (None, None) if person => "self",
        (None, None) => "impersonation",
    };
    let place = fields.place_of("access");
    if let (Some(alias), true) = (fields.get("alias"), said != "delegation") {
        sink.error(
            alias.place,
            format!("`alias` is opened by delegation, which does not fit `access: {said}`"),
        );
    }
    match (said, auth) {
        ("self" | "delegation", Some(auth)) if auth.is_app_only() => {
            let kind = auth.kind();
            sink.error(place, format!("`access: {said}` does not fit `kind: {kind}`: the application has no mailbox of its own, so it opens those of others by impersonation"));
            None
        }
        ("impersonation", _) => Some(ews::Access::Impersonation),
        ("delegation", _) => Some(ews::Access::Delegate { mailbox: own(email, auth) }),
        // Without an account it is wrong already.
        (_, None) => None,
        _ => match own(email, auth) {
            Some(mailbox) => Some(ews::Access::SelfOnly { mailbox }),
            None => {
                sink.error(
                    place,
                    format!("{} opens only the account's own mailbox: say which with `email`", fields.what),
                );
                None
            }
        },
    }
}

/// The account's own mailbox: as said, or the user where that is an address.
fn own(email: Option<&Mailbox>, auth: Option<&Auth>) -> Option<Mailbox> {
    email.cloned().or_else(|| Mailbox::new(&auth?.account()?.user))
}

fn named_by(fields: &Fields<'_>, access: Option<&ews::Access>, sink: &mut Sink) -> ews::NamedBy {
    only_with_impersonation(fields, "impersonate_by", access, sink);
    match fields.word("impersonate_by", NAMED_BY, sink) {
        Some("upn") => ews::NamedBy::PrincipalName,
        Some("any_address") => ews::NamedBy::SmtpAddress,
        _ => ews::NamedBy::PrimarySmtpAddress,
    }
}

fn only_with_impersonation(fields: &Fields<'_>, key: &str, access: Option<&ews::Access>, sink: &mut Sink) {
    if let (Some(entry), Some(access)) = (fields.get(key), access)
        && *access != ews::Access::Impersonation
    {
        sink.error(entry.place, format!("`{key}` fits only `access: impersonation`: take it out"));
    }
}

/// `identities: { ADDRESS: { upn: NAME } }`, or `sid`.
fn identities(
    fields: &Fields<'_>,
    access: Option<&ews::Access>,
    sink: &mut Sink,
) -> Vec<(Mailbox, ews::Identity)> {
    only_with_impersonation(fields, "identities", access, sink);
    let mut all = Vec::new();
    let Some(entry) = fields.get("identities") else { return all };
    let Some(by_address) = Fields::open(&entry.value, format!("`identities` of {}", fields.what), sink)
    else {
        return all;
    };
    for Entry { key, place, value } in by_address.entries() {
        let Some(mailbox) = Mailbox::new(key) else {
            sink.error(
                *place,
                format!("`{key}` is not a mail address: identities are listed by the address of the mailbox"),
            );
            continue;
        };
        let Some(one) = Fields::open(value, format!("the identity of {mailbox}"), sink) else { continue };
        one.know(["upn", "sid"].into_iter(), sink);
        let (upn, sid) = (one.text("upn", sink), one.text("sid", sink));
        match (upn, sid) {
            (Some(upn), None) => all.push((mailbox, ews::Identity::PrincipalName(upn.to_owned()))),
            (None, Some(sid)) if is_sid(sid) => all.push((mailbox, ews::Identity::Sid(sid.to_owned()))),
            (None, Some(_)) => {
                sink.error(
                    one.place_of("sid"),
                    "`sid` must be like S-1-5-21-1004336348-1177238915-682003330-512",
                );
            }
            _ => sink.error(*place, format!("the identity of {mailbox} is exactly one of `upn` and `sid`")),
        }
    }
    all
}

fn is_sid(text: &str) -> bool {
    text.strip_prefix("S-1-").is_some_and(|rest| {
        rest.split('-').all(|part| !part.is_empty() && part.bytes().all(|digit| digit.is_ascii_digit()))
    })
}

/// The fixed version; none where it is found out.
fn version(fields: &Fields<'_>, sink: &mut Sink) -> Option<ews::Version> {
    // Written as text or, by mistake, as the bare year.
    if let Some(Entry { value: Node { value: Value::Number(_), place }, .. }) = fields.get("server_version") {
        sink.error(*place, format!("`server_version` of {}: {}", fields.what, one_of("", VERSIONS)));
        return None;
    }
    fields.word("server_version", VERSIONS, sink)?.parse().ok()
}

/// Every kind of log-in, for messages.
pub(super) fn kinds() -> Vec<&'static str> {
    KINDS.iter().map(|kind| kind.name).collect()
}
