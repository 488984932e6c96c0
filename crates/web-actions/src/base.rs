//! The address that all requests of a connection stay below.
//!
//! A playbook brings a path, and text from a mail may be in it. Whatever a server makes of `..`, of an empty segment or
//! of an encoded slash, the path must not leave the base: so what could be one of these, however often it is encoded,
//! is refused instead of put right. Values from elsewhere go into `params`, where each is one segment.

use std::collections::BTreeMap;

use http::Uri;
use transport::Origin;

/// How often a path is decoded to see what a chain of servers could make of it.
const ROUNDS: usize = 5;
/// The longest address that is sent.
const LONGEST: usize = 8000;

/// The address of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    origin: Origin,
    /// Scheme, host and port as they were written.
    start: String,
    /// Path and query; of a service without a slash at its end.
    rest: String,
}

/// Why a text is no address of a service. Does not repeat it: it may be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadBase {
    /// No address at all, or one with a user in it.
    #[error("it must be like https://api.example/v1, without a user in it")]
    NotAnAddress,
    /// Not encrypted, and not this machine.
    #[error("it would send everything unencrypted: write https")]
    Plain,
    /// A query where a base path is expected.
    #[error("it must end with its path: `?` and what follows belongs into the playbook or into `auth`")]
    Query,
    /// A path that is none.
    #[error("its path has `.`, `..`, an empty part or an encoded slash in it")]
    Path,
}

impl Base {
    /// The base of a service: scheme, host, and the path that all requests begin with.
    pub fn parse(text: &str) -> Result<Self, BadBase> {
        let mut base = Base::address(text)?;
        if base.rest.contains('?') {
            return Err(BadBase::Query);
        }
        base.rest.truncate(base.rest.trim_end_matches('/').len());
        if !base.rest.is_empty() && !is_tame(&base.rest) {
            return Err(BadBase::Path);
        }
        Ok(base)
    }

    /// The whole address of a webhook, as it is.
    pub fn address(text: &str) -> Result<Self, BadBase> {
        let uri: Uri = text.parse().map_err(|_| BadBase::NotAnAddress)?;
        let origin = Origin::of(&uri).ok_or(BadBase::NotAnAddress)?;
        let (scheme, authority) = uri.scheme_str().zip(uri.authority()).ok_or(BadBase::NotAnAddress)?;
        if !origin.is_https() && !origin.is_loopback() {
            return Err(BadBase::Plain);
        }
        let start = format!("{scheme}://{authority}");
        let rest = uri.path_and_query().map_or("/", |rest| rest.as_str()).to_owned();
        Ok(Base { origin, start, rest })
    }

    /// Where it is.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The whole address. Of a webhook it is a secret.
    pub fn whole(&self) -> String {
        format!("{}{}", self.start, self.rest)
    }

    pub(crate) fn path_and_query(&self) -> &str {
        &self.rest
    }

    /// Scheme, host and port, for messages.
    pub(crate) fn shown(&self) -> &str {
        &self.start
    }

    /// The address itself.
    pub(crate) fn uri(&self) -> Result<Uri, String> {
        self.whole().parse().map_err(|_| "the address of the connection cannot be sent".to_owned())
    }

