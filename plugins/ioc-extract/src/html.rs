//! Reads HTML the way a browser would, as far as links and visible text go: one pass, no tree.
//!
//! A tree is where HTML turns quadratic (200 KB of nested `<div>` cost a well-known sanitiser 20 seconds) and where
//! depth overflows a stack. Nothing here needs one: a link is an attribute, its text ends at the next `</a>`.

use memchr::{memchr, memmem};

use crate::entities;
use crate::mapped::Mapped;
use crate::output::Place;

/// A link found in an attribute or a style.
#[derive(Debug)]
pub struct Reference {
    /// Where it was found.
    pub place: Place,
    /// The attribute's value, decoded.
    pub value: String,
    /// Offset of the value in the source.
    pub offset: usize,
    /// Range of its text in [`Page::text`], for `<a>`.
    pub text: Option<(usize, usize)>,
}

/// What a page shows and where it leads.
#[derive(Debug, Default)]
pub struct Page {
    /// The visible text; blocks on lines of their own.
    pub text: Mapped,
    /// Links in order.
    pub references: Vec<Reference>,
    /// `<base href>`, the first one.
    pub base: Option<String>,
}

/// Elements whose content is not markup.
const RAW: [&str; 9] =
    ["script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes", "plaintext"];

/// Elements that do not break the text.
const INLINE: [&str; 34] = [
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font",
    "i", "ins", "kbd", "label", "mark", "nobr", "o:p", "q", "s", "samp", "small", "span", "strike", "strong",
    "sub", "sup", "tt", "u", "var", "wbr",
];

struct Tokenizer<'a> {
    source: &'a str,
    at: usize,
    page: Page,
    /// Index of the reference whose `<a>` is open, and where its text began.
    anchor: Option<(usize, usize)>,
}

struct Attribute<'a> {
    name: String,
    value: &'a str,
    offset: usize,
}

/// Reads a page.
pub fn read(source: &str) -> Page {
    let mut tokenizer = Tokenizer { source, at: 0, page: Page::default(), anchor: None };
    while tokenizer.at < source.len() {
        tokenizer.step();
    }
    tokenizer.close_anchor();
    tokenizer.page
}

