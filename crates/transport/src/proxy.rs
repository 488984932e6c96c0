//! Which proxy a request goes through, and which hosts go without.
//!
//! A proxy is used because the configuration names one, or because it names the environment. Its own log-in is
//! held here, apart from the one at the server: each is shown to its own side only. Automatic configuration by
//! scripts and the settings of desktops are left out.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use http::Uri;

use crate::error::{Error, Kind};
use crate::origin::Origin;
use crate::secret::Secret;

/// How a proxy is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProxyKind {
    /// HTTP, by `CONNECT`; requests that are not encrypted are handed over as they are.
    Http,
    /// As [`ProxyKind::Http`], with TLS on the way to the proxy.
    Https,
    /// SOCKS 4. Names are resolved here, IPv4 only.
    Socks4,
    /// SOCKS 4a. Names are resolved by the proxy.
    Socks4a,
    /// SOCKS 5. Names are resolved here.
    Socks5,
    /// SOCKS 5. Names are resolved by the proxy.
    Socks5h,
}

impl ProxyKind {
    /// The scheme in an address, such as `socks5h`.
    pub fn as_str(self) -> &'static str {
        match self {
            ProxyKind::Http => "http",
            ProxyKind::Https => "https",
            ProxyKind::Socks4 => "socks4",
            ProxyKind::Socks4a => "socks4a",
            ProxyKind::Socks5 => "socks5",
            ProxyKind::Socks5h => "socks5h",
        }
    }

    fn port(self) -> u16 {
        match self {
            ProxyKind::Http => 80,
            ProxyKind::Https => 443,
            _ => 1080,
        }
    }

    /// Whether names of servers are resolved on this machine.
    pub(crate) fn resolves_here(self) -> bool {
        matches!(self, ProxyKind::Socks4 | ProxyKind::Socks5)
    }

    pub(crate) fn is_http(self) -> bool {
        matches!(self, ProxyKind::Http | ProxyKind::Https)
    }
}

impl FromStr for ProxyKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let all = [
            ProxyKind::Http,
            ProxyKind::Https,
            ProxyKind::Socks4,
            ProxyKind::Socks4a,
            ProxyKind::Socks5,
            ProxyKind::Socks5h,
        ];
        all.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(text)).ok_or_else(|| {
            let why = "a proxy is one of http, https, socks4, socks4a, socks5, socks5h";
            Error::before(Kind::Setup, "", why)
        })
    }
}

/// Who logs in at a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProxyLogin {
    pub(crate) user: String,
    pub(crate) password: Secret,
    pub(crate) domain: Option<String>,
}

/// One proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    pub(crate) kind: ProxyKind,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) login: Option<ProxyLogin>,
    pub(crate) bypass: Bypass,
}

impl Proxy {
    /// A proxy without a log-in.
    pub fn new(kind: ProxyKind, host: &str, port: u16) -> Self {
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        Proxy { kind, host, port, login: None, bypass: Bypass::default() }
    }

    /// A proxy as `http://host:port` or `socks5h://user:password@host`. Without a scheme it is HTTP.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |why: &str| Error::before(Kind::Setup, "", format!("the address of the proxy: {why}"));
        let (kind, rest) = match text.trim().split_once("://") {
            Some((scheme, rest)) => (scheme.parse()?, rest),
            None => (ProxyKind::Http, text.trim()),
        };
        let rest = rest.trim_end_matches('/');
        let (user, place) = match rest.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, rest),
        };
        let place: Uri = format!("http://{place}")
            .parse()
            .map_err(|_| wrong("write it like http://proxy.corp.example:8080"))?;
        let host = place.host().filter(|host| !host.is_empty()).ok_or_else(|| wrong("it names no host"))?;
        if place.path() != "/" || place.query().is_some() {
            return Err(wrong("it has a path, and a proxy has none"));
        }
        let proxy = Proxy::new(kind, host, place.port_u16().unwrap_or_else(|| kind.port()));
        Ok(match user {
            None => proxy,
            Some(user) => {
                let (user, password) = user.split_once(':').unwrap_or((user, ""));
                let (Some(user), Some(password)) = (decoded(user), decoded(password)) else {
                    return Err(wrong("user or password are not percent-encoded UTF-8"));
                };
                proxy.login(&user, Secret::new(password), None)
            }
        })
    }

    /// Logs in at the proxy. With a domain by NTLM, else by Basic or what SOCKS has.
    #[must_use]
    pub fn login(mut self, user: &str, password: Secret, domain: Option<&str>) -> Self {
        let domain = domain.filter(|domain| !domain.is_empty()).map(str::to_owned);
        self.login = Some(ProxyLogin { user: user.to_owned(), password, domain });
        self
    }

    /// Hosts that are reached without the proxy: `mail.corp.example`, `.corp.example` or `*.corp.example` for
    /// everything below, `10.0.0.0/8`, or `*` for all.
    #[must_use]
    pub fn bypass<T: AsRef<str>>(mut self, hosts: impl IntoIterator<Item = T>) -> Self {
        self.bypass.0.extend(hosts.into_iter().filter_map(|host| Pattern::of(host.as_ref())));
        self
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.kind.as_str(), crate::origin::authority(&self.host, self.port))
    }
}

