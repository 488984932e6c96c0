//! The pure state machine: records in, commands out.
