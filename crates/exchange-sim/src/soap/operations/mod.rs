//! The operations, one file each.
//!
//! To add one: a file with `answer`, a line in [`find`], and its request in the tests.

mod delete_item;
mod find_item;
mod get_item;

use super::call::Call;
use super::fault::SoapFault;
use super::xml::Element;

/// Answers one operation: reads its element, acts, and writes the response messages.
pub(crate) type Operation = fn(&mut Call<'_>, Element<'_>) -> Result<(), SoapFault>;

/// The operation with this name.
pub(crate) fn find(name: &str) -> Option<Operation> {
    Some(match name {
        "DeleteItem" => delete_item::answer,
        "FindItem" => find_item::answer,
        "GetItem" => get_item::answer,
        _ => return None,
    })
}
