//! [FindFolder](https://learn.microsoft.com/exchange/client-developer/web-service-reference/findfolder-operation):
//! the folders of one name directly below another.

use crate::answer::Message;
use crate::condition::Condition;
use crate::failure::{Effect, Failure};
use crate::folder::Target;
use crate::malformed::Reason;
use crate::op::Operation;
use crate::property::Property;
use crate::xml::{Pull, Reader, Writer};

/// How many folders that differ only in case are looked at.
const MOST: usize = 16;

/// A look for one folder.
pub(crate) struct FindFolder<'a> {
    pub(crate) parent: &'a Target,
    pub(crate) name: &'a str,
}

impl Operation for FindFolder<'_> {
    const NAME: &'static str = "FindFolder";
    const ANSWER: &'static str = "FindFolderResponse";
    const EFFECT: Effect = Effect::Reads;
    /// Ids and display names.
    type Output = Vec<(String, String)>;

    fn write(&self, out: &mut Writer) {
        out.open("m:FindFolder", &[("Traversal", "Shallow")]);
        out.open("m:FolderShape", &[]);
        out.word("t:BaseShape", "IdOnly");
        out.open("t:AdditionalProperties", &[]);
        Property::Field("folder:DisplayName").write(out);
        out.close("t:AdditionalProperties");
        out.close("m:FolderShape");
        let most = MOST.to_string();
        out.empty(
            "m:IndexedPageFolderView",
            &[("MaxEntriesReturned", &most), ("Offset", "0"), ("BasePoint", "Beginning")],
        );
        out.open("m:Restriction", &[]);
        Condition::Same(Property::Field("folder:DisplayName"), self.name.into()).write(out);
        out.close("m:Restriction");
        out.open("m:ParentFolderIds", &[]);
        self.parent.write(out);
        out.close("m:ParentFolderIds");
        out.close("m:FindFolder");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Self::Output, Failure> {
        let mut found = None;
        while reader.child().await? {
            if found.is_some() {
                return Err(reader.error(Reason::Count { asked: 1, got: 2 }));
            }
            let mut message = Message::begin(reader);
            let mut page = None;
            while reader.child().await? {
                match reader.name() {
                    b"RootFolder" => page = Some(folders(reader).await?),
                    _ => message.other(reader).await?,
                }
            }
            message.finish(Self::NAME, Self::EFFECT)?;
            found = page;
        }
        found.ok_or_else(|| reader.error(Reason::Missing("RootFolder")))
    }
}

async fn folders<P: Pull>(reader: &mut Reader<P>) -> Result<Vec<(String, String)>, Failure> {
    let mut all = Vec::new();
    while reader.child().await? {
        if reader.name() != b"Folders" {
            reader.skip().await?;
            continue;
        }
        while reader.child().await? {
            all.push(folder(reader).await?);
        }
    }
    Ok(all)
}

async fn folder<P: Pull>(reader: &mut Reader<P>) -> Result<(String, String), Failure> {
    let mut id = None;
    let mut name = String::new();
    while reader.child().await? {
        match reader.name() {
            b"FolderId" => {
                id = reader.attribute("Id");
                reader.skip().await?;
            }
            b"DisplayName" => name = reader.text().await?,
            _ => reader.skip().await?,
        }
    }
    let id = id.ok_or_else(|| reader.error(Reason::Missing("FolderId")))?;
    Ok((id, name))
}
