//! [CreateItem](https://learn.microsoft.com/exchange/client-developer/web-service-reference/createitem-operation)
//! of one draft from its MIME form, whose bytes are read while the request is written.
//!
//! Nothing stands beside the MIME form but our key: a property that a message has in both places counts as it stands
//! beside, and the message would not be the one that was given.

use exchange::{Error, ItemRef, MimeDraft};

use crate::failure::{Effect, Failure};
use crate::folder::Target;
use crate::object::{ExtendedName, Field};
use crate::op::Operation;
use crate::op::create_item::{CreateItem, Disposition};
use crate::op::delete_item::Invitations;
use crate::op::outcome::outcomes;
use crate::property::KEY_NAME;
use crate::xml::{Pull, Reader, Writer};

/// A draft to be made among the drafts.
pub(crate) struct KeepMime<'a> {
    pub(crate) draft: &'a MimeDraft,
}

impl Operation for KeepMime<'_> {
    const NAME: &'static str = CreateItem::NAME;
    const ANSWER: &'static str = CreateItem::ANSWER;
    const EFFECT: Effect = Effect::Changes;
    type Output = Vec<Result<Option<ItemRef>, Error>>;

    fn write(&self, out: &mut Writer) {
        let MimeDraft { size, content, key } = self.draft;
        out.open(
            "m:CreateItem",
            &[
                ("MessageDisposition", Disposition::Save.word()),
                ("SendMeetingInvitations", Invitations::Nobody.word()),
            ],
        );
        out.open("m:SavedItemFolderId", &[]);
        Target::Known("drafts").write(out);
        out.close("m:SavedItemFolderId");
        out.open("m:Items", &[]);
        out.open("t:Message", &[]);
        out.base64_of("t:MimeContent", content.as_ref(), *size);
        Field::Extended(ExtendedName::public_string(KEY_NAME), vec![key.clone()]).write(out);
        out.close("t:Message");
        out.close("m:Items");
        out.close("m:CreateItem");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Self::Output, Failure> {
        let all = outcomes(reader, &[""], Self::NAME).await?;
        Ok(all.into_iter().map(|one| one.map(|outcome| outcome.reference)).collect())
    }
}
