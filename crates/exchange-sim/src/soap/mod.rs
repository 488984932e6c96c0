//! EWS: requests as XML in, answers as XML out. No HTTP here.

mod affinity;
pub(crate) mod autodiscover;
mod bare;
mod call;
mod detail_xml;
mod envelope;
mod fault;
mod folder_writer;
mod item_writer;
mod operations;
pub(crate) mod out;
mod paths;
mod properties;
mod restriction;
pub(crate) mod rights;
pub(crate) mod routing;
mod shape;
mod targets;
mod xml;
mod zone_xml;

pub(crate) use envelope::{Answer, busy, busy_inside, handle, internal_error, operation_name, read};
pub(crate) use operations::notifications::{Pumped, closed, pump, still_open};