impl<'a> Tokenizer<'a> {
    fn rest(&self) -> &'a str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn step(&mut self) {
        let rest = self.rest();
        let text = memchr(b'<', rest.as_bytes()).unwrap_or(rest.len());
        if text > 0 {
            self.text(rest.get(..text).unwrap_or_default(), self.at);
            self.at += text;
            return;
        }
        if let Some(comment) = rest.strip_prefix("<!--") {
            // `<!-->` and `<!--->` are whole comments.
            let end = if comment.starts_with('>') || comment.starts_with("->") {
                memchr(b'>', comment.as_bytes()).map(|at| at + 1)
            } else {
                memmem::find(comment.as_bytes(), b"-->").map(|at| at + 3)
            };
            self.at += 4 + end.unwrap_or(comment.len());
        } else if rest.starts_with("<!") || rest.starts_with("<?") {
            self.at += memchr(b'>', rest.as_bytes()).map_or(rest.len(), |at| at + 1);
        } else if let Some(name) = rest
            .strip_prefix("</")
            .filter(|name| name.starts_with(|letter: char| letter.is_ascii_alphabetic()))
        {
            let length = name_length(name);
            self.at += 2 + length;
            let name = name.get(..length).unwrap_or_default().to_ascii_lowercase();
            self.attributes(|_, _| {});
            self.end_tag(&name);
        } else if rest
            .get(1..)
            .is_some_and(|name| name.starts_with(|letter: char| letter.is_ascii_alphabetic()))
        {
            self.start_tag(rest.get(1..).unwrap_or_default());
        } else {
            self.page.text.push_str("<", self.at);
            self.at += 1;
        }
    }

    fn text(&mut self, text: &str, offset: usize) {
        let mut at = 0;
        while let Some(length) = text.get(at..).and_then(|rest| memchr(b'&', rest.as_bytes())) {
            self.page.text.push_str(text.get(at..at + length).unwrap_or_default(), offset + at);
            at += length;
            let (letter, length) =
                entities::reference(text.get(at..).unwrap_or_default()).unwrap_or(('&', 1));
            // Letters, digits and dots have no reason to be written as entities.
            if length > 1 && (letter.is_ascii_alphanumeric() || matches!(letter, '.' | ':' | '/' | '@')) {
                self.page.text.note_rewritten();
            }
            self.page.text.push(letter, offset + at);
            at += length;
        }
        self.page.text.push_str(text.get(at..).unwrap_or_default(), offset + at);
    }

    fn end_tag(&mut self, name: &str) {
        if name == "a" {
            self.close_anchor();
        }
        self.line_break(name);
    }

    fn line_break(&mut self, name: &str) {
        if !INLINE.contains(&name) && !self.page.text.text.ends_with('\n') {
            self.page.text.push('\n', self.at);
        }
    }

    fn close_anchor(&mut self) {
        if let Some((index, start)) = self.anchor.take()
            && let Some(reference) = self.page.references.get_mut(index)
        {
            reference.text = Some((start, self.page.text.text.len()));
        }
    }

    fn start_tag(&mut self, rest: &'a str) {
        let length = name_length(rest);
        let name = rest.get(..length).unwrap_or_default().to_ascii_lowercase();
        self.at += 1 + length;
        self.line_break(&name);
        if name == "a" {
            self.close_anchor();
        }
        let mut refresh = None;
        let mut http_equiv = false;
        let mut anchor = false;
        self.attributes(|page, attribute| {
            if name == "meta" {
                http_equiv |=
                    attribute.name == "http-equiv" && attribute.value.trim().eq_ignore_ascii_case("refresh");
                if attribute.name == "content" {
                    refresh = Some((entities::decode(attribute.value), attribute.offset));
                }
                return;
            }
            attribute_reference(page, &name, attribute, &mut anchor);
        });
        if let Some((content, offset)) = refresh.filter(|_| http_equiv)
            && let Some(value) = refresh_target(&content)
        {
            self.page.references.push(Reference { place: Place::Refresh, value, offset, text: None });
        }
        if anchor && let Some(index) = self.page.references.iter().rposition(|it| it.place == Place::Href) {
            self.anchor = Some((index, self.page.text.text.len()));
        }
        if RAW.contains(&name.as_str()) {
            self.raw(&name);
        }
    }

    /// The content of an element that is not markup, up to its end tag.
    fn raw(&mut self, name: &str) {
        let rest = self.rest();
        let ends = |at: &usize| {
            let tail = rest.as_bytes().get(at + 2..).unwrap_or_default();
            tail.get(..name.len()).is_some_and(|tag| tag.eq_ignore_ascii_case(name.as_bytes()))
        };
        let end = memmem::find_iter(rest.as_bytes(), b"</").find(ends).unwrap_or(rest.len());
        let content = rest.get(..end).unwrap_or_default();
        match name {
            "style" => style_references(&mut self.page, content, self.at, &|text| text.to_owned()),
            "title" | "textarea" | "xmp" | "plaintext" => self.text(content, self.at),
            _ => {}
        }
        self.at += end;
    }

    /// Reads attributes up to and including the `>`.
    fn attributes(&mut self, mut take: impl FnMut(&mut Page, &Attribute<'a>)) {
        loop {
            let rest = self.rest();
            self.at += rest.len()
                - rest.trim_start_matches(|letter: char| letter.is_ascii_whitespace() || letter == '/').len();
            let rest = self.rest();
            if rest.is_empty() {
                return;
            }
            if rest.starts_with('>') {
                self.at += 1;
                return;
            }
            // A name may begin with `=`.
            let first = rest.chars().next().map_or(0, char::len_utf8);
            let length = rest
                .get(first..)
                .and_then(|tail| {
                    tail.find(|letter: char| {
                        letter.is_ascii_whitespace() || matches!(letter, '/' | '>' | '=')
                    })
                })
                .map_or(rest.len(), |at| at + first);
            let name = rest.get(..length).unwrap_or_default();
            self.at += length;
            let rest = self.rest();
            let trimmed = rest.trim_start_matches(|letter: char| letter.is_ascii_whitespace());
            let Some(value) = trimmed.strip_prefix('=') else { continue };
            let value = value.trim_start_matches(|letter: char| letter.is_ascii_whitespace());
            self.at += rest.len() - value.len();
            let (value, skip) = attribute_value(value);
            let offset = self.at + usize::from(skip > value.len());
            self.at += skip;
            if name.len() <= 50 {
                take(&mut self.page, &Attribute { name: name.to_ascii_lowercase(), value, offset });
            }
        }
    }
}

