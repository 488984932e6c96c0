//! From header fields to the core of a mail: identity, addresses, date, trace, authentication.

use plugin_sdk::Failure;

use crate::address::{self, Address};
use crate::anomaly::{Anomalies, Code};
use crate::date;
use crate::fields::Field;
use crate::limits;
use crate::output::{Budget, Header, Mail};
use crate::trace::{self, Authentication, MethodResult, Property};
use crate::words;

/// JSON bytes of one header's value; longer ones are cut.
pub(crate) const VALUE: usize = 4 * 1024;
/// Trace headers and identifiers read from one mail.
const MOST: usize = 200;

/// Headers that may stand only once (RFC 5322 3.6, RFC 2045).
const ONCE: [&str; 13] = [
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "bcc",
    "message-id",
    "in-reply-to",
    "references",
    "subject",
    "date",
    "content-type",
    "content-transfer-encoding",
];

/// What all mails of one call share.
#[derive(Debug)]
pub struct Pools {
    /// Room for texts.
    pub texts: Budget,
    addresses: usize,
}

impl Pools {
    /// Room for so many bytes of text and so many addresses.
    pub fn new(texts: usize, addresses: usize) -> Self {
        Pools { texts: Budget::new(texts), addresses }
    }

    fn addresses(&mut self, text: &str, anomalies: &mut Anomalies) -> Result<Vec<Address>, Failure> {
        let found = address::list(text, self.addresses + 1, anomalies);
        self.addresses = self
            .addresses
            .checked_sub(found.len())
            .ok_or_else(|| limits::exceeded("addresses in its headers", limits::ADDRESSES))?;
        let texts = &mut self.texts;
        let keep = found.into_iter().filter(|it| texts.spend(40 + it.address.len() + it.name.len().min(500)));
        Ok(keep.map(|it| Address { name: it.name.chars().take(250).collect(), ..it }).collect())
    }

    /// One address that does not stand in a header; nothing if there is no room for it.
    ///
    /// # Errors
    /// `limit` for one too many.
    pub fn address(&mut self, name: &str, address: &str) -> Result<Option<Address>, Failure> {
        self.addresses = self
            .addresses
            .checked_sub(1)
            .ok_or_else(|| limits::exceeded("addresses in its headers", limits::ADDRESSES))?;
        let room = self.texts.spend(40 + address.len() + name.len().min(500));
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(room.then(|| Address { name: name.chars().take(250).collect(), address: address.to_owned() }))
    }
}

