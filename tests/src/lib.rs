//! The repository as the tests see it that look at all of it. The tests themselves lie beside `src`.

mod tree;

pub use tree::{File, files, root};
