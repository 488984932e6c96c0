//! [FindPeople](https://learn.microsoft.com/exchange/client-developer/web-service-reference/findpeople-operation):
//! people in the directory or in a folder of contacts, page by page.

use exchange::{DirectoryEntry, Error, Mailbox};

use crate::answer::Message;
use crate::client::EwsClient;
use crate::directory::{entries, entry};
use crate::failure::{Effect, Failure};
use crate::op::Operation;
use crate::xml::{Pull, Reader, Writer};

/// Where people are looked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PeopleIn {
    /// In the organisation's address list.
    #[default]
    Directory,
    /// In the contacts of the mailbox.
    Contacts,
    /// In a folder of contacts, by its id.
    Folder(String),
}

/// A search for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeopleQuery {
    /// Where.
    pub folder: PeopleIn,
    /// Words that are to begin a name, an address or another field; everybody without them.
    pub words: Option<String>,
    /// How many to pass over.
    pub offset: u32,
    /// How many at most; a server gives a thousand at most.
    pub limit: u32,
}

/// Somebody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Persona {
    /// The id they have in this mailbox.
    pub id: String,
    /// `Person`, `DistributionList`, `Room`, …
    pub kind: String,
    /// The name that is shown.
    pub display_name: String,
    /// First name.
    pub given_name: String,
    /// Family name.
    pub surname: String,
    /// What they are where they work.
    pub title: String,
    /// Department.
    pub department: String,
    /// Company.
    pub company: String,
    /// Where they sit.
    pub office: String,
    /// The number to call.
    pub phone: String,
    /// Address for instant messages.
    pub im_address: String,
    /// The address to write to.
    pub address: Option<DirectoryEntry>,
    /// All addresses.
    pub addresses: Vec<DirectoryEntry>,
}

/// A page of people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct People {
    /// They.
    pub people: Vec<Persona>,
    /// How many there are, as far as the server says.
    pub total: Option<u32>,
}

/// What is asked for beside the default.
const MORE: [&str; 8] = [
    "persona:PersonaType",
    "persona:Title",
    "persona:CompanyName",
    "persona:EmailAddresses",
    "persona:PhoneNumber",
    "persona:ImAddress",
    "persona:Departments",
    "persona:OfficeLocations",
];

struct FindPeople<'a> {
    query: &'a PeopleQuery,
}

impl Operation for FindPeople<'_> {
    const NAME: &'static str = "FindPeople";
    const ANSWER: &'static str = "FindPeopleResponse";
    const EFFECT: Effect = Effect::Reads;
    const BARE: bool = true;
    type Output = People;

    fn write(&self, out: &mut Writer) {
        out.open("m:FindPeople", &[]);
        out.open("m:PersonaShape", &[]);
        out.word("t:BaseShape", "Default");
        out.open("t:AdditionalProperties", &[]);
        MORE.iter().for_each(|field| out.empty("t:FieldURI", &[("FieldURI", field)]));
        out.close("t:AdditionalProperties");
        out.close("m:PersonaShape");
        let (limit, offset) = (self.query.limit.max(1).to_string(), self.query.offset.to_string());
        out.empty(
            "m:IndexedPageItemView",
            &[("MaxEntriesReturned", &limit), ("Offset", &offset), ("BasePoint", "Beginning")],
        );
        out.open("m:ParentFolderId", &[]);
        match &self.query.folder {
            PeopleIn::Directory => out.known_folder("directory"),
            PeopleIn::Contacts => out.known_folder("contacts"),
            PeopleIn::Folder(id) => out.empty("t:FolderId", &[("Id", id)]),
        }
        out.close("m:ParentFolderId");
        if let Some(words) = &self.query.words {
            out.exact("m:QueryString", words);
        }
        out.close("m:FindPeople");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<People, Failure> {
        let mut message = Message::begin(reader);
        let mut found = People::default();
        while reader.child().await? {
            match reader.name() {
                b"People" => {
                    while reader.child().await? {
                        found.people.push(persona(reader).await?);
                    }
                }
                b"TotalNumberOfPeopleInView" => {
                    found.total = reader.number("TotalNumberOfPeopleInView").await?;
                }
                _ => message.other(reader).await?,
            }
        }
        message.finish(Self::NAME, Self::EFFECT)?;
        Ok(found)
    }
}

async fn persona<P: Pull>(reader: &mut Reader<P>) -> Result<Persona, Failure> {
    let mut who = Persona::default();
    while reader.child().await? {
        match reader.name() {
            b"PersonaId" => {
                who.id = reader.attribute("Id").unwrap_or_default();
                reader.skip().await?;
            }
            b"PersonaType" => who.kind = reader.text().await?,
            b"DisplayName" => who.display_name = reader.text().await?,
            b"GivenName" => who.given_name = reader.text().await?,
            b"Surname" => who.surname = reader.text().await?,
            b"Title" => who.title = reader.text().await?,
            b"Department" => who.department = reader.text().await?,
            b"Departments" => first(reader, &mut who.department).await?,
            b"CompanyName" => who.company = reader.text().await?,
            b"OfficeLocations" => first(reader, &mut who.office).await?,
            b"ImAddress" => who.im_address = reader.text().await?,
            b"PhoneNumber" => {
                while reader.child().await? {
                    match reader.name() {
                        b"Number" => who.phone = reader.text().await?,
                        _ => reader.skip().await?,
                    }
                }
            }
            b"EmailAddress" => who.address = Some(entry(reader).await?),
            b"EmailAddresses" => who.addresses = entries(reader).await?,
            _ => reader.skip().await?,
        }
    }
    Ok(who)
}

/// Reads the first of the values that come with the sources they were found in.
async fn first<P: Pull>(reader: &mut Reader<P>, place: &mut String) -> Result<(), Failure> {
    while reader.child().await? {
        while reader.child().await? {
            match reader.name() {
                b"Value" if place.is_empty() => *place = reader.text().await?,
                _ => reader.skip().await?,
            }
        }
    }
    Ok(())
}

impl EwsClient {
    /// A page of people.
    ///
    /// # Errors
    /// What the wire says.
    pub async fn find_people(&self, mailbox: &Mailbox, query: &PeopleQuery) -> Result<People, Error> {
        self.call(mailbox, FindPeople { query }).await
    }
}