    /// An address below the base. The error is words.
    pub(crate) fn below(
        &self,
        path: &str,
        params: &BTreeMap<String, String>,
        query: &[(String, String)],
    ) -> Result<Uri, String> {
        let path = filled(path, params)?;
        if !path.starts_with('/') {
            return Err("`path` begins with one `/`; the host is a matter of the connection".to_owned());
        }
        if let Some(wrong) = path.chars().find(|letter| !may_stand(*letter)) {
            let what = match wrong {
                '?' | '#' => "`path` has no query: use `query`".to_owned(),
                '\\' => "`path` has a backslash in it".to_owned(),
                _ => format!("`path` has {wrong:?} in it: give such values by `params`"),
            };
            return Err(what);
        }
        if !is_tame(path.trim_end_matches('/')) && path != "/" || path.ends_with("//") {
            return Err(
                "`path` could leave the base path of the connection: it has `.`, `..`, an empty part, or an encoded \
                 slash, dot or backslash in it"
                    .to_owned(),
            );
        }
        let mut whole = format!("{}{}{path}", self.start, self.rest);
        for (at, (name, value)) in query.iter().enumerate() {
            whole.push(if at == 0 { '?' } else { '&' });
            whole.push_str(&format!("{}={}", encode(name), encode(value)));
        }
        if whole.len() > LONGEST {
            return Err(format!("the address would be longer than {LONGEST} bytes"));
        }
        let uri: Uri = whole.parse().map_err(|_| "`path` and `query` make no address".to_owned())?;
        // Whatever the rules above missed: what is sent is below the base, as the wire sees it.
        if Origin::of(&uri).as_ref() != Some(&self.origin) || !uri.path().starts_with(&self.rest) {
            return Err("`path` leaves the base path of the connection".to_owned());
        }
        Ok(uri)
    }

    /// Where a redirect leads, if that is below the base. The error is words.
    pub(crate) fn redirect(&self, from: &Uri, location: &str) -> Result<Uri, String> {
        if location.is_empty() {
            return Err("it redirects to nowhere".to_owned());
        }
        let whole = if location.starts_with('/') && !location.starts_with("//") {
            format!("{}{location}", self.start)
        } else if location.contains("://") || location.starts_with("//") {
            let start = if location.starts_with("//") { "https:" } else { "" };
            format!("{start}{location}")
        } else {
            let folder = from.path().rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{}{folder}/{location}", self.start)
        };
        let whole = whole.split('#').next().unwrap_or_default();
        let uri: Uri =
            whole.parse().map_err(|_| "it redirects to something that is no address".to_owned())?;
        let origin = Origin::of(&uri).ok_or("it redirects to something that is no server")?;
        if origin != self.origin {
            let host: String = origin.to_string().chars().take(100).collect();
            return Err(format!("it redirects to {host}, and a redirect to another host is not followed"));
        }
        let path = uri.path();
        let rest = path.strip_prefix(self.rest.as_str());
        let below = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if !below || !is_tame(path.trim_end_matches('/')) && path != "/" {
            return Err(
                "it redirects to a place that is not below the base path of the connection".to_owned()
            );
        }
        Ok(uri)
    }
}

/// The path with each `{name}` replaced by its value, as one segment.
fn filled(path: &str, params: &BTreeMap<String, String>) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = path;
    let mut used = Vec::new();
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) =
            after.split_once('}').ok_or("`path` has `{` without `}`: a parameter is written as `{name}`")?;
        let value = params
            .get(name)
            .ok_or_else(|| format!("`path` names the parameter `{}`, which `params` lacks", short(name)))?;
        if value.is_empty() {
            return Err(format!("the parameter `{}` is empty", short(name)));
        }
        used.push(name.to_owned());
        out.push_str(before);
        out.push_str(&encode(value));
        rest = after;
    }
    if let Some(unused) = params.keys().find(|name| !used.contains(name)) {
        return Err(format!("`params` has `{}`, which `path` does not name", short(unused)));
    }
    out.push_str(rest);
    Ok(out)
}

fn short(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_control()).take(40).collect()
}

/// Everything but unreserved letters by their bytes.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// What RFC 3986 lets stand in a path.
fn may_stand(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@%/".contains(letter)
}

/// Whether a path says the same to everybody who decodes it once, twice or never.
fn is_tame(path: &str) -> bool {
    let Some(below) = path.strip_prefix('/') else { return false };
    below.split('/').all(|segment| {
        let mut now = segment.to_owned();
        for round in 0..ROUNDS {
            if is_wild(&now) {
                return false;
            }
            match decode(&now) {
                Decoded::Same => return true,
                Decoded::Text(next) => now = next,
                // A lone `%` that was written as `%25` is a percent sign; one that was not is nothing.
                Decoded::Bad => return round > 0,
                Decoded::NotText => return false,
            }
        }
        false
    })
}

