//! Addresses, domains and URLs, as far as text alone says something about them: nothing here asks a network.
//!
//! The URL reader is strict on purpose. A lenient one agrees with some browsers and disagrees with others, and an
//! attacker lives in the difference; so a backslash, a space or a control character makes it no URL.

use super::encoding::percent_decoded;
use super::{Context, Entry, Function, Param};
use crate::budget::EvalError;
use crate::types::Type;
use crate::val::{MAP_NODE, Map, Val};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;

type Given<'a> = Result<Val<'a>, EvalError>;

fn url_type() -> Type {
    let text = ["scheme", "host", "path", "query", "fragment"].map(|name| (name.to_owned(), Type::string()));
    Type::closed(text.into_iter().chain([("port".to_owned(), Type::int())]))
}

pub(super) const TABLE: &[Function] = &[
    Function::new(
        Entry {
            name: "url",
            signature: "url(text: string) -> {scheme, host, path, query, fragment: string, port: int}",
            doc: "The parts of an absolute URL. Scheme and host are in lower case; parts that are not there are \
                  empty, and `port` is then that of the scheme, or 0. What a browser and a server could read \
                  differently (spaces, backslashes, control characters) is an error.",
            example: "url(\"https://User@Evil.example:8443/a?b=1#c\").host",
            result: r#""evil.example""#,
        },
        &[Param::Text],
        |_| url_type(),
        url,
    ),
    Function::new(
        Entry {
            name: "urlParams",
            signature: "urlParams(url: string) -> object of string",
            doc: "The decoded parameters of an absolute URL's query; `+` is a space. Of a name that stands twice the \
                  first counts. Links rewritten by mail gateways carry the real one here.",
            example: "urlParams(\"https://safelinks.example/?url=http%3A%2F%2Fevil.example%2Fx&data=1\")[\"url\"]",
            result: r#""http://evil.example/x""#,
        },
        &[Param::Text],
        |_| Type::map(Type::string()),
        url_params,
    ),
    Function::new(
        Entry {
            name: "domain_of",
            signature: "domain_of(text: string) -> string",
            doc: "The registrable domain of a URL, mail address or host name by the public suffix list, in lower \
                  case. An IP address or a name without a registrable domain is given back as it is.",
            example: "domain_of(\"https://login.evil.co.uk/x\")",
            result: r#""evil.co.uk""#,
        },
        &[Param::Text],
        |_| Type::string(),
        domain_of,
    ),
    Function::new(
        Entry {
            name: "in_cidr",
            signature: "in_cidr(address: string, network: string) -> bool",
            doc: "Whether the IP address is in the network. An IPv4 address written as IPv6 counts as IPv4.",
            example: "in_cidr(\"10.1.2.3\", \"10.0.0.0/8\")",
            result: "true",
        },
        &[Param::Text, Param::Text],
        |_| Type::bool(),
        in_cidr,
    ),
    Function::new(
        Entry {
            name: "defang",
            signature: "defang(text: string) -> string",
            doc: "The text with addresses that nobody can click: `http` becomes `hxxp`, `.` becomes `[.]`, `@` becomes `[@]`.",
            example: "defang(\"http://evil.example\")",
            result: r#""hxxp://evil[.]example""#,
        },
        &[Param::Text],
        |_| Type::string(),
        |c, a| {
            let text = c.text(a, 0)?;
            c.alloc(text.len() * 6)?;
            c.budget.step(text.len() as u64 / 8, c.span)?;
            let text = text.replace("http://", "hxxp://").replace("https://", "hxxps://");
            Ok(Val::text(
                text.replace("[.]", ".").replace('.', "[.]").replace("[@]", "@").replace('@', "[@]"),
            ))
        },
    ),
    Function::new(
        Entry {
            name: "refang",
            signature: "refang(text: string) -> string",
            doc: "Takes `defang` back; also reads `[dot]`, `(.)`, `[at]`, `[:]` and `[://]`.",
            example: "refang(\"hxxps://evil[.]example\")",
            result: r#""https://evil.example""#,
        },
        &[Param::Text],
        |_| Type::string(),
        refang,
    ),
];

fn refang<'a>(c: &mut Context<'_>, args: &[Val<'a>]) -> Given<'a> {
    const MARKS: [(&str, &str); 10] = [
        ("hxxps", "https"),
        ("hxxp", "http"),
        ("[://]", "://"),
        ("[:]", ":"),
        ("[.]", "."),
        ("(.)", "."),
        ("[dot]", "."),
        ("(dot)", "."),
        ("[@]", "@"),
        ("[at]", "@"),
    ];
    let text = c.text(args, 0)?;
    c.alloc(text.len() * MARKS.len())?;
    c.budget.step(text.len() as u64 / 4, c.span)?;
    let mut out = text.to_owned();
    for (mark, plain) in MARKS {
        out = out.replace(mark, plain);
    }
    c.give(out)
}

struct Url<'t> {
    scheme: String,
    host: String,
    port: u16,
    path: &'t str,
    query: &'t str,
    fragment: &'t str,
}