/// The value at the start of `text`, and how much of `text` it uses with its quotes.
fn attribute_value(text: &str) -> (&str, usize) {
    for quote in ['"', '\''] {
        if let Some(quoted) = text.strip_prefix(quote) {
            let end = quoted.find(quote);
            let length = end.unwrap_or(quoted.len());
            return (quoted.get(..length).unwrap_or_default(), 1 + length + usize::from(end.is_some()));
        }
    }
    let end = text.find(|letter: char| letter.is_ascii_whitespace() || letter == '>').unwrap_or(text.len());
    (text.get(..end).unwrap_or_default(), end)
}

fn name_length(text: &str) -> usize {
    text.find(|letter: char| letter.is_ascii_whitespace() || matches!(letter, '/' | '>'))
        .unwrap_or(text.len())
}

fn attribute_reference(page: &mut Page, element: &str, attribute: &Attribute<'_>, anchor: &mut bool) {
    let (place, value) = match attribute.name.as_str() {
        "href" if element == "base" => {
            page.base.get_or_insert_with(|| entities::decode(attribute.value));
            return;
        }
        "href" if matches!(element, "a" | "area") => {
            *anchor = element == "a";
            (Place::Href, entities::decode(attribute.value))
        }
        "href" | "src" | "background" | "poster" | "lowsrc" | "dynsrc" | "codebase" | "manifest" | "ping" => {
            (Place::Src, entities::decode(attribute.value))
        }
        "data" if element == "object" => (Place::Src, entities::decode(attribute.value)),
        "action" | "formaction" => (Place::Action, entities::decode(attribute.value)),
        "cite" | "longdesc" => (Place::Href, entities::decode(attribute.value)),
        "srcset" | "imagesrcset" => {
            for candidate in entities::decode(attribute.value).split(',') {
                let value = candidate.trim().split([' ', '\t', '\n']).next().unwrap_or_default().to_owned();
                page.references.push(Reference {
                    place: Place::Src,
                    value,
                    offset: attribute.offset,
                    text: None,
                });
            }
            return;
        }
        "style" => {
            style_references(page, attribute.value, attribute.offset, &entities::decode);
            return;
        }
        name if name.ends_with(":href") => (Place::Href, entities::decode(attribute.value)),
        _ => return,
    };
    page.references.push(Reference { place, value, offset: attribute.offset, text: None });
}

/// `url(…)` and `@import "…"` of a style sheet.
fn style_references(page: &mut Page, style: &str, offset: usize, decode: &dyn Fn(&str) -> String) {
    let style = decode(style);
    for at in memmem::find_iter(style.as_bytes(), b"(") {
        let before = style.get(..at).unwrap_or_default();
        if !before.get(before.len().saturating_sub(3)..).is_some_and(|name| name.eq_ignore_ascii_case("url"))
        {
            continue;
        }
        let rest = style.get(at + 1..).unwrap_or_default();
        let mut most = rest.len().min(crate::link::LONGEST);
        while !rest.is_char_boundary(most) {
            most -= 1;
        }
        let rest = rest.get(..most).unwrap_or_default();
        let value = rest.split(')').next().unwrap_or_default().trim().trim_matches(['"', '\'']).to_owned();
        page.references.push(Reference { place: Place::Style, value, offset, text: None });
    }
    for at in memmem::find_iter(style.as_bytes(), b"@import") {
        let rest = style.get(at + 7..).unwrap_or_default().trim_start();
        let Some(quote) = rest.chars().next().filter(|letter| matches!(letter, '"' | '\'')) else { continue };
        let value: String = rest.chars().skip(1).take(2_000).take_while(|letter| *letter != quote).collect();
        page.references.push(Reference { place: Place::Style, value, offset, text: None });
    }
}

/// The target of `5; url=…`.
fn refresh_target(content: &str) -> Option<String> {
    let (_, rest) = content.split_once([';', ','])?;
    let rest = rest.trim_start();
    let rest = match rest.get(..3) {
        Some(key) if key.eq_ignore_ascii_case("url") => {
            rest.get(3..)?.trim_start().strip_prefix('=')?.trim_start()
        }
        _ => rest,
    };
    Some(rest.trim_matches(['"', '\'', ' ']).to_owned())
}
