//! Items as requests name them: by their ids, or by their place in a series of calendar items.

use super::call::Call;
use super::fault::SoapFault;
use super::xml::Element;
use crate::model::series;
use crate::model::state::Place;
use crate::model::store_error::Stored;

/// The elements that name an item.
const NAMES: [&str; 3] = ["ItemId", "OccurrenceItemId", "RecurringMasterItemId"];

/// An item, or one occurrence of it.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) place: Place,
    /// Which occurrence, from 1.
    pub(crate) number: Option<u32>,
}

impl Call<'_> {
    /// What an element names.
    pub(crate) fn target(&self, named: Element<'_>) -> Result<Stored<Target>, SoapFault> {
        let (id, number) = match named.name() {
            "OccurrenceItemId" => {
                let index = named.required_attribute("InstanceIndex")?;
                let number = index.parse::<i32>().map_err(|_| {
                    named.violation(&format!(
                        "The 'InstanceIndex' attribute is invalid - The value '{index}'."
                    ))
                })?;
                // A number below 1 is out of the range of every series.
                let number = u32::try_from(number).unwrap_or(0);
                (named.required_attribute("RecurringMasterId")?.to_owned(), Some(number))
            }
            "RecurringMasterItemId" => {
                let id = named.required_attribute("OccurrenceId")?;
                (series::read_id(id).map_or_else(|| id.to_owned(), |(master, _)| master), None)
            }
            _ => {
                let id = named.required_attribute("Id")?;
                match series::read_id(id) {
                    Some((master, number)) => (master, Some(number)),
                    None => (id.to_owned(), None),
                }
            }
        };
        Ok(self.locate(&id).and_then(|place| {
            if let Some(number) = number {
                self.state.item(&place)?.occurrence(number)?;
            }
            Ok(Target { place, number })
        }))
    }
}

/// What a request names. All of it is checked before the first is touched.
pub(crate) fn read<'a>(request: Element<'a>) -> Result<Vec<Element<'a>>, SoapFault> {
    let named: Vec<Element<'a>> = request.required("ItemIds")?.children().collect();
    for one in &named {
        if !NAMES.contains(&one.name()) {
            let text = format!("The simulator has no items by {}.", one.name());
            return Err(SoapFault::new("ErrorInvalidOperation", text));
        }
        if one.name() == "ItemId" {
            one.required_attribute("Id")?;
        }
    }
    Ok(named)
}