fn read_url(text: &str) -> Option<Url<'_>> {
    if text.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '\\' | '<' | '>' | '"' | '`'))
    {
        return None;
    }
    let (scheme, rest) = text.split_once("://")?;
    let plain = scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    if !plain || !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let scheme = scheme.to_ascii_lowercase();
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = if let Some(inner) = authority.strip_prefix('[') {
        let (address, after) = inner.split_once(']')?;
        address.parse::<std::net::Ipv6Addr>().ok()?;
        (address, after.strip_prefix(':').or_else(|| after.is_empty().then_some(""))?)
    } else {
        authority.split_once(':').unwrap_or((authority, ""))
    };
    let usable = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || "-._~%:".contains(c);
    if host.is_empty() || !host.chars().all(usable) {
        return None;
    }
    let port = match (port, scheme.as_str()) {
        ("", "http") => 80,
        ("", "https") => 443,
        ("", "ftp") => 21,
        ("", _) => 0,
        (given, _) if given.bytes().all(|b| b.is_ascii_digit()) => given.parse().ok()?,
        _ => return None,
    };
    Some(Url { scheme, host: host.to_lowercase(), port, path, query, fragment })
}

fn url<'a>(c: &mut Context<'_>, args: &[Val<'a>]) -> Given<'a> {
    let text = c.text(args, 0)?;
    c.alloc(text.len() * 2 + 1024)?;
    c.budget.step(20 + text.len() as u64 / 16, c.span)?;
    let url = read_url(text).ok_or_else(|| c.conversion("the text is not an absolute URL"))?;
    let members = [
        ("scheme", Val::text(url.scheme)),
        ("host", Val::text(url.host)),
        ("port", Val::Int(url.port.into())),
        ("path", Val::text(url.path)),
        ("query", Val::text(url.query)),
        ("fragment", Val::text(url.fragment)),
    ];
    Ok(Val::Map(Map::Own(Rc::new(
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    ))))
}

fn url_params<'a>(c: &mut Context<'_>, args: &[Val<'a>]) -> Given<'a> {
    let text = c.text(args, 0)?;
    c.alloc(text.len() * 4 + MAP_NODE)?;
    c.budget.step(20 + text.len() as u64 / 4, c.span)?;
    let url = read_url(text).ok_or_else(|| c.conversion("the text is not an absolute URL"))?;
    let mut members = BTreeMap::new();
    for pair in url.query.split('&').filter(|pair| !pair.is_empty()) {
        c.alloc(MAP_NODE / 4)?;
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let read = |part: &str| percent_decoded(&part.replace('+', " "));
        let (Some(name), Some(value)) = (read(name), read(value)) else {
            return Err(c.conversion("a parameter is not percent-encoded UTF-8"));
        };
        members.entry(name).or_insert_with(|| Val::text(value));
    }
    Ok(Val::Map(Map::Own(Rc::new(members))))
}

fn domain_of<'a>(c: &mut Context<'_>, args: &[Val<'a>]) -> Given<'a> {
    let text = c.text(args, 0)?;
    c.alloc(text.len() * 2)?;
    c.budget.step(20 + text.len() as u64 / 16, c.span)?;
    let host = if text.contains("://") {
        read_url(text).map(|url| url.host)
    } else {
        let host = text.rsplit_once('@').map_or(text, |(_, host)| host);
        Some(host.trim_end_matches('>').to_lowercase())
    };
    let host = host.map(|host| host.trim_end_matches('.').to_owned()).filter(|host| {
        !host.is_empty()
            && host.chars().all(|c| !c.is_ascii() || c.is_ascii_alphanumeric() || "-._:".contains(c))
    });
    let host = host.ok_or_else(|| c.conversion("the text holds no host name"))?;
    if host.parse::<IpAddr>().is_ok() {
        return c.give(host);
    }
    let domain = psl::domain_str(&host).map(str::to_owned);
    c.give(domain.unwrap_or(host))
}

fn in_cidr<'a>(c: &mut Context<'_>, args: &[Val<'a>]) -> Given<'a> {
    let address: IpAddr =
        c.text(args, 0)?.parse().map_err(|_| c.conversion("the first text is not an IP address"))?;
    let network = c.text(args, 1)?;
    let wrong = |c: &Context<'_>| c.conversion("the network is not written like `10.0.0.0/8`");
    let (base, length) = network.split_once('/').ok_or_else(|| wrong(c))?;
    let base: IpAddr = base.parse().map_err(|_| wrong(c))?;
    let length: u32 = length.parse().map_err(|_| wrong(c))?;
    let bits = |address: IpAddr| match address {
        IpAddr::V4(v4) => (32, u128::from(v4.to_bits()) << 96),
        IpAddr::V6(v6) => (128, v6.to_bits()),
    };
    let (width, base) = bits(base);
    if length > width {
        return Err(wrong(c));
    }
    let (found, address) = bits(address.to_canonical());
    let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
    Ok(Val::Bool(found == width && address & mask == base & mask))
}

#[cfg(test)]
mod tests {
    use super::read_url;

    #[test]
    fn urls_that_two_readers_could_read_differently_are_refused() {
        for bad in [
            "http://a\\@b/",
            "http:// a/",
            "//a/b",
            "http:/a",
            "http://",
            "http://a:x/",
            "ht tp://a",
            "http://[::1/",
            "http://a\u{0}b/",
            "1a://b",
        ] {
            assert!(read_url(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn the_host_is_what_follows_the_last_at_sign() {
        let url = read_url("https://bank.example@evil.example:8080/login?next=http://x@y/#z").unwrap();
        assert_eq!((url.host.as_str(), url.port, url.path), ("evil.example", 8080, "/login"));
        assert_eq!((url.query, url.fragment), ("next=http://x@y/", "z"));
        assert_eq!(read_url("http://[2001:db8::1]:81/").unwrap().host, "2001:db8::1");
    }
}
