//! [UpdateItem](https://learn.microsoft.com/exchange/client-developer/web-service-reference/updateitem-operation):
//! sets the read mark, or our properties on a draft. Never sends a read receipt.

use exchange::{Error, Header, ItemRef};

use crate::failure::{Effect, Failure};
use crate::op::Operation;
use crate::op::create_item::write_version;
use crate::op::move_item::references;
use crate::property::{KEY, Property};
use crate::xml::{Pull, Reader, Writer};

/// What to change.
pub(crate) enum Change<'a> {
    /// The read mark.
    Read(bool),
    /// Our key and further headers of a draft.
    Marks {
        /// The key.
        key: &'a str,
        /// The headers.
        headers: &'a [Header],
    },
}

/// A change of some items.
pub(crate) struct UpdateItem<'a> {
    pub(crate) items: &'a [ItemRef],
    pub(crate) change: Change<'a>,
}

impl Operation for UpdateItem<'_> {
    const NAME: &'static str = "UpdateItem";
    const ANSWER: &'static str = "UpdateItemResponse";
    const EFFECT: Effect = Effect::Changes;
    /// The references with their new versions.
    type Output = Vec<Result<ItemRef, Error>>;

    fn write(&self, out: &mut Writer) {
        out.open(
            "m:UpdateItem",
            &[
                ("ConflictResolution", "AlwaysOverwrite"),
                ("MessageDisposition", "SaveOnly"),
                // Required as soon as one of the items is a meeting.
                ("SendMeetingInvitationsOrCancellations", "SendToNone"),
                ("SuppressReadReceipts", "true"),
            ],
        );
        out.open("m:ItemChanges", &[]);
        for item in self.items {
            out.open("t:ItemChange", &[]);
            write_version(out, "t:ItemId", item);
            out.open("t:Updates", &[]);
            self.change.write(out);
            out.close("t:Updates");
            out.close("t:ItemChange");
        }
        out.close("m:ItemChanges");
        out.close("m:UpdateItem");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Self::Output, Failure> {
        references(reader, self.items, Self::NAME).await
    }
}

impl Change<'_> {
    fn write(&self, out: &mut Writer) {
        match self {
            Change::Read(read) => {
                let value = if *read { "true" } else { "false" };
                set(out, Property::Field("message:IsRead"), |out| out.word("t:IsRead", value));
            }
            Change::Marks { key, headers } => {
                set(out, KEY, |out| KEY.write_value(out, key));
                for header in *headers {
                    let property = Property::Header(&header.name);
                    set(out, property, |out| property.write_value(out, &header.value));
                }
            }
        }
    }
}

/// Writes one `SetItemField`.
fn set(out: &mut Writer, property: Property<'_>, value: impl FnOnce(&mut Writer)) {
    out.open("t:SetItemField", &[]);
    property.write(out);
    out.open("t:Message", &[]);
    value(out);
    out.close("t:Message");
    out.close("t:SetItemField");
}
