//! Every code has a page that is whole. That the examples do what they promise is tested where the real actions
//! are, in the command line's tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use portcullis_playbook::{codes, explain, families};

#[test]
fn every_code_has_a_page() {
    let mut missing: Vec<&str> =
        codes::all().map(|code| code.code).filter(|code| explain(code).is_none()).collect();
    missing.sort_unstable();
    assert!(missing.is_empty(), "no page in crates/playbook/src/explain for {missing:?}");
}

#[test]
fn pages_are_whole() {
    for code in codes::all() {
        let page = explain(code.code).unwrap();
        assert!(!page.why.is_empty() && !page.what.is_empty(), "{page:?}");
        assert!(!page.wrong.text.is_empty() && !page.right.text.is_empty(), "{page:?}");
        assert_ne!(
            (&page.wrong.text, &page.wrong.files),
            (&page.right.text, &page.right.files),
            "{}",
            page.code
        );
        for text in [page.to_text(), page.to_markdown()] {
            assert!(text.contains(page.what.split(' ').next().unwrap()), "{text}");
            assert!(text.contains("Wrong:") && text.contains("Right:"), "{text}");
            assert!(!text.contains('\u{202e}') && !text.contains('\t'), "{text:?}");
        }
    }
}

#[test]
fn a_page_is_found_however_the_code_is_written() {
    assert_eq!(explain(" p0301\n"), explain("P0301"));
    for other in ["", "P", "P0000", "P03", "P03011", "E0301", "## P0301"] {
        assert_eq!(explain(other), None, "{other:?}");
    }
}

#[test]
fn families_hold_every_code_once_and_in_order() {
    let listed: Vec<&str> =
        families().iter().flat_map(|(_, _, codes)| codes.iter().map(|code| code.code)).collect();
    let mut sorted = listed.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(listed, sorted);
    assert_eq!(listed.len(), codes::all().count());
}
