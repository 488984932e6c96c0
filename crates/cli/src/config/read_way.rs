//! Reads how a connection is encrypted and which way out it takes.

use transport::{Origin, TlsVersion};

use super::fields::{Around, Fields};
use super::keys::{PROXY, PROXY_KINDS, TLS};
use super::problem::Sink;
use super::profile::{Address, ClientCertificate, Proxy, Tls, Via};
use super::secret;
use super::tree::{Entry, Value};

/// `tls: off`, or a mapping.
pub(super) fn tls(
    fields: &Fields<'_>,
    address: Option<&Address>,
    around: &Around<'_>,
    sink: &mut Sink,
) -> Option<Tls> {
    let Some(Entry { value: node, .. }) = fields.get("tls") else { return Some(Tls::default()) };
    let plain = match address {
        Some(Address::Url(url)) => Origin::of(url).is_some_and(|origin| !origin.is_https()),
        _ => false,
    };
    if let Value::Text(_) | Value::Bool(_) = &node.value {
        let off = matches!(&node.value, Value::Text(text) if text == "off")
            || matches!(node.value, Value::Bool(false));
        if !off {
            sink.error(
                node.place,
                format!("`tls` of {} must be `off`, or a mapping with {}", fields.what, names()),
            );
            return None;
        }
        if address.is_some() && !plain {
            sink.error(
                node.place,
                format!(
                    "`tls: off` of {} fits only a `url` that is plain http to this very machine",
                    fields.what
                ),
            );
        }
        return Some(Tls::default());
    }
    let tls = Fields::open(node, format!("`tls` of {}", fields.what), sink)?;
    tls.know_keys(TLS, sink);
    if plain {
        sink.error(node.place, format!("{} settles nothing: `url` is plain http", tls.what));
    }
    let (min, max) = (version(&tls, "min", sink), version(&tls, "max", sink));
    if let (Some(min), Some(max)) = (min, max)
        && (min, max) == (TlsVersion::Tls13, TlsVersion::Tls12)
    {
        sink.error(tls.place_of("min"), format!("`min` of {} is newer than `max`", tls.what));
    }
    let ca = tls.file("ca", around, sink);
    let certificate = tls.file("client_certificate", around, sink);
    let key = tls.file("client_key", around, sink);
    let password = tls.secret("client_certificate_password", around, sink);
    if let (Some(entry), None) =
        (tls.first_of(&["client_key", "client_certificate_password"]), tls.get("client_certificate"))
    {
        sink.error(entry.place, format!("`{}` of {} needs `client_certificate`", entry.key, tls.what));
    }
    let holder = if key.is_some() { "client_key" } else { "client_certificate" };
    if let Some(Err(why)) = key.as_deref().or(certificate.as_deref()).map(secret::private) {
        sink.error(
            tls.place_of(holder),
            format!("`{holder}` of {} holds a private key: its {why}", tls.what),
        );
    }
    let client = certificate.map(|file| ClientCertificate { file, key, password });
    Some(Tls { min, max, ca, client })
}

fn names() -> String {
    TLS.iter().map(|key| key.name).collect::<Vec<_>>().join(", ")
}

/// A version, in quotes or not.
fn version(tls: &Fields<'_>, name: &str, sink: &mut Sink) -> Option<TlsVersion> {
    let node = &tls.get(name)?.value;
    let said = match &node.value {
        Value::Text(text) | Value::Number(text) => text.as_str(),
        _ => "",
    };
    let message = match said.trim_start_matches("TLS").trim_start_matches(['v', ' ']) {
        "1.2" => return Some(TlsVersion::Tls12),
        "1.3" => return Some(TlsVersion::Tls13),
        "1" | "1.0" | "1.1" | "3.0" => {
            format!(
                "`{name}` of {}: TLS {said} is broken and not spoken here; update the server, which needs 1.2 or 1.3",
                tls.what
            )
        }
        _ => format!("`{name}` of {} must be 1.2 or 1.3", tls.what),
    };
    sink.error(node.place, message);
    None
}

/// `proxy: none`, `proxy: system`, or a mapping.
pub(super) fn proxy(fields: &Fields<'_>, around: &Around<'_>, sink: &mut Sink) -> Option<Proxy> {
    let Some(Entry { value: node, .. }) = fields.get("proxy") else { return Some(Proxy::None) };
    match &node.value {
        Value::Text(text) if text == "none" => return Some(Proxy::None),
        Value::Text(text) if text == "system" => return Some(Proxy::System),
        Value::Map(_) => {}
        _ => {
            sink.error(
                node.place,
                format!(
                    "`proxy` of {} must be `none`, `system`, or a mapping with kind, address and port",
                    fields.what
                ),
            );
            return None;
        }
    }
    let proxy = Fields::open(node, format!("`proxy` of {}", fields.what), sink)?;
    proxy.know_keys(PROXY, sink);
    let kind = proxy.word("kind", PROXY_KINDS, sink);
    let host = proxy.text("address", sink);
    if let Some(host) = host
        && host.contains(['/', '@', ' ', ':'])
        && !host.starts_with('[')
    {
        sink.error(
            proxy.place_of("address"),
            format!(
                "`address` of {} is the host alone; `kind`, `port`, `user` and `password` say the rest",
                proxy.what
            ),
        );
    }
    let port = proxy.number("port", 1, 65535, sink).and_then(|port| u16::try_from(port).ok());
    let user = proxy.text("user", sink);
    let password = proxy.secret("password", around, sink);
    for (key, needs) in [("password", "user"), ("domain", "user"), ("user", "password")] {
        let lone = proxy.get(key).filter(|_| proxy.get(needs).is_none());
        // SOCKS 4 knows a user and no password.
        if let Some(entry) =
            lone.filter(|_| !(matches!(kind, Some("socks4" | "socks4a")) && needs == "password"))
        {
            sink.error(entry.place, format!("`{key}` of {} needs `{needs}`", proxy.what));
        }
    }
    let unfit: &[&str] = match kind {
        Some("socks4" | "socks4a") => &["password", "domain"],
        Some("socks5" | "socks5h") => &["domain"],
        _ => &[],
    };
    if let (Some(entry), Some(kind)) = (proxy.first_of(unfit), kind) {
        sink.error(entry.place, format!("`{}` does not fit `kind: {kind}`: take it out", entry.key));
    }
    let bypass = proxy.texts("bypass", sink);
    Some(Proxy::Via(Via {
        kind: kind?.parse().ok()?,
        host: host?.to_owned(),
        port: port?,
        user: user.map(str::to_owned),
        password,
        domain: proxy.text("domain", sink).map(str::to_owned),
        bypass,
    }))
}
