//! The work of `ioc-extract.extract`: each input to the search that fits it.

use plugin_sdk::{Artifact, Failure};
use std::io::Read;

use crate::collect::{At, Collector};
use crate::entities;
use crate::host::percent_decode;
use crate::html;
use crate::input::Input;
use crate::link::{self, Link};
use crate::output::{Output, Place};
use crate::phones;
use crate::scan::{self, Source};

/// Bytes of one artifact that are searched.
const ARTIFACT: u64 = 8 * 1024 * 1024;
/// Bytes of a link's text in which a host is looked for.
const LINK_TEXT: usize = 2_000;

/// Searches everything in the input, in this order: subject, headers, text, HTML, messages, artifacts.
///
/// # Errors
/// An artifact cannot be read.
pub fn extract(input: &Input) -> Result<Output, Failure> {
    let mut found = Collector::default();
    if let Some(subject) = &input.subject {
        text(subject, "subject", &mut found);
    }
    for (index, header) in input.headers.iter().flatten().enumerate() {
        text(&header.value, &format!("headers[{index}]"), &mut found);
    }
    if let Some(body) = &input.text {
        text(body, "text", &mut found);
    }
    if let Some(body) = &input.html {
        page(body, "html", &mut found);
    }
    for (index, message) in input.messages.iter().flatten().enumerate() {
        if let Some(subject) = &message.subject {
            text(subject, &format!("messages[{index}].subject"), &mut found);
        }
        if let Some(body) = &message.text_body {
            text(body, &format!("messages[{index}].text_body"), &mut found);
        }
        if let Some(body) = &message.html_body {
            page(body, &format!("messages[{index}].html_body"), &mut found);
        }
    }
    for (index, artifact) in input.artifacts.iter().flatten().enumerate() {
        let name = format!("artifacts[{index}]");
        let content = read(artifact, &mut found)?;
        if is_markup(artifact, &content) {
            page(&content, &name, &mut found)
        } else {
            text(&content, &name, &mut found)
        }
    }
    Ok(found.into_output())
}

/// An artifact as text. Its charset is not known here, but all that is searched for is ASCII in nearly all of them.
fn read(artifact: &Artifact, found: &mut Collector) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    artifact.open()?.take(ARTIFACT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > ARTIFACT {
        found.left_out();
        bytes.truncate(ARTIFACT as usize);
    }
    let wide = |unit: fn([u8; 2]) -> u16| -> String {
        let units = bytes.chunks_exact(2).filter_map(|pair| pair.try_into().ok()).map(unit);
        char::decode_utf16(units).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    Ok(match bytes.as_slice() {
        [0xff, 0xfe, ..] => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] => wide(u16::from_be_bytes),
        _ => match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => error.as_bytes().iter().map(|byte| char::from(*byte)).collect(),
        },
    })
}

fn is_markup(artifact: &Artifact, content: &str) -> bool {
    let kind = artifact.media_type.to_ascii_lowercase();
    let start = content.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    ["html", "xml", "svg"].iter().any(|name| kind.contains(name)) || start.starts_with('<')
}

fn text(text: &str, name: &str, found: &mut Collector) {
    scan::prose(text, Source { name, place: Place::Text, made_from: None }, found);
}

fn page(source: &str, name: &str, found: &mut Collector) {
    let page = html::read(source);
    for reference in &page.references {
        let at = At { source: name, place: reference.place, offset: reference.offset };
        let Some(link) = link::from_attribute(&reference.value, page.base.as_deref()) else { continue };
        if target(&link, at, found) {
            continue;
        }
        let Some(index) = found.url(&link, false, at) else { continue };
        let shown =
            reference.text.and_then(|(start, end)| page.text.text.get(start..end)).unwrap_or_default();
        if names_another_domain(shown, index, found) {
            found.mismatch(index, shown);
        }
    }
    scan::prose(&page.text.text, Source { name, place: Place::Text, made_from: Some(&page.text) }, found);
    markup(source, name, found);
}

/// Links that lead to a person and not to a place.
fn target(link: &Link, at: At<'_>, found: &mut Collector) -> bool {
    if let Some(number) = phones::from_link(&link.value) {
        found.phone(number, at);
        return true;
    }
    let Some(addresses) = link.value.strip_prefix("mailto:") else { return false };
    // `a@b?cc=c@d&subject=…`: recipients and texts alike are searched, each by itself.
    for field in addresses.split(['?', '&']) {
        let value = field.split_once('=').map_or(field, |(_, value)| value);
        scan::prose(
            &percent_decode(value),
            Source { name: at.source, place: at.place, made_from: None },
            found,
        );
    }
    true
}

fn names_another_domain(shown: &str, index: usize, found: &Collector) -> bool {
    if shown.trim().is_empty() {
        return false;
    }
    let mut most = LINK_TEXT.min(shown.len());
    while !shown.is_char_boundary(most) {
        most -= 1;
    }
    let Some(named) = shown.get(..most).and_then(scan::first_host) else { return false };
    let Some((host, domain)) = found.destination(index) else { return false };
    match (named.registrable(), domain) {
        (Some(named), Some(domain)) => named != domain,
        _ => named.ascii != host,
    }
}

/// URLs anywhere in the source: comments, scripts, other attributes. What is known already is not counted again.
fn markup(source: &str, name: &str, found: &mut Collector) {
    scan::urls(source, |offset, end, link| {
        if found.has_url(&link.value) {
            return;
        }
        let raw = source.get(offset..end).unwrap_or_default();
        // An entity may end the URL, `&quot;` above all, so it is cut once more after decoding.
        let decoded = if raw.contains('&') { entities::decode(raw) } else { raw.to_owned() };
        scan::urls(&decoded, |_, _, link| {
            if !found.has_url(&link.value) {
                found.url(&link, false, At { source: name, place: Place::Markup, offset });
            }
        });
    });
}