/// Whether a decoded segment is, or holds, what a server takes for a step elsewhere.
fn is_wild(segment: &str) -> bool {
    // Some servers cut parameters off (`..;x`), some fold wide letters.
    let plain: String = segment
        .chars()
        .map(|letter| match letter {
            '\u{ff0e}' | '\u{2024}' => '.',
            '\u{ff0f}' | '\u{2044}' | '\u{2215}' | '\u{ff3c}' | '\\' => '/',
            other => other,
        })
        .collect();
    let bare = plain.split(';').next().unwrap_or_default().trim();
    plain.contains('/')
        || plain.chars().any(char::is_control)
        || bare.is_empty()
        || bare.chars().all(|letter| letter == '.') && bare.len() <= 3
}

enum Decoded {
    Same,
    Text(String),
    /// A `%` that begins nothing.
    Bad,
    /// Bytes that are no UTF-8.
    NotText,
}

fn decode(text: &str) -> Decoded {
    if !text.contains('%') {
        return Decoded::Same;
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let (Some(high), Some(low)) = (digit(rest.next()), digit(rest.next())) else { return Decoded::Bad };
        bytes.push(u8::try_from(high * 16 + low).unwrap_or(0));
    }
    String::from_utf8(bytes).map_or(Decoded::NotText, Decoded::Text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn base() -> Base {
        Base::parse("https://api.example:8443/tenants/a/").unwrap()
    }

    fn below(path: &str) -> Result<String, String> {
        base().below(path, &BTreeMap::new(), &[]).map(|uri| uri.to_string())
    }

    #[test]
    fn a_path_stays_below_the_base() {
        for (path, expected) in [
            ("/", "https://api.example:8443/tenants/a/"),
            ("/v3/files", "https://api.example:8443/tenants/a/v3/files"),
            ("/v3/files/", "https://api.example:8443/tenants/a/v3/files/"),
            ("/a.b/..c/%20x;v=1", "https://api.example:8443/tenants/a/a.b/..c/%20x;v=1"),
        ] {
            assert_eq!(below(path).unwrap(), expected);
        }
    }

    #[test]
    fn what_could_leave_the_base_is_refused() {
        for path in [
            "",
            "x",
            "//evil.example/",
            "https://evil.example/",
            "/..",
            "/../b",
            "/a/../../b",
            "/./a",
            "/a//b",
            "//",
            "/a//",
            "/%2e%2e/b",
            "/%2E./b",
            "/.%2e",
            "/%252e%252e/b",
            "/%25252e%25252e",
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a\\b",
            "/..%5c..",
            "/..;x/b",
            "/%2e%2e%3bx/b",
            "/a%00b",
            "/a%0d%0ab",
            "/%c0%ae%c0%ae/b",
            "/%zz",
            "/a%",
            "/%ef%bc%8e%ef%bc%8e/b",
            "/a?b",
            "/a#b",
            "/ä",
            "/a b",
            "/a\nb",
            "/@evil.example/..",
            "/...",
            "/%20",
            "/{x}",
            "/{",
        ] {
            assert!(below(path).is_err(), "{path} became {:?}", below(path));
        }
    }

    #[test]
    fn a_parameter_is_one_segment() {
        let with = |value: &str| {
            let params = BTreeMap::from([("id".to_owned(), value.to_owned())]);
            base().below("/files/{id}/report", &params, &[]).map(|uri| uri.path().to_owned())
        };
        assert_eq!(with("a b&c=d?e#f").unwrap(), "/tenants/a/files/a%20b%26c%3Dd%3Fe%23f/report");
        assert_eq!(with("100%").unwrap(), "/tenants/a/files/100%25/report");
        assert_eq!(with("{id}").unwrap(), "/tenants/a/files/%7Bid%7D/report");
        for value in ["", "..", ".", "../x", "a/b", "a\\b", "%2e%2e", "a\0b", "．．", " "] {
            assert!(with(value).is_err(), "{value:?} became {:?}", with(value));
        }
    }

    #[test]
    fn params_and_path_name_the_same() {
        let params = BTreeMap::from([("other".to_owned(), "x".to_owned())]);
        assert!(base().below("/files", &params, &[]).unwrap_err().contains("`other`"));
        assert!(base().below("/files/{id}", &params, &[]).unwrap_err().contains("`id`"));
    }

    #[test]
    fn a_query_is_encoded() {
        let query = [("q".to_owned(), "a&b=c d#e".to_owned()), ("n".to_owned(), "1".to_owned())];
        let uri = base().below("/s", &BTreeMap::new(), &query).unwrap();
        assert_eq!(uri.query(), Some("q=a%26b%3Dc%20d%23e&n=1"));
        let long = [("q".to_owned(), "x".repeat(LONGEST))];
        assert!(base().below("/s", &BTreeMap::new(), &long).is_err());
    }

    #[test]
    fn redirects_stay_below_the_base() {
        let from: Uri = "https://api.example:8443/tenants/a/v1/x".parse().unwrap();
        let to = |location: &str| base().redirect(&from, location).map(|uri| uri.path().to_owned());
        assert_eq!(to("/tenants/a/v2/y").unwrap(), "/tenants/a/v2/y");
        assert_eq!(to("https://API.example:8443/tenants/a/z#part").unwrap(), "/tenants/a/z");
        assert_eq!(to("y").unwrap(), "/tenants/a/v1/y");
        for location in [
            "https://evil.example/tenants/a/",
            "//evil.example/tenants/a/",
            "http://api.example:8443/tenants/a/",
            "https://api.example/tenants/a/",
            "/tenants/b",
            "/tenants/ab",
            "/tenants/a/../b",
            "../../b",
            "/",
            "https://u:p@api.example:8443/tenants/a/",
            "ftp://api.example/",
            "http://",
            "",
        ] {
            assert!(to(location).is_err(), "{location} became {:?}", to(location));
        }
    }

    #[test]
    fn a_base_is_an_encrypted_address() {
        for (text, error) in [
            ("api.example", BadBase::NotAnAddress),
            ("/x", BadBase::NotAnAddress),
            ("https://u:p@api.example/", BadBase::NotAnAddress),
            ("ftp://api.example/", BadBase::NotAnAddress),
            ("http://api.example/", BadBase::Plain),
            ("https://api.example/v1?key=x", BadBase::Query),
            ("https://api.example/a/../b", BadBase::Path),
            ("https://api.example/a%2fb", BadBase::Path),
        ] {
            assert_eq!(Base::parse(text), Err(error), "{text}");
        }
        assert!(Base::parse("http://127.0.0.1:8080").is_ok());
        let hook = Base::address("https://hooks.example/workflows/1/run?api-version=1&sig=s").unwrap();
        assert_eq!(hook.whole(), "https://hooks.example/workflows/1/run?api-version=1&sig=s");
    }

    proptest! {
        /// Decoded as often as somebody may like and normalised, every accepted path is below the base.
        #[test]
        fn no_accepted_path_leaves_the_base(
            path in "(/|\\.|%2e|%2E|%2f|%25|%5c|;|\\\\|a|\\{x\\}|//|\\.\\.|%){0,12}",
            value in "(/|\\.|%2e|%|;|a|\\\\|\\PC){0,6}",
            given: bool,
        ) {
            let params = if given { BTreeMap::from([("x".to_owned(), value)]) } else { BTreeMap::new() };
            if let Ok(uri) = base().below(&format!("/{path}"), &params, &[]) {
                let mut now = uri.path().to_owned();
                for _ in 0..6 {
                    let mut depth = Vec::new();
                    for part in now.replace('\\', "/").split('/') {
                        match part.split(';').next().unwrap_or_default() {
                            "" | "." => {}
                            ".." => { depth.pop(); }
                            other => depth.push(other.to_owned()),
                        }
                    }
                    prop_assert!(depth.starts_with(&["tenants".to_owned(), "a".to_owned()]), "{now}");
                    match decode(&now) {
                        Decoded::Text(next) => now = next,
                        _ => break,
                    }
                }
            }
        }
    }
}
