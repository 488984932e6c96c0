//! Puts a text into every place of a mail that its sender decides on.

use base64::Engine as _;

/// The mail with the text in subjects, display names, file names and text parts, also those of mails inside.
pub(crate) fn poisoned(mail: &str, text: &str) -> String {
    let mut out = String::with_capacity(mail.len() + 1024);
    let mut headers = true;
    let mut plain = Part::Text;
    for line in mail.split_inclusive('\n') {
        let bare = line.trim_end_matches(['\r', '\n']);
        let end = line.get(bare.len()..).unwrap_or("\n");
        if bare.starts_with("--") && !headers {
            if plain == Part::Text {
                out.push_str(text);
                out.push_str(end);
            }
            headers = true;
            plain = Part::Text;
        }
        let lower = bare.to_ascii_lowercase();
        if headers && lower.starts_with("content-type:") {
            plain = match lower.split(':').nth(1).map(str::trim) {
                Some(kind) if kind.starts_with("text/") => Part::Text,
                // The headers of the mail inside follow its own.
                Some(kind) if kind.starts_with("message/") => Part::Mail,
                _ => Part::Other,
            };
        }
        if headers && lower.contains("base64") || lower.contains("quoted-printable") {
            plain = Part::Other;
        }
        if headers && bare.is_empty() {
            headers = plain == Part::Mail;
            plain = if plain == Part::Mail { Part::Text } else { plain };
        }
        out.push_str(&match header(bare, &lower, text).filter(|_| headers) {
            Some(changed) => changed,
            None => bare.to_owned(),
        });
        out.push_str(end);
    }
    out
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Text,
    Mail,
    Other,
}

fn header(line: &str, lower: &str, text: &str) -> Option<String> {
    if let Some(subject) = lower.starts_with("subject:").then(|| line.get(8..)).flatten() {
        return Some(format!("Subject: {}", encoded(&format!("{} {text}", subject.trim()))));
    }
    if let Some(rest) = lower.starts_with("from:").then(|| line.get(5..)).flatten() {
        let (name, address) = rest.split_once('<')?;
        return Some(format!("From: {} <{address}", encoded(&format!("{} {text}", name.trim()))));
    }
    if let (Some(at), true) =
        (lower.find("filename="), lower.starts_with("content-disposition:") || line.starts_with(' '))
    {
        let (before, name) = line.split_at_checked(at)?;
        let bare = name.get(9..)?.trim_matches(['"', ';', ' ']);
        let whole: String = format!("{text} {bare}").bytes().map(|b| format!("%{b:02X}")).collect();
        return Some(format!("{before}filename*=utf-8''{whole}"));
    }
    None
}

/// As an encoded word, in pieces that fit.
fn encoded(text: &str) -> String {
    let mut words = Vec::new();
    let mut piece = String::new();
    for c in text.chars() {
        if piece.len() + c.len_utf8() > 40 {
            words.push(std::mem::take(&mut piece));
        }
        piece.push(c);
    }
    words.push(piece);
    let word =
        |piece: &String| format!("=?utf-8?B?{}?=", base64::engine::general_purpose::STANDARD.encode(piece));
    words.iter().map(word).collect::<Vec<_>>().join("\r\n ")
}