/// Reads the fields of a mail's root part.
///
/// # Errors
/// `limit` for too many addresses.
pub fn core(fields: &[Field<'_>], pools: &mut Pools, anomalies: &mut Anomalies) -> Result<Mail, Failure> {
    let mut mail = Mail::default();
    let mut seen = [false; ONCE.len()];
    if fields.is_empty() {
        anomalies.add(Code::NoHeaders, "");
    }
    let mut trace_headers = 0;
    for field in fields {
        let raw = field.text(anomalies);
        let mut again = false;
        if let Some((known, seen)) = ONCE.iter().zip(&mut seen).find(|(name, _)| field.is(name)) {
            if *seen {
                anomalies.add(Code::DuplicateHeader, known);
            }
            again = std::mem::replace(seen, true);
        }
        let name = field.name_text();
        match name.to_ascii_lowercase().as_str() {
            "received" | "authentication-results" | "arc-authentication-results" | "received-spf" => {
                trace_headers += 1;
                if trace_headers <= MOST {
                    trace(&mut mail, &name, &raw, &mut pools.texts);
                }
            }
            // Every `From` counts, because programs differ in which one they show.
            "from" => mail.from_all.extend(pools.addresses(&raw, anomalies)?),
            _ if again => {}
            "message-id" => mail.message_id = identifier(raw.clone(), &mut pools.texts),
            "subject" => mail.subject = Some(pools.texts.text(words::decode(&raw, anomalies), VALUE)),
            "sender" => mail.sender = pools.addresses(&raw, anomalies)?.into_iter().next(),
            "reply-to" => mail.reply_to = pools.addresses(&raw, anomalies)?,
            "to" => mail.to = pools.addresses(&raw, anomalies)?,
            "cc" => mail.cc = pools.addresses(&raw, anomalies)?,
            "bcc" => mail.bcc = pools.addresses(&raw, anomalies)?,
            "in-reply-to" => mail.in_reply_to = identifiers(&raw, &mut pools.texts),
            "references" => mail.references = identifiers(&raw, &mut pools.texts),
            "date" => {
                mail.date = date::rfc3339(&raw);
                if mail.date.is_none() {
                    anomalies.add(Code::BadDate, &raw);
                }
            }
            _ => {}
        }
        header(&mut mail, name, raw, pools, anomalies);
    }
    mail.authentication.summarise();
    mail.from = mail.from_all.first().cloned();
    match mail.from_all.len() {
        0 => anomalies.add(Code::NoFrom, ""),
        1 => {}
        _ => anomalies.add(Code::SeveralFrom, ""),
    }
    Ok(mail)
}

fn header(mail: &mut Mail, name: String, raw: String, pools: &mut Pools, anomalies: &mut Anomalies) {
    if !pools.texts.spend(40) {
        return;
    }
    let decoded = words::decode(&raw, anomalies);
    let changed = decoded != raw;
    let name = pools.texts.text(name, 500);
    let value = pools.texts.text(decoded, VALUE);
    let raw = changed.then(|| pools.texts.text(raw, VALUE));
    mail.headers.push(Header { name, value, raw });
}

/// An identifier that was cut would be another one, so it is left out instead.
pub(crate) fn identifier(text: String, texts: &mut Budget) -> Option<String> {
    if text.is_empty() || text.len() > 1_000 || !texts.spend(text.len() + 10) {
        texts.exhausted |= !text.is_empty();
        return None;
    }
    Some(text)
}

pub(crate) fn identifiers(text: &str, texts: &mut Budget) -> Vec<String> {
    let words = text.split(['<', '>', ' ', '\t', ',']).filter(|word| !word.is_empty());
    words.take(MOST).filter_map(|word| identifier(format!("<{word}>"), texts)).collect()
}

fn trace(mail: &mut Mail, name: &str, raw: &str, texts: &mut Budget) {
    if !texts.spend(120) {
        return;
    }
    let authentication: &mut Authentication = &mut mail.authentication;
    if name.eq_ignore_ascii_case("received") {
        let mut hop = trace::hop(raw);
        for slot in [&mut hop.from, &mut hop.by, &mut hop.with, &mut hop.id, &mut hop.recipient] {
            *slot = slot.take().map(|text| texts.text(text, 1_000));
        }
        mail.received.push(hop);
    } else if name.eq_ignore_ascii_case("received-spf") {
        let mut spf = trace::received_spf(raw);
        spf.result = texts.text(spf.result, 50);
        spf.comment = spf.comment.map(|text| texts.text(text, 1_000));
        fit(&mut spf.properties, texts);
        authentication.received_spf.push(spf);
    } else {
        // The summary looks for the header by its usual spelling.
        let arc = name.len() > "authentication-results".len();
        let header = if arc { "ARC-Authentication-Results" } else { "Authentication-Results" };
        let mut results = trace::results(header, raw);
        results.authserv_id = results.authserv_id.map(|text| texts.text(text, 250));
        results.results.retain_mut(|result: &mut MethodResult| {
            let room = texts.spend(80);
            result.method = texts.text(std::mem::take(&mut result.method), 50);
            result.result = texts.text(std::mem::take(&mut result.result), 50);
            result.comment = result.comment.take().map(|text| texts.text(text, 1_000));
            fit(&mut result.properties, texts);
            room
        });
        authentication.headers.push(results);
    }
}

fn fit(properties: &mut Vec<Property>, texts: &mut Budget) {
    properties.retain_mut(|property| {
        let room = texts.spend(30);
        property.name = texts.text(std::mem::take(&mut property.name), 100);
        property.value = texts.text(std::mem::take(&mut property.value), 1_000);
        room
    });
}
