//! `portcullis explain CODE`: what a code means, why there is such a rule, and how it looks wrong and right.
//!
//! The pages are Markdown beside this file, one per family, because they are prose: an author reviews them without
//! reading Rust. They are taken apart when one is asked for. A test runs every example through the real checker,
//! so no page can promise what the checker does not do.

mod page;

pub use page::{Example, Page};

use crate::codes;

/// The families by their first three characters: what they are about, and their pages.
const FAMILIES: [(&str, &str, &str); 9] = [
    ("P01", "the file and its text", include_str!("P01.md")),
    ("P02", "shape", include_str!("P02.md")),
    ("P03", "names", include_str!("P03.md")),
    ("P04", "types", include_str!("P04.md")),
    ("P05", "inputs of actions", include_str!("P05.md")),
    ("P06", "flow", include_str!("P06.md")),
    ("P07", "policy", include_str!("P07.md")),
    ("P08", "trust", include_str!("P08.md")),
    ("P09", "plugins", include_str!("P09.md")),
];

/// The page of a code such as `P0301`, in upper or lower case.
pub fn explain(code: &str) -> Option<Page> {
    let wanted = code.trim().to_ascii_uppercase();
    let code = codes::all().find(|code| code.code == wanted)?;
    let (_, _, pages) = FAMILIES.iter().find(|(family, ..)| wanted.starts_with(family))?;
    Page::find(pages, code)
}

/// Every family that has codes: its first three characters, what it is about, and its codes in order.
pub fn families() -> Vec<(&'static str, &'static str, Vec<&'static codes::Code>)> {
    let mut all: Vec<&codes::Code> = codes::all().collect();
    all.sort_by_key(|code| code.code);
    FAMILIES
        .iter()
        .map(|(family, about, _)| {
            (*family, *about, all.iter().copied().filter(|code| code.code.starts_with(family)).collect())
        })
        .filter(|(_, _, codes): &(_, _, Vec<_>)| !codes.is_empty())
        .collect()
}