/// Text with `%xx` in it; `None` if that is not UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let (high, low) =
                (char::from(rest.next()?).to_digit(16)?, char::from(rest.next()?).to_digit(16)?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Hosts that go without.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Bypass(Vec<Pattern>);

impl Bypass {
    fn has(&self, host: &str) -> bool {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        self.0.iter().any(|pattern| pattern.fits(host))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    All,
    Host(String),
    Below(String),
    Net(IpAddr, u8),
}

impl Pattern {
    fn of(text: &str) -> Option<Self> {
        let text = text.trim().trim_end_matches('.').to_ascii_lowercase();
        if text == "*" {
            return Some(Pattern::All);
        }
        if let Some((net, bits)) = text.split_once('/')
            && let (Ok(net), Ok(bits)) = (net.parse(), bits.parse())
        {
            return Some(Pattern::Net(net, bits));
        }
        if let Some(below) = text.strip_prefix("*.").or_else(|| text.strip_prefix('.')) {
            return Some(Pattern::Below(format!(".{below}")));
        }
        let host = text.trim_start_matches('[').trim_end_matches(']');
        (!host.is_empty()).then(|| Pattern::Host(host.to_owned()))
    }

    fn fits(&self, host: &str) -> bool {
        match self {
            Pattern::All => true,
            Pattern::Host(name) => host == name,
            Pattern::Below(end) => host.ends_with(end.as_str()),
            Pattern::Net(net, bits) => host.parse().is_ok_and(|host| within(host, *net, *bits)),
        }
    }
}

fn within(host: IpAddr, net: IpAddr, bits: u8) -> bool {
    match (host, net) {
        (IpAddr::V4(host), IpAddr::V4(net)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            host.to_bits() & mask == net.to_bits() & mask
        }
        (IpAddr::V6(host), IpAddr::V6(net)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            host.to_bits() & mask == net.to_bits() & mask
        }
        _ => false,
    }
}

/// The proxies of a client.
#[derive(Debug, Clone, Default)]
pub(crate) enum Proxies {
    /// None, whatever the environment says.
    #[default]
    None,
    /// This one.
    One(Arc<Proxy>),
    /// One for each scheme, with the hosts that go without.
    System { http: Option<Arc<Proxy>>, https: Option<Arc<Proxy>>, bypass: Bypass },
}

impl Proxies {
    /// As `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` say, in lower case first, as curl reads them.
    /// `HTTP_PROXY` in upper case is not read where a web server may have put it there from a request.
    pub(crate) fn system(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let any = |name: &str| {
            let lower = variable(&name.to_ascii_lowercase());
            lower.or_else(|| variable(name)).filter(|value| !value.trim().is_empty())
        };
        let proxy = |name: &str| {
            let named =
                if name == "HTTP_PROXY" && variable("REQUEST_METHOD").is_some() { None } else { any(name) };
            let text = named.or_else(|| any("ALL_PROXY"));
            text.map(|text| {
                Proxy::parse(&text).map(Arc::new).map_err(|why| {
                    Error::before(Kind::Setup, "", format!("{name} of the environment: {}", why.detail()))
                })
            })
            .transpose()
        };
        let without = any("NO_PROXY").unwrap_or_default();
        let plain = without.split([',', ' ']).filter_map(Pattern::of);
        // There a name stands for itself and for everything below it.
        let both = plain.flat_map(|pattern| match pattern {
            Pattern::Host(name) => vec![Pattern::Below(format!(".{name}")), Pattern::Host(name)],
            Pattern::Below(end) => {
                vec![Pattern::Host(end.trim_start_matches('.').to_owned()), Pattern::Below(end)]
            }
            other => vec![other],
        });
        let bypass = Bypass(both.collect());
        Ok(Proxies::System { http: proxy("HTTP_PROXY")?, https: proxy("HTTPS_PROXY")?, bypass })
    }

    /// The proxy on the way to `origin`. This machine is reached without one that the environment names.
    pub(crate) fn on_the_way_to(&self, origin: &Origin) -> Option<&Arc<Proxy>> {
        match self {
            Proxies::None => None,
            Proxies::One(proxy) => Some(proxy).filter(|proxy| !proxy.bypass.has(origin.host())),
            Proxies::System { http, https, bypass } => {
                let proxy = if origin.is_https() { https } else { http };
                proxy.as_ref().filter(|_| !origin.is_loopback() && !bypass.has(origin.host()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Origin {
        Origin::of(&text.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_proxy_is_read_as_people_write_it() {
        let proxy = Proxy::parse("proxy.corp.example:8080").unwrap();
        assert_eq!(proxy.to_string(), "http://proxy.corp.example:8080");
        assert_eq!(Proxy::parse("socks5h://[::1]").unwrap().to_string(), "socks5h://[::1]:1080");
        let proxy = Proxy::parse("https://us%40er:p%3Aw@Proxy/").unwrap();
        let login = proxy.login.clone().unwrap();
        assert_eq!((login.user.as_str(), login.password.reveal()), ("us@er", "p:w"));
        assert_eq!(proxy.to_string(), "https://proxy:443");
        for wrong in ["ftp://a", "http://", "http://a/b", "http://%ff@a", "http://a b"] {
            assert_eq!(Proxy::parse(wrong).unwrap_err().kind(), Kind::Setup, "{wrong}");
        }
    }

    #[test]
    fn hosts_on_the_list_go_without() {
        let proxy = Proxy::new(ProxyKind::Http, "p", 1).bypass([
            "mail.corp.example",
            "*.lab.example",
            "10.0.0.0/8",
            "fd00::/8",
            "",
        ]);
        let proxies = Proxies::One(Arc::new(proxy));
        for (url, through) in [
            ("https://mail.corp.example/", false),
            ("https://MAIL.corp.example.:444/", false),
            ("https://other.corp.example/", true),
            ("https://evilmail.corp.example/", true),
            ("https://a.b.lab.example/", false),
            ("https://lab.example/", true),
            ("https://notlab.example/", true),
            ("https://10.9.8.7/", false),
            ("https://11.9.8.7/", true),
            ("https://[fd00::1]/", false),
            ("https://[fe00::1]/", true),
        ] {
            assert_eq!(proxies.on_the_way_to(&origin(url)).is_some(), through, "{url}");
        }
    }

    #[test]
    fn the_environment_is_read_as_curl_does() {
        let environment = |name: &str| match name {
            "https_proxy" => Some("http://a:1".to_owned()),
            "HTTPS_PROXY" => Some("http://b:2".to_owned()),
            "ALL_PROXY" => Some("socks5://c".to_owned()),
            "NO_PROXY" => Some("corp.example, .lab.example".to_owned()),
            _ => None,
        };
        let proxies = Proxies::system(environment).unwrap();
        let through = |url: &str| proxies.on_the_way_to(&origin(url)).map(|proxy| proxy.to_string());
        assert_eq!(through("https://x.example/").as_deref(), Some("http://a:1"));
        assert_eq!(through("http://x.example/").as_deref(), Some("socks5://c:1080"));
        for without in ["https://corp.example/", "https://a.corp.example/", "https://lab.example/"] {
            assert_eq!(through(without), None, "{without}");
        }
        assert_eq!(through("http://127.0.0.1/"), None);
        assert!(through("https://notcorp.example/").is_some());
        let asked = Proxies::system(|name| match name {
            "HTTP_PROXY" => Some("http://evil".to_owned()),
            "REQUEST_METHOD" => Some("GET".to_owned()),
            _ => None,
        });
        assert!(asked.unwrap().on_the_way_to(&origin("http://x.example/")).is_none());
    }
}
