//! Where is asked, and in which order.

use std::collections::VecDeque;

use exchange::Mailbox;
use http::Uri;

use super::settings::{AutodiscoverConfig, AutodiscoverMethod};
use super::trust::domain;

/// One place to ask.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) face: Face,
    pub(super) url: String,
}

/// In which way it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Face {
    Soap,
    Pox,
    Json,
    /// Plain HTTP, for where it redirects to.
    Redirect,
}

impl Face {
    pub(super) fn method(self) -> AutodiscoverMethod {
        match self {
            Face::Soap => AutodiscoverMethod::Soap,
            Face::Pox | Face::Redirect => AutodiscoverMethod::Pox,
            Face::Json => AutodiscoverMethod::Json,
        }
    }
}

/// The places to ask about an address: the configured servers, the domain, `autodiscover.` before it, where plain HTTP
/// leads to, and the JSON of Exchange Online.
pub(super) fn places(config: &AutodiscoverConfig, address: &Mailbox) -> VecDeque<Place> {
    let domain = domain(address);
    let mut all = VecDeque::new();
    for endpoint in &config.endpoints {
        if let Some(base) = base(endpoint) {
            faces(config, &mut all, &base);
            if wants(config, AutodiscoverMethod::Json) {
                all.push_back(json(&base, address));
            }
        }
    }
    for host in [domain.to_owned(), format!("autodiscover.{domain}")] {
        faces(config, &mut all, &format!("https://{host}"));
    }
    if config.ask_plain_http && config.method != AutodiscoverMethod::Json {
        let url = format!("http://autodiscover.{domain}/autodiscover/autodiscover.xml");
        all.push_back(Place { face: Face::Redirect, url });
    }
    if wants(config, AutodiscoverMethod::Json) {
        all.extend(config.json_hosts.iter().map(|host| json(&format!("https://{host}"), address)));
    }
    all
}

/// Scheme, host and port.
pub(super) fn base(url: &Uri) -> Option<String> {
    Some(format!("{}://{}", url.scheme_str()?, url.authority()?))
}

/// The faces that take a log-in, on one server.
pub(super) fn faces(config: &AutodiscoverConfig, all: &mut VecDeque<Place>, base: &str) {
    if wants(config, AutodiscoverMethod::Soap) {
        all.push_back(Place { face: Face::Soap, url: format!("{base}/autodiscover/autodiscover.svc") });
    }
    if wants(config, AutodiscoverMethod::Pox) {
        all.push_back(Place { face: Face::Pox, url: format!("{base}/autodiscover/autodiscover.xml") });
    }
}

fn wants(config: &AutodiscoverConfig, method: AutodiscoverMethod) -> bool {
    config.method == AutodiscoverMethod::Auto || config.method == method
}

fn json(base: &str, address: &Mailbox) -> Place {
    let mut name = String::new();
    for byte in address.as_str().bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' => {
                name.push(byte.into())
            }
            byte => name.push_str(&format!("%{byte:02X}")),
        }
    }
    Place { face: Face::Json, url: format!("{base}/autodiscover/autodiscover.json/v1.0/{name}?Protocol=Ews") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_the_documented_one() {
        let alice = Mailbox::new("al/ice+x@corp.example").unwrap();
        let urls: Vec<String> =
            places(&AutodiscoverConfig::default(), &alice).into_iter().map(|place| place.url).collect();
        assert_eq!(
            urls,
            [
                "https://corp.example/autodiscover/autodiscover.svc",
                "https://corp.example/autodiscover/autodiscover.xml",
                "https://autodiscover.corp.example/autodiscover/autodiscover.svc",
                "https://autodiscover.corp.example/autodiscover/autodiscover.xml",
                "http://autodiscover.corp.example/autodiscover/autodiscover.xml",
                "https://outlook.office365.com/autodiscover/autodiscover.json/v1.0/al%2Fice%2Bx@corp.example?Protocol=Ews",
            ]
        );
        let only = AutodiscoverConfig { method: AutodiscoverMethod::Json, ..AutodiscoverConfig::default() };
        assert_eq!(places(&only, &alice).len(), 1);
    }
}
