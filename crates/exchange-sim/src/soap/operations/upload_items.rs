//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/uploaditems-operation>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::xml::Element;
use crate::model::state::Place;
use crate::model::store_error::{StoreError, Stored};

const NAME: &str = "UploadItems";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    CreateNew,
    Update,
    UpdateOrCreate,
}

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["Items"])?;
    let mut all = Vec::new();
    for item in request.required("Items")?.children() {
        item.sequence(&["ParentFolderId", "ItemId", "Data"])?;
        let actions = [
            ("CreateNew", Action::CreateNew),
            ("Update", Action::Update),
            ("UpdateOrCreate", Action::UpdateOrCreate),
        ];
        item.required_attribute("CreateAction")?;
        let action = item.one_of("CreateAction", &actions)?.unwrap_or(Action::CreateNew);
        let data = item.required("Data")?;
        let text: String = data.text().split_ascii_whitespace().collect();
        let bytes = STANDARD.decode(text).map_err(|_| {
            data.violation("The 'Data' element is invalid according to its datatype 'base64Binary'.")
        })?;
        all.push((item, action, Bytes::from(bytes)));
    }
    for (item, action, bytes) in all {
        match upload(call, item, action, &bytes)? {
            Ok(place) => {
                call.success(NAME);
                if let Ok(item) = call.state.item(&place) {
                    let id = format!("<m:ItemId Id=\"{}\" ChangeKey=\"{}\"/>", item.id, item.change_key());
                    call.out.raw(&id);
                }
                call.end(NAME);
            }
            Err(error) => call.refuse(NAME, &error, ""),
        }
    }
    Ok(())
}

fn upload(
    call: &mut Call<'_>,
    item: Element<'_>,
    action: Action,
    bytes: &Bytes,
) -> Result<Stored<Place>, SoapFault> {
    let parent = item.required("ParentFolderId")?;
    let parent = call.folder_by_id(parent.required_attribute("Id")?);
    let there = match item.child("ItemId") {
        Some(id) => Some(call.place(id)?),
        None => None,
    };
    let (mailbox, folder) = match parent {
        Ok(parent) => parent,
        Err(error) => return Ok(Err(error)),
    };
    let create = |call: &mut Call<'_>| call.state.upload_new(&mailbox, folder, bytes);
    Ok(match (action, there) {
        (Action::CreateNew, None) => create(call),
        (Action::CreateNew, Some(_)) => {
            let text = "An item that is to be created has no id yet.";
            Err(StoreError::new("ErrorInvalidOperation", text))
        }
        (Action::UpdateOrCreate, None | Some(Err(_))) => create(call),
        (_, Some(Ok(place))) => call.state.upload_over(&place, bytes).map(|()| place),
        (Action::Update, Some(Err(error))) => Err(error),
        (Action::Update, None) => Err(StoreError::item_not_found()),
    })
}
