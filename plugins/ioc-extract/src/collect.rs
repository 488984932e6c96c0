//! Keeps each indicator once, counts it, remembers where it stood, and stops before the output grows too large.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::host::{Host, registrable};
use crate::link::{self, Link, Scheme};
use crate::output::{Algorithm, Domain, Found, Hash, Indicator, Ip, Output, Place, Url};

/// Different values of one kind.
const MOST: usize = 1_000;
/// Places remembered of one value.
const PLACES: usize = 10;
/// Bytes of JSON; a step's output may have 1 MiB.
const BYTES: usize = 950 * 1024;
/// Wrappers inside of wrappers.
const WRAPPERS: usize = 3;
/// Bytes of the text of a link that are shown.
const SHOWN: usize = 200;

/// A kind of indicator with a list of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum List {
    Url,
    Ip,
    Domain,
    Email,
    Hash,
    Phone,
    Bitcoin,
}

/// Where something was found, before it is a [`Found`].
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    /// Name of the input.
    pub source: &'a str,
    /// Kind of place.
    pub place: Place,
    /// Offset in the input.
    pub offset: usize,
}

impl At<'_> {
    fn found(self) -> Found {
        Found { source: self.source.to_owned(), place: self.place, offset: self.offset as u64 }
    }
}

/// The indicators found so far.
#[derive(Debug, Default)]
pub struct Collector {
    output: Output,
    index: HashMap<(List, String), usize>,
    spent: usize,
}

impl Collector {
    /// A URL. Its host, domain and what it wraps are noted too. Gives its index if it is listed.
    pub fn url(&mut self, link: &Link, rewritten: bool, at: At<'_>) -> Option<usize> {
        self.nested_url(link, rewritten, at, 0)
    }

    fn nested_url(&mut self, link: &Link, rewritten: bool, at: At<'_>, depth: usize) -> Option<usize> {
        if let Some(host) = &link.host {
            self.host(host, rewritten || link.hidden, at);
        }
        let obfuscated = rewritten || link.hidden;
        if let Some(index) = self.known(List::Url, &link.value, at) {
            if let Some(url) = self.output.urls.get_mut(index) {
                url.obfuscated |= obfuscated;
            }
            return Some(index);
        }
        let inner =
            if link.scheme == Scheme::Web && depth < WRAPPERS { link::unwrap(&link.value) } else { None };
        let inner = inner.and_then(|url| link::from_attribute(&url, None));
        let inner_length = inner.as_ref().map_or(0, |link| link.value.len());
        let cost = 300 + link.value.len() * 2 + inner_length;
        if self.output.urls.len() >= MOST || !self.spend(cost) {
            self.output.truncated = true;
            return None;
        }
        let host = link.host.as_ref();
        let index = self.output.urls.len();
        self.output.urls.push(Url {
            value: link.value.clone(),
            defanged: link::defang(&link.value),
            kind: link.scheme,
            host: host.map(|host| host.ascii.clone()),
            host_unicode: host.and_then(|host| host.unicode.clone()),
            domain: host.and_then(Host::registrable),
            text_mismatch: false,
            shown: None,
            obfuscated,
            unwraps_to: inner.as_ref().map(|link| link.value.clone()),
            count: 1,
            found_in: vec![at.found()],
        });
        self.index.insert((List::Url, link.value.clone()), index);
        if let Some(inner) = inner {
            self.nested_url(&inner, false, At { place: Place::Wrapped, ..at }, depth + 1);
        }
        Some(index)
    }

    /// Whether this URL is listed already.
    pub fn has_url(&self, value: &str) -> bool {
        self.index.contains_key(&(List::Url, value.to_owned()))
    }

    /// The host of a URL, or what it wraps if it is a wrapper: where a click ends as far as one can tell.
    pub fn destination(&self, index: usize) -> Option<(String, Option<String>)> {
        let mut url = self.output.urls.get(index)?;
        for _ in 0..WRAPPERS {
            let inner = url.unwraps_to.clone().and_then(|value| self.index.get(&(List::Url, value)));
            let Some(inner) = inner.and_then(|index| self.output.urls.get(*index)) else { break };
            url = inner;
        }
        Some((url.host.clone()?, url.domain.clone()))
    }

    /// The text of a link names another domain than the one it leads to.
    pub fn mismatch(&mut self, index: usize, shown: &str) {
        let shown: String =
            shown.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(SHOWN).collect();
        let room = self.spend(shown.len());
        if let Some(url) = self.output.urls.get_mut(index).filter(|url| !url.text_mismatch) {
            url.text_mismatch = true;
            url.shown = room.then_some(shown);
        }
    }

    /// A host: an address or a domain.
    pub fn host(&mut self, host: &Host, obfuscated: bool, at: At<'_>) {
        match host.ip {
            Some(ip) => self.ip(ip, obfuscated, at),
            None => self.domain(host, obfuscated, at),
        }
    }

