//! What a calendar holds before anything is done, as a test puts it there.

use exchange::{EventFields, Mailbox};

use crate::model::store_error::StoreError;
use crate::organisation::{Organisation, OrganisationError};
use crate::ports_calendar::build;

impl Organisation {
    /// Puts an event that carries `key` into the calendar of a mailbox, and gives its id. Nobody is told, and it is
    /// nobody's effect.
    ///
    /// # Errors
    /// Where the mailbox does not exist or the fields have no times.
    pub fn add_event(
        &self,
        mailbox: &Mailbox,
        key: &str,
        fields: &EventFields,
    ) -> Result<String, OrganisationError> {
        if let Some(fault) = fields.fault(true) {
            return Err(StoreError::new("ErrorCalendarEndDateIsEarlierThanStartDate", fault).into());
        }
        let mut state = self.lock();
        let (calendar, new) = build(&mut state, mailbox, key, fields)?;
        let place = state.store(mailbox.as_str(), calendar, new)?;
        Ok(state.item(&place)?.id.clone())
    }
}
