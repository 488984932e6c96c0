//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/convertid-operation>
//!
//! Every form holds the same bytes, marked and written differently, so that an id given as the wrong form is malformed.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::xml::Element;
use crate::model::store_error::{StoreError, Stored};

const NAME: &str = "ConvertId";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    EwsLegacy,
    Ews,
    Entry,
    HexEntry,
    Store,
    Owa,
}

const FORMATS: [(&str, Format); 6] = [
    ("EwsLegacyId", Format::EwsLegacy),
    ("EwsId", Format::Ews),
    ("EntryId", Format::Entry),
    ("HexEntryId", Format::HexEntry),
    ("StoreId", Format::Store),
    ("OwaId", Format::Owa),
];

/// What an entry id of MAPI begins with: no flags.
const ENTRY: [u8; 4] = [0; 4];
/// What a store id begins with, and what one of old begins with.
const STORE: [u8; 2] = [0x2c, 0x09];
const LEGACY: [u8; 2] = [0x41, 0x41];

impl Format {
    fn name(self) -> &'static str {
        FORMATS.iter().find(|(_, format)| *format == self).map_or("EwsId", |(name, _)| name)
    }

    fn write(self, bytes: &[u8]) -> String {
        match self {
            Format::Ews => STANDARD.encode(bytes),
            Format::EwsLegacy => STANDARD.encode([&LEGACY, bytes].concat()),
            Format::Entry => STANDARD.encode([&ENTRY, bytes].concat()),
            Format::HexEntry => [&ENTRY, bytes].concat().iter().map(|byte| format!("{byte:02X}")).collect(),
            Format::Store => STANDARD.encode([&STORE, bytes].concat()),
            Format::Owa => URL_SAFE.encode(bytes).replace('=', "%3d"),
        }
    }

    fn read(self, text: &str) -> Option<Vec<u8>> {
        let marked = |mark: &[u8]| Some(STANDARD.decode(text).ok()?.strip_prefix(mark)?.to_vec());
        match self {
            Format::Ews => STANDARD.decode(text).ok(),
            Format::EwsLegacy => marked(&LEGACY),
            Format::Entry => marked(&ENTRY),
            Format::HexEntry => {
                let (pairs, rest) = text.as_bytes().as_chunks::<2>();
                let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
                let bytes: Vec<u8> = pairs.iter().map(byte).collect::<Option<_>>()?;
                rest.is_empty().then_some(bytes)?.strip_prefix(&ENTRY).map(<[u8]>::to_vec)
            }
            Format::Store => marked(&STORE),
            Format::Owa => URL_SAFE.decode(text.replace("%3d", "=").replace("%3D", "=")).ok(),
        }
    }
}

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["SourceIds"])?;
    request.required_attribute("DestinationFormat")?;
    let to = request.one_of("DestinationFormat", &FORMATS)?.unwrap_or(Format::Ews);
    let sources: Vec<Element<'_>> = request.required("SourceIds")?.children().collect();
    for source in sources {
        source.required_attribute("Format")?;
        let from = source.one_of("Format", &FORMATS)?.unwrap_or(Format::Ews);
        let converted = match source.name() {
            "AlternateId" => mailbox_id(call, source, from, to)?,
            "AlternatePublicFolderId" => public_id(source, from, to, false)?,
            "AlternatePublicFolderItemId" => public_id(source, from, to, true)?,
            other => return Err(source.violation(&format!("'{other}' is no id."))),
        };
        match converted {
            Ok(element) => {
                call.success(NAME);
                call.out.raw(&element);
                call.end(NAME);
            }
            Err(error) => call.refuse(NAME, &error, ""),
        }
    }
    Ok(())
}

fn mailbox_id(
    call: &Call<'_>,
    source: Element<'_>,
    from: Format,
    to: Format,
) -> Result<Stored<String>, SoapFault> {
    let (id, mailbox) = (source.required_attribute("Id")?, source.required_attribute("Mailbox")?);
    if !mailbox.contains('@') {
        let text = "The SMTP address format is invalid.";
        return Ok(Err(StoreError::new("ErrorInvalidSmtpAddress", text)));
    }
    let written = |address: &str, id: &str| {
        let mut out = super::super::out::Out::default();
        out.raw("<m:AlternateId xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"t:AlternateIdType\" Format=\"");
        out.raw(to.name());
        out.raw("\" Id=\"");
        out.text(id);
        out.raw("\" Mailbox=\"");
        out.text(address);
        out.raw("\"/>");
        out.into_text()
    };
    // A server reads the mailbox out of the id, and clients rely on it: DavMail learns its own address so.
    let owner = converted(from, Format::Ews, id).ok().and_then(|id| owner(call, &id));
    let address = owner.unwrap_or_else(|| mailbox.to_owned());
    Ok(call.state.mailbox(&address).and_then(|found| Ok(written(&found.address, &converted(from, to, id)?))))
}

/// The mailbox that has what an id names.
fn owner(call: &Call<'_>, id: &str) -> Option<String> {
    let of_folder = call.state.mailboxes.values().find(|mailbox| mailbox.folder_by_id(id).is_some());
    match of_folder {
        Some(mailbox) => Some(mailbox.address.clone()),
        None => call.state.locate(None, id).ok().map(|place| place.mailbox),
    }
}

fn public_id(
    source: Element<'_>,
    from: Format,
    to: Format,
    is_item: bool,
) -> Result<Stored<String>, SoapFault> {
    let folder = converted(from, to, source.required_attribute("FolderId")?);
    let item = match is_item {
        true => Some(converted(from, to, source.required_attribute("ItemId")?)),
        false => None,
    };
    let kind = if is_item { "AlternatePublicFolderItemIdType" } else { "AlternatePublicFolderIdType" };
    let format = to.name();
    Ok(folder.and_then(|folder| {
        let item = item.transpose()?.map(|item| format!(" ItemId=\"{item}\"")).unwrap_or_default();
        Ok(format!(
            "<m:AlternateId xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"t:{kind}\" Format=\"{format}\" FolderId=\"{folder}\"{item}/>"
        ))
    }))
}

fn converted(from: Format, to: Format, id: &str) -> Stored<String> {
    let bytes = from.read(id).filter(|bytes| crate::model::id::read(&STANDARD.encode(bytes)).is_some());
    bytes.map(|bytes| to.write(&bytes)).ok_or_else(StoreError::malformed_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_becomes_every_other_and_back() {
        // Without these characters the form of OWA is the same as that of EWS.
        let all = (0..=u8::MAX).map(|number| crate::model::id::item(&[&[number]]));
        let id = all.into_iter().find(|id| id.contains(['+', '/'])).unwrap();
        for (_, from) in FORMATS {
            let start = converted(Format::Ews, from, &id).unwrap();
            for (_, to) in FORMATS {
                let there = converted(from, to, &start).unwrap();
                assert_eq!(converted(to, Format::Ews, &there).unwrap(), id, "{from:?} {to:?}");
                if from != to && from != Format::Ews {
                    assert!(converted(to, Format::Ews, &start).is_err(), "{from:?} as {to:?}");
                }
            }
        }
    }
}