    /// An IP address.
    pub fn ip(&mut self, ip: IpAddr, obfuscated: bool, at: At<'_>) {
        let value = ip.to_string();
        if let Some(index) = self.known(List::Ip, &value, at) {
            if let Some(ip) = self.output.ips.get_mut(index) {
                ip.obfuscated |= obfuscated;
            }
            return;
        }
        if self.room(self.output.ips.len(), &value) {
            let defanged = value.replace('.', "[.]").replace(':', "[:]");
            let version = if ip.is_ipv4() { 4 } else { 6 };
            self.index.insert((List::Ip, value.clone()), self.output.ips.len());
            self.output.ips.push(Ip {
                value,
                defanged,
                version,
                obfuscated,
                count: 1,
                found_in: vec![at.found()],
            });
        }
    }

    fn domain(&mut self, host: &Host, obfuscated: bool, at: At<'_>) {
        let value = host.ascii.clone();
        if let Some(index) = self.known(List::Domain, &value, at) {
            if let Some(domain) = self.output.domains.get_mut(index) {
                domain.obfuscated |= obfuscated;
            }
            return;
        }
        let registrable = registrable(&value);
        if registrable.is_some() && self.room(self.output.domains.len(), &value) {
            let defanged = value.replace('.', "[.]");
            let unicode = host.unicode.clone();
            let found_in = vec![at.found()];
            self.index.insert((List::Domain, value.clone()), self.output.domains.len());
            self.output.domains.push(Domain {
                value,
                defanged,
                unicode,
                registrable,
                obfuscated,
                count: 1,
                found_in,
            });
        }
    }

    /// A mail address. Its domain is noted too.
    pub fn email(&mut self, local: &str, host: &Host, obfuscated: bool, at: At<'_>) {
        self.host(host, obfuscated, at);
        let value = format!("{local}@{}", host.ascii);
        let defanged = value.replace('@', "[@]").replace('.', "[.]");
        self.indicator(List::Email, value, defanged, obfuscated, at);
    }

    /// A telephone number.
    pub fn phone(&mut self, value: String, at: At<'_>) {
        self.indicator(List::Phone, value.clone(), value, false, at);
    }

    /// A bitcoin address.
    pub fn bitcoin(&mut self, value: &str, at: At<'_>) {
        self.indicator(List::Bitcoin, value.to_owned(), value.to_owned(), false, at);
    }

    fn indicator(&mut self, list: List, value: String, defanged: String, obfuscated: bool, at: At<'_>) {
        if let Some(index) = self.known(list, &value, at) {
            if let Some(known) = self.list(list).get_mut(index) {
                known.obfuscated |= obfuscated;
            }
            return;
        }
        let length = self.list(list).len();
        if self.room(length, &value) {
            self.index.insert((list, value.clone()), length);
            let found_in = vec![at.found()];
            self.list(list).push(Indicator { value, defanged, obfuscated, count: 1, found_in });
        }
    }

    fn list(&mut self, list: List) -> &mut Vec<Indicator> {
        match list {
            List::Phone => &mut self.output.phones,
            List::Bitcoin => &mut self.output.bitcoin,
            _ => &mut self.output.emails,
        }
    }

    /// A hash.
    pub fn hash(&mut self, digits: &str, algorithm: Algorithm, at: At<'_>) {
        let value = digits.to_ascii_lowercase();
        if self.known(List::Hash, &value, at).is_none() && self.room(self.output.hashes.len(), &value) {
            self.index.insert((List::Hash, value.clone()), self.output.hashes.len());
            let defanged = value.clone();
            self.output.hashes.push(Hash {
                value,
                defanged,
                algorithm,
                count: 1,
                found_in: vec![at.found()],
            });
        }
    }

    /// Something of the input was not looked at.
    pub fn left_out(&mut self) {
        self.output.truncated = true;
    }

    /// The result.
    pub fn into_output(self) -> Output {
        self.output
    }

    /// Counts a value that is listed already.
    fn known(&mut self, list: List, value: &str, at: At<'_>) -> Option<usize> {
        let index = *self.index.get(&(list, value.to_owned()))?;
        let few = self.spent + 100 < BYTES;
        let (count, found_in) = match list {
            List::Url => self.output.urls.get_mut(index).map(|it| (&mut it.count, &mut it.found_in)),
            List::Ip => self.output.ips.get_mut(index).map(|it| (&mut it.count, &mut it.found_in)),
            List::Domain => self.output.domains.get_mut(index).map(|it| (&mut it.count, &mut it.found_in)),
            List::Email => self.output.emails.get_mut(index).map(|it| (&mut it.count, &mut it.found_in)),
            List::Hash => self.output.hashes.get_mut(index).map(|it| (&mut it.count, &mut it.found_in)),
            List::Phone => self.output.phones.get_mut(index).map(|it| (&mut it.count, &mut it.found_in)),
            List::Bitcoin => self.output.bitcoin.get_mut(index).map(|it| (&mut it.count, &mut it.found_in)),
        }?;
        *count = count.saturating_add(1);
        if few && found_in.len() < PLACES {
            found_in.push(at.found());
            self.spent += 70 + at.source.len();
        }
        Some(index)
    }

    fn room(&mut self, length: usize, value: &str) -> bool {
        let room = length < MOST && self.spend(220 + value.len() * 3);
        self.output.truncated |= !room;
        room
    }

    fn spend(&mut self, cost: usize) -> bool {
        let room = self.spent + cost <= BYTES;
        if room {
            self.spent += cost;
        }
        room
    }
}
