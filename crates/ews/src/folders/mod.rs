//! Folders as an embedder sees them, and what the operations on folders share: reading one, and asking about several
//! of which one bad name never loses the others.

mod filter;
mod folder;

use exchange::{Error, ErrorKind, Mailbox};

use crate::answer::{Message, Results};
use crate::client::EwsClient;
use crate::failure::{Effect, Failure};
use crate::folder::Target;
use crate::malformed::Reason;
use crate::object::FolderAt;
use crate::op::Operation;
use crate::port::batch;
use crate::property::Property;
use crate::xml::{Pull, Reader, Writer};

pub use filter::FolderFilter;
pub use folder::{Folder, FolderKind};

/// Writes `FolderShape`: names and counts, and what the default leaves out.
pub(crate) fn write_shape(out: &mut Writer) {
    out.open("m:FolderShape", &[]);
    out.word("t:BaseShape", "Default");
    crate::property::write_list(
        out,
        &[
            Property::Field("folder:ParentFolderId"),
            Property::Field("folder:FolderClass"),
            Property::Field("folder:DistinguishedFolderId"),
            Property::Mark(folder::HIDDEN),
        ],
    );
    out.close("m:FolderShape");
}

/// Writes a list of folders.
pub(crate) fn write_ids(out: &mut Writer, name: &'static str, folders: &[Target]) {
    out.open(name, &[]);
    for folder in folders {
        folder.write(out);
    }
    out.close(name);
}

/// Reads one folder per folder that was asked about.
pub(crate) async fn read_each<P: Pull>(
    reader: &mut Reader<P>,
    asked: usize,
    operation: &'static str,
    effect: Effect,
) -> Result<Vec<Result<Folder, Error>>, Failure> {
    let mut results = Results::new(asked);
    while reader.child().await? {
        results.place(reader)?;
        let mut message = Message::begin(reader);
        let mut found = None;
        while reader.child().await? {
            match reader.name() {
                b"Folders" => {
                    while reader.child().await? {
                        if found.is_some() {
                            return Err(reader.error(Reason::Count { asked: 1, got: 2 }));
                        }
                        found = Some(Folder::read(reader).await?);
                    }
                }
                _ => message.other(reader).await?,
            }
        }
        results.push(match (message.finish(operation, effect), found) {
            (Err(error), _) => Err(error),
            (Ok(()), Some(folder)) => Ok(folder),
            (Ok(()), None) => return Err(reader.error(Reason::Missing("a folder"))),
        });
    }
    results.finish(reader)
}

/// Reads one outcome per folder that was asked about.
pub(crate) async fn read_done<P: Pull>(
    reader: &mut Reader<P>,
    asked: usize,
    operation: &'static str,
    effect: Effect,
) -> Result<Vec<Result<(), Error>>, Failure> {
    let mut results = Results::new(asked);
    while reader.child().await? {
        results.place(reader)?;
        let mut message = Message::begin(reader);
        while reader.child().await? {
            message.other(reader).await?;
        }
        results.push(message.finish(operation, effect));
    }
    results.finish(reader)
}

impl EwsClient {
    /// Makes an operation of the folders that are found, and calls it for so many at a time. A folder that is not found
    /// has that as its result.
    pub(crate) async fn each_folder<T, O>(
        &self,
        mailbox: &Mailbox,
        folders: &[FolderAt],
        operation: impl Fn(Vec<Target>) -> O,
    ) -> Result<Vec<Result<T, Error>>, Error>
    where
        O: Operation<Output = Vec<Result<T, Error>>>,
    {
        let mut targets = Vec::with_capacity(folders.len());
        let mut missing = Vec::with_capacity(folders.len());
        for folder in folders {
            match self.target_at(mailbox, folder).await {
                Ok(target) => {
                    targets.push(target);
                    missing.push(None);
                }
                Err(error) => missing.push(Some(error)),
            }
        }
        let done =
            batch::run(&targets, self.batch(), |some| self.call(mailbox, operation(some.to_vec()))).await?;
        let mut done = done.into_iter();
        let result = |missing: Option<Error>| match missing {
            Some(error) => Err(error),
            None => done.next().unwrap_or_else(|| {
                Err(Error::new(ErrorKind::Invalid, format!("{} at {mailbox}: there is no result", O::NAME)))
            }),
        };
        Ok(missing.into_iter().map(result).collect())
    }
}
