//! Exchange Web Services behind the ports, over an abstract HTTP service.
//!
//! One file per SOAP operation (`op/`): a writer for its request and a reader for its answer, which takes the
//! answer apart while it arrives and builds no tree. Left out on purpose: sockets, log-in, waiting and trying
//! again; whoever owns the service and the run does those.

mod affinity;
mod answer;
mod autodiscover;
mod availability;
mod base64_stream;
mod busy;
mod client;
mod code;
mod condition;
mod config;
mod contact_details;
mod directory;
mod envelope;
mod events;
mod failure;
mod folder;
mod folders;
mod http;
mod item;
mod malformed;
mod mime;
mod nature;
mod object;
mod op;
mod outgoing;
mod port;
mod property;
mod reach;
mod request_id;
mod rule;
mod status;
mod time;
mod version;
mod xml;

pub use crate::http::Sent;
pub use autodiscover::{
    AlternateMailbox, Attempt, Autodiscover, AutodiscoverConfig, AutodiscoverMethod, Discovered,
    ServiceRecords,
};
pub use availability::{
    Availability, AvailabilityQuery, Busy, BusyDetails, BusyTime, FreeBusyDetail, FreeBusyView, Invitee,
    InviteeKind, Suggestion, SuggestionDay, SuggestionQuery, Suitability, WorkingHours,
};
pub use busy::OnBusy;
pub use client::EwsClient;
pub use config::{Access, Config, Identity, NamedBy, Store};
pub use contact_details::{ContactAddress, ContactDetails};
pub use events::{Event, EventKind, EventObject, EventStream, Notification, Streamed};
pub use folders::{Folder, FolderFilter, FolderKind};
pub use nature::Nature;
pub use object::{
    AttachmentContent, Attendee, BaseShape, Body, BodyType, CalendarPart, Conflict, ContactPart, ContactText,
    ExchangeItem, ExtendedName, ExtendedValue, Field, Flag, FolderAt, FreeBusy, Importance, ItemAt,
    ItemChange, ItemCondition, ItemKind, ItemPage, ItemSearch, ItemShape, ItemView, Meeting, MessagePart,
    Month, NewAttachment, NewItem, NewKind, OccurrenceInfo, Pattern, PhoneKind, PostalAddress, PostalKind,
    PostalPart, PropertyPath, PropertySet, PropertyType, Recurrence, RecurrenceEnd, Relation, Sensitivity,
    Sort, TextMode, Traversal, Update, Week, Weekday,
};
pub use op::answer_meeting::MeetingAnswer;
pub use op::convert_id::{AlternateId, IdFormat, IdOf};
pub use op::create_attachment::Attached;
pub use op::create_folder::NewFolder;
pub use op::create_item::{Creation, Disposition};
pub use op::delete_item::{Deletion, Invitations};
pub use op::expand_dl::{Group, GroupMembers};
pub use op::find_folder::{FolderSearch, FolderTraversal, FoundFolders};
pub use op::find_people::{People, PeopleIn, PeopleQuery, Persona};
pub use op::get_delegate::{Delegate, Delegates};
pub use op::get_mail_tips::{Away, MailTips};
pub use op::get_searchable_mailboxes::{
    FailedMailbox, SearchableMailbox, SearchableMailboxes, SearchableQuery,
};
pub use op::get_server_time_zones::{
    ServerTimeZone, ZoneGroup, ZonePeriod, ZoneTarget, ZoneTransition, ZoneWhen,
};
pub use op::get_service_configuration::{
    MailTipsSetup, OwnDomain, ProtectionRule, ServiceConfiguration, ServicePart, VoiceMailSetup,
};
pub use op::get_user_oof_settings::OofSettings;
pub use op::resolve_names::{NameQuery, NameScope, Resolution, Resolutions};
pub use op::search_mailboxes::{
    ItemPreview, KeywordFound, MailboxSearch, MailboxesFound, SearchGives, SearchPart,
};
pub use op::subscribe::{Subscription, Watch};
pub use op::sync_folder_hierarchy::{SyncedFolder, SyncedFolders};
pub use op::sync_folder_items::{ItemSync, SyncDetail, SyncedItem, SyncedItems};
pub use op::update_folder::FolderUpdate;
pub use op::update_item::{MeetingUpdates, Updated, Updating};
pub use op::upload_items::Upload;
pub use outgoing::Outgoing;
pub use version::{ServerVersion, UnknownVersion, Version};
