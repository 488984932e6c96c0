//! Reports as JUnit XML, in the form that build servers read.

use std::fmt::Write;

/// The cases of one playbook.
#[derive(Debug, Clone, PartialEq)]
pub struct JUnitSuite {
    /// The playbook's file.
    pub name: String,
    /// Its cases.
    pub cases: Vec<JUnitCase>,
}

/// One case.
#[derive(Debug, Clone, PartialEq)]
pub struct JUnitCase {
    /// What it shows.
    pub name: String,
    /// The file it stands in.
    pub file: String,
    /// How long it took, in milliseconds.
    pub millis: u64,
    /// Why it did not pass, if it did not: a line, and the rest.
    pub failure: Option<(String, String)>,
    /// Whether it could not be judged at all.
    pub is_error: bool,
}

/// The XML document. Whatever the texts hold, it is well-formed.
pub fn junit(suites: &[JUnitSuite]) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let all = || suites.iter().flat_map(|suite| &suite.cases);
    let _ = writeln!(xml, "<testsuites name=\"portcullis test\"{}>", counts(all()));
    for suite in suites {
        let _ = writeln!(
            xml,
            "  <testsuite name=\"{}\"{} skipped=\"0\">",
            escaped(&suite.name),
            counts(suite.cases.iter())
        );
        for case in &suite.cases {
            let (name, file, time) = (escaped(&case.name), escaped(&case.file), seconds(case.millis));
            let head = format!("    <testcase name=\"{name}\" classname=\"{file}\" time=\"{time}\"");
            match &case.failure {
                None => {
                    let _ = writeln!(xml, "{head}/>");
                }
                Some((line, text)) => {
                    let tag = if case.is_error { "error" } else { "failure" };
                    let kind = if case.is_error { "error" } else { "expectation" };
                    let (line, text) = (escaped(line), escaped(text));
                    let _ = writeln!(xml, "{head}>");
                    let _ = writeln!(xml, "      <{tag} message=\"{line}\" type=\"{kind}\">{text}</{tag}>");
                    let _ = writeln!(xml, "    </testcase>");
                }
            }
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn counts<'c>(cases: impl Iterator<Item = &'c JUnitCase>) -> String {
    let (mut tests, mut failures, mut errors, mut millis) = (0_u64, 0_u64, 0_u64, 0_u64);
    for case in cases {
        tests += 1;
        errors += u64::from(case.failure.is_some() && case.is_error);
        failures += u64::from(case.failure.is_some() && !case.is_error);
        millis = millis.saturating_add(case.millis);
    }
    format!(" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{}\"", seconds(millis))
}

fn seconds(millis: u64) -> String {
    format!("{}.{:03}", millis / 1_000, millis % 1_000)
}

/// Text for an element or an attribute. XML 1.0 has no way to write most control characters, so they are shown.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. if !c.is_control() => out.push(c),
            other => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(other));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_well_formed_xml() {
        let case = JUnitCase {
            name: "a \"b\" <c> ]]> \u{0}\u{1b}[31m \u{fffe}\r".to_owned(),
            file: "cases/a&b.yaml".to_owned(),
            millis: 1_234,
            failure: Some(("line".to_owned(), "first\n]]>\u{7}".to_owned())),
            is_error: false,
        };
        let fine = JUnitCase { failure: None, ..case.clone() };
        let xml = junit(&[JUnitSuite { name: "p".to_owned(), cases: vec![case, fine] }]);
        assert!(xml.contains("tests=\"2\" failures=\"1\" errors=\"0\" time=\"2.468\""), "{xml}");
        assert!(
            xml.contains("name=\"a &quot;b&quot; &lt;c&gt; ]]&gt; \\u{0}\\u{1b}[31m \\u{fffe}\\u{d}\""),
            "{xml}"
        );
        assert!(xml.contains("type=\"expectation\">first&#10;]]&gt;\\u{7}</failure>"), "{xml}");
        assert!(xml.chars().all(|c| c == '\n' || !c.is_control()), "{xml}");
    }
}
