//! What a contact has beyond any item.

use std::collections::BTreeMap;

use exchange::Address;

use super::people::{filled, read_strings};
use crate::failure::Failure;
use crate::xml::{Pull, Reader};

/// A postal address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PostalAddress {
    /// Street and number.
    pub street: Option<String>,
    /// City.
    pub city: Option<String>,
    /// State or province.
    pub state: Option<String>,
    /// Country.
    pub country: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
}

/// The part of an item that says who somebody is. Entries of several kinds are kept by the server's word for the
/// kind, e.g. `BusinessPhone` or `EmailAddress1`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ContactPart {
    /// Single texts by the name of their element: `DisplayName`, `GivenName`, `Surname`, `CompanyName` and the like.
    pub texts: BTreeMap<String, String>,
    /// Mail addresses: `EmailAddress1` to `EmailAddress3`.
    pub emails: BTreeMap<String, Address>,
    /// Telephone numbers.
    pub phones: BTreeMap<String, String>,
    /// Addresses for instant messages.
    pub im_addresses: BTreeMap<String, String>,
    /// Postal addresses: `Business`, `Home`, `Other`.
    pub postal: BTreeMap<String, PostalAddress>,
    /// Children.
    pub children: Vec<String>,
    /// Companies.
    pub companies: Vec<String>,
}

/// Elements of a contact that hold one text, sorted.
const TEXTS: [&[u8]; 29] = [
    b"Alias",
    b"AssistantName",
    b"Birthday",
    b"BusinessHomePage",
    b"CompanyName",
    b"ContactSource",
    b"Department",
    b"DirectoryId",
    b"DisplayName",
    b"FileAs",
    b"FileAsMapping",
    b"Generation",
    b"GivenName",
    b"Initials",
    b"JobTitle",
    b"Manager",
    b"MiddleName",
    b"Mileage",
    b"Nickname",
    b"Notes",
    b"OfficeLocation",
    b"PhoneticFirstName",
    b"PhoneticFullName",
    b"PhoneticLastName",
    b"PostalAddressIndex",
    b"Profession",
    b"SpouseName",
    b"Surname",
    b"WeddingAnniversary",
];

impl ContactPart {
    /// A single text, e.g. `DisplayName`.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str)
    }

    /// Reads the current element if it belongs to this part; else leaves it alone and says false.
    pub(crate) async fn read<P: Pull>(&mut self, reader: &mut Reader<P>) -> Result<bool, Failure> {
        match reader.name() {
            b"EmailAddresses" => self.read_emails(reader).await?,
            b"PhoneNumbers" => self.phones = entries(reader).await?,
            b"ImAddresses" => self.im_addresses = entries(reader).await?,
            b"PhysicalAddresses" => self.read_postal(reader).await?,
            b"Children" => self.children = read_strings(reader).await?,
            b"Companies" => self.companies = read_strings(reader).await?,
            name if TEXTS.contains(&name) => {
                let name = String::from_utf8_lossy(name).into_owned();
                if let Some(text) = filled(reader.text().await?) {
                    self.texts.insert(name, text);
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    async fn read_emails<P: Pull>(&mut self, reader: &mut Reader<P>) -> Result<(), Failure> {
        while reader.child().await? {
            let key = reader.attribute("Key").unwrap_or_default();
            let name = reader.attribute("Name").and_then(filled);
            if let Some(address) = filled(reader.text().await?) {
                self.emails.insert(key, Address { name, address });
            }
        }
        Ok(())
    }

    async fn read_postal<P: Pull>(&mut self, reader: &mut Reader<P>) -> Result<(), Failure> {
        while reader.child().await? {
            let key = reader.attribute("Key").unwrap_or_default();
            let mut postal = PostalAddress::default();
            while reader.child().await? {
                let place = match reader.name() {
                    b"Street" => &mut postal.street,
                    b"City" => &mut postal.city,
                    b"State" => &mut postal.state,
                    b"CountryOrRegion" => &mut postal.country,
                    b"PostalCode" => &mut postal.postal_code,
                    _ => {
                        reader.skip().await?;
                        continue;
                    }
                };
                *place = filled(reader.text().await?);
            }
            self.postal.insert(key, postal);
        }
        Ok(())
    }
}

/// Entries of a dictionary; one without a text is none.
async fn entries<P: Pull>(reader: &mut Reader<P>) -> Result<BTreeMap<String, String>, Failure> {
    let mut all = BTreeMap::new();
    while reader.child().await? {
        let key = reader.attribute("Key").unwrap_or_default();
        if let Some(text) = filled(reader.text().await?) {
            all.insert(key, text);
        }
    }
    Ok(all)
}
