//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/getattachment-operation>

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::item_writer::{ItemView, describe, element};
use super::super::shape::{BodyKind, Shape, read_body_kind};
use super::super::xml::Element;
use crate::model::attached::{self, Attached};
use crate::model::state::Place;
use crate::model::store_error::Stored;

const NAME: &str = "GetAttachment";

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["AttachmentShape", "AttachmentIds"])?;
    let mut shape = Shape::attached_message(false, BodyKind::Best);
    if let Some(asked) = request.child("AttachmentShape") {
        asked.sequence(&["IncludeMimeContent", "BodyType", "FilterHtmlContent", "AdditionalProperties"])?;
        let mime = asked.child("IncludeMimeContent").map(Element::flag).transpose()?.unwrap_or(false);
        let body = asked.child("BodyType").map(read_body_kind).transpose()?.unwrap_or(BodyKind::Best);
        shape = Shape::attached_message(mime, body);
        for path in asked.child("AdditionalProperties").iter().flat_map(|paths| paths.children()) {
            shape.add(super::super::paths::read(path)?, false)?;
        }
    }
    let ids: Vec<Element<'_>> = request.required("AttachmentIds")?.children().collect();
    for id in ids {
        let id = id.required_attribute("Id")?;
        match find(call, id) {
            Ok((place, found)) => write(call, &place, &found, &shape, id),
            Err(error) => call.refuse(NAME, &error, "<m:Attachments/>"),
        }
    }
    Ok(())
}

fn find(call: &Call<'_>, id: &str) -> Stored<(Place, Attached)> {
    let (item, path) = attached::read_id(id)?;
    let place = call.locate(&item).map_err(attached::not_found)?;
    let found = attached::find(call.state.item(&place)?, &path)?;
    Ok((place, found))
}

fn write(call: &mut Call<'_>, place: &Place, found: &Attached, shape: &Shape, id: &str) {
    call.success(NAME);
    let Call { state, out, .. } = call;
    if let Some(mailbox) = state.mailboxes.get(&place.mailbox)
        && let Some(item) = mailbox.items.get(&place.key)
    {
        let (open, close) = element(&found.attachment);
        out.raw("<m:Attachments>");
        out.raw(open);
        out.raw(&format!("<t:AttachmentId Id=\"{id}\"/>"));
        describe(out, &found.attachment, item.modified);
        if found.attachment.is_message {
            let inner = found.as_item(item);
            ItemView { mailbox, item: &inner, shape, attached: Some(&found.path) }.write(out);
        } else {
            out.raw("<t:Content>");
            out.base64(&found.attachment.bytes);
            out.raw("</t:Content>");
        }
        out.raw(close);
        out.raw("</m:Attachments>");
    }
    call.end(NAME);
}
