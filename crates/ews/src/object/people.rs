//! People and bodies in both directions.

use exchange::{Address, BodyText};

use crate::failure::Failure;
use crate::xml::{Pull, Reader, Writer};

/// Writes `t:Mailbox`.
pub(crate) fn write_mailbox(out: &mut Writer, address: &Address) {
    out.open("t:Mailbox", &[]);
    if let Some(name) = &address.name {
        out.text("t:Name", name);
    }
    out.exact("t:EmailAddress", &address.address);
    out.close("t:Mailbox");
}

/// Writes a body as the element `name`.
pub(crate) fn write_body(out: &mut Writer, name: &'static str, body: &BodyText) {
    match body {
        BodyText::Text(text) => out.text_with(name, &[("BodyType", "Text")], text),
        BodyText::Html(html) => out.text_with(name, &[("BodyType", "HTML")], html),
    }
}

/// Reads the current element, which is a `Mailbox`. One without an address is `None`: nothing can be done with it.
pub(crate) async fn read_mailbox<P: Pull>(reader: &mut Reader<P>) -> Result<Option<Address>, Failure> {
    let mut name = None;
    let mut address = None;
    while reader.child().await? {
        match reader.name() {
            b"Name" => name = filled(reader.text().await?),
            b"EmailAddress" => address = filled(reader.text().await?),
            _ => reader.skip().await?,
        }
    }
    Ok(address.map(|address| Address { name, address }))
}

/// Every `Mailbox` in the current element.
pub(crate) async fn read_mailboxes<P: Pull>(reader: &mut Reader<P>) -> Result<Vec<Address>, Failure> {
    let mut all = Vec::new();
    while reader.child().await? {
        if reader.name() == b"Mailbox" {
            all.extend(read_mailbox(reader).await?);
        } else {
            reader.skip().await?;
        }
    }
    Ok(all)
}

/// A text that is there, if it is not empty.
pub(crate) fn filled(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// Every text directly below the current element.
pub(crate) async fn read_strings<P: Pull>(reader: &mut Reader<P>) -> Result<Vec<String>, Failure> {
    let mut all = Vec::new();
    while reader.child().await? {
        all.push(reader.text().await?);
    }
    Ok(all)
}
