//! Which server of several a subscription is on: the cookies and the anchor its requests have to carry.
//!
//! A subscription lives on the server that made it. Subscribe asks for affinity and is given cookies, one that names
//! the server and one of the load balancer before it; requests about the subscription bring them back, with the anchor
//! of the first request. Cookies are kept for one subscription and go to the address of this client, which is the one
//! they came from, and nowhere else: redirects are not followed, and what a server says for another host, for another
//! path or for TLS only is left out where that does not fit. Nothing of this outlives the process; a subscription whose
//! cookies are lost is not found, and is made anew.
//!
//! <https://learn.microsoft.com/exchange/client-developer/exchange-web-services/how-to-maintain-affinity-between-group-of-subscriptions-and-mailbox-server>

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::{HeaderMap, HeaderValue, Uri, header};

/// How many subscriptions are remembered: what a server allows an account at most.
const MOST: usize = 5_000;
/// How many cookies one answer sets at most.
const MOST_COOKIES: usize = 16;
/// The longest cookie that is kept, in bytes.
const LONGEST: usize = 4_096;

/// Where a request belongs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Affinity<'a> {
    /// Anywhere.
    #[default]
    None,
    /// On one server, and those that follow there, too; on that of another subscription, if one is named.
    New(Option<&'a str>),
    /// On the server of this subscription.
    On(&'a str),
}

impl<'a> Affinity<'a> {
    /// The subscription whose server is meant.
    fn subscription(self) -> Option<&'a str> {
        match self {
            Affinity::None | Affinity::New(None) => None,
            Affinity::New(Some(id)) | Affinity::On(id) => Some(id),
        }
    }
}

/// Names and values of cookies.
pub(crate) type Cookies = BTreeMap<String, String>;

/// What requests about one subscription carry.
#[derive(Debug, Clone, Default)]
struct Kept {
    anchor: String,
    cookies: Cookies,
    number: u64,
}

/// The subscriptions of a client.
#[derive(Debug, Default)]
pub(crate) struct Affinities {
    known: Mutex<(u64, BTreeMap<String, Kept>)>,
}

impl Affinities {
    /// Writes what a request about a subscription needs into its headers.
    pub(crate) fn dress(&self, affinity: Affinity<'_>, headers: &mut HeaderMap) {
        if affinity == Affinity::None {
            return;
        }
        headers.insert("X-PreferServerAffinity", HeaderValue::from_static("true"));
        let known = self.known();
        let Some(kept) = affinity.subscription().and_then(|id| known.1.get(id)) else { return };
        if let Ok(anchor) = HeaderValue::from_str(&kept.anchor) {
            headers.insert("X-AnchorMailbox", anchor);
        }
        let pairs: Vec<String> = kept.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if let Ok(mut value) = HeaderValue::from_str(&pairs.join("; "))
            && !pairs.is_empty()
        {
            value.set_sensitive(true);
            headers.insert(header::COOKIE, value);
        }
    }

    /// Remembers a subscription that was made: with the anchor and the cookies of the one it was put beside, and those
    /// of its own answer.
    pub(crate) fn keep(&self, id: &str, beside: Option<&str>, anchor: &str, cookies: Cookies) {
        let mut known = self.known();
        let (made, all) = &mut *known;
        *made += 1;
        let mut kept = beside.and_then(|beside| all.get(beside)).cloned().unwrap_or_default();
        if kept.anchor.is_empty() {
            kept.anchor = anchor.to_owned();
        }
        kept.cookies.extend(cookies);
        kept.number = *made;
        all.insert(id.to_owned(), kept);
        if all.len() > MOST {
            let oldest = all.iter().min_by_key(|(_, kept)| kept.number).map(|(id, _)| id.clone());
            oldest.and_then(|oldest| all.remove(&oldest));
        }
    }

    /// A later answer about a subscription set cookies.
    pub(crate) fn renew(&self, affinity: Affinity<'_>, cookies: &Cookies) {
        if let Affinity::On(id) = affinity
            && let Some(kept) = self.known().1.get_mut(id)
        {
            kept.cookies.extend(cookies.clone());
        }
    }

    /// A subscription is over.
    pub(crate) fn forget(&self, id: &str) {
        self.known().1.remove(id);
    }

