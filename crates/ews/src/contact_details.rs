//! What the directory or a contact folder knows about somebody, as a name that is resolved brings it along.

use crate::failure::Failure;
use crate::xml::{Pull, Reader};

/// See the module. What is not there is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContactDetails {
    /// `ActiveDirectory` or `Store`.
    pub source: String,
    /// The id of the contact, where it is one in a mailbox.
    pub item: Option<String>,
    /// The language of the contact, e.g. `en-US`.
    pub culture: String,
    /// `Low`, `Normal` or `High`.
    pub importance: String,
    /// `Normal`, `Personal`, `Private` or `Confidential`.
    pub sensitivity: String,
    /// The name that is shown.
    pub display_name: String,
    /// First name.
    pub given_name: String,
    /// Initials.
    pub initials: String,
    /// Family name.
    pub surname: String,
    /// The name before the `@` of the first address, as the directory keeps it.
    pub alias: String,
    /// Company.
    pub company: String,
    /// Department.
    pub department: String,
    /// What they are there.
    pub job_title: String,
    /// Who they report to.
    pub manager: String,
    /// Where they sit.
    pub office: String,
    /// What somebody wrote about them.
    pub notes: String,
    /// Which of the postal addresses counts.
    pub postal_address_index: String,
    /// Addresses by their key, e.g. `EmailAddress1`.
    pub email_addresses: Vec<(String, String)>,
    /// Numbers by their label, e.g. `BusinessPhone`. Those without a number are left out.
    pub phone_numbers: Vec<(String, String)>,
    /// Postal addresses. Those with nothing in them are left out.
    pub postal_addresses: Vec<ContactAddress>,
}

/// A postal address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContactAddress {
    /// `Business`, `Home` or `Other`.
    pub label: String,
    /// Street and number.
    pub street: String,
    /// Town.
    pub city: String,
    /// State or region.
    pub state: String,
    /// Country.
    pub country: String,
    /// Postal code.
    pub postal_code: String,
}

/// Reads a `Contact`. Pictures and certificates are passed over.
pub(crate) async fn read<P: Pull>(reader: &mut Reader<P>) -> Result<ContactDetails, Failure> {
    let mut it = ContactDetails::default();
    while reader.child().await? {
        match reader.name() {
            b"ItemId" => {
                it.item = reader.attribute("Id");
                reader.skip().await?;
            }
            b"EmailAddresses" => it.email_addresses = dictionary(reader).await?,
            b"PhoneNumbers" => it.phone_numbers = dictionary(reader).await?,
            b"PhysicalAddresses" => it.postal_addresses = addresses(reader).await?,
            name => match place(&mut it, name) {
                Some(place) => *place = reader.text().await?,
                None => reader.skip().await?,
            },
        }
    }
    Ok(it)
}

/// Where a plain text goes.
fn place<'a>(it: &'a mut ContactDetails, name: &[u8]) -> Option<&'a mut String> {
    Some(match name {
        b"ContactSource" => &mut it.source,
        b"Culture" => &mut it.culture,
        b"Importance" => &mut it.importance,
        b"Sensitivity" => &mut it.sensitivity,
        b"DisplayName" => &mut it.display_name,
        b"GivenName" => &mut it.given_name,
        b"Initials" => &mut it.initials,
        b"Surname" => &mut it.surname,
        b"Alias" => &mut it.alias,
        b"CompanyName" => &mut it.company,
        b"Department" => &mut it.department,
        b"JobTitle" => &mut it.job_title,
        b"Manager" => &mut it.manager,
        b"OfficeLocation" => &mut it.office,
        b"Notes" => &mut it.notes,
        b"PostalAddressIndex" => &mut it.postal_address_index,
        _ => return None,
    })
}

/// Reads entries with a key.
async fn dictionary<P: Pull>(reader: &mut Reader<P>) -> Result<Vec<(String, String)>, Failure> {
    let mut all = Vec::new();
    while reader.child().await? {
        let key = reader.attribute("Key").unwrap_or_default();
        let value = reader.text().await?;
        if !value.trim().is_empty() {
            all.push((key, value));
        }
    }
    Ok(all)
}

async fn addresses<P: Pull>(reader: &mut Reader<P>) -> Result<Vec<ContactAddress>, Failure> {
    let mut all = Vec::new();
    while reader.child().await? {
        let label = reader.attribute("Key").unwrap_or_default();
        let mut address = ContactAddress::default();
        while reader.child().await? {
            match reader.name() {
                b"Street" => address.street = reader.text().await?,
                b"City" => address.city = reader.text().await?,
                b"State" => address.state = reader.text().await?,
                b"CountryOrRegion" => address.country = reader.text().await?,
                b"PostalCode" => address.postal_code = reader.text().await?,
                _ => reader.skip().await?,
            }
        }
        if address != ContactAddress::default() {
            all.push(ContactAddress { label, ..address });
        }
    }
    Ok(all)
}
