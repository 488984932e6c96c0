//! What is attached, as the output lists it.

use std::io::Write;

use plugin_sdk::{Artifact, ArtifactWriter, Failure};

use crate::anomaly::Code;
use crate::fields;
use crate::media::Media;
use crate::output::{Attachment, AttachmentKind, Opaque};
use crate::parse::{Assembly, Place};
use crate::structure::Part;
use crate::transfer::Encoding;

/// An attachment before its texts are cut to fit.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) name: Option<String>,
    pub(crate) other_name: Option<String>,
    pub(crate) content_type: String,
    pub(crate) content_id: Option<String>,
    pub(crate) disposition: Option<String>,
    pub(crate) is_inline: bool,
    pub(crate) message: Option<u32>,
    pub(crate) opaque: Option<Opaque>,
    pub(crate) content: Artifact,
}

impl Assembly {
    /// Lists a part; gives its index.
    pub(crate) fn attach(
        &mut self,
        place: &Place,
        part: &Part<'_>,
        message: Option<u32>,
        encoding: Option<Encoding>,
    ) -> Result<u32, Failure> {
        let (name, other_name) = self.names(part);
        if other_name.is_some() {
            self.anomalies.add(Code::TwoNames, "");
        }
        let content = match (message.and_then(|at| self.messages.get(at as usize)), encoding) {
            (Some(nested), _) => nested.content.clone(),
            (None, Some(encoding)) => self.store(part, encoding)?,
            (None, None) => Artifact::create(part.body, &part.media.name)?,
        };
        let disposition = self.disposition(part).map(|media| media.name).filter(|name| !name.is_empty());
        let content_id =
            fields::first(&part.fields, "content-id").map(|field| field.text(&mut self.anomalies));
        let listed = Listed {
            name,
            other_name,
            content_type: part.media.name.clone(),
            is_inline: disposition.as_deref() == Some("inline")
                || disposition.is_none() && content_id.is_some(),
            content_id,
            disposition,
            message,
            opaque: opaque(&part.media, encoding),
            content,
        };
        Ok(self.list(place, listed))
    }

    /// Lists an attachment; gives its index.
    pub(crate) fn list(&mut self, place: &Place, listed: Listed) -> u32 {
        let texts = &mut self.attachment_texts;
        let mut short = |text: Option<String>, most| text.map(|text| texts.text(text, most));
        let is_mail = listed.message.is_some() || Media::is_message_name(&listed.content_type);
        let attachment = Attachment {
            name: short(listed.name, 500),
            other_name: short(listed.other_name, 500),
            content_type: short(Some(listed.content_type), 100).unwrap_or_default(),
            size: listed.content.size,
            sha256: listed.content.artifact.trim_start_matches("sha256:").to_owned(),
            content_id: short(listed.content_id.map(|id| id.trim_matches(['<', '>', ' ']).to_owned()), 200),
            is_inline: listed.is_inline,
            disposition: short(listed.disposition, 50),
            kind: if is_mail { AttachmentKind::Message } else { AttachmentKind::File },
            message: listed.message,
            opaque: listed.opaque,
            part: place.path.clone(),
            container: place.container,
            content: listed.content,
        };
        let Some(mail) = self.mail(place.owner) else { return 0 };
        mail.attachments.push(attachment);
        u32::try_from(mail.attachments.len() - 1).unwrap_or(u32::MAX)
    }

    /// Says that an attachment was opened after it was listed.
    pub(crate) fn opened(&mut self, owner: Option<u32>, index: u32, message: Option<u32>) {
        let attachments = self.mail(owner).map(|mail| &mut mail.attachments);
        if let Some(attachment) = attachments.and_then(|list| list.get_mut(index as usize)) {
            attachment.opaque = None;
            if message.is_some() {
                attachment.message = message;
                attachment.kind = AttachmentKind::Message;
            }
        }
    }

    fn store(&mut self, part: &Part<'_>, encoding: Encoding) -> Result<Artifact, Failure> {
        let mut writer = ArtifactWriter::new()?;
        encoding.decode(part.body, &mut self.anomalies, |piece| writer.write_all(piece))?;
        let media_type: String = part.media.name.chars().take(100).collect();
        writer.finish(&media_type)
    }
}

fn opaque(media: &Media, encoding: Option<Encoding>) -> Option<Opaque> {
    match media.name.as_str() {
        _ if encoding == Some(Encoding::Uuencode) => Some(Opaque::Uuencode),
        name => opaque_by_name(name),
    }
}

/// What nothing here looks into, by its media type.
pub(crate) fn opaque_by_name(name: &str) -> Option<Opaque> {
    match name {
        "application/ms-tnef" | "application/vnd.ms-tnef" => Some(Opaque::Tnef),
        "application/pkcs7-mime"
        | "application/x-pkcs7-mime"
        | "application/pkcs7-signature"
        | "application/x-pkcs7-signature" => Some(Opaque::Smime),
        "application/pgp-encrypted" | "application/pgp-signature" | "application/pgp-keys" => {
            Some(Opaque::Pgp)
        }
        "application/applefile" => Some(Opaque::Appledouble),
        "message/partial" | "message/external-body" => Some(Opaque::External),
        _ => None,
    }
}