    fn known(&self) -> MutexGuard<'_, (u64, BTreeMap<String, Kept>)> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The cookies that an answer of `url` sets and that requests to the same address bring back.
pub(crate) fn set(headers: &HeaderMap, url: &Uri) -> Cookies {
    let lines = headers.get_all(header::SET_COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.filter_map(|line| cookie(line, url)).take(MOST_COOKIES).collect()
}

/// One [cookie](https://www.rfc-editor.org/rfc/rfc6265#section-5.2), if it is for this address and not one to forget.
fn cookie(line: &str, url: &Uri) -> Option<(String, String)> {
    if line.len() > LONGEST {
        return None;
    }
    let mut parts = line.split(';');
    let (name, value) = parts.next()?.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    let printable = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',');
    if name.is_empty() || value.is_empty() || !printable(name) || !printable(value) {
        return None;
    }
    let host = url.host().unwrap_or_default().to_ascii_lowercase();
    for part in parts {
        let (attribute, given) = part.split_once('=').unwrap_or((part, ""));
        let given = given.trim();
        let fits = match attribute.trim().to_ascii_lowercase().as_str() {
            "domain" => {
                let domain = given.trim_start_matches('.').to_ascii_lowercase();
                let below = host.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'));
                domain.is_empty() || host == domain || below && domain.contains('.')
            }
            "path" => is_under(url.path(), given),
            "secure" => url.scheme_str() == Some("https"),
            "max-age" => given.parse::<i64>().is_ok_and(|seconds| seconds > 0),
            _ => true,
        };
        if !fits {
            return None;
        }
    }
    Some((name.to_owned(), value.to_owned()))
}

fn is_under(path: &str, given: &str) -> bool {
    if !given.starts_with('/') {
        return true;
    }
    let given = given.trim_end_matches('/').to_ascii_lowercase();
    let path = path.to_ascii_lowercase();
    path.strip_prefix(&given).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_cookies_for_this_address_are_brought_back() {
        let url: Uri = "https://mail.corp.example/EWS/Exchange.asmx".parse().unwrap();
        let name = |line: &str, url: &Uri| cookie(line, url).map(|(name, _)| name);
        for line in [
            "a=1",
            "a=1; path=/; secure; HttpOnly",
            "a=1; Path=/ews",
            "a=1; domain=mail.corp.example",
            "a=1; domain=.corp.example",
            "a=1; max-age=60; SameSite=None",
        ] {
            assert_eq!(name(line, &url).as_deref(), Some("a"), "{line}");
        }
        for line in [
            "",
            "a",
            "=1",
            "a=",
            "a=1; domain=evil.example",
            "a=1; domain=ail.corp.example",
            "a=1; domain=example",
            "a=1; path=/owa",
            "a=1; path=/ew",
            "a=1; max-age=0",
            "a=1; max-age=-5",
            "a=\u{e9}",
            "a=b,c",
        ] {
            assert_eq!(name(line, &url), None, "{line}");
        }
        let plain: Uri = "http://127.0.0.1:8080/EWS/Exchange.asmx".parse().unwrap();
        assert_eq!(name("a=1; secure", &plain), None);
        assert_eq!(name(&format!("a={}", "x".repeat(LONGEST)), &url), None);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_belongs_to_one_subscription() {
        let all = Affinities::default();
        let cookies = |value: &str| Cookies::from([("c".to_owned(), value.to_owned())]);
        for number in 0..=MOST {
            all.keep(&format!("s{number}"), None, "a@corp.example", cookies(&number.to_string()));
        }
        let sent = |affinity: Affinity<'_>| {
            let mut headers = HeaderMap::new();
            all.dress(affinity, &mut headers);
            headers.get(header::COOKIE).map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(sent(Affinity::On("s0")), None);
        assert_eq!(sent(Affinity::On("s1")).as_deref(), Some("c=1"));
        all.renew(Affinity::On("s1"), &cookies("new"));
        assert_eq!(sent(Affinity::New(Some("s1"))).as_deref(), Some("c=new"));
        assert_eq!(sent(Affinity::On("s2")).as_deref(), Some("c=2"));
        all.forget("s2");
        assert_eq!(sent(Affinity::On("s2")), None);
        assert_eq!(sent(Affinity::None), None);
    }
}
