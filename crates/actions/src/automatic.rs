//! Mail that machines wrote, and that a machine must not answer ([RFC 3834], section 2).
//!
//! Two answering machines that meet fill both mailboxes within minutes. The marks looked for are those of
//! out-of-office notes, bounces, read receipts, lists, and our own messages. Left out: guesses from words in the
//! subject.
//!
//! [RFC 3834]: https://www.rfc-editor.org/rfc/rfc3834#section-2

use exchange::Header;

/// Why this message is automatic, if it is.
pub(crate) fn reason(headers: &[Header]) -> Option<&'static str> {
    headers.iter().find_map(mark)
}

fn mark(header: &Header) -> Option<&'static str> {
    let name = header.name.trim().to_ascii_lowercase();
    let value = header.value.trim().to_ascii_lowercase();
    // The first word, without parameters and comments.
    let word = value.split([';', '(', ' ', '\t']).next().unwrap_or_default();
    match name.as_str() {
        "auto-submitted" if !word.is_empty() && word != "no" => Some("it carries Auto-Submitted"),
        "return-path" if value.is_empty() || value == "<>" => Some("its return path is empty"),
        "precedence" if matches!(word, "bulk" | "list" | "junk") => {
            Some("its Precedence is that of bulk mail")
        }
        "list-id" => Some("it came over a mailing list"),
        "content-type" if word == "multipart/report" => Some("it is a delivery report or a receipt"),
        _ if name.starts_with("x-portcullis-") => Some("Portcullis sent it"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, value: &str, automatic: bool) {
        let headers = [
            Header { name: "Subject".to_owned(), value: "x".to_owned() },
            Header { name: name.to_owned(), value: value.to_owned() },
        ];
        assert_eq!(reason(&headers).is_some(), automatic, "{name}: {value}");
    }

    #[test]
    fn machines_are_told_from_people() {
        check("Auto-Submitted", "auto-replied", true);
        check("AUTO-SUBMITTED", " auto-generated; owner=x", true);
        check("Auto-Submitted", "no", false);
        check("Auto-Submitted", "No (a person)", false);
        check("Return-Path", "<>", true);
        check("Return-Path", "<alice@corp.example>", false);
        check("Precedence", "bulk", true);
        check("Precedence", "List", true);
        check("Precedence", "first-class", false);
        check("List-Id", "<news.shop.example>", true);
        check("Content-Type", "multipart/report; report-type=delivery-status", true);
        check("Content-Type", "multipart/mixed; boundary=x", false);
        check("X-Portcullis-Key", "k", true);
        check("X-Mailer", "Outlook", false);
    }
}
