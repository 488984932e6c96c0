//! Reads what a connection opens at a server: mailboxes, archives or public folders, and what the server and readers of
//! its mail are told about language, time and charset.

use std::sync::Arc;

use exchange::Mailbox;
use expr::nearest;

use super::fields::Fields;
use super::keys::STORES;
use super::problem::Sink;
use super::profile::Opened;
use super::tree::{Entry, Value};

/// The charsets by the number of their code page in Windows, as other programs ask for them, and by name.
const CODE_PAGES: [(u32, &str); 36] = [
    (866, "ibm866"),
    (874, "windows-874"),
    (932, "shift_jis"),
    (936, "gbk"),
    (949, "euc-kr"),
    (950, "big5"),
    (1250, "windows-1250"),
    (1251, "windows-1251"),
    (1252, "windows-1252"),
    (1253, "windows-1253"),
    (1254, "windows-1254"),
    (1255, "windows-1255"),
    (1256, "windows-1256"),
    (1257, "windows-1257"),
    (1258, "windows-1258"),
    (10000, "macintosh"),
    (20866, "koi8-r"),
    (20932, "euc-jp"),
    (21866, "koi8-u"),
    (28591, "iso-8859-1"),
    (28592, "iso-8859-2"),
    (28593, "iso-8859-3"),
    (28594, "iso-8859-4"),
    (28595, "iso-8859-5"),
    (28596, "iso-8859-6"),
    (28597, "iso-8859-7"),
    (28598, "iso-8859-8"),
    (28599, "iso-8859-9"),
    (28603, "iso-8859-13"),
    (28605, "iso-8859-15"),
    (50220, "iso-2022-jp"),
    (51932, "euc-jp"),
    (51949, "euc-kr"),
    (54936, "gb18030"),
    (65001, "utf-8"),
    (20127, "us-ascii"),
];

/// Everything of that.
pub(super) fn opened(fields: &Fields<'_>, sink: &mut Sink) -> Opened {
    Opened {
        store: store(fields, sink),
        anchor: fields.address("anchor", sink),
        time_zone: time_zone(fields, sink),
        culture: culture(fields, sink),
        charset: code_page(fields, sink),
    }
}

fn store(fields: &Fields<'_>, sink: &mut Sink) -> ews::Store {
    let (hierarchy, content) =
        (fields.address("public_folder_hierarchy", sink), fields.address("public_folder_content", sink));
    let said = fields.word("store", STORES, sink);
    if said == Some("public_folders") {
        let name = |mailbox: Option<Mailbox>| mailbox.map(|mailbox| mailbox.as_str().to_owned());
        return ews::Store::PublicFolders { hierarchy: name(hierarchy), content: name(content) };
    }
    if let Some(entry) = fields.first_of(&["public_folder_hierarchy", "public_folder_content"])
        // What is wrong with `store` itself is said already.
        && (said.is_some() || fields.get("store").is_none())
    {
        sink.error(entry.place, format!("`{}` fits only `store: public_folders`", entry.key));
    }
    match said {
        Some("archive") => ews::Store::Archive,
        _ => ews::Store::Primary,
    }
}

/// The name of a time zone in Windows.
fn time_zone(fields: &Fields<'_>, sink: &mut Sink) -> Option<String> {
    let text = fields.text("time_zone", sink)?;
    let fits = text.len() <= 100
        && text.chars().next().is_some_and(char::is_alphabetic)
        && text.chars().all(|c| c.is_ascii_alphanumeric() || " .()+-:".contains(c));
    // The names of the other kind have a slash.
    if fits {
        return Some(text.to_owned());
    }
    sink.error(
        fields.place_of("time_zone"),
        format!(
            "`time_zone` of {} must be the name of a time zone in Windows, such as `W. Europe Standard Time`; \
             `tzutil /l` lists them there",
            fields.what
        ),
    );
    None
}

/// A language, and mostly a country.
fn culture(fields: &Fields<'_>, sink: &mut Sink) -> Option<String> {
    let text = fields.text("culture", sink)?;
    let mut parts = text.split('-');
    let language = parts.next().is_some_and(|part| {
        (2..=3).contains(&part.len()) && part.bytes().all(|letter| letter.is_ascii_lowercase())
    });
    let rest = parts.all(|part| {
        (2..=8).contains(&part.len()) && part.bytes().all(|letter| letter.is_ascii_alphanumeric())
    });
    if language && rest {
        return Some(text.to_owned());
    }
    let place = fields.place_of("culture");
    sink.error(place, format!("`culture` of {} must be a language such as `de-DE` or `en`", fields.what));
    None
}

/// The name of the charset, by its number or its name.
fn code_page(fields: &Fields<'_>, sink: &mut Sink) -> Option<Arc<str>> {
    let Entry { value: node, .. } = fields.get("code_page")?;
    let said = match &node.value {
        Value::Number(number) => number.clone(),
        _ => fields.text("code_page", sink)?.trim().to_ascii_lowercase(),
    };
    let digits = said.strip_prefix("cp").unwrap_or(&said);
    let known = |(number, name): &&(u32, &'static str)| *name == said || digits.parse() == Ok(*number);
    if let Some((_, name)) = CODE_PAGES.iter().find(known) {
        return Some(Arc::from(*name));
    }
    let help = nearest(&said, CODE_PAGES.iter().map(|(_, name)| *name)).map_or_else(
        || "write its number, such as 1252 or 65001, or its name, such as `windows-1252`".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    sink.error(
        node.place,
        format!("`code_page` of {}: there is no such code page here; {help}", fields.what),
    );
    None
}
